/**
 * Whatever has an address: it receives signals, can be linked and monitored, and ends once, with a reason.
 *
 * This is Erlang's process as the others see it; what it does with messages is its subclasses' business (mailboxes queue
 * them, services handle them at once). Source: Erlang reference manual, "Processes"; the tables of links and unlinks are
 * those of the distribution protocol, used for local processes too, so that there is one implementation.
 */
import { describe, type ReignError } from '../errors.js'
import { kill, killed, noconnection, normal } from '../exit-reason.js'
import type { Signal, SignalTarget } from '../signal.js'
import { Address } from '../term/address.js'
import { Named } from '../term/named.js'
import type { Alias, Ref } from '../term/ref.js'
import { Call } from './call.js'
import type { Owner } from './guard.js'
import type { Host } from './host.js'
import type { Down, Exit, Target } from './notices.js'
import { endAliases, Links, linked, type OwnMonitor, Relations, signalTarget, Watcher } from './relations.js'

const alive = Symbol('alive')

/** How a monitor's reference serves as an alias too; Erlang's `{alias, …}` option of `monitor/3`. */
export type AliasMode = 'explicit_unalias' | 'demonitor' | 'reply_demonitor'

/** See the head of this file. */
export abstract class Entity {
  /** @internal */
  readonly host: Host
  readonly #address: Address<never>
  #relations: Relations | undefined
  #reason: unknown = alive
  /** @internal Those that cross to the node that it had a link or monitor to last, itself among them; kept by the host. */
  crossing: ReadonlySet<Entity> | undefined = undefined

  /** @internal */
  constructor(host: Host, id: number, serial: number) {
    this.host = host
    this.#address = new Address<never>(host.addressBook.self, id, serial, this)
  }

  /** @internal The address, untyped. */
  get self(): Address<never> {
    return this.#address
  }

  /** @internal Whether it has not ended. */
  get alive(): boolean {
    return this.#reason === alive
  }

  /** @internal Why it has ended; meaningless while it is alive. */
  get exitReason(): unknown {
    return this.#reason
  }

  /** @internal Its links, monitors and aliases, if it ever had any. */
  get relations(): Relations | undefined {
    return this.#relations
  }

  /** @internal Takes a message, in order; `from` is who sent it, where that is known. */
  abstract deliver(to: Address<never>, message: unknown, from?: Address<never>): boolean
  /** @internal Whether exits of others come as messages instead of ending it. */
  abstract get trapsExits(): boolean
  /** @internal What its waits and calls end with once it has ended. */
  abstract endError(reason: unknown): ReignError
  /** @internal Who is charged with its errors that reach nobody: no one, unless it is a process. */
  get owner(): Owner | undefined {
    return undefined
  }

  /** @internal Ends somebody's wait with an error, which is this one's should nobody handle it. */
  rejectWait(reject: (error: unknown) => void, error: unknown): void {
    const { guard } = this.host
    if (guard === undefined) reject(error)
    else guard.run(this.owner, () => reject(error))
  }

  /** @internal It has ended, and all who are to know were told: wake who waits, drop what is queued. */
  protected abstract onExit(reason: unknown): void

  /** @internal Takes what the runtime itself has to tell: notices, and what a behaviour sends itself. */
  tell(message: unknown): void {
    this.deliver(this.#address, message)
  }

  /** @internal Local mailboxes are never congested. */
  drained(): Promise<void> {
    return Promise.resolve()
  }

  /** @internal While it lives it is found in the process table, so nothing needs to be remembered. */
  leaves(): void {}

  // --- what it does to others -----------------------------------------------------------------------------------

  /** @internal See `Inbox.link`. */
  linkTo(to: Address<never>): void {
    if (to === this.#address || !this.alive) return
    if (this.#relations?.links?.get(to) === linked) return
    if (!this.cross(to.node)) return
    this.#links().set(to, linked)
    this.host.signal(to.node, { op: 'link', from: this.#address, to })
  }

  /** @internal See `Inbox.unlink`. */
  unlinkFrom(to: Address<never>): void {
    const links = this.#relations?.links
    if (links?.get(to) !== linked) return
    const id = this.host.nextUnlinkId()
    links.set(to, id)
    this.host.signal(to.node, { op: 'unlink', from: this.#address, to, id })
  }

  /** @internal See `Inbox.monitor`. */
  startMonitor(
    target: Target,
    options: {
      alias?: AliasMode | undefined
      take?: (reason: unknown) => void
    } = {},
    ref: Ref = this.host.addressBook.makeRef(),
  ): Ref {
    const to = signalTarget(target)
    const { alias } = options
    const { node } = target
    if (!this.alive || !this.cross(node)) return ref
    const aliased = alias === 'demonitor' || alias === 'reply_demonitor'
    this.#monitors().set(ref, { target, to, node, aliased, take: options.take })
    // An alias that ends with its monitor needs no entry of its own.
    if (aliased) ref.alias = new MailboxAlias(this, alias === 'reply_demonitor')
    else if (alias !== undefined) this.#addAlias(ref, false)
    this.host.signal(node, { op: 'monitor', from: this.#address, to, ref })
    return ref
  }

  /** @internal See `Inbox.demonitor`. `false` when it had fired, or never was. */
  stopMonitor(ref: Ref): boolean {
    const monitors = this.relations?.monitors
    const monitor = monitors?.get(ref)
    if (monitors === undefined || monitor === undefined) return false
    monitors.delete(ref)
    if (monitor.aliased) ref.alias = undefined
    const { node, to } = monitor
    if (to !== undefined) this.host.signal(node, { op: 'demonitor', from: this.#address, to, ref })
    return true
  }

  /** @internal A monitor that a spawn on another node will set, with the reference of its request. */
  expectMonitor(ref: Ref, node: string, take: ((reason: unknown) => void) | undefined): void {
    if (!this.cross(node)) return
    const target = new Named('', node)
    this.#monitors().set(ref, { target, to: undefined, node, aliased: false, take })
  }

  /** @internal The spawn has been answered: this is what the monitor is set on, unless it was taken back meanwhile. */
  monitorIs(ref: Ref, target: Address<never>): void {
    const monitors = this.#relations?.monitors
    const monitor = monitors?.get(ref)
    if (monitor !== undefined) monitors?.set(ref, { ...monitor, target, to: target })
    else this.host.signal(target.node, { op: 'demonitor', from: this.#address, to: target, ref })
  }

  /** @internal The spawn has failed: there is no monitor, and nothing to tell the other node. */
  forgetMonitor(ref: Ref): void {
    this.#relations?.monitors?.delete(ref)
  }

  /** @internal See `Inbox.alias`. */
  makeAlias(once: boolean): Ref {
    const ref = this.host.addressBook.makeRef()
    if (this.alive) this.#addAlias(ref, once)
    return ref
  }

  /** @internal See `Inbox.unalias`. */
  dropAlias(ref: Ref): boolean {
    const monitor = this.#relations?.monitors?.get(ref)
    if (monitor?.aliased) this.#relations?.monitors?.set(ref, { ...monitor, aliased: false })
    else if (this.#relations?.aliases?.delete(ref) !== true) return false
    ref.alias = undefined
    return true
  }

  /** @internal Ends it, with all that follows; nothing happens when it has ended before. */
  terminate(reason: unknown): void {
    if (this.#reason !== alive) return
    this.#reason = reason
    // First the name and the address, then the notices: whoever learns of the end finds the name free.
    if (this.#relations !== undefined) endAliases(this.#relations)
    this.host.ended(this)
  }

  /** @internal Tells everybody who is to know that it has ended. Called once, by the host. */
  announce(): void {
    const relations = this.#relations
    this.#relations = undefined
    if (relations !== undefined) this.#tellOthers(relations, this.#reason)
    this.onExit(this.#reason)
  }

  #tellOthers(relations: Relations, reason: unknown): void {
    const from = this.#address
    relations.links?.forEach((state, to) => {
      if (state === linked) this.#tell(to.node, { op: 'link-exit', from, to, reason })
    })
    relations.starting?.ended(reason)
    for (const watcher of relations.watchers ?? []) {
      const { ref } = watcher
      ref.watcher = undefined
      this.#tell(watcher.from.node, { op: 'down', from: watcher.as, to: watcher.from, ref, reason })
      if (watcher.crosses) this.host.addressBook.untie(ref)
    }
    for (const call of relations.callers ?? []) call.serverEnded(reason)
    for (const [ref, monitor] of relations.monitors ?? []) {
      const { node, to } = monitor
      if (to !== undefined) this.host.signal(node, { op: 'demonitor', from, to, ref })
      monitor.take?.(reason)
    }
    for (const call of relations.calls ?? []) call.callerEnded()
    for (const start of relations.starts ?? []) start.starterEnded()
  }

  /** A reason that cannot be encoded for another node must not keep this one, nor those after it, from being told. */
  #tell(node: string, signal: Signal & { op: 'link-exit' | 'down' }): void {
    try {
      this.host.signal(node, signal)
    } catch (error) {
      this.host.signal(node, { ...signal, reason: describe(error) })
    }
  }

  // --- what others do to it -------------------------------------------------------------------------------------

  /** @internal A signal that is for this entity and no message. */
  accept(signal: Signal): void {
    switch (signal.op) {
      case 'link':
        return this.#acceptLink(signal.from)
      case 'unlink':
        return this.#acceptUnlink(signal.from, signal.id)
      case 'unlink-ack':
        if (this.#relations?.links?.get(signal.from) === signal.id) this.#relations.links.delete(signal.from)
        return
      case 'link-exit':
        // The exit of a link that was undone meanwhile is dropped: after `unlink` nothing of that link arrives.
        if (this.#relations?.links?.get(signal.from) !== linked) return
        this.#relations.links.delete(signal.from)
        return this.#acceptExit(signal.from, signal.reason, false)
      case 'exit':
        return this.#acceptExit(signal.from, signal.reason, true)
      case 'monitor':
        if (!this.cross(signal.from.node)) return
        return this.#watch(signal.ref, signal.from, signal.to)
      case 'demonitor':
        return this.unwatch(signal.ref)
      case 'down':
        return this.#acceptDown(signal.ref, signal.reason, signal.by)
      default:
        return
    }
  }

  /** @internal Sets the monitor of a call that another node makes. `as` is what it was made to. */
  calledBy(from: Address<never>, as: SignalTarget, ref: Ref): void {
    if (this.cross(from.node)) this.#watch(ref, from, as, true)
  }

  /** @internal Lets one monitor on this fire though it lives on: so a caller learns that its call is refused. `false`: there is none. */
  fireWatcher(ref: Ref, reason: unknown): boolean {
    const { watcher } = ref
    if (!(watcher instanceof Watcher) || watcher.watched !== this) return false
    this.#tell(watcher.from.node, { op: 'down', from: watcher.as, to: watcher.from, ref, reason })
    this.unwatch(ref)
    return true
  }

  /** @internal The connection to a node is lost: whatever crosses it is over. */
  disconnected(node: string): void {
    const relations = this.#relations
    if (relations === undefined || !this.alive) return
    // By forEach: destructuring an iterator's pairs makes several times the garbage, which shows with tens of thousands.
    for (const { ref } of relations.watchers?.filter(({ from }) => from.node === node) ?? []) this.unwatch(ref)
    // Whom the exit of a link ends sees no notice of the same loss any more: its end comes before it could look at one.
    if (!this.trapsExits) this.#linksLost(relations, node)
    if (!this.alive) return
    relations.monitors?.forEach((monitor, ref) => {
      // What a spawn was to make never was: that the spawn has failed is said by its answer.
      if (monitor.node === node && monitor.to !== undefined && this.alive)
        this.#fire(relations, ref, monitor, noconnection)
    })
    for (const call of relations.calls?.filter(({ target }) => target.node === node) ?? [])
      call.serverDown(noconnection)
    if (this.alive) this.#linksLost(relations, node)
  }

  #linksLost(relations: Relations, node: string): void {
    relations.links?.forEach((state, to) => {
      if (to.node !== node || !this.alive) return
      relations.links?.delete(to)
      if (state === linked) this.#acceptExit(to, noconnection, false)
    })
  }

  #acceptLink(from: Address<never>): void {
    // A link that is being undone stays so: the unlink acknowledgement, on its way, settles it.
    if (this.#relations?.links?.has(from) || !this.cross(from.node)) return
    this.#links().set(from, linked)
  }

  #acceptUnlink(from: Address<never>, id: bigint): void {
    const links = this.#relations?.links
    if (links?.get(from) === linked) links.delete(from)
    // Before any other signal to the other side: it waits for this to know that no exit of the old link is under way.
    if (id !== 0n) this.host.signal(from.node, { op: 'unlink-ack', from: this.#address, to: from, id })
  }

  #acceptExit(from: Address<never>, reason: unknown, asked: boolean): void {
    if (!this.alive) return
    if (asked && reason === kill) return this.terminate(killed)
    if (this.trapsExits) {
      return this.#notify({ type: 'EXIT', from, reason })
    }
    // `normal` ends nobody but the process that asks it of itself.
    if (reason === normal && !(asked && from === this.#address)) return
    this.terminate(reason)
  }

  /** @param by The node that says so: references can be guessed, and of another node's processes it knows nothing. */
  #acceptDown(ref: Ref, reason: unknown, by: string | undefined): void {
    if (ref.alias instanceof Call && ref.alias.caller === this) {
      if (by === undefined || by === ref.alias.target.node) ref.alias.serverDown(reason)
      return
    }
    const relations = this.#relations
    const monitor = relations?.monitors?.get(ref)
    // The notice can be on its way when the owner demonitors. Ignoring a reference that is no longer held is what makes
    // "nothing comes after demonitor" true without a round trip.
    if (relations === undefined || monitor === undefined) return
    if (by === undefined || by === monitor.node) this.#fire(relations, ref, monitor, reason)
  }

  #fire(relations: Relations, ref: Ref, monitor: OwnMonitor, reason: unknown): void {
    relations.monitors?.delete(ref)
    if (monitor.aliased) ref.alias = undefined
    if (monitor.take !== undefined) return monitor.take(reason)
    this.#notify({ type: 'DOWN', ref, address: monitor.target, reason })
  }

  /** In strict mode a notice is encoded as any message is; it comes all the same when its reason cannot be. */
  #notify(notice: Exit | Down): void {
    try {
      this.tell(notice)
    } catch (error) {
      this.tell({ ...notice, reason: describe(error) })
    }
  }

  // --- bookkeeping ----------------------------------------------------------------------------------------------

  /** @internal Its links, monitors and so on, to add to them. */
  related(): Relations {
    return (this.#relations ??= new Relations())
  }

  #links(): Links {
    return (this.related().links ??= new Links())
  }

  #monitors(): Map<Ref, OwnMonitor> {
    return (this.related().monitors ??= new Map())
  }

  #watch(ref: Ref, from: Address<never>, as: SignalTarget, ofCall = false): void {
    // A peer can give two monitors one reference, but not have two of them.
    if (ref.watcher instanceof Watcher) ref.watcher.watched.unwatch(ref)
    const watchers = (this.related().watchers ??= [])
    const watcher = new Watcher(ref, from, as, this, watchers.length, ofCall)
    watchers.push(watcher)
    ref.watcher = watcher
    if (watcher.crosses) this.host.addressBook.tie(ref)
  }

  /** @internal The monitor on it with this reference is over. */
  unwatch(ref: Ref): void {
    const { watcher } = ref
    const watchers = this.#relations?.watchers
    if (watchers === undefined || !(watcher instanceof Watcher) || watcher.watched !== this) return
    ref.watcher = undefined
    // The last takes its place: so nothing is searched or moved.
    const last = watchers.pop() as Watcher
    if (last !== watcher) {
      watchers[watcher.place] = last
      last.place = watcher.place
    }
    if (watcher.crosses) this.host.addressBook.untie(ref)
  }

  #addAlias(ref: Ref, once: boolean): void {
    const related = this.related()
    related.aliases ??= new Set()
    related.aliases.add(ref)
    ref.alias = new MailboxAlias(this, once)
  }

  /** @internal A tie to somebody on that node is about to be made. `false` when the loss of earlier ones has ended this entity first. */
  cross(node: string): boolean {
    if (node === this.#address.node) return true
    this.host.crosses(node, this)
    return this.alive
  }
}

/** Messages that come through an alias go to the mailbox of its owner. */
class MailboxAlias implements Alias {
  readonly #owner: Entity
  readonly #once: boolean

  /** @param once Gone with the first message through it. */
  constructor(owner: Entity, once: boolean) {
    this.#owner = owner
    this.#once = once
  }

  take(ref: Ref, message: unknown, from?: Address<never>): void {
    const owner = this.#owner
    // With `reply_demonitor` the first message ends monitor and alias together.
    if (this.#once && !owner.stopMonitor(ref)) owner.dropAlias(ref)
    owner.deliver(owner.self, message, from)
  }
}

/** Lets the runtime tell whoever has that address something that it asked for: no gate is in the way. */
export function tell(to: Address<never>, notice: unknown): void {
  const { entrance } = to
  if (entrance instanceof Entity) entrance.tell(notice)
  else entrance.deliver(to, notice)
}

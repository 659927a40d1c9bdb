/**
 * Carries signals to whoever they are for: the only place that asks whether that is on this node.
 *
 * Local signals are carried out at once, on the sender's stack, which is what makes their order the order of sending. The one
 * exception is the end of a process: its notices can end others in turn, so ends are announced one after the other.
 */
import { noproc } from '../exit-reason.js'
import { Call, repliedTo, replyMessage, requestMessage } from '../process/call.js'
import type { DeadLetters } from '../process/dead-letters.js'
import { Entity } from '../process/entity.js'
import { Watcher } from '../process/relations.js'
import type { Signal } from '../signal.js'
import type { Address } from '../term/address.js'
import type { AddressBook } from '../term/address-book.js'
import type { Ref } from '../term/ref.js'
import type { Crossings } from './crossings.js'
import type { Registry } from './registry.js'
import { type RemotePort, undeliverable } from './remote-port.js'

/** What a remote spawn is answered by; the node decides what it runs. */
export type SpawnHandler = (request: Signal & { op: 'spawn' }) => void

/** What a process takes as it is, because it is no message. */
type ProcessSignal = Exclude<
  Signal,
  { op: 'message' | 'named-message' | 'alias-message' | 'call' | 'reply' | 'spawn' | 'spawned' }
>

/** What takes the answer to a spawn that this node asked for. */
export type SpawnedHandler = (answer: Signal & { op: 'spawned' }) => void

/** See the head of this file. */
export class Router {
  readonly #node: string
  readonly #book: AddressBook
  readonly #registry: Registry
  readonly #deadLetters: DeadLetters
  readonly #crossings: Crossings
  readonly #ended: Entity[] = []
  #announcing = false
  remote: RemotePort
  onSpawn: SpawnHandler = () => {}
  onSpawned: SpawnedHandler = () => {}

  constructor(
    book: AddressBook,
    registry: Registry,
    deadLetters: DeadLetters,
    crossings: Crossings,
    remote: RemotePort,
  ) {
    this.#node = book.self.node
    this.#book = book
    this.#registry = registry
    this.#deadLetters = deadLetters
    this.#crossings = crossings
    this.remote = remote
  }

  /** Carries a signal to that node. */
  signal(node: string, signal: Signal): void {
    if (node === this.#node) return this.receive(signal)
    this.remote.signal(node, signal)
    if (signal.op === 'alias-message') this.#replied(signal.to)
  }

  /** Carries a call to that other node as one signal, or the reply to such; `false` when it is not to be had. */
  call(node: string, signal: Signal & { op: 'call' | 'reply' }): boolean {
    if (!this.remote.call(node, signal)) return false
    if (signal.op === 'reply') this.#replied(signal.to)
    return true
  }

  /** The reply to a call that came as one signal ends its monitor: the caller knows, and does not take it back. */
  #replied({ watcher }: Ref): void {
    if (watcher instanceof Watcher && watcher.ofCall) watcher.watched.unwatch(watcher.ref)
  }

  /** Tells the sender of a signal, on this node, that there is no way to its receiver. */
  unreachable(signal: Signal): void {
    if (signal.op === 'message' || signal.op === 'named-message' || signal.op === 'alias-message') {
      this.#deadLetters.record('noconnection', signal.to, signal.message)
      return
    }
    const answer = undeliverable(signal)
    if (answer !== undefined) this.receive(answer)
  }

  /** Carries out a signal that is for this node, whoever sent it. */
  receive(signal: Signal): void {
    switch (signal.op) {
      case 'message':
        if (this.#answersCall(signal.to, signal.message)) return
        // Through the address: one whose owner is gone knows what to do.
        signal.to.entrance.deliver(signal.to, signal.message, signal.from)
        return
      case 'named-message':
        return this.#named(signal.to, signal.message, signal.from)
      case 'alias-message':
        return this.#aliased(signal.to, signal.message, signal.from)
      case 'call':
        return this.#called(signal)
      case 'reply':
        return this.#answered(signal.to, signal.value, signal.from)
      case 'spawn':
        return this.onSpawn(signal)
      case 'spawned':
        return this.onSpawned(signal)
      default: {
        const entity = this.#receiver(signal)
        if (entity === undefined) this.#absent(signal)
        else entity.accept(signal)
      }
    }
  }

  #receiver(signal: ProcessSignal): Entity | undefined {
    if (typeof signal.to !== 'symbol') return this.find(signal.to)
    if (signal.op === 'demonitor') {
      const { watcher } = signal.ref
      return watcher instanceof Watcher ? watcher.watched : undefined
    }
    return this.find(signal.to)
  }

  /** The live process behind an address or name of this node. */
  find(target: Address<never> | symbol): Entity | undefined {
    if (typeof target === 'symbol') return this.#registry.withAtom(target)
    return target.home === this.#book.self && target.entrance instanceof Entity ? target.entrance : undefined
  }

  /** What those who ask a process that is not there must be told at once: a caller waits for nothing else. */
  #absent(signal: Signal): void {
    switch (signal.op) {
      case 'link':
        return this.signal(signal.from.node, { op: 'link-exit', from: signal.to, to: signal.from, reason: noproc })
      case 'monitor':
        return this.signal(signal.from.node, {
          op: 'down',
          from: signal.to,
          to: signal.from,
          ref: signal.ref,
          reason: noproc,
        })
      case 'unlink':
        if (signal.id === 0n) return
        return this.signal(signal.from.node, { op: 'unlink-ack', from: signal.to, to: signal.from, id: signal.id })
      default:
        return
    }
  }

  #named(name: symbol, message: unknown, from: Address<never>): void {
    const entity = this.find(name)
    if (entity === undefined) this.#deadLetters.record('noname', name, message)
    else entity.deliver(entity.self, message, from)
  }

  /** A request of another node together with the monitor of its call: as if one had come after the other. */
  #called({ from, to, ref, request }: Signal & { op: 'call' }): void {
    const entity = this.find(to)
    if (entity === undefined) this.#absent({ op: 'monitor', from, to, ref })
    else entity.calledBy(from, to, ref)
    ref.copies++
    const message = requestMessage(from, ref, request)
    if (entity !== undefined) entity.deliver(entity.self, message, from)
    else if (typeof to === 'symbol') this.#deadLetters.record('noname', to, message)
    else to.entrance.deliver(to, message, from)
  }

  // --- aliases ----------------------------------------------------------------------------------------------------

  #aliased(ref: Ref, message: unknown, from: Address<never>): void {
    const alias = ref.home === this.#book.self ? ref.alias : undefined
    if (alias === undefined) this.#deadLetters.record('noalias', ref, message)
    else alias.take(ref, message, from)
  }

  /** A reply to a call that went as one signal. Its caller may have given up, and somebody else who has the reference made of it what he likes. */
  #answered(ref: Ref, value: unknown, from: Address<never>): void {
    const alias = ref.home === this.#book.self ? ref.alias : undefined
    if (alias instanceof Call) alias.answered(value, from)
    else this.#aliased(ref, replyMessage(ref, value), from)
  }

  /**
   * A reply may also be sent to the caller itself, with the alias in its tag all the same: OTP's `net_kernel` answers pings so.
   * Whoever waits for it waits at the alias.
   */
  #answersCall(to: Address<never>, message: unknown): boolean {
    const ref = repliedTo(message)
    if (ref === undefined || !(ref.alias instanceof Call) || ref.alias.caller.self !== to) return false
    ref.alias.take(ref, message)
    return true
  }

  // --- ends -------------------------------------------------------------------------------------------------------

  /** Announces the end of a process, after those that are being announced. */
  announce(entity: Entity): void {
    this.#crossings.remove(entity)
    this.#ended.push(entity)
    if (this.#announcing) return
    this.#announcing = true
    // By index, as the list grows while it is read; a whole generation of linked processes may be on it.
    for (let i = 0; i < this.#ended.length; i++) (this.#ended[i] as Entity).announce()
    this.#ended.length = 0
    this.#announcing = false
  }
}

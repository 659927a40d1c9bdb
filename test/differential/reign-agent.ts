/**
 * What a differential scenario drives on a reign node, in an OS process of its own: the twin of differential_agent.erl, with
 * the same commands and the same lines of text.
 *
 * The conductor asks over the channel that Node.js gives a child, never over distribution. Only what every user of the
 * library can reach is used here, but for looking up a reference by its numbers.
 */
import {
  Address,
  atom,
  atomName,
  CallError,
  type Caller,
  type Down,
  ErpcError,
  type Exit,
  ExitError,
  type GroupJoin,
  type GroupLeave,
  type GroupScope,
  ImproperList,
  isTuple,
  type Mailbox,
  Named,
  Node,
  named,
  type Process,
  Ref,
  ReignError,
  type Target,
  type TimeoutNotice,
  tuple,
} from 'reign'

/** A term as the conductor writes it: see term.ts. */
type Written =
  | number
  | { readonly a: string }
  | { readonly s: string }
  | { readonly blob: number }
  | { readonly l: readonly Written[] }
  | { readonly t: readonly Written[] }
  | { readonly pid: string }
  | { readonly ref: string }

interface Actor {
  readonly address: Address<unknown>
  readonly events: string[]
  ended: string | undefined
}

type Waiting = { readonly isSo: () => boolean; readonly answer: (lines: readonly string[]) => void }

const sync = atom('$sync')
const synced = atom('$synced')
const ok = ['ok'] as const
const noActor = ['no such actor'] as const
const settings = JSON.parse(process.argv[2] as string)
const quiet = () => {}
const silent = { trace: quiet, debug: quiet, info: quiet, warn: quiet, error: quiet }
const node = await Node.start(settings.name, { cluster: settings.cluster, logger: silent })

const actors = new Map<string, Actor>()
const waiting = new Set<Waiting>()
const pending = new Map<number, { name: string; answer: (lines: readonly string[]) => void }>()
let dos = 0

/** Learns how the actors end, as anybody on this node would. */
const watcher: Mailbox<Down> = node.mailbox<Down>()
void (async () => {
  for await (const { address, reason } of watcher) {
    for (const [name, actor] of actors) {
      if (actor.address !== address) continue
      actor.ended = text(reason)
      for (const [id, { name: whose, answer }] of pending) {
        if (whose !== name) continue
        pending.delete(id)
        answer(['dead'])
      }
    }
    look()
  }
})()

function look(): void {
  for (const each of waiting) {
    if (!each.isSo()) continue
    waiting.delete(each)
    each.answer(ok)
  }
}

function newborn(name: string, address: Address<unknown>): void {
  watcher.monitor(address)
  actors.set(name, { address, events: [], ended: undefined })
  look()
}

function event(name: string, line: string): void {
  actors.get(name)?.events.push(line)
  look()
}

// --- requests -----------------------------------------------------------------------------------------------------------

process.on('message', ({ id, request }: { id: number; request: Written }) => {
  const answer = (lines: readonly string[]) => process.send?.({ id, lines })
  handle(request, answer).catch((error) => answer([`agent failed: ${error instanceof Error ? error.stack : error}`]))
})

async function handle(request: Written, answer: (lines: readonly string[]) => void): Promise<void> {
  const [kind, ...args] = parts(request)
  const name = args.length > 0 ? textOf(args[0]) : ''
  const actor = actors.get(name)
  switch (kind) {
    case 'disconnect':
      return answer([text(node.disconnect(name))])
    case 'ping':
      return answer([(await node.ping(name)) ? 'pong' : 'pang'])
    case 'spawn': {
      const trap = value(args[1]) === true
      const address = node.spawn((self: Process) => run(self, name, trap))
      newborn(name, address)
      return answer([text(address)])
    }
    case 'do':
      if (actor === undefined || actor.ended !== undefined) return answer(['dead'])
      pending.set(++dos, { name, answer })
      actor.address.send({ type: '$do', id: dos, ops: list(args[1]) })
      return
    case 'release':
      actor?.address.send('$release')
      return answer(ok)
    case 'wait':
      waiting.add({ isSo: condition(args[1]), answer })
      return look()
    case 'queued':
      if (actor !== undefined) await queued(actor.address, value(args[1]) as number)
      return answer(ok)
    case 'events':
      if (actor === undefined) return answer(noActor)
      return answer([...actor.events, ...(actor.ended === undefined ? [] : [`ended ${actor.ended}`])])
    case 'address':
      return answer(actor === undefined ? noActor : [text(actor.address)])
    case 'end':
      if (name === 'stop') await node.stop()
      process.exit()
      return
    case 'state':
      return answer(actor === undefined ? [] : relations(actor.address))
    case 'forget': {
      for (const { address } of actors.values()) node.exit(address, atom('kill'))
      const allEnded = () => [...actors.values()].every(({ ended }) => ended !== undefined)
      waiting.add({
        isSo: allEnded,
        answer: () => {
          for (const scope of scopes.values()) scope.stop()
          scopes.clear()
          actors.clear()
          waiting.clear()
          pending.clear()
          answer(ok)
        },
      })
      return look()
    }
    default:
      throw new Error(`no such request: ${kind}`)
  }
}

/** Waits until so many messages are queued at an actor that does not receive. Nothing announces it. */
async function queued(address: Address<unknown>, count: number): Promise<void> {
  while ((node.processInfo(address as Address<never>)?.message_queue_len ?? count) < count) {
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}

function condition(written: Written | undefined): () => boolean {
  const [what, name, count] = parts(written)
  const actor = () => actors.get(textOf(name))
  if (what === 'born') return () => actor() !== undefined
  if (what === 'ended') return () => actor()?.ended !== undefined
  return () => (actor()?.events.length ?? -1) >= (value(count) as number)
}

function relations(address: Address<unknown>): string[] {
  const info = node.processInfo(address as Address<never>)
  if (info === undefined) return []
  return [
    ...info.links.map((each) => `link ${text(each)}`),
    ...info.monitors.map((each) => `monitor ${target(each)}`),
    ...info.monitored_by.flatMap((each) =>
      (each as Address<unknown>) === watcher.address ? [] : [`monitored_by ${text(each)}`],
    ),
  ]
}

// --- actors -------------------------------------------------------------------------------------------------------------

type Order = { readonly type: '$do'; readonly id: number; readonly ops: readonly Written[] }

/** One actor: what it knows by name, who called it, and what it does. */
class Play {
  readonly self: Process
  readonly name: string
  readonly known = new Map<string, Ref>()
  readonly callers: Caller[] = []

  constructor(self: Process, name: string) {
    this.self = self
    this.name = name
  }

  async run(): Promise<void> {
    for (;;) {
      const message = await this.self.receive()
      if (!isOrder(message)) this.sees(message)
      else if (!(await this.do(message))) return
    }
  }

  sees(message: unknown): void {
    if (isTuple(message)) {
      const [tag, from, last] = message
      if (tag === sync) return void (from as Address<unknown>).send(tuple(synced, last))
      if (tag === atom('$gen_call')) {
        this.callers.push(from as Caller)
        return this.note(`call ${text((from as Caller)[0])} ${text(last)}`)
      }
    }
    const notice = noticeLine(message)
    this.note(notice ?? `got ${text(message)}`)
  }

  note(line: string): void {
    event(this.name, line)
  }

  /** `false` when the actor is to return. What ends or blocks it is acknowledged before it is done, and comes last. */
  async do({ id, ops }: Order): Promise<boolean> {
    const results: string[] = []
    const done = () => {
      pending.get(id)?.answer(results)
      pending.delete(id)
    }
    for (const op of ops) {
      const [kind, ...args] = parts(op)
      if (lasts.has(kind)) {
        results.push('ok')
        done()
        return this.doLast(kind, args)
      }
      try {
        results.push(await this.op(kind, args))
      } catch (error) {
        // Its own end must pass. What the library refuses is an error in Erlang too.
        if (error instanceof ExitError || !(error instanceof ReignError)) throw error
        results.push('error')
      }
    }
    done()
    return true
  }

  async doLast(kind: string, args: readonly Written[]): Promise<boolean> {
    switch (kind) {
      case 'return':
        return false
      case 'throw':
        throw new Error(textOf(args[0]))
      case 'exits':
        return this.self.exit(value(args[0]))
      case 'hold':
        await this.self.receive((message) => message === '$release')
        return true
      case 'erpc':
        await this.erpc(args)
        return true
      default:
        await this.call(args)
        return true
    }
  }

  async call([to, request, timeout]: readonly Written[]): Promise<void> {
    try {
      const answer = await this.self.call(targetOf(to), value(request), { timeout: value(timeout) as number })
      this.note(`reply ${text(answer)}`)
    } catch (error) {
      if (error instanceof CallError) this.note(`failed ${text(error.reason)}`)
      else if (error instanceof ReignError && error.code === 'ERR_REIGN_TIMEOUT') this.note('failed timeout')
      else throw error
    }
  }

  async erpc([where, name, args, timeout]: readonly Written[]): Promise<void> {
    const ms = value(timeout)
    const options = typeof ms === 'number' ? { timeout: ms } : {}
    const given = list(args).map((each) => value(each))
    try {
      this.note(
        `gave ${text(await this.self.erpc(textOf(where)).call('differential_agent', textOf(name), given, options))}`,
      )
    } catch (error) {
      if (error instanceof ErpcError) this.note(raised(error))
      else if (error instanceof ReignError && error.code === 'ERR_REIGN_TIMEOUT') this.note('erpc timeout')
      else throw error
    }
  }

  async op(kind: string, args: readonly Written[]): Promise<string> {
    const { self, known } = this
    const [first, second, third] = args
    const key = () => textOf(first)
    const address = () => value(first) as Address<never>
    const keep = (ref: Ref) => {
      known.set(key(), ref)
      return text(ref)
    }
    switch (kind) {
      case 'send': {
        const to = first !== undefined && typeof first === 'object' && 'ref' in first ? value(first) : targetOf(first)
        node.send(to as Address<never>, value(second))
        return 'ok'
      }
      case 'link':
        self.link(address())
        return 'ok'
      case 'unlink':
        self.unlink(address())
        return 'ok'
      case 'exit':
        self.exit(address(), value(second))
        return 'ok'
      case 'trap':
        self.trapExit = value(first) === true
        return 'ok'
      case 'monitor': {
        const alias = textOf(third)
        const options = alias === 'none' ? {} : { alias: alias as 'demonitor' }
        return keep(self.monitor(nodeTarget(second), options))
      }
      case 'demonitor':
        self.demonitor(known.get(key()) as Ref)
        return 'ok'
      case 'alias':
        return keep(self.alias(textOf(second) as 'reply'))
      case 'unalias':
        return text(self.unalias(known.get(key()) as Ref))
      case 'register':
        node.register(key(), value(second) as Address<never>)
        return 'ok'
      case 'unregister':
        return text(node.unregister(key()))
      case 'whereis':
        return text(node.whereis(key()))
      case 'spawn':
        return this.spawn(args)
      case 'reply':
        reply(this.callers.shift() as Caller, value(first))
        return 'ok'
      case 'send_after':
        return keep(node.sendAfter(value(second) as number, self.address, value(third)))
      case 'start_timer': {
        const to = self.address as Address<unknown> as Address<TimeoutNotice>
        return keep(node.startTimer(value(second) as number, to, value(third)))
      }
      case 'cancel':
        return text(node.cancelTimer(known.get(key()) as Ref) !== false)
      case 'monitor_nodes':
        node.monitorNodes(self, value(first) === true)
        return 'ok'
      case 'until_queued':
        await queued(self.address, value(first) as number)
        return 'ok'
      case 'pg':
        return this.pg(key(), second)
      case 'sync':
        return this.sync(value(first) as Address<unknown>)
      default:
        throw new Error(`no such command: ${kind}`)
    }
  }

  async pg(scopeName: string, written: Written | undefined): Promise<string> {
    const [kind, ...args] = parts(written)
    const [first, second] = args.map((each) => value(each))
    if (kind === 'start') scopes.set(scopeName, node.groups.scope(scopeName))
    const scope = scopes.get(scopeName)
    if (scope === undefined) return kind.endsWith('members') ? '[]' : 'noproc'
    const keep = (ref: Ref) => {
      this.known.set(textOf(args[0]), ref)
      return text(ref)
    }
    switch (kind) {
      case 'start':
        return 'ok'
      case 'stop':
        scope.stop()
        scopes.delete(scopeName)
        return 'ok'
      case 'pid':
        return text(node.whereis(scopeName))
      case 'join':
        scope.join(first, second as Address<never>)
        return 'ok'
      case 'leave':
        return scope.leave(first, second as Address<never>) ? 'ok' : 'not_joined'
      case 'members':
        return text(scope.members(first))
      case 'local_members':
        return text(scope.localMembers(first))
      case 'groups':
        return listed(scope.groups())
      case 'local_groups':
        return listed(scope.localGroups())
      case 'monitor': {
        const { ref, members } = scope.monitor(this.self, second)
        return `${keep(ref)} ${text(members)}`
      }
      case 'monitor_scope': {
        const { ref, groups } = scope.monitorScope(this.self)
        return `${keep(ref)} ${text(new Map(groups))}`
      }
      case 'demonitor':
        return scope.demonitor(this.known.get(textOf(args[0])) as Ref) ? 'ok' : 'false'
      case 'until':
        return has(scope, first, second as number)
      default:
        throw new Error(`no such command: pg ${kind}`)
    }
  }

  async sync(other: Address<unknown>): Promise<string> {
    const { self } = this
    const ref = self.makeRef()
    other.send(tuple(sync, self.address, ref))
    const isMeeting = (message: unknown) =>
      isTuple(message) && (message[0] === sync || (message[0] === synced && message[1] === ref))
    try {
      for (;;) {
        const [tag, from, theirs] = (await self.receive(isMeeting, { timeout: 60_000 })) as [symbol, unknown, unknown]
        if (tag === synced)
          return 'ok'
          // Two may want to meet each other at the same time.
        ;(from as Address<unknown>).send(tuple(synced, theirs))
      }
    } catch (error) {
      if (error instanceof ReignError && error.code === 'ERR_REIGN_TIMEOUT') return 'no answer'
      throw error
    }
  }

  async spawn([key, where, name, args, ties]: readonly Written[]): Promise<string> {
    const wanted = list(ties).map((tie) => textOf(tie))
    const tied = {
      ...(wanted.includes('link') && { link: this.self }),
      ...(wanted.includes('monitor') && { monitor: this.self }),
    }
    try {
      const given = list(args).map((each) => value(each))
      const { address, ref } = await node.spawnOn(textOf(where), 'differential_agent', textOf(name), given, tied)
      this.known.set(textOf(key), ref)
      return `${text(ref)} ${text(address)}`
    } catch (error) {
      if (!(error instanceof ReignError) || error.code !== 'ERR_REIGN_SPAWN') throw error
      return `refused ${text(error.cause)}`
    }
  }
}

/** The scopes that were started, and not stopped. */
const scopes = new Map<string, GroupScope>()

/** Waits until a group has so many members. To be told would be to test what is to be tested. */
async function has(scope: GroupScope, group: unknown, count: number): Promise<string> {
  for (let left = 20_000; scope.members(group).length !== count; left--) {
    if (left === 0) return `has ${scope.members(group).length}`
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
  return 'ok'
}

function listed(names: readonly unknown[]): string {
  return `[${names.map(text).sort().join(',')}]`
}

/** The line of what a function of another node raised. */
function raised({ origin, class: kind, reason }: ErpcError): string {
  if (origin !== 'exception') return `${origin} ${text(reason)}`
  // The message of an error of JavaScript, and an error reason of Erlang, are the same line.
  const [, message] = kind === 'error' && isTuple(reason) ? reason : []
  return `raised ${kind} ${typeof message === 'string' ? message : text(reason)}`
}

const lasts: ReadonlySet<string> = new Set(['return', 'throw', 'exits', 'hold', 'call', 'erpc'])

async function run(self: Process, name: string, trap: boolean): Promise<void> {
  self.trapExit = trap
  await new Play(self, name).run()
}

node.expose('differential_agent', {
  spawned(this: Process, name: string, trap: boolean) {
    newborn(name, this.address)
    return run(this, name, trap)
  },
  returns: () => {},
  gives: (term: unknown) => term,
  throws_it: (term: unknown) => {
    throw term
  },
  exits(this: Process, reason: unknown) {
    this.exit(reason)
  },
  throws: (reason: symbol) => {
    throw new Error(atomName(reason))
  },
})

function isOrder(message: unknown): message is Order {
  return typeof message === 'object' && message !== null && (message as { type?: unknown }).type === '$do'
}

/** The line of what the runtime itself sends; `undefined` for anything else. */
function noticeLine(message: unknown): string | undefined {
  if (typeof message !== 'object' || message === null || isTuple(message)) return undefined
  const { type } = message as { type?: unknown }
  if (type === 'EXIT') {
    const { from, reason } = message as Exit
    return `exit ${text(from)} ${text(reason)}`
  }
  if (type === 'DOWN') {
    const { ref, address, reason } = message as Down
    return `down ${text(ref)} ${target(address)} ${text(reason)}`
  }
  if (type === 'timeout') {
    const { ref, message: given } = message as TimeoutNotice
    return `timeout ${text(ref)} ${text(given)}`
  }
  if (type === 'join' || type === 'leave') {
    const { ref, group, members } = message as GroupJoin | GroupLeave
    return `${type} ${text(ref)} ${text(group)} ${text(members)}`
  }
  if (type === 'nodeup' || type === 'nodedown') return `${type} ${text(atom((message as { node: string }).node))}`
  return undefined
}

/** A reply as every server gives it: to the alias in the tag where there is one, else to the caller. */
function reply([address, tag]: Caller, answer: unknown): void {
  const alias = tag instanceof ImproperList && tag.tail instanceof Ref ? tag.tail : undefined
  node.send(alias ?? address, tuple(tag, answer))
}

// --- terms as text ------------------------------------------------------------------------------------------------------

function text(term: unknown): string {
  if (term === undefined || term === null || typeof term === 'boolean') return String(term)
  if (typeof term === 'number' || typeof term === 'bigint') return String(term)
  if (typeof term === 'string') return binary(Buffer.from(term))
  if (term instanceof Uint8Array) return binary(Buffer.from(term))
  if (typeof term === 'symbol') {
    const name = atomName(term) ?? '(no atom)'
    return /^[a-z][A-Za-z0-9_@]*$/.test(name) ? name : `'${name}'`
  }
  if (term instanceof Address) return `<${term}>`
  if (term instanceof Ref) {
    // It may come back from the conductor.
    node.addressBook.refLeaves(term)
    return `<${term}>`
  }
  if (term instanceof Error) return `crashed(${term.message})`
  if (isTuple(term)) {
    const [reason, stack] = term
    if (term.length === 2 && isStack(stack)) return `crashed(${thrown(reason)})`
    return `{${term.map(text).join(',')}}`
  }
  if (Array.isArray(term)) return `[${term.map(text).join(',')}]`
  if (term instanceof ImproperList) return `[${term.elements.map(text).join(',')}|${text(term.tail)}]`
  const pairs = term instanceof Map ? [...term] : Object.entries(term as object).map(([key, each]) => [atom(key), each])
  return `#{${pairs
    .map(([key, each]) => `${text(key)} => ${text(each)}`)
    .sort()
    .join(',')}}`
}

function binary(bytes: Buffer): string {
  const shown = bytes.length > 200 ? bytes.subarray(0, 10) : bytes
  return `"${shown}"${bytes.length > 200 ? `(${bytes.length} bytes)` : ''}`
}

function isStack(term: unknown): boolean {
  if (!Array.isArray(term) || isTuple(term) || term.length === 0) return false
  return term.every(
    (frame) =>
      isTuple(frame) &&
      frame.length === 4 &&
      typeof frame[0] === 'symbol' &&
      typeof frame[1] === 'symbol' &&
      Array.isArray(frame[3]),
  )
}

function thrown(reason: unknown): string {
  if (isTuple(reason) && reason.length === 2 && typeof reason[0] === 'symbol' && typeof reason[1] === 'string') {
    return reason[1]
  }
  return text(reason)
}

/** What a monitor was set on. Erlang has a tuple for a name. */
function target(given: Target): string {
  return given instanceof Named ? text(tuple(atom(given.name), atom(given.node))) : text(given)
}

// --- what the conductor writes ------------------------------------------------------------------------------------------

function value(written: Written | undefined): unknown {
  if (typeof written === 'number' || written === undefined) return written
  if ('a' in written) {
    const constants: Record<string, unknown> = { true: true, false: false, undefined, null: null }
    return Object.hasOwn(constants, written.a) ? constants[written.a] : atom(written.a)
  }
  if ('s' in written) return written.s
  if ('blob' in written) return 'x'.repeat(written.blob)
  if ('l' in written) return written.l.map(value)
  if ('t' in written) return tuple(...written.t.map(value))
  if ('pid' in written) return Address.parse(written.pid, node)
  const [, name = '', words = '', creation] = written.ref.split(':')
  return node.addressBook.ref(name, Number(creation), words.split('.').map(Number))
}

/** The text of an atom or binary. */
function textOf(written: Written | undefined): string {
  if (typeof written === 'object' && 'a' in written) return written.a
  if (typeof written === 'object' && 's' in written) return written.s
  throw new Error(`not a name: ${JSON.stringify(written)}`)
}

function list(written: Written | undefined): readonly Written[] {
  if (typeof written === 'object' && 'l' in written) return written.l
  throw new Error(`not a list: ${JSON.stringify(written)}`)
}

/** A command: its first element, which is an atom, and the rest. A command without arguments is an atom. */
function parts(written: Written | undefined): [string, ...Written[]] {
  if (typeof written === 'object' && 't' in written) return [textOf(written.t[0]), ...written.t.slice(1)]
  return [textOf(written)]
}

/** An address, `{Name, Node}`, or a name here. */
function targetOf(written: Written | undefined): Target | string {
  if (typeof written === 'object' && 'a' in written) return written.a
  return nodeTarget(written)
}

function nodeTarget(written: Written | undefined): Target {
  if (typeof written === 'object' && 'a' in written) return named(written.a, node.name)
  if (typeof written === 'object' && 't' in written) return named(textOf(written.t[0]), textOf(written.t[1]))
  return value(written) as Target
}

process.send?.({ ready: node.name })

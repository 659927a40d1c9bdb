/**
 * What Erlang's module `rpc` asks of the registered process `rex`: calls that wait for each other (`block_call`), calls and casts of
 * C nodes, broadcasts to a name (`sbcast`), and what is spoken here. All else of `rpc` is made of `erpc`.
 *
 * Source: OTP's rpc.erl; protocol reference, "erpc and rpc, called on us".
 */
import type { LocalNode } from '../node/local-node.js'
import { type Caller, callIn, isCast, reply } from '../process/call.js'
import { collected, ranThrough } from '../process/outflow.js'
import type { Process } from '../process/process.js'
import type { Service } from '../process/service.js'
import { Address } from '../term/address.js'
import { isTuple, tuple } from '../term/tuple.js'
import { applyExposed, outcomeOf } from './erpc.js'

/** How many calls may wait for the one that blocks; more are answered at once, with `system_limit`. */
const blockedMax = 1_000

const [rex, call, cast, blockCall, sbcast, send, features, ignored] = [
  'rex',
  'call',
  'cast',
  'block_call',
  'sbcast',
  'send',
  'features_request',
  'ignored',
].map(Symbol.for) as [symbol, symbol, symbol, symbol, symbol, symbol, symbol, symbol]

/** A function to be run, as requests name it. */
type Wanted = readonly [kind: symbol, module: unknown, name: unknown, args: unknown, leader: unknown]

type Answer = (value: unknown) => void

function isWanted(request: unknown, kind: symbol): request is Wanted {
  return isTuple(request) && request.length === 5 && request[0] === kind
}

/** Registers `rex`, which runs what is exposed. */
export function startRex(node: LocalNode): void {
  new Rex(node)
}

class Rex {
  readonly #node: LocalNode
  readonly #service: Service
  /** The calls that wait for the one that runs. */
  readonly #blocked: (readonly [Wanted, Answer])[] = []
  #blocks = false

  constructor(node: LocalNode) {
    this.#node = node
    this.#service = node.service((message) => this.#handle(message), 'rex')
  }

  #handle(message: unknown): void {
    const called = callIn(message)
    if (called !== undefined) return this.#called(called.request, called.from)
    if (isCast(message)) {
      if (isWanted(message[1], cast)) this.#cast(message[1])
      return
    }
    if (!isTuple(message) || message.length !== 2 || !(message[0] instanceof Address)) return
    this.#asked(message[0], message[1])
  }

  #called(request: unknown, from: Caller): void {
    const answer: Answer = (value) => reply(this.#service, from, value)
    if (isWanted(request, call)) return this.#run(request, answer)
    if (isWanted(request, blockCall)) return this.#runAlone(request, answer)
    // Erlang would not answer, and stop when it is asked to. Nobody is left waiting here, and nobody stops it.
    answer(ignored)
  }

  /** What needs no gen_server to ask: `{From, Request}`. */
  #asked(from: Address<never>, request: unknown): void {
    const told = (message: unknown) => (from as Address<unknown>).send(message)
    const here = Symbol.for(this.#node.name)
    if (request === features) return void told(tuple(Symbol.for('features_reply'), here, [Symbol.for('erpc')]))
    if (isWanted(request, call)) return this.#run(request, (value) => told(tuple(rex, value)))
    if (!isTuple(request) || request.length !== 3) return
    const [kind, name, message] = request
    if (kind !== sbcast && kind !== send) return
    const receiver = typeof name === 'symbol' ? this.#node.runtime.find(name) : undefined
    if (receiver === undefined) return void told(tuple(rex, here, tuple(Symbol.for('nonexisting_name'), name)))
    receiver.deliver(receiver.self, kind === sbcast ? message : tuple(from, message))
    if (kind === sbcast) told(tuple(rex, here, here))
  }

  #runAlone(wanted: Wanted, answer: Answer): void {
    if (this.#blocks) {
      if (this.#blocked.length >= blockedMax) answer(exited(Symbol.for('system_limit')))
      else this.#blocked.push([wanted, answer])
      return
    }
    this.#blocks = true
    this.#run(wanted, (value) => {
      answer(value)
      this.#blocks = false
      const next = this.#blocked.shift()
      if (next !== undefined) this.#runAlone(...next)
    })
  }

  /** Runs it in a process of its own, and answers once, whatever becomes of that: also when its value cannot be told. */
  #run(wanted: Wanted, answer: Answer): void {
    let over = false
    const once: Answer = (value) => {
      if (over) return
      answer(value)
      over = true
    }
    const process = this.#start(wanted, async (run) => {
      const [kind, value, stack] = await outcomeOf(() => collected(run()))
      if (kind === 'error') once(exited(tuple(value, stack)))
      else once(kind === 'exit' ? exited(value) : value)
    })
    this.#service.startMonitor(process.self, { take: (reason) => once(exited(reason)) })
  }

  #cast(wanted: Wanted): void {
    this.#start(wanted, async (run, self) => ranThrough(self, await run()))
  }

  #start(wanted: Wanted, within: (run: () => unknown, self: Process) => unknown): Process {
    const [, module, name, args, leader] = wanted
    const { runtime } = this.#node
    const run = (self: Process) => within(() => applyExposed(runtime.exposed, self, module, name, args), self)
    const process = runtime.startExposed(run, nameOf(wanted))
    if (leader instanceof Address) process.groupLeader = leader
    return process
  }
}

function nameOf([, module, name, args]: Wanted): string {
  const text = (value: unknown) => (typeof value === 'symbol' ? (value.description ?? '') : '')
  return `${text(module)}:${text(name)}/${Array.isArray(args) ? args.length : 0}`
}

/** How `rpc` says that a function failed: `{badrpc, {'EXIT', Reason}}`. */
function exited(reason: unknown): unknown {
  return tuple(Symbol.for('badrpc'), tuple(Symbol.for('EXIT'), reason))
}

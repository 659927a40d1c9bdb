/**
 * examples/auction: a program in Erlang and its port, both running in one cluster over mutual TLS. One script is played on each of
 * them, by an Erlang client and by one of ours; it cannot tell them apart.
 */
import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import app from '../../examples/auction/app.js'
import { type RunningApplication, startApplication } from '../../src/behaviour/index.js'
import { decode, encode } from '../../src/codec/index.js'
import { type Address, atom, type Down, isTuple, type Mailbox, type Node, named, tuple } from '../../src/index.js'
import type { ErlangNode, ErlangShell } from '../interop/erl.js'
import { deadlineMs, erlang, Neighbours, shop } from '../interop/neighbours.js'
import { eventually } from '../support/deadline.js'

let neighbours: Neighbours
let node: Node
let erl: ErlangNode
let running: RunningApplication | undefined
beforeAll(async () => {
  neighbours = await Neighbours.make()
  node = await neighbours.startReign('tls')
  erl = await neighbours.startErl('tls')
  for (const module of ['auction', 'auction_house', 'auction_sup']) {
    await erl.load(module, await readFile(`examples/auction/${module}.erl`, 'utf8'))
  }
  // Its supervisors say who was killed, which is what this test does.
  await erl.eval('logger:set_primary_config(level, none)')
  expect(await erl.eval(`net_adm:ping('${shop}')`)).toBe('pong')
}, 60_000)
afterAll(async () => {
  await erl?.stop()
  await node?.stop()
  await neighbours?.[Symbol.asyncDispose]()
})

/** Both programs anew: what a script does to one counts as its restarts. */
beforeEach(async () => {
  await erl.eval(`
    whereis(auction_sup) =:= undefined orelse gen_server:stop(auction_sup),
    Self = self(),
    spawn(fun() -> {ok, _} = auction_sup:start_link(), Self ! started, receive stop -> ok end end),
    receive started -> ok end`)
  await running?.stop()
  running = await startApplication(node, app)
})

/** Somebody at an auction. Answers are terms, in which each process is the atom `pid`. */
interface Client {
  /** Asks the house. */
  house(request: unknown): Promise<unknown>
  /** Asks the auction of a lot, which the house finds. */
  auction(lot: string, request: unknown): Promise<unknown>
  forget(lot: string): Promise<void>
  /** Watches the auction of a lot, and monitors it. */
  watch(lot: string): Promise<void>
  /** The next that a watcher is told; of a process that ended, `{down, Reason}`. */
  told(): Promise<unknown>
  /** Ends a registered process of that node, as nothing can prevent. */
  kill(name: string): Promise<void>
}

class ErlangClient implements Client {
  readonly #shell: ErlangShell = erl.shell()
  readonly #home: string

  constructor(home: string) {
    this.#home = home
  }

  house(request: unknown): Promise<unknown> {
    return this.#term(`gen_server:call({auction_house, '${this.#home}'}, binary_to_term(R))`, request)
  }

  auction(lot: string, request: unknown): Promise<unknown> {
    return this.#term(`gen_statem:call(${this.#find(lot)}, binary_to_term(R))`, request)
  }

  async forget(lot: string): Promise<void> {
    await this.#term(`gen_server:cast({auction_house, '${this.#home}'}, {forget, <<"${lot}">>})`)
  }

  async watch(lot: string): Promise<void> {
    await this.#term(`A = ${this.#find(lot)}, monitor(process, A), gen_statem:cast(A, {watch, self()})`)
  }

  told(): Promise<unknown> {
    return this.#term(`receive {'DOWN', _, process, _, Why} -> {down, Why}; M -> M after ${deadlineMs} -> late end`)
  }

  async kill(name: string): Promise<void> {
    await this.#term(`exit(erpc:call('${this.#home}', erlang, whereis, [${name}]), kill)`)
  }

  #find(lot: string): string {
    return `element(2, {ok, _} = gen_server:call({auction_house, '${this.#home}'}, {find, <<"${lot}">>}))`
  }

  /** Each expression is a function of its own, as the variables of a shell last. */
  async #term(expression: string, request: unknown = atom('none')): Promise<unknown> {
    const code = `(fun(R) -> _ = R, term_to_binary(begin ${expression} end) end)(Request)`
    return plain(decode(await this.#shell.bytes(code, { bind: { Request: encode(request) } })))
  }
}

class OurClient implements Client {
  readonly #mailbox: Mailbox<unknown> = node.mailbox()
  readonly #home: string

  constructor(home: string) {
    this.#home = home
  }

  async house(request: unknown): Promise<unknown> {
    return plain(await node.call(named('auction_house', this.#home), request))
  }

  async auction(lot: string, request: unknown): Promise<unknown> {
    return plain(await node.call(await this.#find(lot), request))
  }

  async forget(lot: string): Promise<void> {
    node.server<{ casts: { forget: (lot: string) => void } }>(named('auction_house', this.#home)).cast.forget(lot)
  }

  async watch(lot: string): Promise<void> {
    const auction = await this.#find(lot)
    this.#mailbox.monitor(auction)
    type Watched = { casts: { watch: (watcher: Address<unknown>) => void } }
    node.server<Watched>(auction).cast.watch(this.#mailbox.address)
  }

  async told(): Promise<unknown> {
    const message = await this.#mailbox.receive({ timeout: deadlineMs })
    const { type, reason } = message as Down
    return type === 'DOWN' ? tuple(atom('down'), reason) : message
  }

  async kill(name: string): Promise<void> {
    const there =
      this.#home === shop ? node.whereis(name) : await node.erpc(this.#home).call('erlang', 'whereis', [atom(name)])
    node.exit(there as Address<unknown>, atom('kill'))
  }

  async #find(lot: string): Promise<Address<unknown>> {
    const [, auction] = (await node.call(named('auction_house', this.#home), tuple(atom('find'), lot))) as [
      symbol,
      Address<unknown>,
    ]
    return auction
  }
}

/** A term as it is, but for processes, which are others in each run. */
function plain(term: unknown): unknown {
  if (isTuple(term)) return tuple(...term.map(plain))
  if (Array.isArray(term)) return term.map(plain)
  return typeof term === 'object' && term !== null && 'node' in term ? atom('pid') : term
}

const ok = atom('ok')
const minute = 60_000

describe.each([
  ['erlang', 'an Erlang client', erlang, ErlangClient],
  ['erlang', 'one of ours', erlang, OurClient],
  ['reign', 'an Erlang client', shop, ErlangClient],
  ['reign', 'one of ours', shop, OurClient],
] as const)('the auction house of %s, and %s', (_, __, home, Client) => {
  test('play the same script', async () => {
    const client: Client = new Client(home)
    const open = (lot: string, reserve: number, idleMs: number) =>
      client.house(tuple(atom('open'), lot, reserve, idleMs))
    const bid = (lot: string, bidder: string, amount: number) => client.auction(lot, tuple(atom('bid'), bidder, amount))
    const lots = () => client.house(atom('lots'))
    const result = (lot: string) => client.house(tuple(atom('result'), lot))
    /** The house may be on its way back. */
    const waitFor = async (what: string, ask: () => Promise<unknown>, answer: unknown) =>
      eventually(async () => JSON.stringify(print(await ask())) === JSON.stringify(print(answer)), deadlineMs, what)

    expect(await lots()).toEqual([])
    expect(await open('lamp', 100, minute)).toEqual(tuple(ok, atom('pid')))
    expect(await open('lamp', 100, minute)).toEqual(tuple(atom('error'), atom('already_open')))
    expect(await client.house(tuple(atom('find'), 'lamp'))).toEqual(tuple(ok, atom('pid')))
    expect(await client.house(tuple(atom('find'), 'vase'))).toEqual(tuple(atom('error'), atom('not_open')))

    expect(await client.auction('lamp', atom('best'))).toBe(atom('none'))
    expect(await bid('lamp', 'ann', 99)).toEqual(tuple(atom('too_low'), 100))
    expect(await bid('lamp', 'ann', 100)).toBe(atom('accepted'))
    expect(await bid('lamp', 'ben', 100)).toEqual(tuple(atom('too_low'), 101))
    await client.watch('lamp')
    expect(await bid('lamp', 'ben', 150)).toBe(atom('accepted'))
    expect(await client.told()).toEqual(tuple(atom('bid'), 'lamp', 'ben', 150))
    expect(await client.auction('lamp', atom('best'))).toEqual(tuple('ben', 150))

    // The house falls. The auction goes on, and the next house knows of it.
    await client.kill('auction_house')
    await waitFor('the house to be there again', lots, ['lamp'])
    expect(await client.auction('lamp', atom('lot'))).toBe('lamp')
    expect(await bid('lamp', 'ann', 151)).toBe(atom('accepted'))
    expect(await client.told()).toEqual(tuple(atom('bid'), 'lamp', 'ann', 151))

    // Nobody wants the vase; the clock is sold.
    expect(await open('vase', 10, 20)).toEqual(tuple(ok, atom('pid')))
    await waitFor('the vase to be put away', () => result('vase'), atom('unsold'))
    expect(await open('clock', 10, 2_000)).toEqual(tuple(ok, atom('pid')))
    await client.watch('clock')
    expect(await bid('clock', 'ben', 10)).toBe(atom('accepted'))
    expect(await client.told()).toEqual(tuple(atom('bid'), 'clock', 'ben', 10))
    expect(await client.told()).toEqual(tuple(atom('sold'), 'clock', 'ben', 10))
    expect(await client.told()).toEqual(tuple(atom('down'), atom('normal')))
    await waitFor('the clock to be gone', lots, ['lamp'])
    expect(await result('clock')).toEqual(tuple(atom('sold'), 'ben', 10))
    await client.forget('clock')
    expect(await result('clock')).toBe(atom('unknown'))

    // The floor falls, and all with it.
    await client.kill('auction_floor')
    expect(await client.told()).toEqual(tuple(atom('down'), atom('killed')))
    await waitFor('the house to begin anew', () => result('vase'), atom('unknown'))
    expect(await lots()).toEqual([])
  })
})

const print = (term: unknown): unknown =>
  Array.isArray(term) ? [isTuple(term), ...term.map(print)] : typeof term === 'symbol' ? String(term) : term

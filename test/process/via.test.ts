/** Names that are kept elsewhere: what is started under them, and called by them. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { agent, agentAt, eventManagerAt, genEvent, genServer, supervisor, sys } from '../../src/behaviour/index.js'
import { type Address, atom, type Down, type NameRegistry, tuple, via } from '../../src/index.js'
import { KeptLog } from '../cluster/cluster-kit.js'
import { Stage } from './puppet.js'

/** Names in a table, given at once or later. */
class Names implements NameRegistry {
  readonly table = new Map<unknown, Address<never>>()
  readonly #laterMs: number

  constructor(laterMs = 0) {
    this.#laterMs = laterMs
  }

  registerName(name: unknown, address: Address<never>): boolean | Promise<boolean> {
    if (this.#laterMs === 0) return this.#register(name, address)
    return new Promise((resolve) => {
      stage.clock.setTimer(() => resolve(this.#register(name, address)), this.#laterMs)
    })
  }

  unregisterName(name: unknown): void {
    this.table.delete(name)
  }

  whereisName(name: unknown): Address<never> | undefined {
    return this.table.get(name)
  }

  send(name: unknown, message: unknown): void {
    const to = this.table.get(name)
    if (to === undefined) throw new Error('nobody')
    ;(to as Address<unknown>).send(message)
  }

  #register(name: unknown, address: Address<never>): boolean {
    if (this.table.has(name)) return false
    this.table.set(name, address)
    return true
  }
}

const cell = genServer({
  module: 'cell',
  init: (value: string) => {
    if (value === 'throw') throw new Error('no')
    if (value === 'hang') return new Promise<never>(() => {})
    return { value }
  },
  calls: { get: (state) => state.value },
  casts: {
    set: (state, value: string) => {
      state.value = value
    },
  },
})

let stage: Stage
let log: KeptLog
let names: Names
beforeEach(async () => {
  log = new KeptLog()
  stage = await Stage.open({ logger: log })
  names = new Names()
})
afterEach(() => stage.node.stop())

const failure = (promise: Promise<unknown>): Promise<{ code?: string; reason?: unknown }> =>
  promise.then(
    (value) => expect.unreachable(`it gave ${String(value)}`),
    (thrown) => thrown,
  )

describe('a name that is kept elsewhere', () => {
  test('is had before init, and whoever is started under it is called, cast, looked into and stopped by it', async () => {
    let had: unknown
    const curious = genServer({
      init() {
        had = names.whereisName('it') === this.self.address
        return 'state'
      },
    })
    const { address } = await stage.node.start({ name: via(names, 'it') }, curious)
    expect([had, names.whereisName('it'), stage.node.whereis('it')]).toEqual([true, address, undefined])
    await stage.node.start({ name: via(names, 'cell') }, cell, 'a')
    const server = stage.node.server<typeof cell>(via(names, 'cell'))
    expect(await server.call.get()).toBe('a')
    server.cast.set('b')
    expect(await stage.node.call(via(names, 'cell'), atom('get'))).toBe('b')
    expect(await sys.getState(stage.node, via(names, 'cell'))).toEqual({ value: 'b' })
    expect(String(server.target)).toBe('via cell')
    const other = await stage.puppet()
    expect(await other.self.server(server).call.get()).toBe('b')
    await server.stop()
    expect(stage.node.isAlive(names.whereisName('cell') as Address<never>)).toBe(false)
  })

  test('that takes its time is waited for: what is sent meanwhile comes after init', async () => {
    names = new Names(100)
    const started = stage.node.start({ name: via(names, 'cell') }, cell, 'a')
    await stage.clock.run(99)
    expect(names.table.size).toBe(0)
    await stage.clock.run(1)
    expect(await (await started)?.call.get()).toBe('a')
  })

  test('that nobody has is nobody: calls fail with noproc, casts and messages go nowhere, monitors say so', async () => {
    const nobody = via(names, 'nobody')
    const server = stage.node.server<typeof cell>(nobody)
    expect(await failure(server.call.get())).toMatchObject({ code: 'ERR_REIGN_CALL', reason: atom('noproc') })
    expect(await failure(server.stop())).toMatchObject({ code: 'ERR_REIGN_CALL', reason: atom('noproc') })
    server.cast.set('x')
    stage.node.send(nobody, 'x')
    eventManagerAt<string>(stage.node, nobody).notify('x')
    using mailbox = stage.node.mailbox<Down>()
    const ref = mailbox.monitor(nobody)
    expect(mailbox.poll()).toMatchObject({ type: 'DOWN', ref, reason: atom('noproc') })
  })

  test('watched, is whoever has it now', async () => {
    const { address } = await stage.node.start({ name: via(names, 'cell') }, cell, 'a')
    using mailbox = stage.node.mailbox<Down>()
    const ref = mailbox.monitor(via(names, 'cell'))
    stage.node.exit(address, 'gone')
    expect(mailbox.poll()).toEqual({ type: 'DOWN', ref, address, reason: 'gone' })
  })

  test('that is taken is a failed start, which ends nobody, and says who has it', async () => {
    const first = await stage.node.start({ name: via(names, 'cell') }, cell, 'a')
    const parent = await stage.puppet()
    const linked = failure(parent.self.start({ name: via(names, 'cell') }, cell, 'b'))
    const reason = tuple(atom('already_started'), first.address)
    expect(await linked).toMatchObject({ code: 'ERR_REIGN_START', reason })
    await stage.settle()
    expect([stage.alive(parent), names.whereisName('cell')]).toEqual([true, first.address])
    expect(await first.call.get()).toBe('a')
    expect(log.lines).toEqual([])
  })

  test.each([
    ['throws', 'throw', new Error('no')],
    ['takes too long', 'hang', atom('timeout')],
  ])('is free again when the starter learns that init %s', async (_, value, reason) => {
    const started = failure(stage.node.start({ name: via(names, 'cell'), timeout: 100 }, cell, value))
    await stage.clock.run(100)
    expect(await started).toMatchObject({ code: 'ERR_REIGN_START', reason })
    expect(names.table.size).toBe(0)
    await stage.node.start({ name: via(names, 'cell') }, cell, 'a')
  })

  test('that is given too late is given back', async () => {
    names = new Names(200)
    const started = failure(stage.node.start({ name: via(names, 'cell'), timeout: 100 }, cell, 'a'))
    await stage.clock.run(100)
    expect(await started).toMatchObject({ reason: atom('timeout') })
    await stage.clock.run(200)
    expect(names.table.size).toBe(0)
  })

  test('whose registry fails is a failed start', async () => {
    const broken: NameRegistry = {
      registerName: () => Promise.reject(new Error('no table')),
      unregisterName: () => {},
      whereisName: () => {
        throw new Error('no table')
      },
      send: () => {},
    }
    expect(await failure(stage.node.start({ name: via(broken, 'x') }, cell, 'a'))).toMatchObject({
      reason: new Error('no table'),
    })
    expect(await failure(stage.node.call(via(broken, 'x'), 'request'))).toEqual(new Error('no table'))
  })

  test('serves all behaviours, and the children of supervisors, which have it again when they are started again', async () => {
    const events = genEvent<string>()
    const counter = agent((from: number) => from)
    const forget = (name: string) => names.table.delete(name)
    const top = await stage.node.start(
      { name: via(names, 'top') },
      supervisor({
        children: [
          { id: 'events', name: via(names, 'events'), start: events },
          { id: 'counter', name: via(names, 'counter'), start: counter, args: [1] },
        ],
      }),
    )
    expect(await eventManagerAt<typeof events>(stage.node, via(names, 'events')).whichHandlers()).toEqual([])
    expect(await agentAt<typeof counter>(stage.node, via(names, 'counter')).get((n) => n)).toBe(1)
    expect(await stage.node.call(via(names, 'top'), atom('count_children'))).toHaveLength(4)
    const before = names.whereisName('counter') as Address<never>
    forget('counter')
    stage.node.exit(before, atom('kill'))
    await stage.settle()
    expect(await top.ready('counter')).toBe(names.whereisName('counter'))
    expect(names.whereisName('counter')).not.toBe(before)
  })

  test('needs a registry', () => {
    for (const registry of [undefined, {} as never]) {
      expect(() => via(registry, 'x')).toThrow(expect.objectContaining({ code: 'ERR_REIGN_ARGUMENT' }))
    }
    expect(() => supervisor({ children: [{ id: 'x', name: 3 as never, start: cell, args: ['a'] }] })).toThrow(/via/)
  })
})

/** Functions that yield, read by other nodes: in virtual time, also while cables are cut and nodes die; and between programs, over TLS. */
import { describe, expect, test } from 'vitest'
import { atom, type ErpcError, type Node, type Process } from '../../src/index.js'
import { Simulation } from '../../src/testing/index.js'
import { startNode } from '../support/child-node.js'
import { eventually } from '../support/deadline.js'
import { seeded } from '../support/memory-network.js'
import { deadlineMs, TestCluster } from './cluster-kit.js'

const [a, b] = ['a@sim', 'b@sim']
const outcome = (promise: Promise<unknown>) => promise.catch((error) => error)

/** What runs on a node for others. */
const running = (node: Node) =>
  node.processes().filter((each) => node.processInfo(each)?.initial_call?.startsWith('erpc:'))

/** Functions that count, and how many of them have begun and tidied up. */
function counting(node: Node): { begun: number; tidied: number } {
  const kept = { begun: 0, tidied: 0 }
  node.expose('m', {
    async *count(to: number) {
      kept.begun++
      try {
        for (let n = 1; n <= to; n++) yield n
        return to
      } finally {
        kept.tidied++
      }
    },
    *functions() {
      yield 1
      yield () => {}
    },
  })
  return kept
}

describe('in virtual time', () => {
  const open = async (seed: number) => {
    const simulation = new Simulation({ seed, nodes: [a, b], spec: { tickTimeMs: 8_000 } })
    const [one, other] = (await simulation.startAll()) as [Node, Node]
    return { simulation, one, other }
  }

  test.each(Array.from({ length: 12 }, (_, seed) => seed))(
    'cut cables, resets and crashes leave a reader with the first of the values and a reason, and nothing behind: seed %i',
    async (seed) => {
      const { simulation, one, other } = await open(seed)
      await using _ = simulation
      const random = seeded(seed + 1)
      const kept = counting(other)
      const heard: { values: number[]; end: unknown }[] = []
      const to = 200
      for (let n = 0; n < 8; n++) {
        const reader = { values: [] as number[], end: undefined as unknown }
        heard.push(reader)
        const credit = 1 + Math.floor(random() * 30)
        const leaveAt = random() < 0.3 ? Math.floor(random() * to) : undefined
        one.spawn(async (self: Process<never>) => {
          const values = self.erpc(b).module<{ count: (to: number) => AsyncGenerator<number, number> }>('m')
          try {
            for await (const value of values.with({ credit }).stream.count(to)) {
              reader.values.push(value)
              if (value === leaveAt) return void (reader.end = 'left')
            }
            reader.end = 'all'
          } catch (error) {
            reader.end = (error as ErpcError).reason
          }
        })
      }
      const [faults, crashes] = [random(), random() < 0.3]
      await simulation.run(20 + Math.floor(random() * 400))
      if (crashes) simulation.crash(b)
      else if (faults < 0.5) simulation.reset(a, b)
      else simulation.cut(a, b, { oneWay: faults < 0.75 })
      await simulation.run(60_000)
      simulation.heal()
      await simulation.run(60_000)
      for (const { values, end } of heard) {
        expect(values).toEqual(Array.from({ length: values.length }, (_, n) => n + 1))
        expect(['left', 'all', atom('noconnection')]).toContain(end)
        if (end === 'all') expect(values).toHaveLength(to)
      }
      if (!crashes) {
        expect(running(other)).toEqual([])
        expect(kept.tidied).toBe(kept.begun)
      }
    },
  )

  test('a value that has no term is an error of the function, after the values before', async () => {
    const { simulation, one, other } = await open(1)
    await using _ = simulation
    counting(other)
    const values = one.erpc(b).stream('m', 'functions', [])
    expect(await simulation.complete(values.next())).toEqual({ done: false, value: 1 })
    expect(await simulation.complete(outcome(values.next()))).toMatchObject({ origin: 'exception', class: 'error' })
  })

  test('a node that is not there, and one that answers nothing in time, are told at once and in time', async () => {
    const { simulation, one } = await open(1)
    await using _ = simulation
    const nowhere = one.erpc('nowhere@sim').stream('m', 'count', [1]).next()
    expect(await simulation.complete(outcome(nowhere))).toMatchObject({ origin: 'erpc', reason: atom('noconnection') })
    simulation.freeze(b)
    const late = one.erpc(b).stream('m', 'count', [1], { timeout: 1_000 }).next()
    expect(await simulation.complete(outcome(late))).toMatchObject({ code: 'ERR_REIGN_TIMEOUT', timeoutMs: 1_000 })
    simulation.thaw(b)
  })
})

test('between programs, over TLS: a slow reader slows the function down, and a program that is killed is a lost node', async () => {
  await using cluster = await TestCluster.make({ tls: true })
  const node = await cluster.start('a@127.0.0.1')
  const peer = 'b@127.0.0.1'
  await using child = await startNode({
    source: `
      import { Node } from 'reign'
      const node = await Node.start('${peer}', { cluster: JSON.parse(process.argv[2]) })
      let made = 0
      let tidied = 0
      node.expose('m', {
        async *texts(length) {
          try {
            for (;;) yield String(++made).padStart(length, '0')
          } finally {
            tidied++
          }
        },
        made: () => [made, tidied],
      })
      process.send(await node.connect('a@127.0.0.1'))
    `,
    args: [JSON.stringify(await cluster.spec(peer))],
  })
  await child.expect((message) => message === true, 2 * deadlineMs)
  const m = node
    .erpc(peer)
    .module<{ texts: (length: number) => AsyncGenerator<string>; made: () => [number, number] }>('m')

  let read = 0
  for await (const text of m.with({ credit: 10 }).stream.texts(100_000)) {
    read++
    expect([text.length, Number(text)]).toEqual([100_000, read])
    if (read % 100 === 0) expect((await m.call.made())[0]).toBeLessThanOrEqual(read + 10)
    if (read === 300) break
  }
  await eventually(async () => (await m.call.made())[1] === 1, deadlineMs, 'the function to tidy up')

  const values = m.stream.texts(10)
  await values.next()
  await child.kill()
  const rest = async () => {
    for await (const _ of values);
  }
  expect(await outcome(rest())).toMatchObject({ origin: 'erpc', class: 'error', reason: atom('noconnection') })
})

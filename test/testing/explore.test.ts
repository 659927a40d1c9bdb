import { expect, test } from 'vitest'
import { named } from '../../src/index.js'
import { explore, faultKinds, Random, type SeedError, type Simulation, weather } from '../../src/testing/index.js'

const nodes = ['a@sim', 'b@sim', 'c@sim']

/** Whoever counts on a call to be answered at once. */
async function hasty(simulation: Simulation): Promise<void> {
  const node = simulation.node('a@sim')
  if (!(await simulation.complete(node.ping('b@sim', { timeout: 5_000 })))) throw new Error('no answer')
}

test('a seed that fails is told, with as few faults as are enough, and why', async () => {
  const failure = await explore(
    {
      nodes,
      seeds: 20,
      weather: { ms: 60_000, everyMs: 5_000, kinds: ['crash', 'slow'], lasting: { minMs: 60_000, maxMs: 90_000 } },
    },
    async (simulation, faults) => {
      await simulation.startAll()
      const crashes = faults.filter(({ kind, nodes }) => kind === 'crash' && nodes.includes('b@sim'))
      for (const _ of crashes) simulation.crash('b@sim')
      await hasty(simulation)
    },
  ).catch((error: SeedError) => error)
  expect(failure).toMatchObject({ code: 'ERR_REIGN_SEED', cause: new Error('no answer') })
  const { faults, message, seed, traceHash } = failure as SeedError
  expect(faults).toEqual([expect.objectContaining({ kind: 'crash', nodes: ['b@sim'] })])
  expect(message).toContain(`seed ${seed} fails`)
  expect(message).toContain('crash b@sim')
  expect(traceHash).toMatch(/^\w{16}$/)
})

test('seeds that do not fail say nothing, and each gets a cluster of its own', async () => {
  const seen = new Set<string>()
  await explore({ nodes, seeds: 5 }, async (simulation, faults) => {
    expect(faults).toEqual([])
    await simulation.startAll()
    await hasty(simulation)
    seen.add(simulation.traceHash)
  })
  expect(seen.size).toBe(5)
})

test('of what is shuffled nothing is left out, and of two nodes both are befallen by what befalls two', () => {
  const random = new Random(1)
  for (let size = 0; size < 10; size++) {
    const list = Array.from({ length: size }, (_, i) => i)
    expect(random.shuffled(list).sort()).toEqual(list)
  }
  const kinds = ['cut', 'cutOneWay', 'reset', 'slow', 'flap', 'disconnect'] as const
  const faults = weather(random, { nodes: nodes.slice(0, 2), ms: 60_000, everyMs: 1_000, kinds })
  expect(faults.length).toBeGreaterThan(20)
  for (const fault of faults) expect([...fault.nodes].sort()).toEqual(['a@sim', 'b@sim'])
})

test('after all kinds of faults the cluster is whole again, and every new run was told of', async () => {
  const faults = weather(new Random(3), { nodes, ms: 300_000, everyMs: 5_000 })
  expect(new Set(faults.map(({ kind }) => kind))).toEqual(new Set(faultKinds))
  await explore({ nodes, seeds: 3, weather: { ms: 120_000, everyMs: 5_000 } }, async (simulation, drawn) => {
    await simulation.startAll()
    const runs = new Set(simulation.running)
    await simulation.endure(drawn, 120_000, (node) => runs.add(node))
    expect(simulation.running.every((node) => runs.has(node))).toBe(true)
    await simulation.until(() => simulation.running.every((node) => node.nodes().length === 2), 150_000)
    const [a] = simulation.running
    a?.register('box', a.mailbox().address)
    expect(a?.whereis('box')).toBeDefined()
    expect(await simulation.complete(a?.ping('c@sim') as Promise<boolean>)).toBe(true)
    simulation.node('b@sim').send(named('box', 'a@sim'), 'hello')
    await simulation.run(1_000)
    expect(a?.processInfo(a.whereis('box') as never)?.messages).toEqual(['hello'])
  })
})

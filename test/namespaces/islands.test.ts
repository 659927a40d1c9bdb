/** Three visible nodes, each on a machine of its own: cables between two of them are cut, by the kernel. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { deadlineMs, type Kind, type Outpost } from '../faults/outpost.js'
import { eventually } from '../support/deadline.js'
import { Company } from './company.js'
import { Lab } from './lab.js'

/** The first two lose each other; the third sees both. Erlang alone shows that what is expected is what Erlang does. */
const casts: readonly (readonly [Kind, Kind, Kind])[] = [
  ['reign', 'reign', 'reign'],
  ['reign', 'erlang', 'reign'],
  ['erlang', 'reign', 'erlang'],
  ['erlang', 'erlang', 'erlang'],
]

/** Three nodes, and what lies between them. */
interface Trio {
  readonly lab: Lab
  readonly nodes: readonly [Outpost, Outpost, Outpost]
}

let company: Company | undefined
const trios: Trio[] = []

beforeAll(async () => {
  const gathered = (company = await Company.gather(3))
  await Promise.all(
    casts.map(async (cast) => {
      const lab = await Lab.open(3)
      const start = (index: 0 | 1 | 2) => gathered.start(cast[index], lab, index, { visible: true })
      trios.push({ lab, nodes: await Promise.all([start(0), start(1), start(2)]) })
    }),
  )
})
afterAll(async () => {
  await Promise.all(
    trios.map(async ({ lab, nodes }) => {
      await Promise.all(nodes.map((node) => node.kill()))
      await lab[Symbol.asyncDispose]()
    }),
  )
  company?.[Symbol.dispose]()
})

function onAllTrios(title: string, play: (trio: Trio) => Promise<void>): void {
  test(title, async () => {
    const played = trios.map((trio) =>
      play(trio).catch((error: Error) => {
        error.message = `${trio.nodes.map(({ kind }) => kind).join(', ')}: ${error.message}`
        throw error
      }),
    )
    await Promise.allSettled(played)
    await Promise.all(played)
  })
}

/** Connects all; resolves when all share their names. */
async function gather({ lab, nodes }: Trio): Promise<void> {
  await lab.heal()
  const [a, b, c] = nodes
  const all = nodes.map(({ name }) => name).sort()
  const complete = async () => {
    // Whoever parts with the others for what he has heard of a loss that is over meets them anew.
    await Promise.all([a.connect(b), a.connect(c), b.connect(c)])
    return (await islandsOf(nodes)).every((island) => island === all.join(' '))
  }
  await eventually(complete, deadlineMs, 'one cluster of three')
}

/** For each node the cluster that it sees: those that it is connected with, and itself. Where `global` has not come as far, both are told. */
function islandsOf(nodes: readonly Outpost[]): Promise<string[]> {
  const island = (node: Outpost, others: readonly string[]) => [...new Set([node.name, ...others])].sort().join(' ')
  return Promise.all(
    nodes.map(async (node) => {
      const [nodes, known] = [await node.nodes(), await node.known()]
      return [...new Set([island(node, nodes), island(node, known)])].join(', ')
    }),
  )
}

/** Resolves with the islands when all are of one mind about them, and the first two see each other no more. */
function parted({ nodes }: Trio): Promise<string[]> {
  const [a, b, c] = nodes.map(({ name }) => name) as [string, string, string]
  const ends = [
    [a, b, c],
    [`${a} ${c}`, b, `${a} ${c}`],
    [a, `${b} ${c}`, `${b} ${c}`],
  ].map((islands) => islands.join())
  let islands: string[] = []
  const look = async () => {
    islands = await islandsOf(nodes)
    return ends.includes(islands.join()) && islands
  }
  return eventually(look, deadlineMs, 'islands that do not overlap').catch((error: Error) => {
    error.message += `: ${JSON.stringify(islands)}`
    throw error
  })
}

onAllTrios(
  'two that lose each other and both see a third: no two islands overlap, each knows its own names, and all meet again',
  async (trio) => {
    await gather(trio)
    const { lab, nodes } = trio
    const [a, b] = nodes
    for (const [index, node] of nodes.entries()) expect(await node.take(`own${index}`)).toBe(true)
    await lab.part(0, 1)
    await parted(trio)
    const knowTheirOwn = async () => {
      // Looked at each time: who hears of a loss late may part with one more.
      const islands = await islandsOf(nodes)
      for (const [index, node] of nodes.entries()) {
        for (const [owner, { name }] of nodes.entries()) {
          const wanted = islands[index]?.split(' ').includes(name) ? name : undefined
          expect(await node.holder(`own${owner}`)).toBe(wanted)
        }
      }
      return true
    }
    await eventually(knowTheirOwn, deadlineMs, 'each island to know the names of its own')
    await parted(trio)
    await gather(trio)
    for (const node of nodes) {
      for (const [owner, { name }] of nodes.entries()) {
        const settled = async () => (await node.holder(`own${owner}`)) === name
        await eventually(settled, deadlineMs, `own${owner} to be ${name}'s again for ${node.name}`)
      }
    }
    for (const node of [a, b]) expect((await node.fates()).filter((line) => line.startsWith('DOWN'))).toEqual([])
  },
)

onAllTrios(
  'names that two islands have given: when they meet one process keeps its own everywhere, the other is killed; claims are all known',
  async (trio) => {
    await gather(trio)
    const { lab, nodes } = trio
    const [a, b, c] = nodes
    await Promise.all(nodes.map((node) => node.clear()))
    await Promise.all([lab.part(0, 1), lab.part(0, 2)])
    const apart = [a.name, ...Array(2).fill([b.name, c.name].sort().join(' '))]
    await eventually(async () => (await islandsOf(nodes)).join() === apart.join(), deadlineMs, 'two islands')
    expect(await Promise.all([a.take('leader'), b.take('leader')])).toEqual([true, true])
    for (const node of [a, c]) await node.claim('post')
    await gather(trio)
    const settled = async () => {
      const holders = new Set(await Promise.all(nodes.map((node) => node.holder('leader'))))
      const ends = await Promise.all(
        [a, b].map(async (node) => (await node.fates()).filter((line) => /^DOWN/.test(line))),
      )
      const losers = [a, b].filter((_, index) => ends[index]?.length === 1)
      expect({ holders: [...holders], ends: ends.flat() }).toEqual({
        holders: [losers[0] === a ? b.name : a.name],
        ends: ['DOWN killed'],
      })
      return true
    }
    await eventually(settled, deadlineMs, 'one holder, and the end of the other')
    const both = [a.name, c.name].sort()
    for (const node of nodes.filter(({ kind }) => kind === 'reign')) {
      const known = async () => (await node.claimants('post')).toSorted().join() === both.join()
      await eventually(known, deadlineMs, `${node.name} to know both claimants`)
    }
    for (const node of [a, c]) if (node.kind === 'reign') await node.writes(`multipleClaim post ${both}`)
  },
)

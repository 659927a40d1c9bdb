/** Processes of one's own under faults, in virtual time: does a courier deliver every parcel, whatever happens on the way? */
import { type Node, named, type Process } from 'reign'
import { genServer } from 'reign/otp'
import { explore, type Fault, type SeedError, type Simulation } from 'reign/testing'

/** Keeps parcels; one that comes twice is there once. */
const depot = genServer({
  init: () => new Set<number>(),
  calls: {
    deliver: (parcels, parcel: number) => parcels.add(parcel).size,
    count: (parcels) => parcels.size,
  },
})

/** Delivers parcels one by one, each again and again until it is told that it has arrived. */
async function courier(self: Process, parcels: number) {
  const there = self.server<typeof depot>(named('depot', 'depot@sim')).with({ timeout: 1_000 })
  for (let parcel = 1; parcel <= parcels; ) {
    try {
      await there.call.deliver(parcel)
      parcel++
    } catch {
      await self.receive({ timeout: 500 }).catch(() => {}) // a while later
    }
  }
}

/** Twenty parcels, a minute of faults; then all of them should be there. */
async function allArrive(simulation: Simulation, faults: readonly Fault[]) {
  let delivered = false
  const begin = (node: Node) => {
    if (node.name === 'depot@sim') return node.start({ name: 'depot' }, depot)
    return node.spawn(async (self) => {
      await courier(self, 20)
      delivered = true
    })
  }
  for (const node of await simulation.startAll()) begin(node)
  await simulation.endure(faults, 60_000, begin) // `begin` anew on each node that was started anew
  await simulation.until(() => delivered, 120_000)
  const arrived = await simulation.complete(simulation.node('depot@sim').server<typeof depot>('depot').call.count())
  if (arrived < 20) throw new Error('a parcel is lost')
}

const nodes = ['office@sim', 'depot@sim']
const weather = { ms: 5_000, everyMs: 1_000, lasting: { minMs: 10, maxMs: 20_000 } }

// Cables that are cut, connections that break, programs that stand still: no harm done, whatever the seed.
await explore({ nodes, seeds: 20, weather: { ...weather, kinds: ['cut', 'cutOneWay', 'reset', 'freeze'] } }, allArrive)
console.log('20 seeds without a crash: every parcel arrives')

// But what the depot has is in its memory alone.
const kinds = ['cut', 'reset', 'crash'] as const
await explore({ nodes, seeds: 20, weather: { ...weather, kinds } }, allArrive).catch((error: SeedError) => {
  console.log(`with crashes: ${(error.cause as Error).message}`)
  for (const { kind, nodes } of error.faults) console.log(`by ${kind} of ${nodes}`)
})

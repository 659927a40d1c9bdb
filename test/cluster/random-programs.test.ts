/**
 * Random programs over three nodes that lose their connections on the way, done for real and in the model of Erlang's signals.
 *
 * Virtual time, and a network in memory: the same seed gives the same run. `REIGN_SEED=… REIGN_RUNS=… npx vitest run …`
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Model } from '../process/model.js'
import { compare, draft, stepOf } from '../process/programs.js'
import { ClusterWorld } from './cluster-world.js'

const seed = Number(process.env.REIGN_SEED ?? 20_261_124)
const numRuns = Number(process.env.REIGN_RUNS ?? 200)

test('whatever processes of three nodes do to each other, they see what the model says, also when connections are lost', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(draft(3), { minLength: 25, maxLength: 60, size: 'max' }),
      fc.nat(),
      async (drafts, network) => {
        await using world = await ClusterWorld.open(network)
        await compare(drafts, world)
      },
    ),
    { seed, numRuns },
  )
})

test('the programs reach what only several nodes have: links and monitors that a lost connection ends', () => {
  const reached = new Set<string>()
  const programs = fc.sample(fc.array(draft(3), { minLength: 25, maxLength: 60, size: 'max' }), { seed, numRuns })
  for (const drafts of programs) {
    const model = new Model()
    for (const [n, each] of drafts.entries()) {
      const step = stepOf(each, model, 3, n)
      if (step === undefined) continue
      model.perform(step)
      for (const { fate, inbox } of model.processes) {
        reached.add(`fate ${fate}`)
        for (const event of inbox) if ('reason' in event) reached.add(`${event.type} ${event.reason}`)
      }
    }
  }
  for (const mark of ['fate noconnection', 'EXIT noconnection', 'DOWN noconnection']) expect(reached).toContain(mark)
})

/**
 * Random programs of spawns, links, monitors, exits and sends on one node, done for real and in the model.
 *
 * A failure prints the shortest program that shows it, with its seed: `REIGN_SEED=… REIGN_RUNS=… npx vitest run …` runs others.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { LocalWorld } from './local-world.js'
import { Model } from './model.js'
import { compare, draft, stepOf, weights } from './programs.js'

const seed = Number(process.env.REIGN_SEED ?? 20_261_124)
const numRuns = Number(process.env.REIGN_RUNS ?? 400)

test('whatever processes of one node do to each other, they see what the model says, and nothing is left behind', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(draft(1), { minLength: 5, maxLength: 60, size: 'max' }), async (drafts) => {
      await using world = await LocalWorld.open()
      await compare(drafts, world)
    }),
    { seed, numRuns },
  )
})

test('the programs reach what they are to reach: every step, every kind of event, every reason', () => {
  const reached = new Set<string>()
  for (const drafts of fc.sample(fc.array(draft(1), { minLength: 5, maxLength: 60, size: 'max' }), {
    seed,
    numRuns: 300,
  })) {
    const model = new Model()
    for (const [n, each] of drafts.entries()) {
      const step = stepOf(each, model, 1, n)
      if (step === undefined) continue
      reached.add(`step ${step.do}`)
      model.perform(step)
      for (const { fate, inbox } of model.processes) {
        reached.add(`fate ${fate}`)
        for (const event of inbox) reached.add('reason' in event ? `${event.type} ${event.reason}` : event.type)
      }
    }
  }
  const steps = Object.keys(weights).filter((kind) => kind !== 'disconnect')
  const reasons = ['normal', 'kill', 'killed', 'noproc', 'x', 'y']
  for (const mark of [
    ...steps.map((kind) => `step ${kind}`),
    ...reasons.map((reason) => `fate ${reason}`),
    ...reasons.map((reason) => `EXIT ${reason}`),
    ...reasons.map((reason) => `DOWN ${reason}`),
    'message',
  ]) {
    expect(reached).toContain(mark)
  }
})

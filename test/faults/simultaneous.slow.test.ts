/** Two nodes, in OS processes of their own, that dial each other at the same time, again and again, on ways that jitter. */
import { expect } from 'vitest'
import { eventually } from '../support/deadline.js'
import { deadlineMs } from './outpost.js'
import { onAllPairs, withPairs } from './theatre.js'

withPairs()

onAllPairs(
  'a hundred rounds of dialling each other at once: one connection each time, nothing lost, nothing twice',
  async (pair) => {
    const { near, far } = pair
    for (let round = 0; round < 100; round++) {
      // Now one attempt is ahead by more, now the other; now neither.
      const jitterMs = [0, 1, 3, 8][round % 4] ?? 0
      for (const way of [pair.way, pair.wayBack]) way.impair({ delayMs: jitterMs, jitterMs })
      // Whatever is sent makes the connection.
      await Promise.all([near.count(far, 1, 10), far.count(near, 1, 10)])
      await Promise.all([near.writes('1..10'), far.writes('1..10')])
      for (const each of pair.both) expect(await each.log()).toEqual(['up', '1..10'])
      await (round % 2 === 0 ? near.disconnect(far) : far.disconnect(near))
      await pair.apart()
      for (const each of pair.both) {
        await eventually(async () => (await each.comings()).length === 2, deadlineMs, `the end at ${each.name}`)
      }
      await Promise.all(pair.both.map((each) => each.clear()))
    }
  },
)

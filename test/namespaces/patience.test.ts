/** What takes time, or none: lines that lose packets, and nodes that are back before anybody notices. The time of the ticks is as by default. */
import { expect } from 'vitest'
import { keepsPromises } from '../faults/chronicle.js'
import { deadlineMs } from '../faults/outpost.js'
import { eventually } from '../support/deadline.js'
import { far, near, onAllCables, withCables } from './cable.js'

withCables({ tickTimeMs: 60_000, resendsSoon: true })

onAllCables('a line that loses 30 of 100 packets is slower, and no more: all comes, once, in order', async (cable) => {
  await cable.meet()
  await cable.lab.lose(30)
  for (let n = 1; n <= 191; n += 10) {
    await Promise.all([cable.near.count(cable.far, n, n + 9), cable.far.count(cable.near, n, n + 9)])
  }
  await Promise.all(cable.both.map((each) => each.writes('1..200')))
  const sizes = [1, 60_000, 0, 20_000]
  expect(await cable.near.echo(cable.far, sizes)).toBe(sizes.length)
  expect(await cable.far.echo(cable.near, sizes)).toBe(sizes.length)
  for (const each of cable.both) {
    await keepsPromises(each)
    expect(await each.comings()).toEqual(['up'])
  }
})

onAllCables(
  'a node that was killed behind a cut, and is back before that is noticed, is another one: whoever speaks first',
  async (cable) => {
    for (const first of ['far', 'near'] as const) {
      const { near: one } = cable
      await cable.reset()
      await cable.meet()
      await one.count(cable.far, 1, 10)
      await cable.far.writes('1..10')
      await cable.far.count(one, 1, 10)
      await one.writes('1..10')
      await cable.lab.part(near, far)
      await cable.far.kill()
      await one.count(cable.far, 11, 20)
      await cable.start('far')
      // Nobody has noticed.
      expect(await one.log()).toEqual(['up', 'met', '1..10'])
      await cable.lab.heal()
      if (first === 'far') await eventually(() => cable.far.connect(one), deadlineMs, 'another connection')
      else {
        const heard = async () => {
          await one.count(cable.far, 21, 21)
          return (await one.log()).includes('DOWN noconnection')
        }
        await eventually(heard, deadlineMs, 'the end of the old connection')
        await eventually(() => one.connect(cable.far), deadlineMs, 'another connection')
      }
      await cable.far.count(one, 101, 110)
      await one.writes('101..110')
      await keepsPromises(one)
      // What was said to its earlier run while nobody heard is not said to this one.
      expect((await cable.far.fates()).filter((line) => line.startsWith('1'))).toEqual([])
    }
  },
)

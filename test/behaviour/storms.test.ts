/** What befalls supervisors: children that crash at once, for ever; that never start; that do not end as they are asked to; that are many. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { genServer, startable, supervisor } from '../../src/behaviour/index.js'
import { Node } from '../../src/index.js'
import { silent } from '../../src/logger.js'
import { within } from '../support/deadline.js'
import { crash, Nursery, normal } from './supervised.js'

const deadlineMs = 15_000

let nursery: Nursery
beforeEach(async () => {
  nursery = await Nursery.open()
})
afterEach(() => nursery[Symbol.asyncDispose]())

describe('a storm of restarts', () => {
  // On the real event loop: in virtual time nobody can be starved.
  test('starves nobody: timers, other processes, and who wants it stopped have their turns', async () => {
    const node = await Node.local({ logger: silent })
    try {
      let starts = 0
      const crashing = startable((_, starting) => {
        starts++
        starting.ack()
        throw new Error('at once')
      })
      // It bears whatever comes.
      const bears = { restarts: 1_000_000_000, within: 1 }
      const top = await node.start(supervisor({ intensity: bears, children: [{ id: 'x', start: crashing }] }))
      const counter = await node.start(genServer({ init: () => 0, calls: { next: (state) => state } }))
      for (let i = 0; i < 100; i++) {
        await within(deadlineMs, new Promise((resolve) => setTimeout(resolve, 1)), 'a timer')
        await counter.with({ timeout: deadlineMs }).call.next()
      }
      const before = starts
      await within(deadlineMs, new Promise((resolve) => setTimeout(resolve, 20)), 'a timer')
      // It has been a storm all the while.
      expect(before).toBeGreaterThan(100)
      expect(starts).toBeGreaterThan(before)
      await within(deadlineMs, top.stop(), 'the stop')
      expect(node.isAlive(top.address)).toBe(false)
    } finally {
      await node.stop()
    }
  })

  test('of a whole group starts all of it again, in order, as often as is borne', async () => {
    const ids = ['a', 'b', 'c']
    const top = await nursery.supervisor(
      ids.map((id) => nursery.spec(id)),
      { strategy: 'one_for_all', intensity: { restarts: 100, within: 1_000 } },
    )
    expect(nursery.news()).toBe('+a +b +c')
    for (let i = 0; i < 100; i++) {
      await nursery.end('b', crash)
      expect(nursery.news()).toBe('-c -a +a +b +c')
    }
    await nursery.end('b', crash)
    expect(nursery.news()).toBe('-c -a')
    expect(nursery.isAlive(top)).toBe(false)
  })
})

describe('a child', () => {
  test('whose init hangs is killed when its time is over, and those before it are ended in reverse', async () => {
    nursery.plans.set('c', ['hang'])
    const started = nursery.supervisor(
      ['a', 'b'].map((id) => nursery.spec(id)).concat(nursery.spec('c', { startTimeout: 2_000 })),
    )
    started.catch(() => {})
    await nursery.stage.settle()
    expect(nursery.news()).toBe('+a +b')
    await nursery.stage.clock.advance(1_999)
    expect(nursery.news()).toBe('')
    await nursery.stage.clock.advance(1)
    await expect(started).rejects.toMatchObject({ code: 'ERR_REIGN_START' })
    expect(nursery.news()).toBe('-b -a')
  })

  test('that crashes in its terminate is told of, and the others end in order all the same', async () => {
    const clumsy = genServer({
      trapExit: true,
      init: () => 0,
      terminate: () => {
        throw new Error('clumsy')
      },
    })
    const top = await nursery.supervisor([nursery.spec('a'), { id: 'clumsy', start: clumsy }, nursery.spec('c')])
    nursery.news()
    await top.stop()
    expect(nursery.news()).toBe('-c -a')
    const told = nursery.logged.find(({ text }) => text === 'a child did not end as it was asked to')
    expect(told?.fields).toMatchObject({ child: 'clumsy', reason: 'Error: clumsy' })
  })

  test('that ignores what it is asked is killed after its time, each in its turn', async () => {
    const ids = ['a', 'b', 'c']
    const top = await nursery.supervisor(ids.map((id) => nursery.spec(id, { shutdown: 1_000 })))
    for (const id of ids) nursery.stubborn.add(id)
    nursery.news()
    const stopped = top.stop()
    for (const alive of [
      [true, true, false],
      [true, false, false],
      [false, false, false],
    ]) {
      await nursery.stage.settle()
      await nursery.stage.clock.advance(1_000)
      expect(nursery.alive(...ids)).toEqual(alive)
    }
    await stopped
  })
})

test('ten thousand children start in order, end in reverse, and one that ends is started again in its place', async () => {
  const count = 10_000
  const ids = Array.from({ length: count }, (_, i) => `c${i}`)
  const top = await nursery.supervisor(ids.map((id) => nursery.spec(id)))
  expect(nursery.journal.splice(0)).toEqual(ids.map((id) => `+${id}`))
  await nursery.end('c5000', crash)
  expect(nursery.news()).toBe('+c5000')
  expect((await top.countChildren()).active).toBe(count)
  await top.stop(normal)
  expect(nursery.journal).toEqual(ids.toReversed().map((id) => `-${id}`))
})

import { describe, expect, test } from 'vitest'
import { MemoryWatch } from '../../src/cluster/memory-watch.js'
import { deadlineMs, eventually } from '../support/deadline.js'
import { Heard } from '../support/heard.js'
import { VirtualClock } from '../support/virtual-clock.js'
import { KeptLog, sees, TestCluster } from './cluster-kit.js'

/** A watch on a heap of which so many percent are in use, second by second; what it says, and when it lets nobody in. */
function watched(percents: readonly number[]): { log: KeptLog; short: boolean[] } {
  const clock = new VirtualClock()
  const log = new KeptLog()
  let heapUse = 0
  const watch = new MemoryWatch({ node: 'm', clock, logger: log, memory: { heapUse: () => heapUse }, percentMax: 90 })
  watch.start()
  const short = percents.map((percent) => {
    heapUse = percent / 100
    clock.advance(1_000)
    return watch.shortage !== undefined
  })
  watch.stop()
  expect(clock.timersPending).toBe(0)
  return { log, short }
}

test('memory is short from the mark on, until ten percent less than that are in use', () => {
  using heard = new Heard('reign:node:memory')
  const { log, short } = watched([50, 89, 90, 99, 85, 80, 79, 89, 91])
  expect(short).toEqual([false, false, true, true, true, true, false, false, true])
  expect(log.lines.map(({ level, fields, message }) => [level, fields, message])).toEqual([
    ['warn', { heapPercent: 90 }, 'memory is short: no other node is let in'],
    ['warn', { heapPercent: 79, shortMs: 4_000 }, 'memory is no longer short: others are let in again'],
    ['warn', { heapPercent: 91 }, 'memory is short: no other node is let in'],
  ])
  expect(heard.of('reign:node:memory')).toEqual([
    { node: 'm', short: true, heapPercent: 90 },
    { node: 'm', short: false, heapPercent: 79 },
    { node: 'm', short: true, heapPercent: 91 },
  ])
})

test('while it stays short, it is said once a minute', () => {
  const { log } = watched(Array<number>(200).fill(95))
  expect(log.lines).toHaveLength(4)
})

test('the watch keeps no program from ending, and is started once', () => {
  const clock = new VirtualClock()
  const watch = new MemoryWatch({
    node: 'm',
    clock,
    logger: new KeptLog(),
    memory: { heapUse: () => 0 },
    percentMax: 90,
  })
  watch.start()
  watch.start()
  expect(clock.timersPending).toBe(1)
  expect(clock.holdsProgram).toBe(false)
  watch.stop()
  watch.stop()
  expect(clock.timersPending).toBe(0)
})

describe('a node whose memory is short', () => {
  test('keeps the nodes that it has, and lets no other in until it is not', async () => {
    const [a, b, c] = ['a@127.0.0.1', 'b@127.0.0.1', 'c@127.0.0.1'] as const
    await using cluster = await TestCluster.make()
    let heapUse = 0.5
    const node = await cluster.start(a, { memory: { heapUse: () => heapUse } })
    const friend = await cluster.start(b, { dialMembers: false })
    expect(await friend.connect(a)).toBe(true)
    heapUse = 0.95
    const told = () => node.log.at('warn').filter(({ message }) => /^memory is/.test(message)).length
    await eventually(() => told() === 1, deadlineMs, 'a warning')
    const late = await cluster.start(c, { dialMembers: false })
    expect(await late.connect(a)).toBe(false)
    expect(node.log.codes('warn')).toContain('ERR_REIGN_OVERLOAD')
    expect(await friend.ping(a)).toBe(true)
    heapUse = 0.5
    await eventually(() => told() === 2, deadlineMs, 'the end of it')
    expect(await late.connect(a)).toBe(true)
    await sees(node, b, c)
  })
})

import { expect, test } from 'vitest'
import { StallWatch } from '../../src/cluster/stall-watch.js'
import { Heard } from '../support/heard.js'
import { MemoryNetwork } from '../support/memory-network.js'
import { VirtualClock } from '../support/virtual-clock.js'
import { KeptLog } from './cluster-kit.js'

/** A watch that has run for a minute, on a machine that stands still for a while. */
function stalled(ms: number, ticks = { tickTimeMs: 60_000, tickIntensity: 4 }): KeptLog {
  const network = new MemoryNetwork(new VirtualClock(), 1)
  const clock = network.clock as VirtualClock
  const logger = new KeptLog()
  const watch = new StallWatch({ node: { name: 'm' }, clock: network.clockOf('m'), logger, ticks })
  watch.start()
  clock.advance(60_400)
  expect(logger.lines).toEqual([])
  network.freeze('m')
  clock.advance(ms)
  network.thaw('m')
  clock.advance(60_000)
  watch.stop()
  expect(clock.timersPending).toBe(0)
  return logger
}

// The next look was due 600 ms after the stall began.
test.each([
  [0, 60_000, []],
  [1_500, 60_000, []],
  [1_600, 60_000, ['info 1000: the event loop stood still']],
  [8_000, 60_000, ['info 7400: the event loop stood still']],
  [10_000, 60_000, ['warn 9400: the event loop stood still']],
  [45_000, 60_000, ['warn 44400: the event loop stood still']],
  [46_000, 60_000, ['warn 45400: the event loop stood still so long that peers may have taken this node for dead']],
  [2_500, 8_000, ['warn 1900: the event loop stood still']],
  [7_000, 8_000, ['warn 6400: the event loop stood still so long that peers may have taken this node for dead']],
])('a stall of %i ms, with a tick time of %i ms, is told once, with how long it was', (ms, tickTimeMs, lines) => {
  using heard = new Heard('reign:node:stalled')
  const logger = stalled(ms, { tickTimeMs, tickIntensity: 4 })
  expect(logger.lines.map(({ level, fields, message }) => `${level} ${fields.stalledMs}: ${message}`)).toEqual(lines)
  const stalls = logger.lines.map(({ fields }) => ({ node: 'm', stalledMs: fields.stalledMs, tickTimeMs }))
  expect(heard.of('reign:node:stalled')).toEqual(stalls)
})

test('a watch keeps no program from ending, and is started once', () => {
  const clock = new VirtualClock()
  const ticks = { tickTimeMs: 60_000, tickIntensity: 4 }
  const watch = new StallWatch({ node: { name: 'm' }, clock, logger: new KeptLog(), ticks })
  watch.start()
  watch.start()
  expect(clock.timersPending).toBe(1)
  expect(clock.holdsProgram).toBe(false)
  watch.stop()
  watch.stop()
  expect(clock.timersPending).toBe(0)
})

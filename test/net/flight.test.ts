/** How much of long messages is on its way at a time: with others beside them, alone, on long ways, and where nobody answers. */
import { expect, test } from 'vitest'
import { Flight, probeBytes } from '../../src/net/flight.js'
import { VirtualClock } from '../support/virtual-clock.js'

const mib = 1024 * 1024

function setUp() {
  const clock = new VirtualClock()
  let [probes, goes] = [0, 0]
  const flight = new Flight(
    clock,
    () => probes++,
    () => goes++,
  )
  /** Sends as much as may go, up to so many bytes. @returns how much that was. */
  const send = (bytes: number): number => {
    let sent = 0
    while (sent < bytes && flight.mayGo()) {
      flight.left(65_536)
      sent += 65_536
    }
    return sent
  }
  /** When the answers that are under way come. */
  const waiting: number[] = []
  /** Sends for so long, with others beside, over a way on which an answer takes so long. @returns how much that was. */
  const run = async (ms: number, answerMs: number) => {
    let sent = 0
    for (let at = 0; at < ms; at++) {
      flight.beside()
      while (waiting.length > 0 && (waiting[0] as number) <= clock.now()) {
        waiting.shift()
        flight.answered()
      }
      const before = probes
      sent += send(8 * mib)
      await clock.run(1)
      for (let n = before; n < probes; n++) waiting.push(clock.now() + answerMs - 1)
    }
    return sent
  }
  return { clock, flight, send, run, probes: () => probes, goes: () => goes }
}

test('alone, they leave as fast as they can, and nobody is asked anything', async () => {
  const { send, probes, clock } = setUp()
  expect(send(100 * mib)).toBe(100 * mib)
  await clock.settle()
  expect(probes()).toBe(0)
})

test('beside others no more than a mebibyte is on its way, until it is known to have been read', async () => {
  const { flight, send, probes, goes, clock } = setUp()
  flight.beside()
  expect(send(100 * mib)).toBe(mib)
  await clock.settle()
  expect(probes()).toBe(mib / probeBytes)
  expect(goes()).toBe(0)
  flight.answered()
  expect(goes()).toBe(1)
  expect(send(100 * mib)).toBeGreaterThanOrEqual(probeBytes)
})

test('when others come, it is asked first what has been read by then', async () => {
  const { flight, send, probes, goes, clock } = setUp()
  send(50 * mib)
  flight.beside()
  await clock.settle()
  expect([probes(), send(mib), goes()]).toEqual([1, 0, 0])
  flight.answered()
  expect(goes()).toBe(1)
  expect(send(mib)).toBe(mib)
})

test('a second after the last of the others they are alone again', async () => {
  const { flight, send, clock } = setUp()
  flight.beside()
  await clock.run(1_000)
  expect(send(50 * mib)).toBe(50 * mib)
})

test('a long way that is not full gets more under way; one that fills up gets less, but never too little', async () => {
  const { flight, run } = setUp()
  await run(1_000, 100)
  const wide = flight.room
  expect(wide).toBeGreaterThan(8 * mib)
  await run(1_500, 500)
  expect(flight.room).toBeLessThan(wide)
  await run(3_000, 1_000)
  expect(flight.room).toBeGreaterThanOrEqual(mib)
})

test('who answers nothing is not waited for longer than two seconds, and is when it answers after all', async () => {
  const { flight, send, goes, clock } = setUp()
  flight.beside()
  send(100 * mib)
  await clock.run(1_999)
  expect(goes()).toBe(0)
  await clock.run(1)
  expect(goes()).toBe(1)
  expect(send(100 * mib)).toBe(100 * mib)
  flight.answered()
  expect(flight.room).toBe(mib)
})

test('an answer that nobody has asked for does nothing', () => {
  const { flight, send, goes } = setUp()
  flight.answered()
  flight.beside()
  expect([send(100 * mib), goes()]).toEqual([mib, 0])
})

test('nothing is left behind when no more will leave', async () => {
  const { flight, send, goes, clock } = setUp()
  flight.beside()
  send(100 * mib)
  flight.stop()
  await clock.run(10_000)
  expect(goes()).toBe(0)
})

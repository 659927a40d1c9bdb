/** Attempts whose ends coincide: each is told once, and nobody is blamed for the second. */
import { expect, test } from 'vitest'
import { ReignError } from '../../src/errors.js'
import { defaultLimits } from '../../src/limits.js'
import type { Transport } from '../../src/net/transport.js'
import { VirtualClock } from '../support/virtual-clock.js'
import { dial, endOf } from './net-kit.js'

const endpoint = { host: '127.0.0.1', port: 1 }
const refusal = new ReignError('ERR_REIGN_UNREACHABLE', 'port 1: connection refused')

/** An end of a network where every attempt is refused when a test says so. */
function world() {
  const clock = new VirtualClock()
  let refuse = () => {}
  const transport: Transport = {
    dial: () => new Promise((_, reject) => (refuse = () => reject(refusal))),
    listen: () => Promise.reject(refusal),
  }
  return { clock, end: endOf('a@127.0.0.1', { clock, transport }), refuse: () => refuse() }
}

test('a refusal at the instant of the deadline is no fault of anybody here', async () => {
  const { clock, end, refuse } = world()
  const { outcome } = dial(end, 'b@127.0.0.1', endpoint)
  clock.setTimer(refuse, defaultLimits.handshakeMs)
  // Both, before a promise is looked at.
  clock.advance(defaultLimits.handshakeMs)
  await clock.settle()
  expect((await outcome).failure?.reason).toBe('timeout')
  expect(end.logger.lines).toEqual([])
})

test('a refusal just before the deadline is what is told, once', async () => {
  const { clock, end, refuse } = world()
  const { outcome } = dial(end, 'b@127.0.0.1', endpoint)
  await clock.run(defaultLimits.handshakeMs - 1)
  refuse()
  await clock.settle()
  await clock.run(defaultLimits.handshakeMs)
  expect((await outcome).failure).toEqual({ reason: 'unreachable', error: refusal })
  expect([end.logger.lines, clock.timersPending]).toEqual([[], 0])
})

test('a refusal after an attempt was given up is told to nobody', async () => {
  const { clock, end, refuse } = world()
  const { outcome, attempt } = dial(end, 'b@127.0.0.1', endpoint)
  let told = false
  outcome.then(
    () => (told = true),
    () => {},
  )
  refuse()
  attempt.cancel()
  await clock.settle()
  expect([told, end.logger.lines, clock.timersPending]).toEqual([false, [], 0])
})

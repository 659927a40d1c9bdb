import { expect, test } from 'vitest'
import { ReignError } from '../../src/errors.js'
import { RefusalLog } from '../../src/net/refusal-log.js'
import { remoteAddressOf } from '../../src/net/remote-address.js'
import { VirtualClock } from '../support/virtual-clock.js'
import { keptLog } from './net-kit.js'

const error = new ReignError('ERR_REIGN_COOKIE', 'no')

function setUp() {
  const clock = new VirtualClock()
  const logger = keptLog()
  return { clock, logger, log: new RefusalLog(clock, logger) }
}

test('one line a second and address, which says how many were not told', () => {
  const { clock, logger, log } = setUp()
  const from = remoteAddressOf('192.0.2.1', 1)
  for (let count = 0; count < 5; count++) log.refused(from, error)
  log.refused(remoteAddressOf('192.0.2.2', 1), error)
  clock.advance(999)
  log.refused(from, error)
  clock.advance(1)
  log.refused(from, error)
  clock.advance(1_000)
  log.refused(from, error)
  expect(logger.lines.map(({ level, fields, message }) => [level, fields.remote, fields.untold, message])).toEqual([
    ['warn', '192.0.2.1:1', undefined, 'refused a connection'],
    ['warn', '192.0.2.2:1', undefined, 'refused a connection'],
    ['warn', '192.0.2.1:1', 5, 'refused a connection'],
    ['warn', '192.0.2.1:1', undefined, 'refused a connection'],
  ])
  expect(logger.lines[0]?.fields).toEqual({ remote: '192.0.2.1:1', code: 'ERR_REIGN_COOKIE', error: 'no' })
})

test('ten thousand refusals in a second are fewer than twenty lines, from one address or from as many', () => {
  for (const addresses of [1, 3, 10_000]) {
    const { clock, logger, log } = setUp()
    for (let count = 0; count < 10_000; count++) {
      const number = count % addresses
      log.refused(remoteAddressOf(`10.1.${number >> 8}.${number & 255}`, 1), error)
      if (count % 10 === 0) clock.advance(1)
    }
    expect(logger.lines.length).toBeGreaterThan(0)
    expect(logger.lines.length).toBeLessThan(20)
    expect(log.untold + logger.lines.length).toBe(10_000)
  }
})

import { expect, test } from 'vitest'
import { isHeard, type Logger, silent } from '../src/logger.js'
import { steadyLogger } from '../src/steady-logger.js'

/** A logger that throws while it is broken, and keeps lines otherwise. */
class Fragile implements Logger {
  broken = false
  readonly lines: [level: string, fields: object, message: string][] = []
  readonly error = this.#at('error')
  readonly warn = this.#at('warn')
  readonly info = this.#at('info')
  readonly debug = this.#at('debug')
  readonly trace = this.#at('trace')

  #at(level: string) {
    return (fields: object, message: string) => {
      if (this.broken) throw new Error('no space left on device')
      this.lines.push([level, fields, message])
    }
  }
}

test.each(['error', 'warn', 'info', 'debug', 'trace'] as const)(
  '%s is passed on as it is, and never throws',
  (level) => {
    const fragile = new Fragile()
    const logger = steadyLogger(fragile)
    logger[level]({ peer: 'a' }, 'one')
    fragile.broken = true
    logger[level]({ peer: 'a' }, 'two')
    expect(fragile.lines).toEqual([[level, { peer: 'a' }, 'one']])
  },
)

test('the next line that is sure to be written says how many were lost, once', () => {
  const fragile = new Fragile()
  const logger = steadyLogger(fragile)
  fragile.broken = true
  for (let n = 0; n < 3; n++) logger.warn({ n }, 'lost')
  fragile.broken = false
  // Most loggers write nothing of this.
  logger.debug({}, 'why')
  logger.error({ n: 4 }, 'written')
  logger.error({ n: 5 }, 'written')
  expect(fragile.lines).toEqual([
    ['debug', { lostLines: 3 }, 'why'],
    ['error', { n: 4, lostLines: 3 }, 'written'],
    ['error', { n: 5 }, 'written'],
  ])
})

test('a level that goes nowhere is known for it, as with the logger itself', () => {
  const fragile = new Fragile()
  const levels = { isLevelEnabled: (level: string) => level === 'warn' }
  expect(isHeard(steadyLogger(fragile), 'debug')).toBe(true)
  // Only whoever says so gets what there may be a million of.
  expect(isHeard(steadyLogger(fragile), 'trace')).toBe(false)
  expect(isHeard(steadyLogger(Object.assign(new Fragile(), { isLevelEnabled: () => true })), 'trace')).toBe(true)
  expect(isHeard(steadyLogger({ ...silent, error: fragile.error }), 'error')).toBe(true)
  expect(isHeard(steadyLogger({ ...silent, error: fragile.error }), 'debug')).toBe(false)
  expect(isHeard(steadyLogger(Object.assign(new Fragile(), levels)), 'warn')).toBe(true)
  expect(isHeard(steadyLogger(Object.assign(new Fragile(), levels)), 'debug')).toBe(false)
})

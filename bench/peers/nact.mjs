/**
 * nact: actors in one program; there is no other.
 *
 * A question waits for its answer under a random number that is one of 2^31 (odd ones of 32 bits): of two that are open at a time under the
 * same number the first gets none, and ends with the time-out. With 64 open that befalls one question in 34 million, and so one run of
 * `ask-64` in some thirty, which then does not come to an end.
 */
import { createRequire } from 'node:module'
import { Count, rateOf, rateOfCalls } from './rate.mjs'

const { dispatch, query, spawn, start } = createRequire(import.meta.url)('nact')

function tell() {
  const count = new Count()
  const counter = spawn(start(), (seen = 0) => {
    count.one()
    return seen + 1
  })
  return rateOf((n) => {
    const all = count.expect(n)
    for (let i = 0; i < n; i++) dispatch(counter, { by: 1 })
    return all
  })
}

function ask(atOnce) {
  const counter = spawn(start(), (seen = 0, message) => {
    dispatch(message.from, seen)
    return seen + 1
  })
  return rateOfCalls(atOnce, () => query(counter, (from) => ({ from }), 60_000))
}

export const cases = { tell, 'ask-1': () => ask(1), 'ask-64': () => ask(64) }

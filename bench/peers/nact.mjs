/** nact: actors in one program; there is no other. */
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

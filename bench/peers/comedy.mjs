/** comedy: actors in one program, or created by code that is sent to a listening one, over plain TCP. */
import { createRequire } from 'node:module'
import { Count, rateOf, rateOfCalls } from './rate.mjs'

const { createSystem } = createRequire(import.meta.url)('comedy')
const nothing = () => {}
const system = () => createSystem({ test: true, log: { error: nothing, warn: nothing, info: nothing, debug: nothing } })

async function tell() {
  const count = new Count()
  const root = await system().rootActor()
  const counter = await root.createChild({ add: () => count.one() })
  return rateOf((n) => {
    const all = count.expect(n)
    for (let i = 0; i < n; i++) counter.send('add', 1)
    return all
  })
}

/** A class, as its source is what goes to the other program. */
class Counter {
  get(by) {
    return by + 1
  }
}

async function ask(atOnce, where) {
  const root = await system().rootActor()
  const counter = await root.createChild(Counter, where)
  return rateOfCalls(atOnce, () => counter.sendAndReceive('get', 1))
}

const here = { mode: 'in-memory' }
const there = (port) => ({ mode: 'remote', host: '127.0.0.1', port })

export const cases = {
  tell,
  'ask-1': () => ask(1, here),
  'ask-64': () => ask(64, here),
  'remote-ask-1': (port) => ask(1, there(port)),
  'remote-ask-64': (port) => ask(64, there(port)),
}

export const serve = (port) => system().listen(port, '127.0.0.1')

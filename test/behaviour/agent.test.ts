import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Agent, agent, agentAt, supervisor, sys } from '../../src/behaviour/index.js'
import { atom, named, StartError, tuple } from '../../src/index.js'
import { LocalNode } from '../../src/node/local-node.js'
import { Stage } from '../process/puppet.js'

const counter = agent((from: number) => {
  if (from < 0) throw new Error('below nothing')
  return { count: from }
})

let stage: Stage
let one: Agent<{ count: number }>
beforeEach(async () => {
  stage = await Stage.open()
  one = await stage.node.start({ name: 'one' }, counter, 1)
})
afterEach(() => stage.node.stop())

const bang = new Error('bang')
const failure = (promise: Promise<unknown>): Promise<{ code?: string; reason?: unknown }> =>
  promise.then(
    (value) => expect.unreachable(`it gave ${String(value)}`),
    (thrown) => thrown,
  )

describe('an agent', () => {
  test('gives what functions make of its state, and is updated by them', async () => {
    expect(await one.get((state) => state.count)).toBe(1)
    await one.update(({ count }) => ({ count: count + 1 }))
    expect(await one.getAndUpdate(({ count }) => [`was ${count}`, { count: 10 }])).toBe('was 2')
    one.cast(({ count }) => ({ count: count + 1 }))
    expect(await agentAt<typeof counter>(stage.node, 'one').get(({ count }) => count)).toBe(11)
  })

  test('waits for functions that take their time, one after the other', async () => {
    const slow = one.update(async ({ count }) => {
      await new Promise<void>((resolve) => stage.clock.setTimer(resolve, 100))
      return { count: count + 1 }
    })
    const after = one.get(async ({ count }) => count)
    await stage.clock.run(100)
    await slow
    expect(await after).toBe(2)
    const never = failure(one.with({ timeout: 50 }).get(() => new Promise<never>(() => {})))
    await stage.clock.run(50)
    expect(await never).toMatchObject({ code: 'ERR_REIGN_TIMEOUT', timeoutMs: 50 })
  })

  test('ends of a function that throws, and its caller knows why', async () => {
    expect(await failure(one.update(() => Promise.reject(bang)))).toMatchObject({
      code: 'ERR_REIGN_CALL',
      reason: bang,
    })
    expect(await failure(one.get(() => 0))).toMatchObject({ code: 'ERR_REIGN_CALL', reason: atom('noproc') })
  })

  test('does not start when its function throws', async () => {
    const thrown = await failure(stage.node.start(counter, -1))
    expect(thrown).toBeInstanceOf(StartError)
    expect(thrown.reason).toEqual(new Error('below nothing'))
  })

  test('is a server: under supervisors, to sys, and when it is stopped', async () => {
    const top = await stage.node.start(
      supervisor({ children: [{ id: 'two', name: 'two', start: counter, args: [2] }] }),
    )
    const two = agentAt<typeof counter>(stage.node, 'two')
    await failure(
      two.get(() => {
        throw bang
      }),
    )
    await top.ready('two')
    expect(await two.get(({ count }) => count)).toBe(2)
    expect(await sys.getState(stage.node, one.address)).toEqual({ state: { count: 1 } })
    await one.stop(atom('shutdown'))
    expect(stage.node.isAlive(one.address)).toBe(false)
  })

  test('runs no function but those of its own node', async () => {
    const elsewhere = agentAt<typeof counter>(stage.node, named('one', 'other@127.0.0.1'))
    expect(await failure(elsewhere.get(() => 0))).toMatchObject({ code: 'ERR_REIGN_ARGUMENT' })
    const given = tuple(atom('run'), 'text')
    expect((await failure(stage.node.call('one', given))).reason).toEqual(tuple(atom('badfun'), 'text'))
  })

  test('is handed functions in strict mode too', async () => {
    const copy = (message: unknown) => {
      if (typeof message === 'function') throw new TypeError('functions cannot be sent')
      return message
    }
    const node = new LocalNode({ name: 'strict@127.0.0.1', creation: 7, copy })
    const strict = await node.start(counter, 1)
    expect(await strict.get(({ count }) => count)).toBe(1)
    await node.stop()
  })
})

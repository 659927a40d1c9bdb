/** Functions of a node by their names, as other nodes call them, on the node itself: across nodes it is the same code. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { atom, type ErpcError, type Mailbox, type Process, tuple } from '../../src/index.js'
import { Stage } from './puppet.js'

let stage: Stage
let here: string
let mailbox: Mailbox
beforeEach(async () => {
  stage = await Stage.open()
  here = stage.node.name
  mailbox = stage.node.mailbox()
  stage.node.expose('pricing', {
    quote: (currency: string, cents: number) => tuple(currency, cents * 2),
    later: async (value: unknown) => value,
    throws: (value: unknown) => {
      throw value
    },
    fails: () => {
      throw new RangeError('no price')
    },
    rejects: (value: unknown) => Promise.reject(value),
    exits(this: Process, reason: unknown) {
      this.exit(reason)
    },
    who(this: Process) {
      return this.address
    },
    wait(this: Process) {
      return this.receive()
    },
  })
})
afterEach(() => stage.node.stop())

const call = (name: string, args: unknown[] = [], options = {}) =>
  stage.node.erpc(here).call('pricing', name, args, options)
const raised = (outcome: Promise<unknown>): Promise<ErpcError> =>
  outcome.then(
    () => expect.fail('it gave a value'),
    (thrown) => thrown,
  )
const failure = async (outcome: Promise<unknown>) => {
  const { code, origin, class: kind, reason, cause } = await raised(outcome)
  expect(cause).toEqual(reason)
  return [code, origin, kind, reason]
}
/** What runs here under that name. */
const running = (name: string) =>
  stage.node.processes().filter((each) => stage.node.processInfo(each)?.initial_call?.startsWith(name))

describe('a call', () => {
  test('gives what the function returns, at once or later', async () => {
    expect(await call('quote', ['EUR', 42])).toEqual(tuple('EUR', 84))
    expect(await call('later', ['x'])).toBe('x')
    expect(await call('later', [undefined])).toBe(undefined)
  })

  test('runs in a process of its own, each time another', async () => {
    const [first, second] = [await call('who'), await call('who')]
    expect(first).not.toBe(second)
  })

  test.each([
    ['throws', 'up', ['throw', 'up']],
    ['throws', atom('up'), ['throw', atom('up')]],
    ['rejects', tuple(1, 2), ['throw', tuple(1, 2)]],
    ['exits', 'gone', ['exit', 'gone']],
    ['exits', atom('normal'), ['exit', atom('normal')]],
  ])('of a function that %s %s raises that at the caller', async (name, value, expected) => {
    expect(await failure(call(name, [value]))).toEqual(['ERR_REIGN_ERPC', 'exception', ...expected])
  })

  test('of a function that throws an error raises its Erlang form, with a stack', async () => {
    const error = await raised(call('fails'))
    expect(error).toMatchObject({ name: 'ErpcError', origin: 'exception', class: 'error' })
    expect(error.reason).toEqual(tuple(atom('RangeError'), 'no price'))
    expect((error.stackTrace as unknown[])[0]).toEqual(tuple(atom('erpc.test'), atom('fails'), 0, expect.any(Array)))
    expect(error.message).toContain('pricing:fails/0')
  })

  test('of what is not exposed, or is no function there, is undef', async () => {
    const erpc = stage.node.erpc(here)
    for (const [module, name] of [
      ['pricing', 'nothing'],
      ['pricing', 'constructor'],
      ['os', 'cmd'],
      ['__proto__', 'toString'],
      ['', ''],
    ] as const) {
      const error = await raised(erpc.call(module, name, [1]))
      expect(error).toMatchObject({
        code: 'ERR_REIGN_ERPC',
        origin: 'exception',
        class: 'error',
        reason: atom('undef'),
      })
      expect(error.stackTrace).toEqual([tuple(atom(module), atom(name), [1], [])])
    }
  })

  test('whose process is ended by another fails with a signal', async () => {
    const outcome = call('wait')
    outcome.catch(() => {})
    await stage.settle()
    const [worker] = running('erpc:execute_call')
    stage.node.exit(worker as never, atom('kill'))
    expect(await failure(outcome)).toEqual(['ERR_REIGN_ERPC', 'signal', 'exit', atom('killed')])
  })

  test('to a node that is out of reach fails with noconnection', async () => {
    const outcome = stage.node.erpc('far@away').call('m', 'f', [])
    expect(await failure(outcome)).toEqual(['ERR_REIGN_ERPC', 'erpc', 'error', atom('noconnection')])
  })

  test('waits for ever, or for as long as it is told; then its function runs on, watched by nobody', async () => {
    const outcome = call('wait', [], { timeout: 200 })
    outcome.catch(() => {})
    let settled = false
    void outcome.finally(() => (settled = true)).catch(() => {})
    await stage.clock.run(199)
    expect(settled).toBe(false)
    const [worker] = running('erpc:execute_call')
    expect(stage.node.processInfo(worker as never)?.monitored_by).toHaveLength(1)
    await stage.clock.run(2)
    await expect(outcome).rejects.toMatchObject({ code: 'ERR_REIGN_TIMEOUT', timeoutMs: 200 })
    expect(stage.node.processInfo(worker as never)?.monitored_by).toEqual([])
    const endless = call('wait')
    endless.catch(() => {})
    await stage.clock.run(24 * 3_600_000)
    expect(running('erpc:execute_call')).toHaveLength(2)
  })

  test('ends with its abort signal, before it began or while it waits', async () => {
    await expect(call('wait', [], { signal: AbortSignal.abort('early') })).rejects.toBe('early')
    expect(running('erpc:execute_call')).toEqual([])
    const abort = new AbortController()
    const outcome = call('wait', [], { signal: abort.signal })
    outcome.catch(() => {})
    await stage.settle()
    abort.abort('late')
    await expect(outcome).rejects.toBe('late')
    expect(stage.node.processInfo(running('erpc:execute_call')[0] as never)?.monitored_by).toEqual([])
  })

  test('of a process or mailbox fails when that ends', async () => {
    const puppet = await stage.puppet()
    const ofProcess = puppet.self.erpc(here).call('pricing', 'wait', [])
    const ofMailbox = mailbox.erpc(here).call('pricing', 'wait', [])
    const failures = Promise.allSettled([ofProcess, ofMailbox])
    await stage.settle()
    puppet.throw('gone')
    mailbox.close('closed')
    await stage.settle()
    expect((await failures).map((each) => each.status === 'rejected' && each.reason)).toMatchObject([
      { code: 'ERR_REIGN_EXIT', reason: 'gone' },
      { code: 'ERR_REIGN_CLOSED', reason: 'closed' },
    ])
    await expect(puppet.self.erpc(here).call('pricing', 'quote', [])).rejects.toMatchObject({ code: 'ERR_REIGN_EXIT' })
    for (const worker of running('erpc:')) expect(stage.node.processInfo(worker)?.monitored_by).toEqual([])
  })

  test('is refused for what is no node, no function or no time', async () => {
    const wrong = expect.objectContaining({ code: 'ERR_REIGN_ARGUMENT' })
    expect(() => stage.node.erpc('')).toThrow(wrong)
    expect(() => stage.node.erpc(['a', 5 as never])).toThrow(wrong)
    expect(() => stage.node.erpc(undefined as never)).toThrow(wrong)
    const erpc = stage.node.erpc(here)
    await expect(erpc.call('pricing', 5 as never, [])).rejects.toEqual(wrong)
    await expect(erpc.call('pricing', 'quote', 'ab' as never)).rejects.toEqual(wrong)
    await expect(erpc.call('pricing', 'quote', [], { timeout: Number.NaN })).rejects.toEqual(wrong)
    expect(() => erpc.cast('pricing', 'quote', undefined as never)).toThrow(wrong)
    await expect(stage.node.erpc([here]).call(5 as never, 'f', [])).rejects.toEqual(wrong)
  })

  test('leaves nothing behind, however it ends', async () => {
    const before = stage.node.processes().length
    const erpc = mailbox.erpc(here)
    await erpc.call('pricing', 'quote', ['EUR', 1])
    await erpc.call('pricing', 'fails', []).catch(() => {})
    await mailbox
      .erpc('far@away')
      .call('m', 'f', [])
      .catch(() => {})
    await erpc
      .call('pricing', 'throws', ['x'], { timeout: 1_000, signal: new AbortController().signal })
      .catch(() => {})
    await stage.settle()
    expect(stage.node.processes()).toHaveLength(before)
    expect(stage.node.processInfo(mailbox.address)).toMatchObject({ monitors: [], message_queue_len: 0 })
  })
})

describe('a cast', () => {
  test('runs, and nobody learns what came of it', async () => {
    const seen: unknown[] = []
    stage.node.expose('notes', {
      add: (note: unknown) => {
        seen.push(note)
        throw note
      },
    })
    const erpc = stage.node.erpc(here)
    erpc.cast('notes', 'add', ['one'])
    erpc.cast('notes', 'nothing', [])
    stage.node.erpc('far@away').cast('notes', 'add', ['lost'])
    mailbox.erpc(here).cast('notes', 'add', ['two'])
    await stage.settle()
    expect(seen).toEqual(['one', 'two'])
    expect(mailbox.length).toBe(0)
  })
})

describe('a call to several nodes', () => {
  test('gives what came of each, in their order', async () => {
    const results = await stage.node.erpc([here, 'far@away', here]).call('pricing', 'quote', ['EUR', 1])
    expect(results).toMatchObject([
      { node: here, ok: true, value: tuple('EUR', 2) },
      { node: 'far@away', ok: false, error: { code: 'ERR_REIGN_ERPC', reason: atom('noconnection') } },
      { node: here, ok: true },
    ])
    const failed = await stage.node.erpc([here, here]).call('pricing', 'throws', ['x'])
    expect(failed).toMatchObject([
      { ok: false, error: { class: 'throw', reason: 'x' } },
      { ok: false, error: { class: 'throw', reason: 'x' } },
    ])
    expect(await stage.node.erpc([]).call('m', 'f', [])).toEqual([])
  })

  test('waits for each as long as it is told', async () => {
    const outcome = mailbox.erpc([here, 'far@away']).call('pricing', 'wait', [], { timeout: 100 })
    await stage.clock.run(101)
    expect(await outcome).toMatchObject([
      { node: here, ok: false, error: { code: 'ERR_REIGN_TIMEOUT' } },
      { node: 'far@away', ok: false, error: { code: 'ERR_REIGN_ERPC' } },
    ])
  })

  test('casts to all', async () => {
    let count = 0
    stage.node.expose('notes', { add: (by: number) => void (count += by) })
    stage.node.erpc([here, 'far@away', here]).cast('notes', 'add', [2])
    await stage.settle()
    expect(count).toBe(4)
  })
})

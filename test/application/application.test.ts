/** Applications on a node that is there: start, hooks, stop, and ends. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import {
  type ApplicationContext,
  type ApplicationDefinition,
  type ApplicationOptions,
  defineApplication,
  genServer,
  ignore,
  type RunningApplication,
  startApplication,
  startable,
  stop,
  supervisor,
  supervisorAt,
  sys,
} from '../../src/behaviour/index.js'
import { atom, ExitError, tuple } from '../../src/index.js'
import { KeptLog } from '../cluster/cluster-kit.js'
import { Stage } from '../process/puppet.js'

let stage: Stage
let log: KeptLog
let journal: string[]
beforeEach(async () => {
  log = new KeptLog()
  journal = []
  stage = await Stage.open({ logger: log })
})
afterEach(() => stage.node.stop())

const shutdown = atom('shutdown')

/** A child that says when it comes and goes. */
const worker = genServer({
  trapExit: true,
  init(name: string) {
    journal.push(`+${name}`)
    return name
  },
  casts: {
    end: (_, reason: unknown) => stop(reason),
  },
  terminate: (name) => void journal.push(`-${name}`),
})
const tree = (...names: string[]) =>
  supervisor({
    intensity: { restarts: 0, within: 1_000 },
    children: names.map((name) => ({ id: name, name, start: worker, args: [name] as [string] })),
  })

/** An application of these children, whose hooks are written down. */
function shop(more: Partial<ApplicationDefinition<never, unknown>> = {}, ...names: string[]) {
  return defineApplication({
    name: 'shop',
    start: () => ({ root: tree(...names), state: 'state' as unknown }),
    prepStop: (_, state) => void journal.push(`prepStop ${state}`),
    stop: (_, state) => void journal.push(`stop ${state}`),
    ...(more as object),
  })
}
const start = (application: ReturnType<typeof shop>, options?: ApplicationOptions): Promise<RunningApplication> =>
  startApplication(stage.node, application, options)
const news = () => journal.splice(0).join(', ')

describe('an application', () => {
  test('starts its tree, and stops it in order between its hooks', async () => {
    const running = await start(shop({}, 'a', 'b'))
    expect(news()).toBe('+a, +b')
    expect((await supervisorAt(stage.node, running.root).countChildren()).active).toBe(2)
    await running.stop()
    expect(news()).toBe('prepStop state, -b, -a, stop state')
    expect(await running.ended).toEqual({ reason: shutdown, asked: true })
    await running.stop()
    expect(log.at('error')).toEqual([])
  })

  test('gives its functions the node, the arguments and the configuration', async () => {
    const contexts: ApplicationContext<{ port: number }>[] = []
    const application = defineApplication({
      name: 'configured',
      config: z.object({ port: z.string().transform(Number) }),
      start: (context) => {
        contexts.push(context)
        return tree()
      },
      stop: (context) => void contexts.push(context),
    })
    const running = await startApplication(stage.node, application, { config: { port: '80' }, args: ['x'] })
    await running.stop()
    expect(contexts).toHaveLength(2)
    expect(contexts[1]).toBe(contexts[0])
    expect(contexts[0]).toMatchObject({ name: 'configured', args: ['x'], config: { port: 80 } })
    expect(contexts[0]?.node).toBe(stage.node)
    const wrong = startApplication(stage.node, application, { config: { port: 80 } })
    await expect(wrong).rejects.toMatchObject({
      code: 'ERR_REIGN_ARGUMENT',
      message: expect.stringMatching(/^the configuration of configured does not fit: port: /),
    })
    expect(contexts).toHaveLength(2)
  })

  test('without a schema is configured with whatever there is', async () => {
    let seen: unknown
    const application = defineApplication({
      name: 'loose',
      start: ({ config }) => {
        seen = config
        return tree()
      },
    })
    await startApplication(stage.node, application)
    expect(seen).toEqual({})
    await startApplication(stage.node, application, { config: { any: 1 } })
    expect(seen).toEqual({ any: 1 })
  })

  test('is to sys a process like any', async () => {
    let self: ApplicationContext | undefined
    const running = await start(
      shop({
        start: (context) => {
          self = context as ApplicationContext
          return { root: tree(), state: 'mine' }
        },
      }),
    )
    expect(self?.name).toBe('shop')
    const [master] = stage.node.processes().filter((each) => stage.node.processInfo(each)?.links.includes(running.root))
    if (master === undefined) return expect.unreachable('nobody is linked with the root')
    expect(await sys.getState(stage.node, master)).toBe('mine')
    await expect(sys.replaceState(stage.node, master, () => 'other')).rejects.toMatchObject({ code: 'ERR_REIGN_SYS' })
  })
})

describe('a start that fails', () => {
  const failing: [string, () => never | object, unknown][] = [
    [
      'its start throws',
      () => {
        throw new Error('no database')
      },
      expect.objectContaining({ message: 'no database' }),
    ],
    [
      'a child does not start',
      () => supervisor({ children: [{ id: 'x', start: startable(() => {}) }] }),
      tuple(shutdown, tuple(atom('failed_to_start_child'), 'x', atom('normal'))),
    ],
    ['the root had better not be there', () => startable((_, starting) => starting.ignore()), atom('ignore')],
    ['the root exits', () => startable((self) => self.exit('no')), 'no'],
  ]
  test.each(failing)('because %s is told, and leaves nothing', async (_, fails, reason) => {
    const before = stage.node.processes().length
    const error = await start(shop({ start: fails as never })).catch((e) => e)
    expect(error).toMatchObject({ name: 'StartError', code: 'ERR_REIGN_START', reason })
    expect(stage.node.processes()).toHaveLength(before)
    // Nothing was started that would have to be put away. OTP: neither is called.
    expect(news()).toBe('')
  })

  test.each([
    [{ name: '', start: () => tree() }, 'ERR_REIGN_ARGUMENT'],
    [{ name: 'x' }, 'ERR_REIGN_ARGUMENT'],
    [{ name: 'x', type: 'eternal', start: () => tree() }, 'ERR_REIGN_ARGUMENT'],
    [{ name: 'x', config: {}, start: () => tree() }, 'ERR_REIGN_SCHEMA'],
  ])('because %j is no definition is told at once', (definition, code) => {
    expect(() => defineApplication(definition as never)).toThrow(expect.objectContaining({ code }))
  })

  test.each([undefined, {}, { [Symbol.for('reign.application')]: true }])('%s is no application', async (value) => {
    await expect(start(value as never)).rejects.toMatchObject({ code: 'ERR_REIGN_ARGUMENT' })
  })
})

describe('an application whose tree ends', () => {
  test('ends with its reason, and puts away what it had', async () => {
    const running = await start(shop({}, 'a', 'b'))
    news()
    stage.node.server<typeof worker>('b').cast.end('broken')
    expect(await running.ended).toEqual({ reason: shutdown, asked: false })
    expect(news()).toBe('-b, -a, stop state')
    expect(log.at('error').map(({ message }) => message)).toContain('a supervisor gives up: too many restarts')
  })

  test.each([atom('normal'), 'broken'])('of one process alone ends as that does: %s', async (reason) => {
    const root = startable(async (self, starting) => {
      starting.ack()
      await self.receive()
      throw new ExitError(reason)
    })
    const running = await start(shop({ start: (() => ({ root, state: 1 })) as never }))
    ;(running.root as { send(message: unknown): void }).send('end')
    expect(await running.ended).toEqual({ reason, asked: false })
    expect(news()).toBe('stop 1')
  })

  test('because its context was asked to stop has ended as asked', async () => {
    let context: ApplicationContext | undefined
    const given = (made: ApplicationContext) => {
      context = made
      return { root: tree('a'), state: 2 }
    }
    const running = await start(shop({ start: given as never }))
    context?.stop()
    expect(await running.ended).toEqual({ reason: shutdown, asked: true })
    expect(news()).toBe('+a, prepStop 2, -a, stop 2')
  })
})

describe('hooks', () => {
  test('that throw are told, and the rest is stopped all the same', async () => {
    const fails = (what: string) => async () => {
      throw new Error(what)
    }
    const running = await start(shop({ prepStop: fails('one'), stop: fails('two') }, 'a'))
    await running.stop()
    expect(news()).toBe('+a, -a')
    expect(log.at('error')).toMatchObject([
      { message: 'a hook of the application threw', fields: { hook: 'prepStop', error: 'Error: one' } },
      { message: 'a hook of the application threw', fields: { hook: 'stop', error: 'Error: two' } },
    ])
  })

  test('are waited for: who is asked meanwhile still answers', async () => {
    const alive: boolean[] = []
    const running = await start(
      shop(
        {
          prepStop: async () => {
            await new Promise<void>((resolve) => stage.clock.setTimer(resolve, 1_000))
            alive.push(stage.node.whereis('a') !== undefined)
          },
        },
        'a',
      ),
    )
    const stopped = running.stop()
    await stage.settle()
    await stage.clock.advance(1_000)
    await stopped
    expect(alive).toEqual([true])
  })
})

describe('the stop of a node', () => {
  test('stops applications as trees: the last that was started first, each with its hooks', async () => {
    const named = (name: string) => ({
      start: () => ({ root: tree(`${name}1`, `${name}2`), state: name as unknown }),
    })
    const [one, two] = [await start(shop(named('x'))), await start(shop(named('y')))]
    news()
    await stage.node.stop()
    expect(news()).toBe('prepStop y, -y2, -y1, stop y, prepStop x, -x2, -x1, stop x')
    expect([await one.ended, await two.ended]).toEqual([
      { reason: shutdown, asked: true },
      { reason: shutdown, asked: true },
    ])
  })

  test.each(['prepStop', 'stop', 'start'])(
    'does not wait longer than its deadline for a %s that hangs',
    async (hook) => {
      const started = start(shop({ [hook]: () => new Promise(() => {}) }, 'a'))
      started.catch(() => {})
      await stage.settle()
      const stopped = stage.node.stop({ deadlineMs: 1_000 })
      await stage.clock.advance(1_000)
      await stopped
      expect(stage.node.processes()).toEqual([])
      if (hook === 'start') await expect(started).rejects.toBeDefined()
      else expect(await (await started).ended).toMatchObject({ asked: true })
    },
  )
})

test('a root that said ignore of itself is no root', async () => {
  const root = genServer({ init: () => ignore })
  await expect(start(shop({ start: (() => root) as never }))).rejects.toMatchObject({ reason: atom('ignore') })
})

import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { atom, ExitError, type Logger, type Process } from '../../src/index.js'
import { silent } from '../../src/logger.js'
import { sliceMs } from '../../src/process/scheduler.js'
import { type Puppet, Stage } from './puppet.js'

const normal = atom('normal')
const kill = atom('kill')
const killed = atom('killed')
const noproc = atom('noproc')

let stage: Stage
let crashes: object[]
beforeEach(async () => {
  crashes = []
  const logger: Logger = { ...silent, error: (fields) => crashes.push(fields) }
  stage = await Stage.open({ logger })
})
afterEach(() => stage.node.stop())

/** What becomes of a process that is sent an exit: `alive` and its inbox, or its reason. */
const outcome = (puppet: Puppet) =>
  stage.alive(puppet) ? { alive: stage.inbox(puppet) } : { reason: stage.reason(puppet) }

describe('an exit signal', () => {
  const exit = (reason: unknown) => [expect.objectContaining({ type: 'EXIT', reason })]
  const fault = new Error('fault')

  test.each([
    // asked by another, with exit(address, reason)
    ['asked for, normal, not trapping: ignored', 'asked', normal, false, { alive: [] }],
    ['asked for, normal, trapping: a message', 'asked', normal, true, { alive: exit(normal) }],
    ['asked for, kill, not trapping: killed', 'asked', kill, false, { reason: killed }],
    ['asked for, kill, trapping: killed all the same', 'asked', kill, true, { reason: killed }],
    ['asked for, killed, trapping: a message, as any other', 'asked', killed, true, { alive: exit(killed) }],
    ['asked for, another reason, not trapping: ends with it', 'asked', fault, false, { reason: fault }],
    ['asked for, another reason, trapping: a message', 'asked', fault, true, { alive: exit(fault) }],
    ['asked for, undefined, not trapping: a reason as good as any', 'asked', undefined, false, { reason: undefined }],
    // of a linked process that has ended
    ['of a link, normal, not trapping: ignored', 'link', normal, false, { alive: [] }],
    ['of a link, normal, trapping: a message', 'link', normal, true, { alive: exit(normal) }],
    ['of a link, kill, not trapping: ends with kill', 'link', kill, false, { reason: kill }],
    ['of a link, kill, trapping: a message', 'link', kill, true, { alive: exit(kill) }],
    ['of a link, another reason, not trapping: ends with it', 'link', fault, false, { reason: fault }],
    ['of a link, another reason, trapping: a message', 'link', fault, true, { alive: exit(fault) }],
    // of its own
    ['of itself, normal, not trapping: ends', 'self', normal, false, { reason: normal }],
    ['of itself, normal, trapping: a message', 'self', normal, true, { alive: exit(normal) }],
    ['of itself, kill, trapping: killed', 'self', kill, true, { reason: killed }],
    ['of itself, another reason, not trapping: ends with it', 'self', fault, false, { reason: fault }],
    ['of itself, another reason, trapping: a message', 'self', fault, true, { alive: exit(fault) }],
  ] as const)('%s', async (_, how, reason, trapExit, expected) => {
    const puppet = await stage.puppet({ trapExit })
    if (how === 'asked') stage.node.exit(puppet.self.address, reason)
    else if (how === 'self') {
      const act = () => puppet.self.exit(puppet.self.address, reason)
      if ('reason' in expected) expect(act).toThrow(ExitError)
      else act()
    } else {
      const other = await stage.puppet()
      puppet.self.link(other.self.address)
      expect(() => other.self.exit(reason)).toThrow(ExitError)
    }
    expect(outcome(puppet)).toEqual(expected)
  })

  test('from one process to another names its sender', async () => {
    const a = await stage.puppet()
    const b = await stage.puppet({ trapExit: true })
    a.self.exit(b.self.address, 'please')
    expect(stage.inbox(b)).toEqual([{ type: 'EXIT', from: a.self.address, reason: 'please' }])
  })

  test('to one who is not there does nothing', async () => {
    const a = await stage.puppet()
    const b = await stage.puppet({ trapExit: true })
    stage.node.exit(a.self.address, 'x')
    b.self.exit(a.self.address, 'y')
    stage.node.exit(a.self.address, 'z')
    expect(stage.reason(a)).toBe('x')
    expect(stage.inbox(b)).toEqual([])
  })
})

describe('a process ends with', () => {
  const reasonOf = async (run: (self: Process) => unknown) => {
    const watcher = stage.node.mailbox<{ reason: unknown }>()
    watcher.monitor(stage.node.spawn(run))
    await stage.settle()
    expect(watcher.length).toBe(1)
    return (await watcher.receive()).reason
  }

  test('normal, when its function returns, be it at once or later, whatever it returns', async () => {
    expect(await reasonOf(() => 42)).toBe(normal)
    expect(await reasonOf(async () => 42)).toBe(normal)
    expect(await reasonOf(() => undefined)).toBe(normal)
    expect(crashes).toEqual([])
  })

  test('what its function throws, at once or later: the very same value', async () => {
    const fault = new TypeError('x')
    const thrower = (value: unknown) => () => {
      throw value
    }
    expect(await reasonOf(thrower(fault))).toBe(fault)
    expect(await reasonOf(async () => thrower(fault)())).toBe(fault)
    expect(await reasonOf(() => Promise.reject(undefined))).toBe(undefined)
    expect(await reasonOf(thrower({ a: 1 }))).toEqual({ a: 1 })
  })

  test('what a promise of any make comes to', async () => {
    const makeOfItsOwn = {
      // biome-ignore lint/suspicious/noThenProperty: what is tested is a promise that is none of the engine's.
      then: (_: unknown, reject: (error: unknown) => void) => setImmediate(() => reject('own make')),
    }
    expect(await reasonOf(() => makeOfItsOwn)).toBe('own make')
  })

  test('the reason that it gives itself', async () => {
    expect(await reasonOf((self) => self.exit('enough'))).toBe('enough')
    expect(await reasonOf((self) => self.exit(undefined))).toBe(undefined)
    expect(await reasonOf(async (self) => self.exit(kill))).toBe(kill)
    expect(await reasonOf((self) => self.exit(normal))).toBe(normal)
    expect(crashes).toEqual([])
  })

  test('the reason that it gives itself, also when its function catches what exit throws, and goes on', async () => {
    expect(
      await reasonOf(async (self) => {
        try {
          self.exit('first')
        } catch {}
        try {
          self.exit('second')
        } catch {}
        throw new Error('third')
      }),
    ).toBe('first')
    expect(crashes).toEqual([])
  })

  test('the reason of another’s exit that it awaited and let pass: no fault of its own, so not said to the logger', async () => {
    const other = await stage.puppet()
    const wait = other.self.receive()
    const reason = reasonOf(() => wait)
    stage.node.exit(other.self.address, 'of the other')
    expect(await reason).toBe('of the other')
    expect(crashes).toEqual([])
  })

  test('the first reason of several', async () => {
    const puppet = await stage.puppet()
    const watcher = stage.node.mailbox()
    watcher.monitor(puppet.self.address)
    stage.node.exit(puppet.self.address, 'first')
    stage.node.exit(puppet.self.address, kill)
    puppet.throw('third')
    await stage.settle()
    expect(watcher.peek()).toEqual([expect.objectContaining({ reason: 'first' })])
  })
})

describe('a throw is said to the logger', () => {
  test('with the process, its name, its function and the stack', async () => {
    const process = stage.node.spawn({ name: 'clerk' }, function counting() {
      throw new RangeError('too many')
    })
    await stage.settle()
    expect(crashes).toEqual([
      {
        process: String(process),
        name: 'clerk',
        function: 'counting',
        reason: 'RangeError: too many',
        stack: expect.stringContaining('exits.test.ts'),
      },
    ])
  })

  test('an exit is not: somebody wanted it', async () => {
    const [a, b] = (await stage.puppets(2)) as [Puppet, Puppet]
    a.self.link(b.self.address)
    stage.node.exit(a.self.address, 'x')
    stage.node.spawn((self) => self.exit('y'))
    await stage.settle()
    expect(stage.alive(b)).toBe(false)
    expect(crashes).toEqual([])
  })

  test('a logger that throws keeps nobody from ending', async () => {
    await using other = await Stage.open({
      logger: {
        ...silent,
        error: () => {
          throw new Error('the disk is full')
        },
      },
    })
    const watcher = other.node.mailbox<{ reason: unknown }>()
    for (let i = 0; i < 3; i++) watcher.monitor(other.node.spawn(() => Promise.reject(i)))
    await other.settle()
    expect(watcher.peek().map((down) => (down as { reason: unknown }).reason)).toEqual([0, 1, 2])
  })
})

describe('a process that is ended by another', () => {
  test('is over for everybody at once: names, addresses, links, monitors', async () => {
    const watcher = stage.node.mailbox<{ type: string }>()
    const puppet = await stage.puppet({ name: 'clerk' })
    watcher.monitor(puppet.self.address)
    watcher.link(puppet.self.address)
    stage.node.exit(puppet.self.address, 'x')
    expect(stage.node.whereis('clerk')).toBe(undefined)
    expect(stage.node.isAlive(puppet.self.address)).toBe(false)
    expect(stage.node.processInfo(puppet.self.address)).toBe(undefined)
    expect(stage.node.processes()).not.toContain(puppet.self.address)
    expect(watcher.peek()).toHaveLength(2)
  })

  test.each<[string, (self: Process) => Promise<unknown>]>([
    ['a receive', (self) => self.receive()],
    ['a receive with a time', (self) => self.receive({ timeout: 10_000 })],
    ['a receive with a pattern', (self) => self.receive({ type: 'x' })],
    [
      'a loop',
      async (self) => {
        for await (const _ of self);
      },
    ],
    ['a call', (self) => self.call(stage.node.mailbox().address, 'request', { timeout: 10_000 })],
    [
      'its signal',
      (self) =>
        new Promise((_, reject) => {
          self.signal.addEventListener('abort', () => reject(self.signal.reason))
        }),
    ],
  ])('is woken from %s by an ExitError; finally and using run', async (_, wait) => {
    const seen: unknown[] = []
    const address = stage.node.spawn(async (self) => {
      using _ = { [Symbol.dispose]: () => seen.push('disposed') }
      try {
        await wait(self)
        seen.push('went on')
      } catch (error) {
        seen.push((error as ExitError).code, (error as ExitError).reason)
        throw error
      } finally {
        seen.push('finally')
      }
    })
    await stage.settle()
    stage.node.exit(address, 'over')
    await stage.settle()
    expect(seen).toEqual(['ERR_REIGN_EXIT', 'over', 'finally', 'disposed'])
    expect(stage.clock.holdsProgram).toBe(false)
    expect(crashes).toEqual([])
  })

  test('before its function has begun never begins; who watches is told', async () => {
    let began = false
    const watcher = stage.node.mailbox<{ reason: unknown }>()
    const address = stage.node.spawn(() => {
      began = true
    })
    watcher.monitor(address)
    stage.node.exit(address, 'too early')
    await stage.settle()
    expect(began).toBe(false)
    expect(await watcher.receive()).toMatchObject({ reason: 'too early' })
  })

  test('while it awaits something of its own goes on to its next wait on the runtime, and its result is nobody’s', async () => {
    let goOn: (() => void) | undefined
    const seen: string[] = []
    const watcher = stage.node.mailbox<{ reason: unknown }>()
    const address = stage.node.spawn(async (self) => {
      await new Promise<void>((resolve) => {
        goOn = resolve
      })
      seen.push(`alive: ${self.alive}`)
      await self.receive().catch((error) => seen.push(error.code))
      throw new Error('a last word that nobody hears')
    })
    watcher.monitor(address)
    await stage.settle()
    stage.node.exit(address, 'x')
    expect(watcher.length).toBe(1)
    goOn?.()
    await stage.settle()
    expect(seen).toEqual(['alive: false', 'ERR_REIGN_EXIT'])
    expect(watcher.peek()).toEqual([expect.objectContaining({ reason: 'x' })])
    expect(crashes).toEqual([])
  })

  test('with a message on its way, and its turn still to come, does not go on with it', async () => {
    let goneOn = false
    const address = stage.node.spawn(async (self) => {
      await self.receive()
      goneOn = true
    })
    await stage.settle()
    // A slice that is used up: from here on, those who get a message have to wait for a turn of the event loop.
    const busy = stage.node.mailbox()
    for (let i = 0; i < 2; i++) {
      void busy.receive()
      busy.address.send(i)
      stage.clock.advance(sliceMs)
    }
    address.send('on its way')
    stage.node.exit(address, kill)
    await stage.settle()
    expect(goneOn).toBe(false)
    expect(stage.node.deadLetters.counts.noproc).toBe(1)
  })

  test('can do nothing any more that ties it to others', async () => {
    const { self } = await stage.puppet()
    const other = await stage.puppet()
    stage.node.exit(self.address, 'x')
    self.link(other.self.address)
    self.monitor(other.self.address)
    const alias = self.alias()
    const before = stage.node.processes().length
    const gone = expect.objectContaining({ code: 'ERR_REIGN_EXIT' })
    expect(() => self.spawnLink(() => {})).toThrow(gone)
    expect(() => self.spawnMonitor(() => {})).toThrow(gone)
    expect(stage.node.processes()).toHaveLength(before)
    expect(stage.node.processInfo(other.self.address)).toMatchObject({ links: [], monitored_by: [] })
    stage.node.send(alias, 'to nobody')
    expect(stage.node.deadLetters.counts.noalias).toBe(1)
    await expect(self.call(other.self.address, 'x')).rejects.toMatchObject({ code: 'ERR_REIGN_EXIT', reason: 'x' })
    expect(() => self.poll()).toThrow(gone)
  })
})

describe('the signal of a process', () => {
  test('is aborted with its exit, by whichever way', async () => {
    const [a, b, c] = (await stage.puppets(3)) as [Puppet, Puppet, Puppet]
    const signals = [a, b, c].map(({ self }) => self.signal)
    a.return()
    b.throw('fault')
    stage.node.exit(c.self.address, kill)
    await stage.settle()
    expect(signals.map((signal) => signal.reason?.reason)).toEqual([normal, 'fault', killed])
    for (const signal of signals) expect(signal.reason).toMatchObject({ code: 'ERR_REIGN_EXIT' })
  })

  test('that is asked for afterwards is aborted already', async () => {
    const { self } = await stage.puppet()
    stage.node.exit(self.address, 'x')
    expect(self.signal.aborted).toBe(true)
    expect(self.signal.reason).toMatchObject({ reason: 'x' })
    expect(self.signal).toBe(self.signal)
  })

  test('serves many waits at once without a warning', async () => {
    const warnings: Error[] = []
    const listen = (warning: Error) => warnings.push(warning)
    process.on('warning', listen)
    const mailbox = stage.node.mailbox()
    const { self } = await stage.puppet()
    const waits = Array.from({ length: 100 }, () => mailbox.receive({ signal: self.signal }).catch(() => 'ended'))
    await stage.settle()
    stage.node.exit(self.address, 'x')
    expect(new Set(await Promise.all(waits))).toEqual(new Set(['ended']))
    process.off('warning', listen)
    expect(warnings).toEqual([])
  })
})

describe('the order of an end', () => {
  test('what a function sends before it ends, in its finally too, comes before the notice', async () => {
    const watcher = stage.node.mailbox<unknown>()
    const address = stage.node.spawn(async () => {
      try {
        watcher.address.send('in the function')
        throw new Error('x')
      } finally {
        watcher.address.send('in its finally')
      }
    })
    watcher.monitor(address)
    await stage.settle()
    expect(watcher.peek()).toEqual([
      'in the function',
      'in its finally',
      expect.objectContaining({ type: 'DOWN', address }),
    ])
  })

  test('a monitor made in the instant of the death fires once, be it before or after', async () => {
    const watcher = stage.node.mailbox<{ reason: unknown }>()
    const puppet = await stage.puppet()
    const before = watcher.monitor(puppet.self.address)
    puppet.self.signal.addEventListener('abort', () => {
      // In the middle of its end: it is gone already.
      watcher.monitor(puppet.self.address)
      watcher.link(puppet.self.address)
    })
    stage.node.exit(puppet.self.address, 'x')
    const after = watcher.monitor(puppet.self.address)
    await stage.settle()
    const seen = watcher.peek() as { type: string; ref?: unknown; reason: unknown }[]
    expect(seen.map(({ type, reason }) => [type, reason])).toEqual([
      ['DOWN', 'x'],
      ['DOWN', noproc],
      ['EXIT', noproc],
      ['DOWN', noproc],
    ])
    expect(seen[0]?.ref).toBe(before)
    expect(seen[3]?.ref).toBe(after)
  })

  test('ends that follow from ends are announced one after the other: what links bring before what comes later', async () => {
    const watcher = stage.node.mailbox<{ address: unknown }>()
    const [a, b, c] = (await stage.puppets(3)) as [Puppet, Puppet, Puppet]
    a.self.link(b.self.address)
    b.self.link(c.self.address)
    for (const { self } of [c, b, a]) watcher.monitor(self.address)
    stage.node.exit(a.self.address, 'x')
    expect(watcher.peek().map((down) => (down as { address: unknown }).address)).toEqual(
      [a, b, c].map(({ self }) => self.address),
    )
  })
})

test('a process that throws ends alone: its siblings and the program go on', async () => {
  const siblings = await stage.puppets(3)
  for (let i = 0; i < 10; i++) stage.node.spawn(async () => Promise.reject(new Error(`${i}`)))
  await stage.settle()
  expect(siblings.every((sibling) => stage.alive(sibling))).toBe(true)
  expect(crashes).toHaveLength(10)
})

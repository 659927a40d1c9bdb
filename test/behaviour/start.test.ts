import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Address, atom, type Behaviour, type Process, StartError, type Starting, tuple } from '../../src/index.js'
import { type Puppet, Stage } from '../process/puppet.js'

let stage: Stage
beforeEach(async () => {
  stage = await Stage.open()
})
afterEach(() => stage.node.stop())

const { normal, shutdown } = { normal: atom('normal'), shutdown: atom('shutdown') }

type Init = (self: Process<unknown>, starting: Starting) => unknown

/** A behaviour that is nothing but its init, and then waits; its handle is its address. */
const behaviour = (init: Init): Behaviour<[], Address<unknown>> => ({
  behaviour: 'gen_test',
  async run(self, starting) {
    await init(self, starting)
    starting.ack()
    await self.receive({ type: 'stop' })
  },
  handle: (address) => address,
})
const ready = behaviour(() => {})
const failing = behaviour(() => {
  throw new Error('no database')
})
const hanging = behaviour((self) => self.receive())

const failure = (starting: Promise<unknown>): Promise<StartError> =>
  starting.then(
    () => expect.unreachable('it has started'),
    (error) => error,
  )

describe('a start', () => {
  test('gives the handle once the process says that it has started, not before', async () => {
    let started = false
    const start = stage.node.start(hanging).then((address) => {
      started = true
      return address
    })
    await stage.settle()
    expect(started).toBe(false)
    const [child] = stage.node.processes().slice(-1) as [Address<unknown>]
    child.send('go on')
    expect(await start).toBe(child)
    expect(stage.node.isAlive(child)).toBe(true)
  })

  test('passes the arguments on, and what handle makes of the address', async () => {
    const greeter: Behaviour<[greeting: string, times: number], { text: string; address: Address<unknown> }> = {
      behaviour: 'gen_test',
      async run(self, starting, greeting, times) {
        starting.ack()
        for await (const message of self) (message as Address<unknown>).send(greeting.repeat(times))
      },
      handle: (address) => ({ text: 'handle', address }),
    }
    const { text, address } = await stage.node.start(greeter, 'ha', 2)
    using mailbox = stage.node.mailbox()
    address.send(mailbox.address)
    expect([text, await mailbox.receive()]).toEqual(['handle', 'haha'])
  })

  test('leaves nothing behind: no monitor, no timer', async () => {
    const monitors = () => stage.node.processInfo(stage.node.system.self)?.monitors
    const before = monitors()
    await stage.node.start({ timeout: 5_000 }, ready)
    expect(monitors()).toEqual(before)
    expect(stage.clock.holdsProgram).toBe(false)
  })

  test('gives undefined when the process had better not be there', async () => {
    const ignoring = behaviour((_, starting) => starting.ignore())
    expect(await stage.node.start({ name: 'nobody' }, ignoring)).toBeUndefined()
    expect(stage.node.whereis('nobody')).toBeUndefined()
  })

  test('of the first word, only the first counts', async () => {
    const babbling = behaviour((_, starting) => {
      starting.ack()
      starting.ack()
      starting.ignore()
    })
    const address = await stage.node.start(babbling)
    expect(address).toBeDefined()
    await stage.settle()
    expect(stage.node.isAlive(address)).toBe(false)
  })

  test('of something that is no behaviour is refused', async () => {
    const wrong = stage.node.start as unknown as (...args: unknown[]) => Promise<unknown>
    for (const args of [[], [{}], [{ name: 'x' }, {}], ['counter', {}]]) {
      await expect(wrong.apply(stage.node, args)).rejects.toMatchObject({ code: 'ERR_REIGN_ARGUMENT' })
    }
    await expect(stage.node.start({ timeout: Number.NaN }, ready)).rejects.toMatchObject({ code: 'ERR_REIGN_ARGUMENT' })
  })
})

describe('a name', () => {
  test('is there from birth, so before init', async () => {
    let found: unknown
    const curious = behaviour((self, starting) => {
      found = [starting.name, stage.node.whereis('curious') === self.address]
    })
    await stage.node.start({ name: 'curious' }, curious)
    expect(found).toEqual(['curious', true])
  })

  test('that is taken fails the start with who has it', async () => {
    const first = await stage.node.start({ name: 'one' }, ready)
    const error = await failure(stage.node.start({ name: 'one' }, ready))
    expect(error).toMatchObject({ code: 'ERR_REIGN_START', cause: { code: 'ERR_REIGN_NAME_TAKEN' } })
    expect(error.reason).toEqual(tuple(atom('already_started'), first))
  })

  test.each([
    ['throws', failing, {}],
    ['exits', behaviour((self) => self.exit(shutdown)), {}],
    ['takes too long', hanging, { timeout: 100 }],
  ])('is free again when the starter learns that init %s', async (_, what, options) => {
    const start = failure(stage.node.start({ name: 'one', ...options }, what))
    const freed = start.then(() => stage.node.whereis('one'))
    await stage.clock.run(100)
    expect(await freed).toBeUndefined()
    await stage.node.start({ name: 'one' }, ready)
  })
})

describe('a failed start', () => {
  test.each([
    ['the error that init threw', failing, new Error('no database')],
    ['the reason that init exited with', behaviour((self) => self.exit(tuple('bad', 1))), tuple('bad', 1)],
    ['normal, when the process returned without a word', { ...ready, run: () => {} }, normal],
  ])('tells %s', async (_, what, reason) => {
    const error = await failure(stage.node.start(what))
    expect(error).toBeInstanceOf(StartError)
    expect(error.reason).toEqual(reason)
    expect(error.cause).toEqual(reason)
  })

  test('by time is a kill, whatever init does', async () => {
    const stubborn = behaviour((self) => {
      self.trapExit = true
      return new Promise(() => {})
    })
    const before = stage.node.processes().length
    const start = failure(stage.node.start({ timeout: 100 }, stubborn))
    await stage.clock.run(99)
    expect(stage.node.processes()).toHaveLength(before + 1)
    await stage.clock.run(1)
    expect((await start).reason).toBe(atom('timeout'))
    expect(stage.node.processes()).toHaveLength(before)
  })

  test('of one that is killed by somebody else tells that', async () => {
    const start = failure(stage.node.start({ name: 'victim' }, hanging))
    await stage.settle()
    stage.node.exit(stage.node.whereis('victim') as Address<unknown>, atom('kill'))
    expect((await start).reason).toBe(atom('killed'))
  })

  test('on a node that stops meanwhile, or has stopped', async () => {
    const start = failure(stage.node.start(hanging))
    await stage.settle()
    await stage.node.stop()
    expect((await start).code).toBe('ERR_REIGN_NODE_STOPPED')
    expect(await failure(stage.node.start(ready))).toMatchObject({ code: 'ERR_REIGN_NODE_STOPPED' })
  })
})

describe('a start by a process', () => {
  let parent: Puppet
  beforeEach(async () => {
    parent = await stage.puppet({ trapExit: true })
  })

  test('links both, from before init', async () => {
    let atInit: unknown
    const child = await parent.self.start(
      behaviour((self, starting) => {
        atInit = [starting.parent, stage.node.processInfo(self.address)?.links]
      }),
    )
    expect(atInit).toEqual([parent.self.address, [parent.self.address]])
    stage.node.exit(child, 'later')
    await stage.settle()
    expect(stage.inbox(parent)).toEqual([{ type: 'EXIT', from: child, reason: 'later' }])
  })

  test.each([
    ['fails', failing, {}],
    ['is late', hanging, { timeout: 100 }],
    ['exits', behaviour((self) => self.exit(shutdown)), {}],
  ])('when init %s, and it traps exits: the error, and no exit beside it', async (_, what, options) => {
    const start = failure(parent.self.start(options, what))
    await stage.clock.run(100)
    expect((await start).code).toBe('ERR_REIGN_START')
    await stage.settle()
    expect(stage.inbox(parent)).toEqual([])
    expect(stage.node.processInfo(parent.self.address)).toMatchObject({ links: [], monitors: [] })
  })

  test('when init says that it had better not be there: no exit either', async () => {
    expect(await parent.self.start(behaviour((_, starting) => starting.ignore()))).toBeUndefined()
    await stage.settle()
    expect(stage.inbox(parent)).toEqual([])
  })

  test('when init fails, and it does not trap exits: it ends too', async () => {
    parent.self.trapExit = false
    const start = failure(parent.self.start(failing))
    expect((await start).code).toBe('ERR_REIGN_EXIT')
    expect(stage.reason(parent)).toEqual(new Error('no database'))
  })

  test('that ends while it waits ends the child, which never started', async () => {
    const start = failure(parent.self.start({ name: 'child' }, hanging))
    await stage.settle()
    parent.throw('gone')
    expect((await start).code).toBe('ERR_REIGN_EXIT')
    await stage.settle()
    expect(stage.node.whereis('child')).toBeUndefined()
  })

  test('that has ended is refused', async () => {
    parent.return()
    await stage.settle()
    expect(await failure(parent.self.start(ready))).toMatchObject({ code: 'ERR_REIGN_EXIT' })
  })
})

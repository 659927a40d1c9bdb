import { describe, expect, test } from 'vitest'
import { dynamicSupervisor, genServer, supervisor } from '../../src/behaviour/index.js'
import { atom, type ExitError, Node, type Process } from '../../src/index.js'
import { Nursery } from '../behaviour/supervised.js'
import { Stage } from '../process/puppet.js'

const stopped = expect.objectContaining({ code: 'ERR_REIGN_NODE_STOPPED' })

test('ends every process with shutdown and every mailbox without fault, trapping or not', async () => {
  const stage = await Stage.open()
  const seen: unknown[] = []
  const ends = (name: string) => async (self: Process) => {
    self.trapExit = true
    try {
      await self.receive()
    } catch (error) {
      seen.push([name, (error as ExitError).reason])
    } finally {
      seen.push([name, 'finally'])
    }
  }
  stage.node.spawn(ends('a'))
  stage.node.spawn({ name: 'b' }, ends('b'))
  const mailbox = stage.node.mailbox()
  const wait = mailbox.receive().catch((error) => [error.code, error.reason])
  const loop = (async () => {
    for await (const _ of stage.node.mailbox());
    return 'over'
  })()
  await stage.settle()
  await stage.node.stop()
  await stage.settle()
  expect(await wait).toEqual(['ERR_REIGN_CLOSED', atom('normal')])
  expect(await loop).toBe('over')
  expect(seen).toEqual([
    ['a', atom('shutdown')],
    ['a', 'finally'],
    ['b', atom('shutdown')],
    ['b', 'finally'],
  ])
  expect(stage.node.processes()).toEqual([])
  expect(stage.node.registered()).toEqual([])
})

test('ends all timers, so that the program can end', async () => {
  const stage = await Stage.open()
  const mailbox = stage.node.mailbox()
  stage.node.sendAfter(1_000, mailbox.address, 'x')
  mailbox.receive({ timeout: 5_000 }).catch(() => {})
  stage.node.call(mailbox.address, 'x').catch(() => {})
  await stage.node.stop()
  expect(stage.clock.holdsProgram).toBe(false)
  expect(stage.clock.timersPending).toBe(0)
})

test('afterwards nothing can be opened, started, registered or called; what is sent goes nowhere, nobody is found', async () => {
  const stage = await Stage.open()
  const { node } = stage
  const { self } = await stage.puppet({ name: 'clerk' })
  const mailbox = node.mailbox()
  await node.stop()
  expect(() => node.mailbox()).toThrow(stopped)
  expect(() => node.spawn(() => {})).toThrow(stopped)
  expect(() => node.spawn({ name: 'x' }, () => {})).toThrow(stopped)
  expect(() => self.spawn(() => {})).toThrow(stopped)
  expect(() => node.register('x', mailbox.address)).toThrow(stopped)
  expect(() => node.sendAfter(1, mailbox.address, 1 as never)).toThrow(stopped)
  expect(() => node.startTimer(1, mailbox.address as never, 1)).toThrow(stopped)
  await expect(node.call('clerk', 1)).rejects.toEqual(stopped)
  await expect(node.spawnOn(node.name, 'm', 'f', [])).rejects.toEqual(stopped)
  expect(node.send('clerk', 1)).toBe(true)
  expect(mailbox.address.send('x')).toBe(true)
  node.exit(self.address, 'x')
  expect(node.deadLetters.counts).toMatchObject({ noproc: 1, noname: 1 })
  expect(node.whereis('clerk')).toBe(undefined)
  expect(node.isAlive(self.address)).toBe(false)
})

test('twice is once; await using stops at the end of the block', async () => {
  let kept: Node
  {
    await using node = await Node.local()
    kept = node
    node.mailbox()
  }
  await kept.stop()
  expect(() => kept.mailbox()).toThrow(stopped)
})

test('links and monitors between those that are stopped tell nobody anything wrong: each ends once', async () => {
  const stage = await Stage.open()
  const [a, b] = await stage.puppets(2)
  if (a === undefined || b === undefined) throw new Error('unreachable')
  a.self.link(b.self.address)
  b.self.monitor(a.self.address)
  await stage.node.stop()
  expect([stage.reason(a), stage.reason(b)]).toEqual([atom('shutdown'), atom('shutdown')])
})

test('a process that spawns when it ends is refused', async () => {
  const stage = await Stage.open()
  let refused: unknown
  stage.node.spawn((self) => {
    self.signal.addEventListener('abort', () => {
      try {
        self.spawn(() => {})
      } catch (error) {
        refused = error
      }
    })
    return new Promise(() => {})
  })
  await stage.settle()
  await stage.node.stop()
  expect(refused).toEqual(stopped)
  expect(stage.node.processes()).toEqual([])
})

describe('supervision trees', () => {
  test('stop in order before all else ends: the last that was started first, children in reverse, branches whole', async () => {
    await using nursery = await Nursery.open()
    const { node } = nursery.stage
    node.spawn(async (self) => {
      await self.receive().catch(() => nursery.journal.push('-process'))
    })
    await nursery.supervisor([nursery.spec('a'), nursery.spec('b')])
    const branch = supervisor(() => ({ children: [nursery.spec('d'), nursery.spec('e')] }))
    await nursery.supervisor([nursery.spec('c'), { id: 'branch', start: branch }, nursery.spec('f')])
    await node.start(dynamicSupervisor({ start: nursery.worker, args: [nursery] }))
    nursery.news()
    await node.stop()
    await nursery.stage.settle()
    expect(nursery.news()).toBe('-f -e -d -c -b -a -process')
    expect(nursery.texts()).toEqual([])
  })

  test('a tree whose root was started by a process stops too, and one that has ended is not asked', async () => {
    await using nursery = await Nursery.open()
    const { node } = nursery.stage
    const gone = await nursery.supervisor([nursery.spec('a')])
    node.spawn(async (self) => {
      await self.start(supervisor(() => ({ children: [nursery.spec('b')] })))
      await self.receive()
    })
    await nursery.stage.settle()
    await gone.stop()
    await nursery.stage.settle()
    expect(nursery.news()).toBe('+a +b -a')
    await node.stop()
    expect(nursery.news()).toBe('-b')
  })

  test('what is started while they stop, stops in order as well', async () => {
    await using nursery = await Nursery.open()
    const { node } = nursery.stage
    const last = genServer({
      trapExit: true,
      init: () => ({}),
      async terminate() {
        await nursery.supervisor([nursery.spec('late')])
      },
    })
    await node.start(supervisor({ children: [{ id: 'last', start: last }] }))
    await node.stop()
    expect(nursery.news()).toBe('+late -late')
  })

  test('a child may call those of its tree that go after it while it stops', async () => {
    await using nursery = await Nursery.open()
    const { node } = nursery.stage
    const kept: unknown[] = []
    const first = genServer({ init: () => 1, calls: { plus: (state, n: number) => state + n } })
    const last = genServer({
      trapExit: true,
      init: () => ({}),
      async terminate() {
        kept.push(await node.server<typeof first>('first').call.plus(2))
      },
    })
    await node.start(
      supervisor({
        children: [
          { id: 'first', start: first, name: 'first' },
          { id: 'last', start: last },
        ],
      }),
    )
    await node.stop()
    expect(kept).toEqual([3])
  })

  test('a child that does not end is killed when its supervisor says so; then the others go on', async () => {
    await using nursery = await Nursery.open()
    const { clock, node } = nursery.stage
    nursery.stubborn.add('b')
    await nursery.supervisor([nursery.spec('a'), nursery.spec('b', { shutdown: 2_000 })])
    nursery.news()
    const from = clock.now()
    const stopped = node.stop().then(() => clock.now() - from)
    await clock.run(10_000)
    expect(await stopped).toBe(2_000)
    expect(nursery.news()).toBe('-a')
  })

  test.each([
    ['nine tenths of the deadline', undefined, 9_000],
    ['as much of one that was given', 1_000, 900],
    ['nothing of none', 0, 0],
  ])('a tree that does not stop takes %s; then all that is left ends at once', async (_, deadlineMs, expected) => {
    await using nursery = await Nursery.open()
    const { clock, node } = nursery.stage
    nursery.stubborn.add('b')
    await nursery.supervisor([nursery.spec('a')])
    const stuck = await nursery.supervisor([nursery.spec('b', { shutdown: Number.POSITIVE_INFINITY })])
    const from = clock.now()
    const stopped = node.stop({ deadlineMs }).then(() => clock.now() - from)
    await clock.run(20_000)
    expect(await stopped).toBe(expected)
    expect(node.processes()).toEqual([])
    expect(nursery.isAlive(stuck)).toBe(false)
  })

  test('a further call shortens the wait for them; one with more time changes nothing', async () => {
    await using nursery = await Nursery.open()
    const { clock, node } = nursery.stage
    nursery.stubborn.add('b')
    await nursery.supervisor([nursery.spec('b', { shutdown: Number.POSITIVE_INFINITY })])
    const from = clock.now()
    const timed = (deadlineMs: number) => node.stop({ deadlineMs }).then(() => clock.now() - from)
    const stops = [timed(10_000)]
    await clock.run(1_000)
    stops.push(timed(20_000), timed(500))
    await clock.run(20_000)
    expect(await Promise.all(stops)).toEqual([1_450, 1_450, 1_450])
  })
})

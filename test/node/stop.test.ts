import { expect, test } from 'vitest'
import { atom, type ExitError, Node, type Process } from '../../src/index.js'
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

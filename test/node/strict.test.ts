/** Nodes that pass every local message through a codec: here one that copies plain data, and refuses functions. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { genServer, reenter } from '../../src/behaviour/index.js'
import { type Caller, callIn, type Down, type Exit, isTuple, type Process, tuple } from '../../src/index.js'
import { LocalNode } from '../../src/node/local-node.js'
import { VirtualClock } from '../support/virtual-clock.js'

function copy(message: unknown): unknown {
  if (typeof message === 'function') throw new TypeError('functions cannot be sent')
  if (isTuple(message)) return tuple(...message.map(copy))
  if (Array.isArray(message)) return message.map(copy)
  if (typeof message !== 'object' || message === null || Object.getPrototypeOf(message) !== Object.prototype)
    return message
  return Object.fromEntries(Object.entries(message).map(([key, value]) => [key, copy(value)]))
}

let clock: VirtualClock
let node: LocalNode
beforeEach(() => {
  clock = new VirtualClock()
  node = new LocalNode({ name: 'strict@127.0.0.1', creation: 7, clock, copy })
})
afterEach(() => node.stop())

test('what is sent arrives as a copy', async () => {
  const mailbox = node.mailbox<{ list: number[] }>()
  const message = { list: [1] }
  mailbox.address.send(message)
  message.list.push(2)
  const got = await mailbox.receive()
  expect(got).toEqual({ list: [1] })
})

test('what cannot be encoded is the mistake of its sender, and disturbs nobody else', async () => {
  const mailbox = node.mailbox<unknown>()
  const waiting = mailbox.receive()
  expect(() => mailbox.address.send(() => {})).toThrow('functions cannot be sent')
  mailbox.address.send('next')
  expect(await waiting).toBe('next')
  const server = node.mailbox()
  await expect(node.call(server.address, () => {})).rejects.toThrow('functions cannot be sent')
  expect(node.processInfo(server.address)).toMatchObject({ monitored_by: [], message_queue_len: 0 })
  expect(clock.holdsProgram).toBe(false)
})

test('a reply arrives as a copy; one that cannot be encoded is the mistake of who replies', async () => {
  const server = node.mailbox<unknown>()
  const answer = node.call(server.address, 'x')
  const { from } = callIn(await server.receive()) as { from: Caller }
  expect(() => server.reply(from, () => {})).toThrow('functions cannot be sent')
  const value = { list: [1] }
  server.reply(from, value)
  value.list.push(2)
  expect(await answer).toEqual({ list: [1] })
})

test('an end whose reason cannot be encoded is told all the same, to everybody, in words', async () => {
  const watchers = [1, 2, 3].map(() => node.mailbox<Down | Exit>())
  const process = node.spawn(async (self: Process) => {
    await self.receive()
    throw { held: () => {} }
  })
  for (const watcher of watchers) {
    watcher.monitor(process)
    watcher.link(process)
  }
  process.send('end')
  await clock.settle()
  for (const watcher of watchers) {
    expect(watcher.peek()).toEqual([
      expect.objectContaining({ type: 'EXIT', reason: 'TypeError: functions cannot be sent' }),
      expect.objectContaining({ type: 'DOWN', reason: 'TypeError: functions cannot be sent' }),
    ])
  }
  // And the ends after it are announced as ever.
  const late = node.mailbox<unknown>()
  const other = node.mailbox()
  late.monitor(other.address)
  other.close('x')
  expect(late.peek()).toEqual([expect.objectContaining({ reason: 'x' })])
})

test('a timer whose message cannot be encoded fires into nothing, and the others fire', async () => {
  const mailbox = node.mailbox<unknown>()
  node.sendAfter(10, mailbox.address, () => {})
  node.sendAfter(10, mailbox.address, 'next')
  await clock.run(10)
  expect(mailbox.peek()).toEqual(['next'])
})

test('a gen_server works as ever, and shares nothing with its callers', async () => {
  const notes = genServer({
    init: (list: string[]) => ({ list }),
    calls: {
      list: (state) => state.list,
      later: (state) => reenter(Promise.resolve('later'), (word) => [...state.list, word]),
    },
    casts: { add: (state, words: string[]) => void state.list.push(...words) },
  })
  const server = await node.start(notes, ['a'])
  const words = ['b']
  server.cast.add(words)
  words.push('never sent')
  const list = await server.call.list()
  list.push('not the server’s')
  expect(await server.call.later()).toEqual(['a', 'b', 'later'])
})

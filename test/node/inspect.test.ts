import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { named, type Process } from '../../src/index.js'
import { type Puppet, Stage } from '../process/puppet.js'

let stage: Stage
beforeEach(async () => {
  stage = await Stage.open()
})
afterEach(() => stage.node.stop())

describe('processInfo', () => {
  test('tells what a process is doing, in Erlang’s items', async () => {
    const [a, b] = (await stage.puppets(2)) as [Puppet, Puppet]
    a.self.link(b.self.address)
    b.self.monitor(a.self.address)
    a.self.monitor(named('clerk', stage.node.name))
    b.self.trapExit = true
    stage.node.register('clerk', b.self.address)
    b.self.address.send('hello')
    expect({ ...stage.node.processInfo(b.self.address) }).toEqual({
      registered_name: 'clerk',
      status: 'waiting',
      message_queue_len: 1,
      messages: ['hello'],
      links: [a.self.address],
      monitors: [a.self.address],
      monitored_by: [],
      trap_exit: true,
      initial_call: 'run',
      group_leader: stage.node.whereis('user'),
    })
    expect(stage.node.processInfo(a.self.address)).toMatchObject({ monitored_by: [b.self.address] })
  })

  test('says waiting of one in a receive, a loop or a receive with a pattern, and running of one that is not', async () => {
    let goOn: (() => void) | undefined
    const own = new Promise<void>((resolve) => {
      goOn = resolve
    })
    const of = {
      receive: stage.node.spawn(async (self) => self.receive()),
      pattern: stage.node.spawn(async (self) => self.receive({ type: 'x' })),
      loop: stage.node.spawn(async (self) => {
        for await (const _ of self);
      }),
      own: stage.node.spawn(async () => own),
    }
    const status = (address: (typeof of)[keyof typeof of]) => stage.node.processInfo(address)?.status
    expect(status(of.receive)).toBe('running') // It has not begun.
    await stage.settle()
    expect(Object.values(of).map(status)).toEqual(['waiting', 'waiting', 'waiting', 'running'])
    of.receive.send(1)
    expect(status(of.receive)).toBe('running')
    goOn?.()
    await stage.settle()
    expect(status(of.own)).toBe(undefined)
  })

  test('names the function that a process runs', async () => {
    async function bookkeeping(self: Process) {
      await self.receive()
    }
    expect(stage.node.processInfo(stage.node.spawn(bookkeeping))?.initial_call).toBe('bookkeeping')
  })

  test('does not disturb: queue, order and waits stay as they are', async () => {
    const { self } = await stage.puppet()
    for (let i = 0; i < 100; i++) self.address.send(i)
    const first = stage.node.processInfo(self.address)?.messages as unknown[]
    first.length = 0 // What was given is a copy of the list.
    expect(stage.node.processInfo(self.address)?.messages).toEqual(Array.from({ length: 100 }, (_, i) => i))
    expect(self.poll()).toBe(0)
    expect(stage.node.processInfo(self.address)?.message_queue_len).toBe(99)
  })

  test('counts what is queued, not gaps, nor what somebody has taken', async () => {
    const { self } = await stage.puppet()
    for (let i = 0; i < 10; i++) self.address.send(i)
    for (const n of [5, 6, 0]) self.poll(n)
    expect(stage.node.processInfo(self.address)).toMatchObject({
      message_queue_len: 7,
      messages: [1, 2, 3, 4, 7, 8, 9],
    })
  })

  test('is undefined for who is not alive, or not here', async () => {
    const { self } = await stage.puppet()
    stage.node.exit(self.address, 'x')
    expect(stage.node.processInfo(self.address)).toBe(undefined)
    expect(stage.node.processInfo(stage.node.addressBook.address('far@away', 1, 0, 7))).toBe(undefined)
    expect(stage.node.isAlive(self.address)).toBe(false)
  })

  test('of a mailbox and of the node itself', () => {
    const mailbox = stage.node.mailbox()
    mailbox.address.send(1)
    expect(stage.node.processInfo(mailbox.address)).toMatchObject({ message_queue_len: 1, trap_exit: true })
    expect(stage.node.processInfo(stage.node.system.self)).toMatchObject({ message_queue_len: 0 })
  })
})

describe('processes', () => {
  test('are all that live, oldest first, while others come and go', async () => {
    const before = stage.node.processes()
    const puppets = await stage.puppets(20)
    const mailbox = stage.node.mailbox()
    for (const [i, puppet] of puppets.entries()) if (i % 3 === 0) stage.node.exit(puppet.self.address, 'x')
    const late = await stage.puppet()
    expect(stage.node.processes()).toEqual([
      ...before,
      ...puppets.filter((_, i) => i % 3 !== 0).map(({ self }) => self.address),
      mailbox.address,
      late.self.address,
    ])
  })
})

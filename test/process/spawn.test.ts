import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Address, atom, type Down, type Exit, Node, type Process } from '../../src/index.js'
import { type Puppet, Stage } from './puppet.js'

const normal = atom('normal')

let stage: Stage
beforeEach(async () => {
  stage = await Stage.open()
})
afterEach(() => stage.node.stop())

describe('spawn', () => {
  test('runs the function with its arguments, once what runs now has ended', async () => {
    const seen: unknown[] = []
    const run = (self: Process, ...args: [string, number]) => seen.push(self.address, ...args)
    const address = stage.node.spawn(run, 'a', 1)
    expect(seen).toEqual([])
    expect(stage.node.isAlive(address)).toBe(true)
    await stage.settle()
    expect(seen).toEqual([address, 'a', 1])
    expect(stage.node.isAlive(address)).toBe(false)
  })

  test('messages can be sent at once: they are there when the function begins, in order', async () => {
    const seen: unknown[] = []
    const address: Address<number> = stage.node.spawn(async (self: Process<number>) => {
      for (let i = 0; i < 3; i++) seen.push(await self.receive())
    })
    for (const n of [1, 2, 3]) address.send(n)
    await stage.settle()
    expect(seen).toEqual([1, 2, 3])
  })

  test('processes begin in the order in which they were spawned', async () => {
    const seen: number[] = []
    for (let i = 0; i < 1_000; i++) stage.node.spawn(() => seen.push(i))
    await stage.settle()
    expect(seen).toEqual(Array.from({ length: 1_000 }, (_, i) => i))
  })

  test('takes a great many arguments', async () => {
    let sum = 0
    const numbers = Array.from({ length: 50_000 }, (_, i) => i)
    stage.node.spawn(
      (_self: Process, ...args: number[]) => {
        sum = args.reduce((a, b) => a + b)
      },
      ...numbers,
    )
    await stage.settle()
    expect(sum).toBe((50_000 * 49_999) / 2)
  })

  test('every process has an address of its own', () => {
    const addresses = Array.from({ length: 1_000 }, () => stage.node.spawn(async () => {}))
    expect(new Set(addresses).size).toBe(1_000)
    expect(new Set(addresses.map(String)).size).toBe(1_000)
  })

  test('runs a function, and nothing else', async () => {
    const { self } = await stage.puppet()
    const before = stage.node.processes().length
    const names = stage.node.registered()
    const wrong = expect.objectContaining({ code: 'ERR_REIGN_ARGUMENT' })
    for (const what of [undefined, 'name', {}, { name: 'x' }]) {
      expect(() => stage.node.spawn(what as never)).toThrow(wrong)
      expect(() => self.spawn(what as never)).toThrow(wrong)
      expect(() => self.spawnLink(what as never)).toThrow(wrong)
      expect(() => self.spawnMonitor({ name: 'x' }, what as never)).toThrow(wrong)
    }
    expect(stage.node.processes()).toHaveLength(before)
    expect(stage.node.registered()).toEqual(names)
  })

  test('from a process ties the two in no way', async () => {
    const a = await stage.puppet()
    const child = a.self.spawn(async (self) => self.receive())
    expect(stage.node.processInfo(child)).toMatchObject({ links: [], monitored_by: [] })
    a.throw('x')
    await stage.settle()
    expect(stage.node.isAlive(child)).toBe(true)
  })
})

describe('spawnLink', () => {
  test('links before the function begins: not even the end of one that throws at once is missed', async () => {
    const a = await stage.puppet({ trapExit: true })
    const child = a.self.spawnLink(() => {
      throw 'at once'
    })
    expect(stage.node.processInfo(child)?.links).toEqual([a.self.address])
    await stage.settle()
    expect(stage.inbox(a)).toEqual([{ type: 'EXIT', from: child, reason: 'at once' }])
  })

  test('the end of the parent reaches a child that has not begun', async () => {
    let began = false
    const a = await stage.puppet()
    const child = a.self.spawnLink(() => {
      began = true
    })
    stage.node.exit(a.self.address, 'x')
    expect(stage.node.isAlive(child)).toBe(false)
    await stage.settle()
    expect(began).toBe(false)
  })

  test('a parent that ends without fault leaves its children be', async () => {
    const a = await stage.puppet()
    const child = a.self.spawnLink(async (self) => self.receive())
    a.return()
    await stage.settle()
    expect(stage.node.isAlive(child)).toBe(true)
    expect(stage.node.processInfo(child)?.links).toEqual([])
  })

  test('a child that traps exits hears of the end of its parent, also of one without fault', async () => {
    const a = await stage.puppet()
    const heard: unknown[] = []
    const child = a.self.spawnLink(async (self: Process<Exit>) => {
      self.trapExit = true
      heard.push(await self.receive())
    })
    await stage.settle()
    a.return()
    await stage.settle()
    expect(heard).toEqual([{ type: 'EXIT', from: a.self.address, reason: normal }])
    expect(stage.node.isAlive(child)).toBe(false)
  })
})

describe('spawnMonitor', () => {
  test('gives the address and the reference, and misses no end', async () => {
    const a = await stage.puppet()
    const { address, ref } = a.self.spawnMonitor((_, reason: string) => {
      throw reason
    }, 'at once')
    await stage.settle()
    expect(stage.inbox(a)).toEqual([{ type: 'DOWN', ref, address, reason: 'at once' }])
  })

  test('and demonitor: no notice of the child', async () => {
    const a = await stage.puppet()
    const { address, ref } = a.self.spawnMonitor(() => {})
    a.self.demonitor(ref)
    await stage.settle()
    expect(stage.node.isAlive(address)).toBe(false)
    expect(stage.inbox(a)).toEqual([])
  })
})

describe('a name at birth', () => {
  const spawners: [string, (puppet: Puppet, name: string, run: () => void) => Address<unknown>][] = [
    ['node.spawn', (_, name, run) => stage.node.spawn({ name }, run)],
    ['self.spawn', ({ self }, name, run) => self.spawn({ name }, run)],
    ['self.spawnLink', ({ self }, name, run) => self.spawnLink({ name }, run)],
    ['self.spawnMonitor', ({ self }, name, run) => self.spawnMonitor({ name }, run).address],
  ]

  test.each(spawners)('%s: is there before the function begins', async (_, spawn) => {
    const parent = await stage.puppet()
    let seen: unknown
    const address = spawn(parent, 'clerk', () => {
      seen = stage.node.whereis('clerk')
    })
    expect(stage.node.whereis('clerk')).toBe(address)
    await stage.settle()
    expect(seen).toBe(address)
    expect(stage.node.whereis('clerk')).toBe(undefined)
  })

  test.each(spawners)('%s: one that is taken leaves no process, link or monitor behind', async (_, spawn) => {
    const holder = await stage.puppet({ name: 'clerk' })
    const parent = await stage.puppet()
    const before = stage.node.processes()
    let ran = false
    const run = () => {
      ran = true
    }
    expect(() => spawn(parent, 'clerk', run)).toThrow(expect.objectContaining({ code: 'ERR_REIGN_NAME_TAKEN' }))
    expect(() => spawn(parent, '', run)).toThrow(expect.objectContaining({ code: 'ERR_REIGN_ARGUMENT' }))
    await stage.settle()
    expect(ran).toBe(false)
    expect(stage.node.processes()).toEqual(before)
    expect(stage.node.whereis('clerk')).toBe(holder.self.address)
    expect(stage.node.processInfo(parent.self.address)).toMatchObject({ links: [], monitors: [], message_queue_len: 0 })
  })

  test('arguments follow the function, as without a name', async () => {
    const seen: unknown[] = []
    stage.node.spawn({ name: 'x' }, (_, a: number, b: string) => seen.push(a, b), 1, 'b')
    const { self } = await stage.puppet()
    self.spawnLink({ name: 'y' }, (_, a: number) => seen.push(a), 2)
    self.spawnMonitor({}, (_, a: number) => seen.push(a), 3)
    await stage.settle()
    expect(seen).toEqual([1, 'b', 2, 3])
  })
})

test('a hundred thousand processes come and go, and nothing of them stays', async () => {
  const before = stage.node.processes().length
  const watcher = stage.node.mailbox<Down>()
  let ended = 0
  for (let i = 0; i < 100_000; i++) {
    const address = stage.node.spawn(async (self) => {
      await self.receive()
      ended++
    })
    if (i % 1_000 === 0) watcher.monitor(address)
    address.send('go')
  }
  await stage.settle()
  expect(ended).toBe(100_000)
  expect(watcher.length).toBe(100)
  watcher.close()
  expect(stage.node.processes()).toHaveLength(before)
})

test('several nodes live in one program, and know nothing of each other', async () => {
  await using other = await Node.local()
  const mailbox = other.mailbox()
  expect(stage.node.isAlive(mailbox.address)).toBe(false)
  const watcher = stage.node.mailbox<Down>()
  watcher.monitor(mailbox.address)
  expect((await watcher.receive()).reason).toBe(atom('noproc'))
  stage.node.exit(mailbox.address, 'x')
  watcher.link(mailbox.address)
  expect(other.isAlive(mailbox.address)).toBe(true)
})

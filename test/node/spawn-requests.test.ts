/** Spawning by the name of an exposed function, as other nodes do, on the node itself; across nodes it is the same code. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { atom, type Process } from '../../src/index.js'
import { Stage } from '../process/puppet.js'

let stage: Stage
beforeEach(async () => {
  stage = await Stage.open()
})
afterEach(() => stage.node.stop())

const spawnOn = (name: string, args: unknown[] = [], ties = {}) =>
  stage.node.spawnOn(stage.node.name, 'pricing', name, args, ties)

describe('what is exposed', () => {
  test('runs as a process of its own, with its arguments, which is its this', async () => {
    const seen: unknown[] = []
    stage.node.expose('pricing', {
      quote(this: Process, currency: string, cents: number) {
        seen.push(this.address, currency, cents)
      },
    })
    const { address } = await spawnOn('quote', ['EUR', 42])
    await stage.settle()
    expect(seen).toEqual([address, 'EUR', 42])
    expect(stage.node.isAlive(address)).toBe(false)
  })

  test('and nothing else runs', async () => {
    stage.node.expose('pricing', { quote: () => {} })
    for (const name of ['other', 'constructor', '__proto__', 'toString', 'hasOwnProperty']) {
      await expect(spawnOn(name)).rejects.toMatchObject({ code: 'ERR_REIGN_SPAWN', cause: atom('notsup') })
    }
    for (const module of ['other', '__proto__', 'constructor']) {
      await expect(stage.node.spawnOn(stage.node.name, module, 'quote', [])).rejects.toMatchObject({
        code: 'ERR_REIGN_SPAWN',
        message: expect.stringContaining(`${module}:quote/0`),
      })
    }
  })

  test('can be replaced, added to, and taken back, whole or in part', async () => {
    const seen: string[] = []
    stage.node.expose('pricing', { a: () => seen.push('a1'), b: () => seen.push('b') })
    stage.node.expose('pricing', { a: () => seen.push('a2'), c: () => seen.push('c') })
    for (const name of ['a', 'b', 'c']) await spawnOn(name)
    await stage.settle()
    expect(seen).toEqual(['a2', 'b', 'c'])
    stage.node.unexpose('pricing', 'a')
    await expect(spawnOn('a')).rejects.toMatchObject({ code: 'ERR_REIGN_SPAWN' })
    await spawnOn('b')
    stage.node.unexpose('pricing')
    await expect(spawnOn('b')).rejects.toMatchObject({ code: 'ERR_REIGN_SPAWN' })
  })

  test('is made of functions, under the name of a module', () => {
    const wrong = expect.objectContaining({ code: 'ERR_REIGN_ARGUMENT' })
    expect(() => stage.node.expose('', { a: () => {} })).toThrow(wrong)
    expect(() => stage.node.expose('pricing', { a: 5 as never })).toThrow(wrong)
    expect(() => stage.node.expose(5 as never, {})).toThrow(wrong)
  })
})

describe('ties', () => {
  beforeEach(() => {
    stage.node.expose('pricing', {
      fail: () => {
        throw 'fault'
      },
      wait(this: Process) {
        return this.receive()
      },
    })
  })

  test('a link is there before the process begins', async () => {
    const a = await stage.puppet({ trapExit: true })
    const { address } = await spawnOn('fail', [], { link: a.self })
    await stage.settle()
    expect(stage.inbox(a)).toEqual([{ type: 'EXIT', from: address, reason: 'fault' }])
  })

  test('a monitor too; its reference is that of the request', async () => {
    const a = await stage.puppet()
    const { address, ref } = await spawnOn('fail', [], { monitor: a.self })
    await stage.settle()
    expect(stage.inbox(a)).toEqual([{ type: 'DOWN', ref, address, reason: 'fault' }])
    expect(stage.node.processInfo(a.self.address)?.monitors).toEqual([])
  })

  test('the end of the one ends the other; a demonitor holds', async () => {
    const a = await stage.puppet()
    const linked = await spawnOn('wait', [], { link: a.self })
    const watched = await spawnOn('wait', [], { monitor: a.self })
    expect(stage.node.processInfo(watched.address)?.monitored_by).toEqual([a.self.address])
    a.self.demonitor(watched.ref)
    expect(stage.node.processInfo(watched.address)?.monitored_by).toEqual([])
    a.throw('x')
    await stage.settle()
    expect(stage.node.isAlive(linked.address)).toBe(false)
    expect(stage.node.isAlive(watched.address)).toBe(true)
  })

  test('none: nobody is told', async () => {
    const a = await stage.puppet({ trapExit: true })
    await spawnOn('fail')
    await stage.settle()
    expect(stage.inbox(a)).toEqual([])
  })

  test('a request that is refused leaves neither link nor monitor', async () => {
    const a = await stage.puppet()
    await expect(spawnOn('other', [], { link: a.self })).rejects.toMatchObject({ code: 'ERR_REIGN_SPAWN' })
    await expect(spawnOn('other', [], { monitor: a.self })).rejects.toMatchObject({ code: 'ERR_REIGN_SPAWN' })
    expect(stage.node.processInfo(a.self.address)).toMatchObject({ links: [], monitors: [], message_queue_len: 0 })
  })

  test('an owner that has ended: who waits is told, and the linked process ends with it', async () => {
    const a = await stage.puppet()
    stage.node.exit(a.self.address, 'gone')
    const before = stage.node.processes()
    await expect(spawnOn('wait', [], { link: a.self })).rejects.toMatchObject({
      code: 'ERR_REIGN_EXIT',
      reason: 'gone',
    })
    await stage.settle()
    expect(stage.node.processes()).toEqual(before)
  })
})

test('a node that is out of reach: noconnection, and no monitor stays', async () => {
  const a = await stage.puppet()
  await expect(stage.node.spawnOn('far@away', 'm', 'f', [], { monitor: a.self })).rejects.toMatchObject({
    code: 'ERR_REIGN_SPAWN',
    cause: atom('noconnection'),
  })
  expect(stage.node.processInfo(a.self.address)).toMatchObject({ monitors: [], message_queue_len: 0 })
})

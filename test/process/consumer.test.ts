import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Address, ExitError, Node, type Process } from '../../src/index.js'
import { silent } from '../../src/logger.js'
import { Consumer } from '../../src/process/consumer.js'
import type { Receiver } from '../../src/process/receiver.js'
import { VirtualClock } from '../support/virtual-clock.js'
import { Stage } from './puppet.js'

let stage: Stage
beforeEach(async () => {
  stage = await Stage.open()
})
afterEach(() => stage.node.stop())

/** A consumer with a function for each of its parts, and a promise of its end. */
function consumed(self: Process<unknown>, handle: (message: unknown) => unknown): Promise<never> {
  return new Promise((_, reject) => {
    class Taking extends Consumer {
      protected override take(message: unknown) {
        return handle(message)
      }
      protected override failed(error: unknown) {
        reject(error)
      }
      override ended(reason: unknown) {
        reject(self.endError(reason))
      }
    }
    self.consume(new Taking(self as unknown as Receiver<never>))
  })
}

/** A process that lets `handle` take its messages, and what the end of that was. */
function consuming(handle: (message: unknown, self: Process<unknown>) => unknown, node: Node = stage.node) {
  let self: Process<unknown> | undefined
  const end = new Promise<unknown>((resolve) => {
    node.spawn(async (made: Process<unknown>) => {
      self = made
      await consumed(made, (message) => handle(message, made)).catch(resolve)
      await new Promise(() => {})
    })
  })
  return { end, self: () => self as Process<unknown>, address: node.processes().at(-1) as Address<unknown> }
}

describe('a function that takes the messages of a process', () => {
  test('gets those that are queued, then those that come, in order', async () => {
    const seen: unknown[] = []
    const { address } = consuming((message) => void seen.push(message))
    for (const message of ['a', undefined, null]) address.send(message)
    await stage.settle()
    for (let i = 0; i < 100; i++) address.send(i)
    await stage.settle()
    expect(seen).toEqual(['a', undefined, null, ...Array.from({ length: 100 }, (_, i) => i)])
  })

  test('never runs on the stack of the sender', async () => {
    const seen: unknown[] = []
    const { address } = consuming((message) => void seen.push(message))
    await stage.settle()
    address.send('a')
    expect(seen).toEqual([])
    await stage.settle()
    expect(seen).toEqual(['a'])
  })

  test('gets the next message when the promise that it returned is there', async () => {
    const seen: unknown[] = []
    const turns: (() => void)[] = []
    const { address } = consuming((message) => {
      seen.push(message)
      return new Promise<void>((resolve) => turns.push(resolve))
    })
    for (const message of ['a', 'b', 'c']) address.send(message)
    await stage.settle()
    expect(seen).toEqual(['a'])
    turns[0]?.()
    await stage.settle()
    expect(seen).toEqual(['a', 'b'])
  })

  test('may receive by itself meanwhile: what it takes so does not come again', async () => {
    const seen: unknown[] = []
    const { address } = consuming(async (message, self) => {
      seen.push(message)
      if (message === 'ask') seen.push(await self.receive((answer) => answer === 'answer'))
    })
    for (const message of ['ask', 'other', 'answer', 'last']) address.send(message)
    await stage.settle()
    expect(seen).toEqual(['ask', 'answer', 'other', 'last'])
  })

  test.each([
    ['throws', () => expect.unreachable()],
    ['throws later', async () => expect.unreachable()],
  ])('that %s gets nothing any more, and its process is told', async (_, handle) => {
    let count = 0
    const { end, address } = consuming(() => {
      count++
      return handle()
    })
    address.send('a')
    address.send('b')
    expect(await end).toBeInstanceOf(Error)
    await stage.settle()
    expect([count, stage.node.processInfo(address)?.message_queue_len]).toEqual([1, 1])
  })

  test.each([
    ['before it begins', false],
    ['while it waits', true],
  ])('is over with its process: %s', async (_, begun) => {
    const seen: unknown[] = []
    const { end, address, self } = consuming((message) => void seen.push(message))
    if (begun) await stage.settle()
    address.send('a')
    stage.node.exit(address, 'gone')
    await stage.settle()
    expect([seen, stage.node.deadLetters.counts.noproc]).toEqual([[], 1])
    if (!begun) return
    expect(await end).toBeInstanceOf(ExitError)
    await expect(consumed(self(), () => {})).rejects.toMatchObject({ code: 'ERR_REIGN_EXIT' })
  })

  test('takes nothing more when it ends its own process', async () => {
    const seen: unknown[] = []
    const { address } = consuming((message, self) => {
      seen.push(message)
      self.exit('enough')
    })
    for (const message of ['a', 'b']) address.send(message)
    await stage.settle()
    expect(seen).toEqual(['a'])
  })

  test('is seen as a process that waits, or runs', async () => {
    let go: (() => void) | undefined
    const handle = () =>
      new Promise<void>((resolve) => {
        go = resolve
      })
    const { address } = consuming(handle)
    const status = () => stage.node.processInfo(address)?.status
    await stage.settle()
    expect(status()).toBe('waiting')
    address.send('a')
    await stage.settle()
    expect(status()).toBe('running')
    go?.()
    await stage.settle()
    expect(status()).toBe('waiting')
  })

  test('gets copies, in strict mode', async () => {
    const copied = { copy: (message: unknown) => structuredClone(message) }
    const node = new Node({ name: 'nonode@nohost', creation: 4, logger: silent, ...copied })
    const seen: unknown[] = []
    const { address } = consuming((message) => void seen.push(message), node)
    const sent = { a: 1 }
    address.send(sent)
    await new Promise(setImmediate)
    expect(seen).toEqual([sent])
    expect(seen[0]).not.toBe(sent)
    await node.stop()
  })
})

describe('turns', () => {
  test('are granted by the scheduler: past its slice, the event loop has its turn first', async () => {
    const clock = new VirtualClock({ turns: 'by hand' })
    const node = await Node.local({ clock, logger: silent })
    let handled = 0
    const { address } = consuming(() => {
      handled++
      clock.advance(1)
    }, node)
    for (let i = 0; i < 100; i++) address.send(i)
    for (let i = 0; i < 1_000; i++) await null
    expect(handled).toBeGreaterThan(0)
    expect(handled).toBeLessThan(20)
    await clock.settle()
    expect(handled).toBe(100)
    await node.stop()
  })

  test('of others come in between, when many messages are queued', async () => {
    const order: string[] = []
    const { address } = consuming(() => void order.push('one'))
    const other = consuming(() => void order.push('other'))
    await stage.settle()
    for (let i = 0; i < 100; i++) address.send(i)
    other.address.send('x')
    await stage.settle()
    expect(order.indexOf('other')).toBeLessThan(50)
    expect(order).toHaveLength(101)
  })
})

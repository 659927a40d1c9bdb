/** Mailboxes with a bound: what happens to whom when one message more comes than may wait. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { atom, type DeadLetter, type Down, type OverflowPolicy } from '../../src/index.js'
import { type Logger, silent } from '../../src/logger.js'
import { Stage } from './puppet.js'

let stage: Stage
let warnings: string[]
let letters: DeadLetter[]
beforeEach(async () => {
  warnings = []
  letters = []
  const logger: Logger = { ...silent, warn: (_: object, text: string) => void warnings.push(text) }
  stage = await Stage.open({ logger })
  stage.node.deadLetters.subscribe((letter) => letters.push(letter))
})
afterEach(() => stage.node.stop())

const bounded = (messages: number, policy: OverflowPolicy) =>
  stage.node.mailbox<unknown>({ limit: { messages, policy } })
const lost = () => letters.map(({ cause, message }) => [cause, message])

describe('a mailbox with a bound', () => {
  test('refuses the newest: its sender is told, and it is a dead letter', () => {
    using mailbox = bounded(2, 'refuse_newest')
    expect([1, 2, 3, 4].map((n) => mailbox.address.send(n))).toEqual([true, true, false, false])
    expect([mailbox.poll(), mailbox.poll(), mailbox.poll()]).toEqual([1, 2, undefined])
    expect(lost()).toEqual([
      ['full', 3],
      ['full', 4],
    ])
    expect(stage.node.deadLetters.counts.full).toBe(2)
  })

  test('drops the oldest', () => {
    using mailbox = bounded(2, 'drop_oldest')
    expect([1, 2, 3, 4].map((n) => mailbox.address.send(n))).toEqual([true, true, true, true])
    expect([mailbox.poll(), mailbox.poll(), mailbox.poll()]).toEqual([3, 4, undefined])
    expect(lost()).toEqual([
      ['full', 1],
      ['full', 2],
    ])
  })

  test('exits, and who watches is told', async () => {
    using watcher = stage.node.mailbox<Down>()
    const mailbox = bounded(1, 'exit')
    watcher.monitor(mailbox.address)
    for (const n of [1, 2, 3]) mailbox.address.send(n)
    expect(await watcher.receive()).toMatchObject({ type: 'DOWN', reason: atom('message_queue_full') })
    expect(lost()).toEqual([
      ['full', 2],
      ['noproc', 1],
      ['noproc', 3],
    ])
  })

  test('takes notices whatever waits, and drops none of them', async () => {
    const mortal = await stage.puppet()
    using mailbox = bounded(1, 'drop_oldest')
    const ref = mailbox.monitor(mortal.self.address)
    mailbox.address.send('first')
    mortal.return()
    await stage.settle()
    for (const n of ['second', 'third']) mailbox.address.send(n)
    expect(mailbox.poll({ type: 'DOWN', ref })).toBeDefined()
    expect(lost().map(([, message]) => message)).toEqual(['first', 'second'])
  })

  test('counts what waits, not what is taken at once', async () => {
    using mailbox = bounded(1, 'refuse_newest')
    const waits = [mailbox.receive(), mailbox.receive()]
    expect(['a', 'b', 'c'].map((each) => mailbox.address.send(each))).toEqual([true, true, true])
    expect(await Promise.all(waits)).toEqual(['a', 'b'])
    expect(letters).toEqual([])
  })

  test('is drained when a message would be taken again', async () => {
    using mailbox = bounded(2, 'refuse_newest')
    await mailbox.address.drained()
    for (const n of [1, 2]) mailbox.address.send(n)
    let drained = false
    const waiting = mailbox.address.drained().then(() => {
      drained = true
    })
    await stage.settle()
    expect(drained).toBe(false)
    mailbox.poll((n) => n === 2)
    await waiting
    expect(mailbox.address.send(3)).toBe(true)
  })

  test('says once that it is full, and again after it was half empty', () => {
    using mailbox = bounded(4, 'refuse_newest')
    const flood = () => Array.from({ length: 10 }, (_, n) => mailbox.address.send(n))
    flood()
    expect(warnings).toEqual(['a mailbox is full'])
    mailbox.poll()
    flood()
    expect(warnings).toHaveLength(1)
    for (let n = 0; n < 4; n++) mailbox.poll()
    stage.clock.advance(1_000)
    flood()
    expect(warnings).toHaveLength(2)
  })

  test('says so no more than once a second, however often it is emptied and flooded', () => {
    using mailbox = bounded(4, 'drop_oldest')
    for (let round = 0; round < 1_000; round++) {
      for (let n = 0; n < 10; n++) mailbox.address.send(n)
      while (mailbox.poll() !== undefined);
    }
    expect(warnings).toHaveLength(1)
  })

  test.each([0, -1, 1.5, Number.NaN])('of %d messages is refused', (messages) => {
    expect(() => bounded(messages, 'exit')).toThrowError(expect.objectContaining({ code: 'ERR_REIGN_ARGUMENT' }))
  })

  test('of an unknown policy is refused, and leaves nothing behind', () => {
    const before = stage.node.processes().length
    const limit = { messages: 1, policy: 'shrug' as never }
    expect(() => stage.node.mailbox({ limit })).toThrowError(/limit\.policy is one of/)
    expect(() => stage.node.spawn({ name: 'x', limit }, () => {})).toThrowError(/limit\.policy is one of/)
    expect([stage.node.processes().length, stage.node.whereis('x')]).toEqual([before, undefined])
  })
})

test('a process with a bound exits when it does not keep up', async () => {
  const limit = { messages: 10, policy: 'exit' } as const
  const slow = stage.node.spawn({ name: 'slow', limit }, (self) => self.receive(() => false))
  await stage.settle()
  for (let n = 0; n < 11; n++) slow.send(n as never)
  expect([stage.node.isAlive(slow), stage.node.whereis('slow')]).toEqual([false, undefined])
})

import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Address, atom, type Mailbox, type TimeoutNotice } from '../../src/index.js'
import { Stage } from '../process/puppet.js'

let stage: Stage
let mailbox: Mailbox<unknown>
beforeEach(async () => {
  stage = await Stage.open()
  mailbox = stage.node.mailbox()
})
afterEach(() => stage.node.stop())

describe('sendAfter', () => {
  test('sends once, at its time and not before', async () => {
    stage.node.sendAfter(100, mailbox.address, 'now')
    await stage.clock.run(99)
    expect(mailbox.length).toBe(0)
    await stage.clock.run(1)
    expect(mailbox.peek()).toEqual(['now'])
    await stage.clock.run(1_000)
    expect(mailbox.length).toBe(1)
  })

  test('0 is as soon as can be, but after what runs now', async () => {
    stage.node.sendAfter(0, mailbox.address, 'soon')
    expect(mailbox.length).toBe(0)
    await stage.clock.run(0)
    expect(mailbox.peek()).toEqual(['soon'])
  })

  test('is offered by processes and mailboxes too: to themselves, and to others', async () => {
    const { self } = await stage.puppet()
    const other = await stage.puppet()
    self.sendAfter(10, self.address, 'own')
    self.sendAfter(10, other.self.address, 'other')
    const ref = mailbox.startTimer(10, mailbox.address as Address<TimeoutNotice<string>>, 'notice')
    const cancelled = mailbox.sendAfter(10, mailbox.address, 'never')
    expect(mailbox.cancelTimer(cancelled)).toBe(10)
    await stage.clock.run(10)
    expect(self.peek()).toEqual(['own'])
    expect(stage.inbox(other)).toEqual(['other'])
    expect(mailbox.peek()).toEqual([{ type: 'timeout', ref, message: 'notice' }])
    expect(self.cancelTimer(cancelled)).toBe(false)
  })

  test('timers of one time fire in the order in which they were set', async () => {
    for (const [message, delayMs] of [
      ['c', 20],
      ['a', 10],
      ['d', 20],
      ['b', 10],
    ] as const) {
      stage.node.sendAfter(delayMs, mailbox.address, message)
    }
    await stage.clock.run(20)
    expect(mailbox.peek()).toEqual(['a', 'b', 'c', 'd'])
  })

  test('to another node goes the way of any message', async () => {
    stage.node.sendAfter(10, stage.node.addressBook.address('far@away', 1, 0, 7) as Address<unknown>, 'x')
    await stage.clock.run(10)
    expect(stage.node.deadLetters.counts.noconnection).toBe(1)
  })

  test('a delay that is no finite number is refused', () => {
    for (const delayMs of [Number.NaN, Number.POSITIVE_INFINITY, '5', undefined]) {
      expect(() => stage.node.sendAfter(delayMs as number, mailbox.address, 'x')).toThrow(
        expect.objectContaining({ code: 'ERR_REIGN_ARGUMENT' }),
      )
    }
    expect(stage.clock.timersSet).toBe(0)
  })
})

test('startTimer sends a notice that holds its reference', async () => {
  const timed = stage.node.mailbox<TimeoutNotice<string>>()
  const ref = stage.node.startTimer(10, timed.address, 'ding')
  await stage.clock.run(10)
  expect(timed.peek()).toEqual([{ type: 'timeout', ref, message: 'ding' }])
})

describe('a timer that is pending', () => {
  test('says what is left, and is taken back once', async () => {
    const ref = stage.node.sendAfter(100, mailbox.address, 'x')
    expect(stage.node.readTimer(ref)).toBe(100)
    await stage.clock.run(30)
    expect(stage.node.readTimer(ref)).toBe(70)
    expect(stage.node.cancelTimer(ref)).toBe(70)
    expect(stage.node.cancelTimer(ref)).toBe(false)
    expect(stage.node.readTimer(ref)).toBe(false)
    await stage.clock.run(1_000)
    expect(mailbox.length).toBe(0)
    expect(stage.clock.holdsProgram).toBe(false)
  })

  test('that has fired is none any more', async () => {
    const ref = stage.node.sendAfter(10, mailbox.address, 'x')
    await stage.clock.run(10)
    expect(stage.node.readTimer(ref)).toBe(false)
    expect(stage.node.cancelTimer(ref)).toBe(false)
    expect(stage.node.cancelTimer(mailbox.makeRef())).toBe(false)
    expect(mailbox.length).toBe(1)
  })

  test('ends with its receiver: nothing is sent, and nothing is kept until then', async () => {
    const a = await stage.puppet()
    const refs = [1, 2, 3].map((i) => stage.node.sendAfter(i * 1_000, a.self.address, i))
    const other = stage.node.sendAfter(1_000, mailbox.address, 'x')
    stage.node.exit(a.self.address, atom('kill'))
    expect(refs.map((ref) => stage.node.readTimer(ref))).toEqual([false, false, false])
    expect(stage.node.readTimer(other)).toBe(1_000)
    await stage.clock.run(10_000)
    expect(stage.node.deadLetters.counts.noproc).toBe(0)
    expect(mailbox.length).toBe(1)
  })

  test('for one who has ended already never begins', () => {
    const gone = stage.node.mailbox()
    gone.close()
    const ref = stage.node.sendAfter(10, gone.address, 'x')
    expect(stage.node.readTimer(ref)).toBe(false)
    expect(stage.clock.holdsProgram).toBe(false)
  })
})

test('a hundred thousand at once, half of them taken back', async () => {
  const refs = Array.from({ length: 100_000 }, (_, i) => stage.node.sendAfter(i % 1_000, mailbox.address, i))
  for (let i = 0; i < refs.length; i += 2) stage.node.cancelTimer(refs[i] as (typeof refs)[number])
  stage.clock.advance(1_000)
  expect(mailbox.length).toBe(50_000)
  const delays = mailbox.peek().map((i) => (i as number) % 1_000)
  expect(delays.every((delay, i) => i === 0 || delay >= (delays[i - 1] as number))).toBe(true)
  expect(stage.clock.timersPending).toBeLessThanOrEqual(1)
})

/** The loss of a connection that concerns so many that telling them takes its time. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Address, atom, type Mailbox, Node, type Process, type Ref } from '../../src/index.js'
import { silent } from '../../src/logger.js'
import { sliceMs } from '../../src/process/scheduler.js'
import type { Signal } from '../../src/signal.js'
import { VirtualClock } from '../support/virtual-clock.js'

const far = 'far@away'
const noconnection = atom('noconnection')
/** More than fits into two slices, when each takes a millisecond. */
const many = sliceMs * 2 + 3

let clock: VirtualClock
let node: Node
let sent: Signal[]
let other: Address<unknown>
/** Who has been told, in order. */
let told: number[]

beforeEach(async () => {
  clock = new VirtualClock({ turns: 'by hand' })
  node = await Node.local({ clock, logger: silent })
  sent = []
  node.router.remote = {
    signal: (_, signal) => void sent.push(signal),
    call: () => false,
    entrance: () => ({ deliver: () => true, drained: () => Promise.resolve(), leaves: () => {} }),
  }
  other = node.addressBook.address(far, 1, 0, 7) as Address<unknown>
  told = []
})
afterEach(() => node.stop())

/** Each takes a millisecond to be told. */
function watchers(count: number): void {
  for (let i = 0; i < count; i++) {
    const service = node.service(() => {
      clock.advance(1)
      told.push(i)
    })
    service.startMonitor(other)
  }
}

/** One who comes after so many that its turn is not in the first slice. */
function last(): { box: Mailbox<unknown>; ref: Ref } {
  watchers(many)
  const box = node.mailbox()
  return { box, ref: box.monitor(other) }
}

const down = (ref: Ref) => ({ type: 'DOWN', ref, address: other, reason: noconnection })

test('all are told once, a slice in each turn of the event loop, and then it is said that they were', () => {
  watchers(many)
  let over = 0
  node.disconnected(far, () => over++)
  expect(told.length).toBe(sliceMs)
  clock.turn()
  expect(told.length).toBe(2 * sliceMs)
  expect(over).toBe(0)
  clock.turn()
  expect(told).toEqual(Array.from({ length: many }, (_, i) => i))
  expect(over).toBe(1)
  expect(clock.turnsPending).toBe(0)
})

test('a loss that concerns nobody is said at once', () => {
  let over = 0
  node.disconnected(far, () => over++)
  expect(over).toBe(1)
})

test('who makes a new tie to the lost node hears of the loss before, and keeps the new one', async () => {
  const { box, ref } = last()
  node.disconnected(far)
  expect(box.length).toBe(0)
  box.link(other)
  const again = box.monitor(other)
  expect(box.peek()).toEqual([down(ref)])
  await clock.settle()
  expect(box.peek()).toEqual([down(ref)])
  expect(node.processInfo(box.address)).toMatchObject({ links: [other], monitors: [other] })
  // And that one fires as any does, when it is lost in turn.
  node.disconnected(far)
  expect(box.peek().slice(1)).toEqual([down(again), { type: 'EXIT', from: other, reason: noconnection }])
})

test.each([
  ['link with', (self: Process, to: Address<unknown>) => self.link(to)],
  ['monitor', (self: Process, to: Address<unknown>) => self.monitor(to)],
  ['call', (self: Process, to: Address<unknown>) => void self.call(to, 'request').catch(() => {})],
])('who is linked, does not trap exits, and would %s somebody there ends of the loss instead', async (_, tie) => {
  watchers(many)
  let process: Process | undefined
  const address = node.spawn(async (self) => {
    process = self
    self.link(node.addressBook.address(far, 2, 0, 7))
    await self.receive()
  })
  const box = node.mailbox()
  const ref = box.monitor(address)
  await clock.settle()
  node.disconnected(far)
  sent = []
  tie(process as unknown as Process, other)
  expect(box.peek()).toEqual([{ type: 'DOWN', ref, address, reason: noconnection }])
  // Only taken back: nothing that was there before, and nothing new.
  expect(sent).toEqual([])
})

test('a monitor that is taken back before its owner is told does not fire', async () => {
  const { box, ref } = last()
  node.disconnected(far)
  box.demonitor(ref)
  await clock.settle()
  expect(told.length).toBe(many)
  expect(box.length).toBe(0)
})

test('who ends before they are told is told no more', async () => {
  const { box, ref } = last()
  const mortal = node.mailbox()
  mortal.monitor(other)
  node.disconnected(far)
  mortal.close()
  await clock.settle()
  expect(box.peek()).toEqual([down(ref)])
})

test('the rest is told at once when the next connection is there', async () => {
  const { box, ref } = last()
  let over = 0
  node.disconnected(far, () => over++)
  node.settleLoss(far)
  expect([told.length, box.peek(), over]).toEqual([many, [down(ref)], 1])
  await clock.settle()
  expect([told.length, over]).toEqual([many, 1])
})

test('when the next one is lost before all are told, its own come after them', async () => {
  const { box, ref } = last()
  const late = node.mailbox()
  const seen: string[] = []
  node.disconnected(far, () => seen.push('first'))
  const lateRef = late.monitor(other)
  node.disconnected(far, () => seen.push('second'))
  expect(late.length).toBe(0)
  expect(seen).toEqual([])
  await clock.settle()
  expect([box.peek(), late.peek(), seen]).toEqual([[down(ref)], [down(lateRef)], ['first', 'second']])
})

test('from within what is told, the rest can be told, and all are told once', () => {
  const eager = node.service(() => node.settleLoss(far))
  eager.startMonitor(other)
  watchers(many)
  let over = 0
  node.disconnected(far, () => over++)
  expect([told.length, over]).toEqual([many, 1])
})

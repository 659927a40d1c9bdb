import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { decode, encode } from '../../src/codec/index.js'
import { Address, type Mailbox, Node } from '../../src/index.js'
import { LocalNode } from '../../src/node/local-node.js'
import { quickestMs } from '../support/quickest.js'

let node: Node
let mailbox: Mailbox<unknown>
beforeEach(async () => {
  node = await Node.local()
  mailbox = node.mailbox()
})
afterEach(() => node.stop())

/** The forms in which an address leaves a node, and the way back. The wire does what `numbers` does. */
const roundTrips: [string, (address: Address<never>) => Address<unknown>][] = [
  ['text', (address) => Address.parse(String(address), node)],
  ['JSON', (address) => JSON.parse(JSON.stringify({ deep: [address] }), node.reviver).deep[0]],
  [
    'bytes',
    (address) => (decode(encode({ deep: [address] }, { node }), { node }) as { deep: [Address<unknown>] }).deep[0],
  ],
  [
    'numbers',
    (address) => {
      address.leave()
      const { id, serial, creation } = address
      return node.addressBook.address(address.node, id, serial, creation) as Address<unknown>
    },
  ],
]

describe.each(roundTrips)('an address that went out as %s and came back', (_, roundTrip) => {
  test('is the very same, also as a key of a map', () => {
    const map = new Map([[mailbox.address, 'found']])
    const back = roundTrip(mailbox.address)
    expect(back).toBe(mailbox.address)
    expect(map.get(back)).toBe('found')
    back.send('hello')
    expect(mailbox.peek()).toEqual(['hello'])
  })

  test('is the very same when its owner has died before it went out, after, or in between', () => {
    const [before, after, again] = [node.mailbox(), node.mailbox(), node.mailbox()]
    before.close()
    expect(roundTrip(before.address)).toBe(before.address)
    const { address } = after
    expect(roundTrip(address)).toBe(address)
    after.close()
    expect(roundTrip(address)).toBe(address)
    const first = roundTrip(again.address)
    again.close()
    expect(roundTrip(first)).toBe(again.address)
    address.send('to nobody')
    expect(node.deadLetters.counts.noproc).toBe(1)
  })

  test('is the very same when it is of another node', () => {
    const far = node.addressBook.address('far@away', 12, 3, 4_000_000_000)
    expect(roundTrip(far)).toBe(far)
    expect(far.node).toBe('far@away')
    ;(far as Address<unknown>).send('x')
    expect(node.deadLetters.counts.noconnection).toBe(1)
  })

  test('is the very same when its owner is the node itself, or a service', () => {
    expect(roundTrip(node.system.self)).toBe(node.system.self)
  })
})

describe('runs of one node', () => {
  const run = (creation: number) => new LocalNode({ name: 'one@127.0.0.1', creation })

  test('an address of an earlier run is another, and leads nowhere, whoever has its numbers now', async () => {
    const first = run(1)
    const written = first.mailbox().address
    const [text, json] = [String(written), JSON.stringify(written)]
    await first.stop()
    const second = run(2)
    const now = second.mailbox()
    expect(`${now.address.id}.${now.address.serial}`).toBe(`${written.id}.${written.serial}`)
    const stale = Address.parse(text, second)
    expect(stale).not.toBe(now.address)
    expect(JSON.parse(json, second.reviver)).toBe(stale)
    expect(String(stale)).toBe(text)

    const watcher = second.mailbox<unknown>()
    stale.send('for the one before')
    const ref = watcher.monitor(stale)
    watcher.link(stale)
    second.exit(stale, Symbol.for('kill'))
    expect(second.isAlive(stale)).toBe(false)
    expect(second.processInfo(stale)).toBe(undefined)
    expect(() => second.register('name', stale)).toThrow(expect.objectContaining({ code: 'ERR_REIGN_ARGUMENT' }))
    expect(watcher.peek()).toEqual([
      { type: 'DOWN', ref, address: stale, reason: Symbol.for('noproc') },
      { type: 'EXIT', from: stale, reason: Symbol.for('noproc') },
    ])
    expect(second.isAlive(now.address)).toBe(true)
    expect(now.length).toBe(0)
    expect(second.deadLetters.counts.noproc).toBe(1)
    await second.stop()
  })

  test('a node without a cluster has a creation of its own in each run', async () => {
    await using other = await Node.local()
    expect(other.mailbox().address.creation).not.toBe(mailbox.address.creation)
    const there = other.mailbox()
    const here = Address.parse(String(there.address), node)
    here.send('x')
    expect(there.length).toBe(0)
    expect(node.deadLetters.counts.noproc).toBe(1)
  })
})

describe('the text form', () => {
  test('says the node, the numbers and the run', () => {
    const address = node.addressBook.address('shop@127.0.0.1', 85, 0, 1_795_486_954)
    expect(String(address)).toBe('pid:shop@127.0.0.1:85.0:1795486954')
    expect(JSON.stringify({ address })).toBe('{"address":{"$address":"pid:shop@127.0.0.1:85.0:1795486954"}}')
  })

  test.each(['pid:one@::1:1.0:7', 'pid:a@b:4294967295.4294967295:4294967295', 'pid:one@fe80::1:1.0:0'])(
    'of %s is read back',
    (text) => {
      expect(String(Address.parse(text, node))).toBe(text)
    },
  )

  test.each([
    ['nothing', ''],
    ['no mark', 'shop@host:1.0:7'],
    ['another mark', 'ref:shop@host:1.0:7'],
    ['no node', 'pid::1.0:7'],
    ['a node without a host', 'pid:shop:1.0:7'],
    ['no run', 'pid:shop@host:1.0'],
    ['a number that is none', 'pid:shop@host:a.0:7'],
    ['a negative number', 'pid:shop@host:-1.0:7'],
    ['a number that is too big', 'pid:shop@host:4294967296.0:7'],
    ['a serial that is too big', 'pid:shop@host:1.4294967296:7'],
    ['a run that is too big', 'pid:shop@host:1.0:4294967296'],
    ['more digits than a number has', 'pid:shop@host:00000000001.0:7'],
    ['something behind it', 'pid:shop@host:1.0:7 '],
    ['something before it', ' pid:shop@host:1.0:7'],
    ['a line end in it', 'pid:shop@ho\nst:1.0:7'],
    ['Erlang’s own print', '<0.85.0>'],
    ['more than any address has', `pid:${'x'.repeat(400)}@host:1.0:7`],
  ])('is not %s', (_, text) => {
    const refused = expect.objectContaining({ code: 'ERR_REIGN_ADDRESS_TEXT' })
    expect(() => Address.parse(text, node)).toThrow(refused)
    expect(() => JSON.parse(JSON.stringify({ $address: text }), node.reviver)).toThrow(refused)
  })

  test('that is made to be hard to read takes no time', () => {
    const refused = expect.objectContaining({
      code: 'ERR_REIGN_ADDRESS_TEXT',
      message: expect.stringMatching(/^.{1,400}$/s),
    })
    for (const text of [`pid:${'@'.repeat(200_000)}`, `pid:${'@:'.repeat(200_000)}`, 'x'.repeat(10_000_000)]) {
      const parse = () => expect(() => Address.parse(text, node)).toThrow(refused)
      expect(quickestMs(500, parse)).toBeLessThan(500)
    }
  })
})

test('the reviver leaves all other JSON alone', () => {
  const text = '{"$address":5,"a":[null,{"$address":"pid:a@b:1.0:1","and":"more"}],"b":{"$other":"pid:a@b:1.0:1"}}'
  expect(JSON.stringify(JSON.parse(text, node.reviver))).toBe(text)
})

test('send never throws for want of a receiver, and says that the way is free', () => {
  const gone = node.mailbox()
  gone.close()
  const far = node.addressBook.address('far@away', 1, 0, 7) as Address<unknown>
  for (const address of [mailbox.address, gone.address, far]) {
    expect((address as Address<unknown>).send('x')).toBe(true)
  }
})

test('drained is true at once where nothing is congested', async () => {
  const gone = node.mailbox()
  gone.close()
  await mailbox.address.drained()
  await gone.address.drained()
  await node.addressBook.address('far@away', 1, 0, 7).drained()
})

import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Node } from '../../src/index.js'
import type { AddressBook } from '../../src/term/address-book.js'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

let node: Node
let book: AddressBook
beforeEach(async () => {
  node = await Node.local()
  book = node.addressBook
})
afterEach(() => node.stop())

/** Weak references die between turns of the event loop only. */
const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

async function heapUsed(): Promise<number> {
  for (let i = 0; i < 3; i++) {
    await turn()
    collect()
  }
  return process.memoryUsage().heapUsed
}

describe('what nobody holds does not stay', () => {
  // How many, of what, and what one takes at least, in bytes.
  test.each<[number, string, number, (i: number) => unknown]>([
    [1_000_000, 'addresses of one other node', 150, (i) => book.address('far@away', i, 0, 7)],
    [200_000, 'addresses with big serials', 150, (i) => book.address('far@away', i, 0xff000000 + (i % 7), 7)],
    [200_000, 'addresses of ever new runs', 700, (i) => book.address('far@away', 1, 0, i)],
    [200_000, 'addresses of ever new nodes', 700, (i) => book.address(`n${i}@away`, 1, 0, 7)],
    [
      200_000,
      'addresses of dead processes of this run',
      150,
      (i) => book.address(book.self.node, 1e6 + i, 3, book.self.creation),
    ],
    [200_000, 'references of another node', 150, (i) => book.ref('far@away', 7, [i, 2, 3])],
    [200_000, 'references of this run that went out', 150, () => book.refLeaves(book.makeRef())],
  ])('%d %s', async (count, _, perEntry, make) => {
    make(0)
    const before = await heapUsed()
    let peak = 0
    for (let i = 0; i < count; i++) {
      make(i)
      // The collector comes when the heap has grown; here, so that the test is the same everywhere, by the count.
      if (i % (count / 20) === 0) {
        await turn()
        collect()
        peak = Math.max(peak, process.memoryUsage().heapUsed - before)
      }
    }
    expect(peak).toBeLessThan((perEntry * count) / 4)
    expect((await heapUsed()) - before).toBeLessThan((perEntry * count) / 5)
  })

  test('mailboxes that were written down and closed', async () => {
    const before = await heapUsed()
    for (let i = 0; i < 100_000; i++) {
      const mailbox = node.mailbox()
      String(mailbox.address)
      mailbox.close()
      if (i % 10_000 === 0) {
        await turn()
        collect()
      }
    }
    expect((await heapUsed()) - before).toBeLessThan(8_000_000)
  })
})

test('what somebody holds stays the same through every sweep', async () => {
  const held = Array.from({ length: 1_000 }, (_, i) => book.address('far@away', i, i % 3, 7))
  const refs = Array.from({ length: 1_000 }, (_, i) => book.ref(`n${i % 5}@away`, 7, [i, 2, 3]))
  const own = Array.from({ length: 1_000 }, () => {
    const ref = book.makeRef()
    book.refLeaves(ref)
    return ref
  })
  for (let i = 0; i < 100_000; i++) {
    book.address('other@away', i, 0, 7)
    if (i % 10_000 === 0) {
      await turn()
      collect()
    }
  }
  for (const [i, address] of held.entries()) expect(book.address('far@away', i, i % 3, 7)).toBe(address)
  for (const [i, ref] of refs.entries()) expect(book.ref(`n${i % 5}@away`, 7, [i, 2, 3])).toBe(ref)
  for (const ref of own) expect(book.ref(ref.node, ref.creation, ref.words)).toBe(ref)
  expect(held[0]?.home).toBe(held[1]?.home)
  expect(book.address('far@away', 5_000, 0, 7).home).toBe(held[0]?.home)
})

describe('references', () => {
  test('that are made differ from one another, and from those of another run', async () => {
    await using other = await Node.local()
    const texts = new Set<string>()
    for (let i = 0; i < 300_000; i++) texts.add(String(book.makeRef()))
    for (let i = 0; i < 1_000; i++) texts.add(String(other.addressBook.makeRef()))
    expect(texts.size).toBe(301_000)
  })

  test('have words as Erlang has them', () => {
    for (let i = 0; i < 300_000; i++) {
      const { words } = book.makeRef()
      if (words.length !== 3 || (words[0] as number) >= 0x40000 || words.some((word) => word > 0xffffffff)) {
        expect(words).toBe('three words of 32 bits, the first of 18')
      }
    }
  })

  test('that went out come back as the very same', () => {
    const ref = book.makeRef()
    book.refLeaves(ref)
    expect(book.ref(ref.node, ref.creation, ref.words)).toBe(ref)
    const far = book.ref('far@away', 7, [1, 2, 3])
    expect(book.ref('far@away', 7, [1, 2, 3])).toBe(far)
    expect(book.ref('far@away', 8, [1, 2, 3])).not.toBe(far)
    expect(book.ref('far@away', 7, [1, 2])).not.toBe(far)
    expect(book.ref('far@away', 7, [])).toBe(book.ref('far@away', 7, []))
  })

  test('that never went out cannot be guessed into being', () => {
    const ref = book.makeRef()
    expect(book.ref(ref.node, ref.creation, ref.words)).not.toBe(ref)
  })
})

describe('references of calls and monitors across nodes', () => {
  const words = [1, 2, 3]

  test('are found as long as one of them stands', () => {
    const ref = book.signalRef('far@away', 7, words)
    book.tie(ref)
    book.tie(ref)
    expect(book.signalRef('far@away', 7, words)).toBe(ref)
    expect(book.ref('far@away', 7, words)).toBe(ref)
    book.untie(ref)
    expect(book.signalRef('far@away', 7, words)).toBe(ref)
  })

  test('are the same for whoever got one in a message, also when they are over', async () => {
    const ref = book.signalRef('far@away', 7, words)
    book.tie(ref)
    expect(book.ref('far@away', 7, words)).toBe(ref)
    book.untie(ref)
    await turn()
    collect()
    expect(book.ref('far@away', 7, words)).toBe(ref)
    expect([...book.nodes()]).toContain('far@away')
  })

  test('are forgotten at once when no message that brought one is left, and when none ever did', () => {
    const held = book.signalRef('far@away', 7, words)
    book.tie(held)
    book.ref('far@away', 7, words).copies--
    book.untie(held)
    expect([...book.nodes()]).not.toContain('far@away')
    const own = book.makeRef()
    book.tie(own)
    book.refLeaves(own)
    expect(book.signalRef(own.node, own.creation, own.words)).toBe(own)
    book.untie(own)
    expect(book.signalRef(own.node, own.creation, own.words)).not.toBe(own)
    book.refLeaves(own)
    expect(book.signalRef(own.node, own.creation, own.words)).toBe(own)
  })
})

test('numbers that look alike are told apart', () => {
  const all = new Set([
    book.address('a@b', 1, 0, 1),
    book.address('a@b', 0, 1, 1),
    book.address('a@b', 1, 1, 1),
    book.address('a@b', 0xffffffff, 0xfffff, 1),
    book.address('a@b', 0xffffffff, 0x100000, 1),
    book.address('a@b', 0, 0x100000, 1),
    book.address('a@b', 1, 0, 2),
    book.address('a@c', 1, 0, 1),
  ])
  expect(all.size).toBe(8)
})

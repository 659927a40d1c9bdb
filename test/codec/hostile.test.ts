/** Bytes that mean harm: bombs of length, depth and compression, keys that objects trip over, and 100,000 mutations. */
import { deepStrictEqual } from 'node:assert/strict'
import { deflateSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { AtomBudget, decode, encode, float, tuple } from '../../src/codec/index.js'
import { ReignError } from '../../src/errors.js'
import { quickestMs } from '../support/quickest.js'
import { errorOf, fromHex, readOnWire, seeded, toHex, vectors } from './etf-kit.js'

const read = (hex: string, options?: Parameters<typeof decode>[1]) => decode(fromHex(`83${hex}`), options)
const codeOf = (call: () => unknown) => errorOf(call).code
/** What a call allocates on balance, in bytes; collections in between make it less, so it is a lower bound of what was made. */
function allocatedBy(call: () => unknown): number {
  const before = process.memoryUsage()
  call()
  const after = process.memoryUsage()
  return after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers
}

describe('lengths that are not there', () => {
  test.each<[string, string]>([
    ['BINARY_EXT', '6d ffffffff 00'],
    ['BIT_BINARY_EXT', '4d ffffffff 07 00'],
    ['LIST_EXT', '6c ffffffff 6a'],
    ['LIST_EXT of as many elements as bytes, but none for the tail', '6c 00000002 6a6a'],
    ['LARGE_TUPLE_EXT', '69 00ffffff 6a'],
    ['SMALL_TUPLE_EXT', '68 ff 6a'],
    ['MAP_EXT', '74 ffffffff 6a6a'],
    ['MAP_EXT with half a pair', '74 00000001 6a'],
    ['STRING_EXT', '6b ffff 00'],
    ['SMALL_BIG_EXT', '6e ff 00 01'],
    ['ATOM_UTF8_EXT', '76 00ff 61'],
    ['SMALL_ATOM_UTF8_EXT', '77 ff 61'],
    ['ATOM_EXT', '64 00ff 61'],
    ['SMALL_ATOM_EXT', '73 ff 61'],
    ['NEW_FUN_EXT', `70 ffffffff 00 ${'00'.repeat(16)} 00000000 ffffffff 770161`],
    ['FLOAT_EXT', '63 31'],
    ['NEWER_REFERENCE_EXT', '5a 0005 770161 00000000 00000000'],
  ])('%s is refused before anything is made for it', (_, hex) => {
    expect(codeOf(() => read(hex))).toBe('ERR_REIGN_TERM_TRUNCATED')
    expect(allocatedBy(() => expect(() => read(hex)).toThrow(ReignError))).toBeLessThan(1_000_000)
  })

  test('a tuple of more elements than OTP allows is refused as such', () => {
    expect(codeOf(() => read('69 01000000 6a'))).toBe('ERR_REIGN_TERM_INVALID')
  })

  test.each<[string, string]>([
    ['lists', '6c 000f4240'],
    ['tuples', '69 000f4240'],
    ['maps', '74 0007a120 6101'],
  ])('%s in each other, each claiming all that follows: together they get eight bytes for each byte', (_, head) => {
    // 900 levels that each announce a million elements, and a megabyte behind them that makes each believable.
    const bytes = Buffer.concat([Buffer.of(131), ...Array(900).fill(fromHex(head)), Buffer.alloc(1_000_100, 0x6a)])
    const reads = () => expect(codeOf(() => decode(bytes))).toBe('ERR_REIGN_TERM_TRUNCATED')
    expect(allocatedBy(reads)).toBeLessThan(12_000_000)
  })

  test('many terms in few bytes: the count of terms is a bound, and covers each kind', () => {
    const options = { termCountMax: 1_000 }
    const many = (count: number, head: string, element: string) => read(head + element.repeat(count), options)
    expect(many(1_000, '6c 000003e7', '6a')).toHaveLength(999)
    for (const [head, element] of [
      ['6c 000003e8', '6a'],
      ['69 000003e8', '6a'],
      ['74 000003e8', '6a6a'],
      ['6b 03e8', '00'],
      ['6c 000000fa', '6d00000001ff'],
    ] as const) {
      const count = (Number.parseInt(head.slice(2), 16) || 0x3e8) + 10
      expect(codeOf(() => many(count, head, element))).toBe('ERR_REIGN_TERM_TOO_LARGE')
    }
    expect(codeOf(() => read(`6c 00000002 ${`6c 000001f4 ${'6a'.repeat(501)}`.repeat(2)} 6a`, options))).toBe(
      'ERR_REIGN_TERM_TOO_LARGE',
    )
  })

  test('keys that are array indexes do not make an object allocate up to them', () => {
    const count = 20_000
    const maps = Buffer.from('74000000017704313030306a', 'hex')
    const bytes = Buffer.concat([fromHex('836c00004e20'), ...Array(count).fill(maps), fromHex('6a')])
    let value: unknown
    expect(allocatedBy(() => (value = decode(bytes)))).toBeLessThan(count * 1_000)
    expect((value as object[])[count - 1]).toEqual({ 1000: [] })
  })

  test('an integer is bounded in bytes, and one at the bound is quick', () => {
    const integer = (bytes: number) =>
      Buffer.concat([fromHex('836f'), length(bytes), Buffer.of(0), Buffer.alloc(bytes, 0xff)])
    expect(codeOf(() => decode(integer(65_537)))).toBe('ERR_REIGN_TERM_TOO_LARGE')
    expect(decode(integer(65_536))).toBe(2n ** 524_288n - 1n)
    expect(quickestMs(50, () => decode(integer(65_536)))).toBeLessThan(50)
  })

  function length(value: number): Buffer {
    const bytes = Buffer.alloc(4)
    bytes.writeUInt32BE(value)
    return bytes
  }
})

describe('depth', () => {
  const million = 1_000_000
  test.each<[string, string, string]>([
    ['lists', '6c00000001', '6a'],
    ['lists in the tail place of tuples', '68016c000000016a', '6a'],
    ['tuples', '6801', ''],
    ['large tuples', '6900000001', ''],
    ['maps as values', '7400000001770161', ''],
    ['maps as keys', '7400000001', '6a'],
    ['maps as second keys', '7400000002610161016801', '6a'],
    [
      'funs',
      `70ffffffff00${'00'.repeat(16)}0000000000000001770161610061005877016100000000000000000000000000`.slice(0, -2),
      '',
    ],
  ])('a million %s in each other are refused, and quickly', (_, head, foot) => {
    const bytes = Buffer.concat([
      fromHex('83'),
      Buffer.alloc((head.length / 2) * million, fromHex(head)),
      fromHex('6a'),
      Buffer.alloc((foot.length / 2) * million, fromHex(foot)),
    ])
    const refused = () => {
      expect(codeOf(() => decode(bytes))).toMatch(/^ERR_REIGN_TERM_(DEPTH|TRUNCATED)$/)
      expect(codeOf(() => decode(bytes, { depthMax: Number.POSITIVE_INFINITY }))).toMatch(/^ERR_REIGN_TERM_/)
    }
    expect(quickestMs(1_000, refused)).toBeLessThan(1_000)
  })

  test('a list may be in a million pieces: they are one list, and no depth', () => {
    const bytes = Buffer.concat([fromHex('83'), Buffer.alloc(7 * million, fromHex('6c000000016105')), fromHex('6a')])
    const list = decode(bytes) as number[]
    expect(list).toHaveLength(million)
    expect(list.every((element) => element === 5)).toBe(true)
  })

  test('a million arrays in each other cannot be encoded', () => {
    let value: unknown = []
    for (let i = 0; i < million; i++) value = [value]
    expect(codeOf(() => encode(value))).toBe('ERR_REIGN_TERM_DEPTH')
    expect(codeOf(() => encode(value, { depthMax: Number.POSITIVE_INFINITY }))).toBe('ERR_REIGN_TERM_DEPTH')
  })

  test('called with the stack nearly full, both do what they should or say that they cannot', () => {
    let nested: unknown = 'x'
    for (let i = 0; i < 990; i++) nested = i % 2 === 0 ? [nested] : { a: nested }
    const bytes = encode(nested)
    const outcomes: string[] = []
    const attempt = (call: () => unknown) => {
      try {
        call()
        outcomes.push('done')
      } catch (error) {
        outcomes.push(error instanceof ReignError ? error.code : error instanceof RangeError ? 'full' : String(error))
      }
    }
    let level = 0
    const descend = (): void => {
      try {
        descend()
      } catch {
        // On the way back up, each level has a little more of the stack left.
      }
      level++
      if (level > 100 && (level % 50 !== 0 || outcomes.at(-1) === 'done')) return
      attempt(() => encode(nested))
      attempt(() => decode(bytes))
    }
    descend()
    // `full` is the stack of the caller, who could hardly even call: only in the first few levels.
    expect(outcomes.lastIndexOf('full')).toBeLessThan(20)
    expect(new Set(outcomes.filter((outcome) => outcome !== 'full'))).toEqual(new Set(['ERR_REIGN_TERM_DEPTH', 'done']))
    expect(decode(encode(nested))).toEqual(nested)
  })
})

describe('compressed terms', () => {
  const compressed = (size: number, data: Uint8Array) => {
    const head = Buffer.from('835000000000', 'hex')
    head.writeUInt32BE(size, 2)
    return Buffer.concat([head, deflateSync(data)])
  }
  const binary = (bytes: number): Uint8Array => encode(Buffer.alloc(bytes, 0xff)).subarray(1)

  test('one is read', () => {
    expect(decode(compressed(1_005, binary(1_000)))).toEqual(new Uint8Array(1_000).fill(0xff))
  })

  test('one that announces more than the bound is refused without being inflated', () => {
    const bomb = compressed(300_000_000, Buffer.alloc(1_000_000))
    const refused = () => expect(codeOf(() => decode(bomb))).toBe('ERR_REIGN_TERM_TOO_LARGE')
    expect(allocatedBy(refused)).toBeLessThan(1_000_000)
    expect(quickestMs(50, refused)).toBeLessThan(50)
    expect(codeOf(() => decode(compressed(1_005, binary(1_000)), { inflatedBytesMax: 1_004 }))).toBe(
      'ERR_REIGN_TERM_TOO_LARGE',
    )
  })

  test('one that inflates to more than it announces is stopped there', () => {
    const bomb = compressed(100, Buffer.alloc(32 * 1024 * 1024))
    expect(allocatedBy(() => expect(codeOf(() => decode(bomb))).toBe('ERR_REIGN_TERM_INVALID'))).toBeLessThan(2_000_000)
  })

  const compressedTerm = compressed(5, binary(0)).subarray(1)
  const nested = compressed(compressedTerm.length, compressedTerm)

  test.each<[string, Uint8Array, string]>([
    ['less than it announces', compressed(1_006, binary(1_000)), 'ERR_REIGN_TERM_INVALID'],
    ['nothing', compressed(0, Buffer.alloc(0)), 'ERR_REIGN_TERM_TRUNCATED'],
    ['rubbish', Buffer.concat([compressed(5, binary(0)).subarray(0, 8), Buffer.alloc(9)]), 'ERR_REIGN_TERM_INVALID'],
    ['a term with bytes behind it', compressed(6, Buffer.concat([binary(0), Buffer.of(0)])), 'ERR_REIGN_TERM_TRAILING'],
    ['bytes behind the stream', Buffer.concat([compressed(5, binary(0)), Buffer.of(0)]), 'ERR_REIGN_TERM_TRAILING'],
    ['another compressed term', nested, 'ERR_REIGN_TERM_TAG'],
  ])('%s is refused', (_, bytes, code) => {
    expect(codeOf(() => decode(bytes))).toBe(code)
  })

  test('on a connection, none is read, nor within another term', () => {
    expect(codeOf(() => readOnWire('50 00000005 789c'))).toBe('ERR_REIGN_TERM_TAG')
    expect(codeOf(() => read('6801 50 00000005 789c'))).toBe('ERR_REIGN_TERM_TAG')
  })
})

describe('names that objects trip over', () => {
  const names = [
    '__proto__',
    'constructor',
    'prototype',
    'toString',
    'valueOf',
    'hasOwnProperty',
    '__defineGetter__',
    'then',
    'toJSON',
  ]

  test.each(names)('%s is data in every position', (name) => {
    const object = (value: unknown) => Object.fromEntries([[name, value]])
    const evil = object({ polluted: true })
    for (const value of [
      evil,
      object(evil),
      [evil],
      tuple(evil),
      { a: evil, b: evil },
      new Map<unknown, unknown>([
        [name, evil],
        [Symbol.for(name), 1],
      ]),
      new Map<unknown, unknown>([[evil, evil]]),
      Symbol.for(name),
      name,
      object(undefined),
      object(null),
      object([object(1), object(2)]),
    ]) {
      const back = decode(encode(value))
      deepStrictEqual(back, value)
    }
    const back = decode(encode(evil)) as Record<string, unknown>
    expect(Object.keys(back)).toEqual([name])
    expect(Object.getOwnPropertyDescriptor(back, name)).toEqual({
      value: { polluted: true },
      writable: true,
      enumerable: true,
      configurable: true,
    })
    expect(Object.getPrototypeOf(back)).toBe(Object.prototype)
    expect((back as { polluted?: boolean }).polluted).toBeUndefined()
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
  })

  test.each(names)('%s twice is the same key twice', (name) => {
    const key = `77${Buffer.of(name.length).toString('hex')}${Buffer.from(name).toString('hex')}`
    expect(codeOf(() => read(`7400000002 ${key} 6a ${key} 6a`))).toBe('ERR_REIGN_TERM_INVALID')
  })

  test('what somebody added to Object.prototype is neither sent nor in the way', () => {
    const bytes = fromHex('83 7400000001 77056164646564 6102')
    Object.defineProperty(Object.prototype, 'added', {
      value: 1,
      enumerable: true,
      configurable: true,
      writable: false,
    })
    let sent: Uint8Array
    let back: unknown
    try {
      sent = encode({ a: 1 })
      back = decode(bytes, { atoms: new AtomBudget() })
    } finally {
      delete (Object.prototype as { added?: number }).added
    }
    expect(toHex(sent)).toBe('837400000001770161' + '6101')
    expect(Object.entries(back as object)).toEqual([['added', 2]])
  })
})

describe('the same key twice', () => {
  test.each<[string, string]>([
    ['integers', '7400000002 6101 6a 6101 6a'],
    ['integers in two forms', '7400000002 6101 6a 6200000001 6a'],
    ['integers in two long forms', '7400000002 6e0100016a 6e020001006a'],
    ['atoms', '7400000002 770161 6a 770161 6a'],
    ['atoms in two forms', '7400000002 770161 6a 76000161 6a'],
    ['atoms, one of them in Latin-1', '7400000002 7702c3a5 6a 7301e5 6a'],
    ['atoms, with a map of the same key between', '7400000002 770161 7400000001 770161 6a 770161 6a'],
    ['atoms, after the object became a Map', '7400000003 770161 6a 6101 6a 770161 6a'],
    ['texts', '7400000002 6d0000000161 6a 6d0000000161 6a'],
    ['floats', '7400000002 463ff0000000000000 6a 463ff0000000000000 6a'],
    ['lists', '7400000002 6b00020102 6a 6b00020102 6a'],
    ['lists in two forms', '7400000002 6b00020102 6a 6c00000002610161026a 6a'],
    ['tuples', '7400000003 680161016a 6102 6a 680161016a'],
    ['maps in another order', '7400000002 7400000002 770161 6a 770162 6a 6a 7400000002 770162 6a 770161 6a 6a'],
    ['addresses', `7400000002 ${'5877036e4068000000050000000600000003 6a'.repeat(2)}`],
    ['references', `7400000002 ${'5a000177036e40680000000700000009 6a'.repeat(2)}`],
  ])('%s are refused', (_, hex) => {
    expect(codeOf(() => read(hex))).toBe('ERR_REIGN_TERM_INVALID')
  })

  test.each<[string, string]>([
    ['an integer and a float', '7400000002 6101 6a 463ff0000000000000 6a'],
    ['lists of an integer and of a float', '7400000002 6c0000000161016a 6a 6c00000001463ff00000000000006a 6a'],
    ['an atom and its text', '7400000002 770161 6a 6d0000000161 6a'],
    ['an atom inside of the first value', '7400000002 770162 7400000001 770161 6a 770161 6a'],
  ])('%s are two', (_, hex) => {
    const value = read(hex) as object
    expect(value instanceof Map ? value.size : Object.keys(value).length).toBe(2)
  })

  test('comparing keys within keys within keys costs in proportion to the bound on terms', () => {
    // At each level the key is compared as a whole: 900 levels over a list of 100,000 would be 90 million steps.
    const inner = `6c000186a0${'6a'.repeat(100_001)}`
    const bytes = fromHex(`83${'74000000026101 6a'.repeat(900)}${inner}${'6a'.repeat(900)}`)
    const refused = () => expect(codeOf(() => decode(bytes))).toBe('ERR_REIGN_TERM_TOO_LARGE')
    expect(quickestMs(2_000, refused)).toBeLessThan(2_000)
  })
})

test('100,000 seeded mutations: a term or a coded error, none slower than 50 ms', () => {
  const chance = seeded(20_261_124)
  const pool = vectors.map(({ hex }) => fromHex(hex))
  const address = vectors.find(({ term }) => term === 'self()')?.hex ?? ''
  const large = tuple(
    Array(300).fill({ a: 1, b: [float(2), 'x', Uint8Array.of(255)] }),
    new Map([[[1], decode(fromHex(address))]]),
  )
  pool.push(encode(large), encode({ text: 'é'.repeat(5_000) }))
  const tags = [70, 77, 80, 82, 88, 89, 90, 97, 98, 99, ...Array.from({ length: 22 }, (_, i) => 100 + i)]
  // The program's own budget would be used up by the many names that come of it.
  const options = { atoms: new AtomBudget(1_000_000) }
  const codes = new Map<string, number>()
  let slowestMs = 0
  for (let i = 0; i < 100_000; i++) {
    const bytes = mutated(pool[chance(pool.length)] as Uint8Array)
    const floats = chance(2) === 0 ? 'exact' : 'number'
    const { code, ms } = judge(bytes, floats)
    codes.set(code, (codes.get(code) ?? 0) + 1)
    if (ms > 50) {
      // The machine may have been busy with something else: what is slow by itself is slow each time.
      slowestMs = Math.max(slowestMs, Math.min(...Array.from({ length: 5 }, () => judge(bytes, floats).ms)))
    }
  }
  expect(slowestMs).toBeLessThan(50)
  expect([...codes.keys()].filter((code) => code !== 'term' && !code.startsWith('ERR_REIGN_TERM_'))).toEqual([])
  // That it does what it says: much of each kind has come up.
  for (const code of [
    'term',
    'ERR_REIGN_TERM_TRUNCATED',
    'ERR_REIGN_TERM_INVALID',
    'ERR_REIGN_TERM_TAG',
    'ERR_REIGN_TERM_TRAILING',
  ]) {
    expect(codes.get(code)).toBeGreaterThan(1_000)
  }

  function judge(bytes: Uint8Array, floats: 'exact' | 'number'): { code: string; ms: number } {
    const started = performance.now()
    let code = 'term'
    let value: unknown
    try {
      value = decode(bytes, { ...options, floats })
    } catch (error) {
      if (!(error instanceof ReignError)) throw new Error(`${Buffer.from(bytes).toString('hex')}`, { cause: error })
      code = error.code
    }
    const ms = performance.now() - started
    // What was taken in can be sent on.
    if (code === 'term') encode(value)
    return { code, ms }
  }

  function mutated(original: Uint8Array): Uint8Array {
    let bytes = Uint8Array.from(original)
    for (let left = 1 + chance(4); left > 0; left--) {
      const at = 1 + chance(Math.max(1, bytes.length - 1))
      const kind = chance(8)
      if (kind === 0) bytes = bytes.slice(0, at)
      else if (kind === 1) bytes = Uint8Array.from([...bytes.subarray(0, at), chance(256), ...bytes.subarray(at)])
      else if (kind === 2)
        bytes = Uint8Array.from([...bytes.subarray(0, at), ...bytes.subarray(at, at + 9), ...bytes.subarray(at)])
      else if (kind === 3) bytes[at] = tags[chance(tags.length)] as number
      else if (kind === 4) bytes[at] = chance(2) * 255
      else if (kind === 5)
        bytes.set((pool[chance(pool.length)] as Uint8Array).subarray(1, 1 + Math.min(40, bytes.length - at)), at)
      else bytes[at] = (bytes[at] as number) ^ (1 << chance(8))
    }
    return bytes
  }
})

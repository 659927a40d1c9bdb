/** What becomes what, value by value: the table of docs/terms.md, as bytes. */
import { runInNewContext } from 'node:vm'
import { describe, expect, test } from 'vitest'
import {
  atom,
  Bits,
  bytes,
  charlist,
  charlistText,
  decode,
  ExportFun,
  encode,
  Float,
  float,
  ImproperList,
  improperList,
  isTuple,
  Port,
  type Tuple,
  tuple,
} from '../../src/codec/index.js'
import { fromHex, toHex } from './etf-kit.js'

/** The bytes without the version byte, in hexadecimal. */
const written = (value: unknown) => toHex(encode(value)).slice(2)
const read = (hex: string, options?: Parameters<typeof decode>[1]) => decode(fromHex(`83${hex}`), options)

describe('numbers', () => {
  test.each<[number | bigint | Float, string]>([
    [0, '6100'],
    [255, '61ff'],
    [256, '6200000100'],
    [-1, '62ffffffff'],
    [2 ** 31 - 1, '627fffffff'],
    [-(2 ** 31), '6280000000'],
    [2 ** 31, '6e040000000080'],
    [-(2 ** 31) - 1, '6e040101000080'],
    [2 ** 32, '6e05000000000001'],
    [Number.MAX_SAFE_INTEGER, '6e0700ffffffffffff1f'],
    [Number.MIN_SAFE_INTEGER, '6e0701ffffffffffff1f'],
    [5n, '6105'],
    [-1n, '62ffffffff'],
    [2n ** 31n, '6e040000000080'],
    [2n ** 53n, '6e070000000000000020'],
    [-(2n ** 63n), '6e08010000000000000080'],
    [2n ** 64n - 1n, '6e0800ffffffffffffffff'],
    [2n ** 64n, '6e0900000000000000000001'],
    [1.5, '463ff8000000000000'],
    [-0, '468000000000000000'],
    [1e20, '464415af1d78b58c40'],
    [2 ** 53, '464340000000000000'],
    [5e-324, '460000000000000001'],
    [float(1), '463ff0000000000000'],
    [float(-0), '468000000000000000'],
  ])('%s is written as %s', (value, hex) => {
    expect(written(value)).toBe(hex)
  })

  test('a float that was written as text, by who writes a comma in it too', () => {
    const written = (text: string) => `63${Buffer.from(text.padEnd(31, '\0')).toString('hex')}`
    expect(read(written('1.50000000000000000000e+00'))).toBe(1.5)
    expect(read(written('1,50000000000000000000e+00'))).toBe(1.5)
    for (const text of ['1.,5e+00', '1', 'nan', '1.5e', '1;5']) {
      expect(() => read(written(text))).toThrow(expect.objectContaining({ code: 'ERR_REIGN_TERM_INVALID' }))
    }
  })

  test('an integral float becomes a number, or a Float when asked for', () => {
    expect(read('463ff0000000000000')).toBe(1)
    expect(read('463ff0000000000000', { floats: 'exact' })).toEqual(new Float(1))
    expect(read('463ff8000000000000', { floats: 'exact' })).toBe(1.5)
    expect(read('468000000000000000', { floats: 'exact' })).toEqual(new Float(-0))
  })

  test('integers of every length around each power of two come back', () => {
    for (let bits = 0n; bits < 200n; bits++) {
      for (const near of [-1n, 0n, 1n]) {
        for (const value of [2n ** bits + near, -(2n ** bits) - near]) {
          const safe = BigInt.asIntN(54, value) === value && value !== -(2n ** 53n)
          expect(decode(encode(value))).toBe(safe ? Number(value) : value)
          if (safe) expect(toHex(encode(Number(value)))).toBe(toHex(encode(value)))
        }
      }
    }
  })
})

describe('atoms', () => {
  test.each<[unknown, string]>([
    [atom('ok'), '77026f6b'],
    [true, '770474727565'],
    [false, '770566616c7365'],
    [null, '77046e756c6c'],
    [undefined, '7709756e646566696e6564'],
    [atom(''), '7700'],
    [atom('日本'), '7706e697a5e69cac'],
  ])('%s is written as %s and comes back', (value, hex) => {
    expect(written(value)).toBe(hex)
    expect(read(hex)).toBe(value)
  })

  test('the symbols of true, false, undefined and null are the same atoms as the values', () => {
    expect(decode(encode([atom('true'), atom('false'), atom('undefined'), atom('null')]))).toEqual([
      true,
      false,
      undefined,
      null,
    ])
  })

  test('255 characters of any kind are an atom; the form depends on the bytes', () => {
    for (const [character, form] of [
      ['a', '77ff'],
      ['ä', '7601fe'],
      ['😀', '7603fc'],
    ] as const) {
      const longest = Symbol.for(character.repeat(255))
      expect(written(longest).startsWith(form)).toBe(true)
      expect(decode(encode(longest))).toBe(longest)
    }
  })

  test('an atom is written the same the first and the second time', () => {
    const fresh = Symbol.for('an atom that nothing else in this file uses')
    expect(written(fresh)).toBe(written(fresh))
  })
})

describe('binaries', () => {
  test.each([
    '',
    'a',
    'hello, world',
    'é',
    '日本語',
    '😀',
    '\u0000',
    '\ufeffwith a byte order mark',
    '\ufffd is a character, too',
    'x'.repeat(20),
    'x'.repeat(21),
    'x'.repeat(5_000),
    'é'.repeat(24),
    'é'.repeat(5_000),
    `${'x'.repeat(40)}é`,
    '😀'.repeat(3_000),
    `${'x'.repeat(4_095)}\ufffd`,
  ])('the text %j is its UTF-8 and comes back', (text) => {
    const utf8 = Buffer.from(text)
    const length = Buffer.alloc(4)
    length.writeUInt32BE(utf8.length)
    expect(written(text)).toBe(`6d${length.toString('hex')}${utf8.toString('hex')}`)
    expect(decode(encode(text))).toBe(text)
    expect(decode(encode(text), { binaries: 'bytes' })).toEqual(new Uint8Array(utf8))
  })

  test.each([
    '80',
    'c0af',
    'c3',
    'e0809f',
    'eda080',
    'edbfbf',
    'f4908080',
    'f5808080',
    'ff',
    'e282',
    'f09f98',
    'efbfbdff',
  ])('%s is no UTF-8, wherever it stands, and stays bytes', (hex) => {
    for (const before of [0, 1, 15, 19, 31, 40, 5_000]) {
      for (const after of [0, 1, 25, 5_000]) {
        const value = Uint8Array.from([
          ...Buffer.alloc(before, 'x'),
          ...Buffer.from(hex, 'hex'),
          ...Buffer.alloc(after, 'y'),
        ])
        expect(decode(encode(value))).toEqual(value)
      }
    }
  })

  test('bytes that are UTF-8 come back as text, which bytes() turns into bytes again', () => {
    const value = decode(encode(Uint8Array.of(104, 105)))
    expect(value).toBe('hi')
    expect(bytes(value as string)).toEqual(Uint8Array.of(104, 105))
  })

  test('a Buffer, and the bytes of another realm, are bytes', () => {
    expect(written(Buffer.of(1, 2))).toBe('6d000000020102')
    expect(written(runInNewContext('Uint8Array.of(1, 2)'))).toBe('6d000000020102')
  })

  test('the bytes that come out are a copy: they neither change with the frame nor keep it', () => {
    for (const length of [1, 32, 33, 64, 1_000]) {
      const frame = encode(new Uint8Array(length).fill(0xff))
      const value = decode(frame) as Uint8Array
      frame.fill(0)
      expect(value).toEqual(new Uint8Array(length).fill(0xff))
      expect(value.buffer.byteLength).toBe(length)
    }
  })

  test('a bit string keeps its last bits; eight of them make a binary', () => {
    expect(written(new Bits(Uint8Array.of(1, 0xe0), 3))).toBe('4d000000020301e0')
    expect(read('4d00000001 08 ff')).toEqual(Uint8Array.of(0xff))
    expect(read('4d00000001 08 61')).toBe('a')
    // As Erlang reads it, too; of no byte with bits, and of a byte with none, it makes nothing.
    expect(read('4d00000000 00')).toBe('')
    for (const hex of ['4d00000000 01', '4d00000000 08', '4d00000001 00 ff', '4d00000001 09 ff']) {
      expect(() => read(hex)).toThrow(expect.objectContaining({ code: 'ERR_REIGN_TERM_INVALID' }))
    }
  })
})

describe('lists and tuples', () => {
  test.each<[unknown, string]>([
    [[], '6a'],
    [[1, 2], '6b00020102'],
    [[256], '6c0000000162000001006a'],
    [[1, 'a'], '6c0000000261016d00000001616a'],
    [[-0], '6c000000014680000000000000006a'],
    [[1.5], '6c00000001463ff80000000000006a'],
    [['a'], '6c000000016d00000001616a'],
    [[[]], '6c000000016a6a'],
    [[undefined], '6c000000017709756e646566696e65646a'],
    [charlist('ab'), '6b00026162'],
    [tuple(), '6800'],
    [tuple(1, 2), '680261016102'],
    [improperList([1], 2), '6c0000000161016102'],
  ])('%j is written as %s and comes back', (value, hex) => {
    expect(written(value)).toBe(hex)
    expect(read(hex)).toEqual(value)
  })

  test('a list of up to 65535 bytes is short, a longer one is not; both come back', () => {
    const short = Array(65_535).fill(7)
    const long = Array(65_536).fill(7)
    expect(written(short).startsWith('6bffff')).toBe(true)
    expect(written(long).startsWith('6c00010000')).toBe(true)
    expect(decode(encode(short))).toEqual(short)
    expect(decode(encode(long))).toEqual(long)
  })

  test('a tuple of more than 255 elements has the long form', () => {
    const long = tuple(...Array(256).fill(0))
    expect(written(long).startsWith('6900000100')).toBe(true)
    expect(decode(encode(long))).toEqual(long)
  })

  test('tuples come back as tuples, lists as arrays', () => {
    const [inTuple, inList] = decode(encode([tuple([1]), [tuple(1)]])) as [Tuple, unknown[]]
    expect(isTuple(inTuple)).toBe(true)
    expect(isTuple(inTuple[0])).toBe(false)
    expect(isTuple(inList)).toBe(false)
    expect(isTuple(inList[0])).toBe(true)
  })

  test('an improper list has one form, however it was put together', () => {
    const one = written(improperList([1, 2], 3))
    expect(written(improperList([1], improperList([2], 3)))).toBe(one)
    expect(written(improperList([1], [2]))).toBe(written([1, 2]))
    expect(written(improperList([], 3))).toBe(written(3))
    expect(written(improperList([1], tuple(2)))).toBe('6c00000001610168016102')
    expect(read('6c00000001 6101 6c00000001 6102 6103')).toEqual(new ImproperList([1, 2], 3))
    expect(read('6c00000001 6101 6c00000001 6102 6b00020304')).toEqual([1, 2, 3, 4])
  })

  test('charlists: there and back', () => {
    expect(charlistText(decode(encode(charlist('héllo €'))))).toBe('héllo €')
  })
})

describe('maps', () => {
  test('a plain object has atoms for keys, and is what a map of atoms becomes', () => {
    expect(written({ a: 1 })).toBe('74000000017701616101')
    expect(read('7400000001 770161 6101')).toEqual({ a: 1 })
    expect(Object.getPrototypeOf(read('7400000000'))).toBe(Object.prototype)
  })

  test('an object without a prototype, and one of another realm, are plain, too', () => {
    expect(written(Object.assign(Object.create(null), { a: 1 }))).toBe('74000000017701616101')
    expect(written(runInNewContext('({ a: 1 })'))).toBe('74000000017701616101')
  })

  test('only own enumerable entries with texts as keys are sent', () => {
    const value = Object.defineProperty({ a: 1, [Symbol('s')]: 2 }, 'hidden', { value: 3 })
    expect(written(value)).toBe('74000000017701616101')
  })

  test('entries that are undefined are sent: as the atom', () => {
    expect(decode(encode({ a: undefined }))).toStrictEqual({ a: undefined })
  })

  test('a map with any other key becomes a Map, whose atoms are symbols', () => {
    const value = new Map<unknown, unknown>([
      ['a', 1],
      [atom('a'), 2],
      [1, 3],
      [true, 4],
    ])
    expect(decode(encode(value))).toEqual(value)
    // The first keys are atoms: what was begun as an object is turned over.
    const late = new Map<unknown, unknown>([
      [atom('a'), 1],
      [undefined, 2],
      [null, 3],
      [atom('7'), 4],
      ['text', 5],
      [atom('b'), 6],
    ])
    expect(decode(encode(late))).toEqual(late)
  })

  test('a Map whose keys are all atoms comes back as an object', () => {
    const value = new Map([
      [atom('a'), 1],
      [atom('b'), 2],
    ])
    expect(decode(encode(value))).toEqual({ a: 1, b: 2 })
  })

  test('within keys, an integral float is a Float in any case, as 1 and 1.0 are two keys', () => {
    const hex = '7400000003 6101 6a 463ff0000000000000 6a 6801 463ff0000000000000 463ff0000000000000'
    expect([...(read(hex) as Map<unknown, unknown>)]).toEqual([
      [1, []],
      [new Float(1), []],
      [tuple(new Float(1)), 1],
    ])
    expect(toHex(encode(new Map([[new Float(-0), 1]])))).toBe('83740000000146800000000000000061' + '01')
  })
})

describe('what other nodes made', () => {
  test('ports: small numbers in the older form, large ones in the newer', () => {
    expect(written(new Port('n@h', 5n, 7))).toBe('5977036e40680000000500000007')
    expect(written(new Port('n@h', 2n ** 28n, 7))).toBe('7877036e4068000000001000000000000007')
    expect(read('5977036e40680000000500000007')).toEqual(new Port('n@h', 5n, 7))
  })

  test('external funs: the arity is a number of any size', () => {
    expect(written(new ExportFun('m', 'f', 2))).toBe('7177016d7701666102')
    expect(read('7177016d770166 6200000100')).toEqual(new ExportFun('m', 'f', 256))
    expect(written(new ExportFun('m', 'f', 256))).toBe('7177016d7701666200000100')
  })
})

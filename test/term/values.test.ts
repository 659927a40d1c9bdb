/** The small nouns: atoms, floats, bits, text, improper lists, names. */
import { describe, expect, test } from 'vitest'
import {
  atom,
  atomName,
  Bits,
  bytes,
  charlist,
  charlistText,
  ExportFun,
  float,
  improperList,
  Named,
  Node,
  named,
  Port,
} from '../../src/index.js'

const argument = expect.objectContaining({ code: 'ERR_REIGN_ARGUMENT' })

describe('an atom', () => {
  test('is a registered symbol: the same everywhere', () => {
    expect(atom('ok')).toBe(atom('ok'))
    expect(atom('ok')).toBe(Symbol.for('ok'))
    expect(atomName(atom('ok'))).toBe('ok')
    expect(atomName(Symbol('ok'))).toBe(undefined)
  })

  test('has at most 255 characters, however many units they take', () => {
    expect(atomName(atom('x'.repeat(255)))).toHaveLength(255)
    expect(atomName(atom('😀'.repeat(255)))).toHaveLength(510)
    expect(() => atom('x'.repeat(256))).toThrow(argument)
    expect(() => atom('😀'.repeat(256))).toThrow(argument)
    expect(atom('')).toBe(Symbol.for(''))
  })

  test('is text that can be written down', () => {
    expect(() => atom('a\ud800')).toThrow(argument)
    expect(() => atom('\udc00')).toThrow(argument)
  })
})

test('a float stays one, and counts as its number', () => {
  expect(float(1).value).toBe(1)
  expect(Number(float(1)) + 1).toBe(2)
  expect(`${float(1)} ${float(1.5)} ${float(-0)}`).toBe('1.0 1.5 -0.0')
  expect(JSON.stringify([float(1), float(0.1)])).toBe('[1,0.1]')
})

describe('bits', () => {
  test('have 1 to 7 bits in the last byte; what lies beyond is cleared, in a copy', () => {
    const given = Uint8Array.of(0xff, 0xff)
    const bits = new Bits(given, 3)
    expect(bits.bytes).toEqual(Uint8Array.of(0xff, 0xe0))
    expect(bits.bitLength).toBe(11)
    expect(given).toEqual(Uint8Array.of(0xff, 0xff))
    expect(new Bits(Uint8Array.of(0xe0), 3).bytes).toEqual(Uint8Array.of(0xe0))
  })

  test.each([0, 8, -1, 1.5, Number.NaN])('are not made with %d bits', (lastBits) => {
    expect(() => new Bits(Uint8Array.of(1), lastBits)).toThrow(argument)
  })

  test('are not made of no bytes', () => {
    expect(() => new Bits(new Uint8Array(), 1)).toThrow(argument)
  })
})

describe('text', () => {
  test('is bytes, whichever way it arrived', () => {
    expect(bytes('aé😀')).toEqual(Uint8Array.from(Buffer.from('aé😀')))
    const given = Uint8Array.of(1, 2)
    expect(bytes(given)).toBe(given)
  })

  test('is a charlist, and back', () => {
    expect(charlist('aé😀')).toEqual([0x61, 0xe9, 0x1f600])
    expect(charlistText(charlist('aé😀\0'))).toBe('aé😀\0')
    expect(charlistText([])).toBe('')
  })

  test.each([
    ['text', 'ab'],
    ['nothing', undefined],
    ['negative numbers', [-1]],
    ['numbers beyond Unicode', [0x110000]],
    ['surrogates', [0xd800]],
    ['fractions', [1.5]],
    ['texts', ['a']],
  ])('is not made of %s', (_, value) => {
    expect(charlistText(value)).toBe(undefined)
  })
})

test('an improper list has elements, and a tail that is no list', () => {
  const made = improperList([1, 2], 'tail')
  expect([made.elements, made.tail]).toEqual([[1, 2], 'tail'])
})

test('a named process is a name and a node', () => {
  const made = named('counter', 'shop@127.0.0.1')
  expect(made).toBeInstanceOf(Named)
  expect([made.name, made.node, String(made)]).toEqual(['counter', 'shop@127.0.0.1', 'counter@@shop@127.0.0.1'])
  expect(() => named('counter', undefined as never)).toThrow(argument)
  expect(() => named(atom('counter') as never, 'shop@127.0.0.1')).toThrow(argument)
})

test('ports, funs and references can be shown', async () => {
  await using node = await Node.local()
  const ref = node.mailbox().makeRef()
  expect(String(ref)).toBe(`ref:${node.name}:${ref.words.join('.')}:${ref.creation}`)
  expect(JSON.stringify({ ref })).toBe(`{"ref":{"$ref":"${ref}"}}`)
  expect(ref.node).toBe(node.name)
  expect(String(new Port('a@b', 5n, 7))).toBe('port:a@b:5:7')
  expect(String(new ExportFun('lists', 'map', 2))).toBe('fun lists:map/2')
})

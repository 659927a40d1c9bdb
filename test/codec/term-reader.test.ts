/** The reader as a connection uses it: several terms in a frame, atom cache references, addresses of a node, bounds per frame. */
import { describe, expect, test } from 'vitest'
import { TermReader } from '../../src/codec/decode.js'
import { encodeTerm } from '../../src/codec/encode.js'
import { atom, decode, encode, float, tuple } from '../../src/codec/index.js'
import { Writer } from '../../src/codec/writer.js'
import { bookOf, contextOf, errorOf, fromHex, readOnWire, toHex } from './etf-kit.js'

describe('frames', () => {
  test('terms follow each other, from any place in a chunk; the position is behind the last one read', () => {
    const chunk = fromHex('ffff 83 770161 83 680161 05 ffff'.replace('6801 61 05', '68016105'))
    const reader = new TermReader(contextOf())
    reader.load(chunk, 2, chunk.length - 2)
    expect(reader.position).toBe(2)
    reader.position++
    expect(reader.read()).toBe(atom('a'))
    reader.position++
    expect(reader.read()).toEqual(tuple(5))
    expect(reader.position).toBe(chunk.length - 2)
  })

  test('nothing is read past the end, though the chunk goes on', () => {
    const chunk = fromHex('6d00000002 6161 6161')
    const reader = new TermReader(contextOf())
    for (let end = 0; end < 7; end++) {
      reader.load(chunk, 0, end)
      expect(errorOf(() => reader.read()).code).toBe('ERR_REIGN_TERM_TRUNCATED')
    }
    reader.load(chunk, 0, 7)
    expect(reader.read()).toBe('aa')
    reader.load(fromHex('61'), 0, 5_000)
    expect(errorOf(() => reader.read()).code).toBe('ERR_REIGN_TERM_TRUNCATED')
  })

  test('the bound on terms holds for the whole of a frame', () => {
    const reader = new TermReader(contextOf({ termCountMax: 3 }))
    const bytes = fromHex('6a6a6a6a')
    reader.load(bytes, 0, 4)
    for (let i = 0; i < 3; i++) expect(reader.read()).toEqual([])
    expect(errorOf(() => reader.read()).code).toBe('ERR_REIGN_TERM_TOO_LARGE')
    reader.load(bytes, 0, 4)
    expect(reader.read()).toEqual([])
  })

  test('after a failure the next frame is read as if nothing had been', () => {
    const reader = new TermReader(contextOf({ depthMax: 2 }))
    const failing = fromHex('7400000001 680168016801 6a 6a')
    const fine = fromHex('680168016a')
    for (let i = 0; i < 5; i++) {
      reader.load(failing, 0, failing.length)
      expect(errorOf(() => reader.read()).code).toBe('ERR_REIGN_TERM_DEPTH')
      reader.load(fine, 0, fine.length)
      expect(reader.read()).toEqual(tuple(tuple([])))
    }
    // A failure within a key does not make the floats of the next frame exact.
    const float = fromHex('463ff0000000000000')
    reader.load(float, 0, float.length)
    expect(reader.read()).toBe(1)
  })

  test('released, it holds no bytes', () => {
    const reader = new TermReader(contextOf())
    reader.load(fromHex('6a6a'), 0, 2)
    reader.read()
    reader.release()
    expect(errorOf(() => reader.read()).code).toBe('ERR_REIGN_TERM_TRUNCATED')
  })
})

describe('atom cache references', () => {
  const read = (hex: string, atoms: readonly (symbol | boolean | null | undefined)[]) => {
    const bytes = fromHex(hex)
    const context = contextOf()
    const reader = new TermReader(context)
    const known = atoms.map((value) => context.atoms.known(value))
    reader.load(bytes, 0, bytes.length, known)
    return reader.read()
  }
  const atoms = [atom('a'), true, undefined, null, atom('n@h'), atom('__proto__')]

  test('stand for the atoms of their frame: as values, keys, nodes, modules', () => {
    expect(read('6804 5200 5201 5202 5203', atoms)).toEqual(tuple(atom('a'), true, undefined, null))
    expect(read('7400000003 5200 6101 5201 6102 5203 6103', atoms)).toEqual({ a: 1, true: 2, null: 3 })
    expect(read('7400000002 5200 6101 6101 5202', atoms)).toEqual(
      new Map<unknown, unknown>([
        [atom('a'), 1],
        [1, undefined],
      ]),
    )
    expect(String(read('58 5204 00000001 00000002 00000003', atoms))).toBe('pid:n@h:1.2:3')
    expect(String(read('71 5200 5200 6101', atoms))).toBe('fun a:a/1')
    const object = read('7400000001 5205 6101', atoms) as object
    expect(Object.entries(object)).toEqual([['__proto__', 1]])
  })

  test('the same key by reference and spelled out is the same key', () => {
    expect(errorOf(() => read('7400000002 5200 6101 770161 6102', atoms)).code).toBe('ERR_REIGN_TERM_INVALID')
  })

  test('one past those of the frame, or without any, is refused', () => {
    expect(errorOf(() => read('5206', atoms)).code).toBe('ERR_REIGN_TERM_INVALID')
    expect(errorOf(() => readOnWire('5200')).code).toBe('ERR_REIGN_TERM_INVALID')
    expect(errorOf(() => decode(fromHex('835200'))).code).toBe('ERR_REIGN_TERM_INVALID')
  })
})

describe('addresses and references of a node', () => {
  test('are the same objects after a round trip', () => {
    const { book, local } = bookOf('n@h')
    const node = { addressBook: book }
    const address = local(5)
    const ref = book.makeRef()
    const back = decode(encode(tuple(address, ref), { node }), { node }) as [unknown, unknown]
    expect(back[0]).toBe(address)
    expect(back[1]).toBe(ref)
    const remote = decode(fromHex('835877036e406900000005000000060000000a'), { node })
    expect(decode(encode(remote), { node })).toBe(remote)
  })

  test('an address says that it leaves before it is written, once', () => {
    const { book, left, local } = bookOf('n@h')
    const address = local(5)
    const writer = new Writer()
    encodeTerm(writer, { to: address, again: [address] }, book)
    expect(left).toEqual([address])
    expect(address.written).toBe(true)
  })

  test('a reference is announced to the context each time', () => {
    const { book } = bookOf('n@h')
    const ref = book.makeRef()
    const announced: unknown[] = []
    const writer = new Writer()
    encodeTerm(writer, [ref, ref], { refLeaves: (leaving) => announced.push([leaving, writer.length]) })
    // Before the first byte of it is written: behind the head of the list, and behind the first of the two.
    expect(announced).toEqual([
      [ref, 5],
      [ref, 5 + (writer.length - 6) / 2],
    ])
  })

  test('without a node they are detached: the same each time, and nothing can be sent to them', async () => {
    const bytes = fromHex('83680258 77036e4068000000050000000600000003 5a000177036e40680000000700000009')
    const [address, ref] = decode(bytes) as [{ send(message: unknown): boolean; drained(): Promise<void> }, unknown]
    expect((decode(bytes) as unknown[])[0]).toBe(address)
    expect((decode(bytes) as unknown[])[1]).toBe(ref)
    expect(toHex(encode(tuple(address, ref)))).toBe(toHex(bytes))
    expect(errorOf(() => address.send('x')).code).toBe('ERR_REIGN_UNREACHABLE')
    await expect(address.drained()).rejects.toMatchObject({ code: 'ERR_REIGN_UNREACHABLE' })
  })

  test('encoding without a node does not take a reference from its own', () => {
    const { book } = bookOf('n@h')
    const ref = book.makeRef()
    encode(ref)
    expect(decode(encode(ref, { node: { addressBook: book } }), { node: { addressBook: book } })).toBe(ref)
  })

  test('all 32 bits of each number come through', () => {
    for (const hex of ['8358770161ffffffffffffffffffffffff', `835a0005770161ffffffff${'ffffffff'.repeat(5)}`]) {
      expect(toHex(encode(decode(fromHex(hex))))).toBe(hex)
    }
  })
})

describe('funs', () => {
  test('come back in the same bytes, and are nothing but data here', () => {
    const closure = decode(encode(fun())) as object
    expect(toHex(encode(closure))).toBe(toHex(encode(fun())))
    expect(typeof closure).toBe('object')
    // Exactly as it was, whatever the options say of floats.
    expect((closure as { free: unknown }).free).toEqual([tuple(1, float(2)), 'kept'])
    expect(decode(fromHex('83463ff0000000000000'))).toBe(1)
  })

  test.each([
    ['no address for its creator', '6161 6161 6161'],
    ['no number for its index', '770161 6161 6161'],
  ])('one with %s is refused', (_, rest) => {
    const head = `8370 00000040 01 ${'00'.repeat(16)} 00000000 00000000 770161`
    expect(errorOf(() => decode(fromHex(`${head}${rest}6a6a6a`))).code).toBe('ERR_REIGN_TERM_INVALID')
  })

  function fun(): unknown {
    const free = '6802 6101 464000000000000000 6d000000046b657074'
    const pid = '5877036e4068000000050000000600000003'
    const bytes = fromHex(`8370 00000000 01 ${'ab'.repeat(16)} 00000007 00000002 770161 6103 62fffffff0 ${pid} ${free}`)
    return decode(bytes)
  }
})

test('what is decoded has to be bytes, and to start with the version', () => {
  for (const value of ['text', [131, 106], new ArrayBuffer(2), undefined]) {
    expect(errorOf(() => decode(value as unknown as Uint8Array)).code).toBe('ERR_REIGN_ARGUMENT')
  }
  expect(errorOf(() => decode(new Uint8Array(0))).code).toBe('ERR_REIGN_TERM_TRUNCATED')
  expect(errorOf(() => decode(fromHex('6a6a')))).toMatchObject({ code: 'ERR_REIGN_TERM_INVALID', byteOffset: 0 })
  expect(decode(new Uint8Array(fromHex('00836a').buffer, 1, 2))).toEqual([])
})

describe('binaries in memory', () => {
  /** Reads a list of random binaries of these lengths from bytes in a buffer of their own. */
  function read(
    lengths: readonly number[],
    memory: 'own' | 'shared',
  ): { sent: Uint8Array[]; got: Uint8Array[]; frame: Uint8Array } {
    // No text begins with this byte.
    const sent = lengths.map((length, i) => new Uint8Array(length).map((_, at) => (at === 0 ? 0xff : at * 31 + i)))
    const writer = new Writer(0)
    encodeTerm(writer, sent, bookOf('n@h').book)
    const frame = Uint8Array.from(writer.buffer.subarray(0, writer.length))
    const reader = new TermReader(contextOf({ memory }))
    reader.load(frame, 0, frame.length)
    return { sent, got: reader.read() as Uint8Array[], frame }
  }
  const lengths = [1, 64, 65, 300, 301, 2_048, 2_049, 40_000, 50, 7_000, 8_000]

  test.each(['own', 'shared'] as const)('are what was sent, and plain Uint8Arrays: %s', (memory) => {
    const { sent, got } = read(lengths, memory)
    expect(got).toEqual(sent)
    for (const bytes of got) expect(Object.getPrototypeOf(bytes)).toBe(Uint8Array.prototype)
  })

  test('shared: a large one lies where it came, the others keep little beside themselves in memory', () => {
    const { got, frame } = read(lengths, 'shared')
    expect(got.filter(({ buffer }) => buffer === frame.buffer).map(({ length }) => length)).toEqual([40_000])
    for (const { buffer, length } of got) expect(buffer.byteLength).toBeLessThanOrEqual(Math.max(4 * length, 8_192))
  })

  test('shared: to write into one changes no other', () => {
    const { sent, got } = read([...lengths, ...lengths], 'shared')
    for (const [i, bytes] of got.entries()) {
      bytes.fill(i)
      sent[i]?.fill(i)
    }
    expect(got).toEqual(sent)
  })

  test('own: each has its buffer to itself', () => {
    const { got } = read(lengths, 'own')
    for (const { buffer, length } of got) expect(buffer.byteLength).toBe(length)
  })
})

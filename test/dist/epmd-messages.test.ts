import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import {
  EpmdError,
  type EpmdNode,
  encodeLookup,
  encodeLookupAnswer,
  encodeNames,
  encodeNamesAnswer,
  encodeRegister,
  encodeRegisterAnswer,
  epmdLookupBytesMax,
  epmdNode,
  epmdRequestBytesMax,
  isEpmdName,
  readLookupAnswer,
  readNamesAnswer,
  readRegisterAnswer,
  readRequest,
} from '../../src/dist/epmd-messages.js'

interface Vector {
  name: string
  dir: string
  hex: string
}
const vectors: Vector[] = JSON.parse(
  readFileSync(new URL('../vectors/handshake-vectors.json', import.meta.url), 'utf8'),
).epmd

function vector(start: string): Uint8Array {
  const found = vectors.find(({ name }) => name.startsWith(start))
  if (found === undefined) throw new Error(`no vector ${start}`)
  return hex(found.hex)
}
const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text.replaceAll(' ', ''), 'hex'))
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const empty = new Uint8Array(0)

const js1: EpmdNode = epmdNode('js1', 34997)
const x: EpmdNode = { ...epmdNode('x', 33489), versionLow: 5 }

/** The error that `run` throws, which must be the peer's mistake and coded. */
function problemOf(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    expect(error).toBeInstanceOf(EpmdError)
    expect((error as EpmdError).code).toBe('ERR_REIGN_EPMD')
    return (error as EpmdError).problem
  }
  return 'none'
}

describe('bytes captured from OTP', () => {
  test('all of them are used below', () => expect(vectors).toHaveLength(8))

  test('requests are written as OTP writes them', () => {
    expect(text(encodeRegister(js1))).toBe(text(vector('ALIVE2_REQ js1')))
    expect(text(encodeLookup('x'))).toBe(text(vector('PORT_PLEASE2_REQ x')))
    expect(text(encodeNames())).toBe(text(vector('NAMES_REQ')))
  })

  test('requests are read', () => {
    expect(readRequest(vector('ALIVE2_REQ js1'))).toEqual({ op: 'register', node: js1 })
    expect(readRequest(vector('PORT_PLEASE2_REQ x'))).toEqual({ op: 'lookup', alive: 'x' })
    expect(readRequest(vector('NAMES_REQ'))).toEqual({ op: 'names' })
  })

  test('answers are read', () => {
    expect(readRegisterAnswer(vector('ALIVE2_X_RESP ok'))).toEqual({ op: 'registered', creation: 0x6b04f4ee })
    expect(readRegisterAnswer(vector('ALIVE2_X_RESP refused'))).toEqual({ op: 'refused', result: 1 })
    expect(readLookupAnswer(vector('PORT2_RESP found'), 'x')).toEqual(x)
    expect(readLookupAnswer(vector('PORT2_RESP not found'), 'x')).toBeNull()
    expect(readNamesAnswer(vector('NAMES_RESP'))).toEqual({
      epmdPort: 24777,
      nodes: [
        { alive: 'm1', port: 40935 },
        { alive: 'm2', port: 35369 },
      ],
    })
  })

  test('answers are written as epmd writes them', () => {
    expect(text(encodeRegisterAnswer({ op: 'registered', creation: 0x6b04f4ee }, 6))).toBe(
      text(vector('ALIVE2_X_RESP ok')),
    )
    expect(text(encodeRegisterAnswer({ op: 'refused', result: 1 }, 6))).toBe('760100000000')
    expect(text(encodeLookupAnswer(x))).toBe(text(vector('PORT2_RESP found')))
    expect(text(encodeLookupAnswer(undefined))).toBe(text(vector('PORT2_RESP not found')))
    expect(text(encodeNamesAnswer(24777, [epmdNode('m1', 40935), epmdNode('m2', 35369)]))).toBe(
      text(vector('NAMES_RESP')),
    )
  })

  test('a node of version 5 gets the old answer, with a creation of 1 to 3; and that answer is read', () => {
    expect(text(encodeRegisterAnswer({ op: 'registered', creation: 300 }, 5))).toBe('79000001')
    expect(text(encodeRegisterAnswer({ op: 'refused', result: 1 }, 5))).toBe('79010000')
    expect(readRegisterAnswer(hex('79000003'))).toEqual({ op: 'registered', creation: 3 })
  })
})

describe('a message in pieces', () => {
  test('every beginning of every vector is incomplete, never wrong and never complete', () => {
    for (const { name, dir, hex: bytes } of vectors) {
      const whole = hex(bytes)
      for (let length = 0; length < whole.length; length++) {
        const part = whole.subarray(0, length)
        if (dir === 'node>epmd') expect(readRequest(part)).toBeUndefined()
        else if (name.startsWith('ALIVE2')) expect(readRegisterAnswer(part)).toBeUndefined()
        else if (name.startsWith('PORT2')) expect(readLookupAnswer(part, 'x')).toBeUndefined()
      }
    }
  })

  test('a list of names that was cut is an answer only where a line ends', () => {
    const whole = vector('NAMES_RESP')
    for (let length = 0; length < whole.length; length++) {
      const lineEnds = length === 4 || (length > 4 && whole[length - 1] === 0x0a)
      expect(problemOf(() => readNamesAnswer(whole.subarray(0, length)))).toBe(lineEnds ? 'none' : 'answer')
    }
  })
})

describe('bytes after a message', () => {
  test('are refused in every message that has an end of its own', () => {
    const more = (bytes: Uint8Array): Uint8Array => Uint8Array.from([...bytes, 0])
    for (const { hex: bytes, dir } of vectors) {
      if (dir === 'node>epmd') expect(problemOf(() => readRequest(more(hex(bytes))))).toBe('request')
    }
    expect(problemOf(() => readRegisterAnswer(more(vector('ALIVE2_X_RESP ok'))))).toBe('answer')
    expect(problemOf(() => readRegisterAnswer(hex('7900000300')))).toBe('answer')
    expect(problemOf(() => readLookupAnswer(more(vector('PORT2_RESP found')), 'x'))).toBe('answer')
    expect(problemOf(() => readLookupAnswer(hex('770100'), 'x'))).toBe('answer')
  })

  test('inside the announced length are refused, too', () => {
    expect(problemOf(() => readRequest(hex('0002 6e 00')))).toBe('request')
    expect(problemOf(() => readRequest(hex('0011 78 88b5 4d 00 0006 0006 0003 6a7331 0000 00')))).toBe('request')
  })
})

describe('requests that are refused', () => {
  test.each([
    ['no bytes', '0000'],
    ['more than the bound, as soon as announced', '1001'],
    ['65,535 bytes', 'ffff'],
    ['a name of epmd that is killed', '0001 6b'],
    ['STOP', '0003 73 7831'],
    ['DUMP', '0001 64'],
    ['an answer', '0001 76'],
    ['tag 0', '0001 00'],
    ['the first bytes of an HTTP request', Buffer.from('GET / HTTP/1.1\r\n').toString('hex')],
    ['the first bytes of a TLS hello', '160301020001'],
    ['a look-up of nothing', '0001 7a'],
    ['a look-up of what is not UTF-8', '0002 7a ff'],
    ['a look-up of a whole node name', '0004 7a 614062'],
    ['a registration cut in its name', '000d 78 88b5 4d 00 0006 0006 0003 6a73'],
    ['a registration with a name of no bytes', '000d 78 88b5 4d 00 0006 0006 0000 0000'],
    ['a registration with port 0', '0010 78 0000 4d 00 0006 0006 0003 6a7331 0000'],
    ['a registration of node type 0', '0010 78 88b5 00 00 0006 0006 0003 6a7331 0000'],
    ['a name with an @', '0010 78 88b5 4d 00 0006 0006 0003 6a4031 0000'],
    ['a name with a line feed, which would forge a line of the list', '0010 78 88b5 4d 00 0006 0006 0003 6a0a31 0000'],
    ['a name with a blank', '0010 78 88b5 4d 00 0006 0006 0003 6a2031 0000'],
    ['a name with an escape character', '0010 78 88b5 4d 00 0006 0006 0003 6a1b31 0000'],
    ['extra bytes announced and absent', '0010 78 88b5 4d 00 0006 0006 0003 6a7331 0001'],
  ])('%s', (_what, bytes) => {
    expect(problemOf(() => readRequest(hex(bytes)))).toBe('request')
  })

  test('a name of 255 bytes is taken, one of 256 is not', () => {
    const longest = `${'é'.repeat(127)}x`
    expect(readRequest(encodeRegister(epmdNode(longest, 1)))).toEqual({ op: 'register', node: epmdNode(longest, 1) })
    expect(isEpmdName(`${longest}x`)).toBe(false)
    const body = Buffer.concat([hex('78 88b5 4d 00 0006 0006 0100'), Buffer.alloc(256, 0x61), hex('0000')])
    expect(problemOf(() => readRequest(Buffer.concat([hex('010d'), body])))).toBe('request')
  })

  test('the longest legal request is far below the bound', () => {
    expect(encodeRegister(epmdNode('a'.repeat(255), 65535)).length).toBeLessThan(epmdRequestBytesMax)
  })
})

describe('answers of a lying epmd', () => {
  test.each([
    ['another tag', '78 00'],
    ['another tag, first byte alone', '00'],
    ['another name', '77 00 82d1 4d 00 0006 0005 0001 79 0000'],
    ['port 0', '77 00 0000 4d 00 0006 0005 0001 78 0000'],
    ['an unknown node type', '77 00 82d1 05 00 0006 0005 0001 78 0000'],
    ['another protocol', '77 00 82d1 4d 01 0006 0005 0001 78 0000'],
    ['a node of version 5', '77 00 82d1 4d 00 0005 0005 0001 78 0000'],
    ['a node of version 7 and later', '77 00 82d1 4d 00 0009 0007 0001 78 0000'],
    ['a name that is not UTF-8', '77 00 82d1 4d 00 0006 0005 0001 ff 0000'],
    ['a name longer than any answer', '77 00 82d1 4d 00 0006 0005 ffff 78 0000'],
    ['extra longer than any answer', '77 00 82d1 4d 00 0006 0005 0001 78 ffff'],
  ])('a look-up: %s', (_what, bytes) => {
    expect(problemOf(() => readLookupAnswer(hex(bytes), 'x'))).toBe('answer')
  })

  test('a registration: anything but the two tags is refused at its first byte', () => {
    for (let tag = 0; tag < 256; tag++) {
      const wanted = tag === 118 || tag === 121 ? 'none' : 'answer'
      expect(problemOf(() => readRegisterAnswer(Uint8Array.of(tag)))).toBe(wanted)
    }
  })

  test.each([
    ['a line without its end', 'name a at port 1'],
    ['a line of another kind', 'names a at port 1\n'],
    ['a line without a port', 'name a at port \n'],
    ['a port above 65535', 'name a at port 65536\n'],
    ['a negative port', 'name a at port -1\n'],
    ['an empty line', '\n'],
  ])('names: %s', (_what, lines) => {
    const bytes = Buffer.concat([hex('00001111'), Buffer.from(lines)])
    expect(problemOf(() => readNamesAnswer(bytes))).toBe('answer')
  })

  test('an answer of exactly the bound is read', () => {
    const extra = new Uint8Array(epmdLookupBytesMax - 15).fill(7)
    const answer = encodeLookupAnswer({ ...x, extra })
    expect(answer).toHaveLength(epmdLookupBytesMax)
    expect(readLookupAnswer(answer, 'x')).toEqual({ ...x, extra })
  })
})

describe("the caller's mistakes", () => {
  test.each(['', 'a@b', 'a b', 'a\nb', 'a\u0000', '\ud800', 'é'.repeat(128)])('the name %j is refused', (alive) => {
    expect(isEpmdName(alive)).toBe(false)
    expect(() => encodeLookup(alive)).toThrow(expect.objectContaining({ code: 'ERR_REIGN_ARGUMENT' }))
    expect(() => encodeRegister(epmdNode(alive, 1))).toThrow(expect.objectContaining({ code: 'ERR_REIGN_ARGUMENT' }))
  })

  test.each([0, -1, 65536, 1.5, Number.NaN])('the port %d is refused', (port) => {
    expect(() => encodeRegister(epmdNode('a', port))).toThrow(expect.objectContaining({ code: 'ERR_REIGN_ARGUMENT' }))
  })
})

test('20,000 seeded mutations: an answer, more bytes wanted, or a coded error, and nothing else', () => {
  let seed = 0x5eed
  const random = (below: number): number => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0
    return (seed >>> 8) % below
  }
  const seen = new Map<string, number>()
  for (let i = 0; i < 20_000; i++) {
    const { dir, name, hex: bytes } = vectors[random(vectors.length)] as Vector
    const mutated = hex(bytes)
    for (let n = random(3) + 1; n > 0; n--) mutated[random(mutated.length)] = random(256)
    const cut = random(4) === 0 ? mutated.subarray(0, random(mutated.length + 1)) : mutated
    const outcome = problemOf(() => {
      if (dir === 'node>epmd') readRequest(cut)
      else if (name.startsWith('ALIVE2')) readRegisterAnswer(cut)
      else if (name.startsWith('PORT2')) readLookupAnswer(cut, 'x')
      else readNamesAnswer(cut)
    })
    seen.set(outcome, (seen.get(outcome) ?? 0) + 1)
  }
  // All three outcomes must have been met, or the mutations were not mutations.
  expect([...seen.keys()].sort()).toEqual(['answer', 'none', 'request'])
  expect(readRequest(empty)).toBeUndefined()
})

/** Frames with a distribution header, and long messages in fragments: what OTP sends, what nobody may send, and bounds. */
import { describe, expect, test } from 'vitest'
import { AtomBudget, KnownAtom } from '../../src/codec/atom-budget.js'
import { TermReader } from '../../src/codec/decode.js'
import { encodeTerm } from '../../src/codec/encode.js'
import { Writer } from '../../src/codec/writer.js'
import { ControlReader, controlContext, encodeSignal } from '../../src/dist/control.js'
import { headerFlags, hiddenFlags } from '../../src/dist/flags.js'
import { HeaderFrames } from '../../src/dist/header-frames.js'
import { Pieces } from '../../src/dist/pieces.js'
import { defaultLimits, type Limits } from '../../src/limits.js'
import type { Signal } from '../../src/signal.js'
import { charlistText } from '../../src/term/text.js'
import { tuple } from '../../src/term/tuple.js'
import {
  book,
  bytesOf,
  decoding,
  fragmentFrames,
  frame,
  headerFrames,
  here,
  newForms,
  peer,
  read,
  seeded,
  there,
} from './control-kit.js'

const context = controlContext(book, hiddenFlags | headerFlags)

function headers(limits: Partial<Limits> = {}, atoms = new AtomBudget()): HeaderFrames {
  const control = new ControlReader(new TermReader({ ...decoding, atoms, memory: 'shared' }), { peer })
  return new HeaderFrames(control, atoms, { ...defaultLimits, ...limits })
}

const readHex = (frames: HeaderFrames, hex: string): Signal | undefined => readBytes(frames, Buffer.from(hex, 'hex'))
const readBytes = (frames: HeaderFrames, bytes: Uint8Array): Signal | undefined => frames.read(bytes, 0, bytes.length)

/** The same in chunks of so many bytes. */
function readInPieces(frames: HeaderFrames, bytes: Uint8Array, chunkBytes: number): Signal | undefined {
  const pieces = new Pieces()
  for (let at = 0; at < bytes.length; at += chunkBytes) {
    const chunk = Uint8Array.from(bytes.subarray(at, at + chunkBytes))
    pieces.add(chunk, 0, chunk.length)
  }
  return frames.readPieces(pieces)
}

/** A frame of a signal as we write it behind a header. */
function written(signal: Signal): Buffer {
  const writer = new Writer(16)
  encodeSignal(writer, signal, context)
  return bytesOf(writer)
}

const message = (n: number, value: unknown): Signal => ({ op: 'message', from: there(1), to: here(n), message: value })

const wrong = (of: () => unknown): string => {
  try {
    of()
  } catch (error) {
    return (error as { code: string }).code
  }
  return 'no error'
}

/** Reads headers in another way, to compare with: the half bytes as digits, the cache as a map. */
class SlowCache {
  readonly #cache = new Map<number, string>()

  split(frame: Buffer): { atoms: string[]; terms: Buffer } {
    const count = frame[2] as number
    if (count === 0) return { atoms: [], terms: frame.subarray(3) }
    const flagBytes = Math.floor(count / 2) + 1
    const digits = Array.from(frame.subarray(3, 3 + flagBytes), (byte) => [byte % 16, Math.floor(byte / 16)]).flat()
    const lengthBytes = (digits[count] as number) % 2 === 1 ? 2 : 1
    let rest = frame.subarray(3 + flagBytes)
    const atoms = digits.slice(0, count).map((digit) => {
      const slot = (digit % 8) * 256 + rest.readUInt8()
      rest = rest.subarray(1)
      if (digit >= 8) {
        const length = rest.readUIntBE(0, lengthBytes)
        this.#cache.set(slot, rest.toString('utf8', lengthBytes, lengthBytes + length))
        rest = rest.subarray(lengthBytes + length)
      }
      return this.#cache.get(slot) as string
    })
    return { atoms, terms: rest }
  }
}

describe('what OTP sends', () => {
  test.each(headerFrames.map((list) => [list.length, list] as const))(
    '%d captured frames of one connection say what they would without a cache',
    (_, list) => {
      const slow = new SlowCache()
      const frames = headers()
      for (const { hex } of list) {
        const bytes = Buffer.from(hex, 'hex')
        const { atoms, terms } = slow.split(bytes)
        const reader = new TermReader(decoding)
        reader.load(
          terms,
          0,
          terms.length,
          atoms.map((name) => new KnownAtom(name)),
        )
        const [control, ...payload]: unknown[] = []
        const all = [control, ...payload].slice(1)
        while (reader.position < terms.length) all.push(reader.read())
        const [elements, ...rest] = all as [readonly unknown[], ...unknown[]]
        expect(readBytes(frames, bytes)).toEqual(read(frame(elements, ...rest), { peer: undefined } as never))
      }
    },
  )

  test('fragments with another message between them: what OTP accepted, we read as it was meant', () => {
    const atoms = new AtomBudget()
    // The one who sent these was a node of another name.
    const control = new ControlReader(new TermReader({ ...decoding, atoms }))
    const frames = new HeaderFrames(control, atoms, defaultLimits)
    const signals = fragmentFrames.map(({ hex }) => readHex(frames, hex))
    const texts = signals.map((signal) => signal && charlistText((signal as { message: number[][] }).message[3] ?? []))
    expect(texts).toEqual([undefined, undefined, 'From ! interleaved, ok.', 'From ! fragments_ok, [1,2,3,4,5].'])
    expect(signals[3]).toMatchObject({ op: 'named-message', to: Symbol.for('driver') })
    expect(frames.fragments.held).toEqual({ messages: 0, bytes: 0 })
  })
})

describe('the atom cache', () => {
  /** A sender that fills and uses the cache at random. */
  class RandomSender {
    readonly #random: (below: number) => number
    readonly #cache = new Map<number, string>()

    constructor(seed: number) {
      this.#random = seeded(seed)
    }

    /** A frame to a name, whose message is these atoms, each by way of the cache. */
    next(): { bytes: Buffer; names: string[] } {
      const count = this.#random(12)
      const isLong = this.#random(3) === 0
      const [digits, refs, names]: [number[], Buffer[], string[]] = [[], [], []]
      for (let i = 0; i < count; i++) {
        const known = [...this.#cache.keys()]
        const reuse = known.length > 0 && this.#random(2) === 0
        const slot = reuse ? (known[this.#random(known.length)] as number) : this.#random(2_048)
        digits.push((slot >> 8) | (reuse ? 0 : 8))
        if (reuse) refs.push(Buffer.of(slot & 255))
        else {
          const text = Buffer.from(`${'ä'.repeat(this.#random(isLong ? 200 : 20))}${this.#random(300)}`)
          this.#cache.set(slot, text.toString())
          refs.push(Buffer.of(slot & 255, ...(isLong ? [text.length >> 8] : []), text.length & 255), text)
        }
        names.push(this.#cache.get(slot) as string)
      }
      digits.push(isLong ? 1 : 0, 0)
      const flags = Buffer.alloc(count === 0 ? 0 : (count >> 1) + 1)
      for (let i = 0; i < flags.length; i++) flags[i] = (digits[2 * i] as number) | ((digits[2 * i + 1] as number) << 4)
      const writer = new Writer(64)
      encodeTerm(writer, tuple(6, there(1), Symbol.for(''), Symbol.for('name')), newForms)
      const list = Buffer.concat(names.map((_, i) => Buffer.of(82, i)))
      const payload =
        count === 0 ? Buffer.of(106) : Buffer.concat([Buffer.of(108, 0, 0, 0, count), list, Buffer.of(106)])
      return { bytes: Buffer.concat([Buffer.of(131, 68, count), flags, ...refs, bytesOf(writer), payload]), names }
    }
  }

  test('whatever is filled in, used again and overwritten, each reference is the atom that it was then', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const sender = new RandomSender(seed)
      const frames = headers()
      for (let round = 0; round < 100; round++) {
        const { bytes, names } = sender.next()
        expect(readBytes(frames, bytes)).toMatchObject({ message: names.map((name) => Symbol.for(name)) })
      }
    }
  })

  test('a frame that is cut anywhere is refused, in the header as in the terms', () => {
    const sender = new RandomSender(3)
    for (let round = 0; round < 40; round++) {
      const { bytes } = sender.next()
      for (let end = 0; end < bytes.length; end++) {
        expect(wrong(() => headers().read(bytes, 0, end))).toMatch(/^ERR_REIGN_(CONTROL_INVALID|TERM_)/)
      }
    }
  })

  test.each([
    ['a reference to an empty place', '834401 00 05 6803 61166a', 'place 5 of the cache'],
    ['an atom that is no UTF-8', '834401 08 05 01ff 68', 'place 5 of the cache'],
    ['a header that announces more than there is', '8344ff 00', 'cut short'],
    ['no header', '83', 'kind undefined'],
    ['a kind that is none', '834700', 'kind 71'],
    ['the simple form', '708368036116', 'mark of the simple form'],
  ])('%s is refused', (_, hex, complaint) => {
    expect(() => readHex(headers(), hex.replaceAll(' ', ''))).toThrow(
      expect.objectContaining({ code: 'ERR_REIGN_CONTROL_INVALID', message: expect.stringContaining(complaint) }),
    )
  })

  test('what fills the cache counts for the bound on atoms', () => {
    const budget = new AtomBudget(10)
    const frames = headers({}, budget)
    const rest = written(message(1, 0)).subarray(3)
    const fill = (n: number) => Buffer.concat([Buffer.of(131, 68, 1, 8, 0, 4), Buffer.from(`x${100 + n}`), rest])
    let filled = 0
    const flood = () => {
      for (; filled < 100; filled++) readBytes(frames, fill(filled))
    }
    expect(wrong(flood)).toBe('ERR_REIGN_ATOM_LIMIT')
    // Two are the names of the nodes, which stand in the message itself.
    expect([filled, budget.count]).toEqual([8, 10])
  })
})

describe('fragments', () => {
  const head = (kind: number, id: bigint, fragment: bigint): Buffer => {
    const bytes = Buffer.alloc(18)
    bytes[0] = 131
    bytes[1] = kind
    bytes.writeBigUInt64BE(id, 2)
    bytes.writeBigUInt64BE(fragment, 10)
    return bytes
  }

  /** Cuts a frame as a sender would: the parts of the message have these lengths, the last one the rest. */
  function cut(bytes: Buffer, id: bigint, lengths: readonly number[]): Buffer[] {
    const body = bytes.subarray(2)
    const parts: Buffer[] = []
    let at = 0
    for (const length of lengths) {
      parts.push(body.subarray(at, at + length))
      at += length
    }
    parts.push(body.subarray(at))
    return parts.map((part, i) => Buffer.concat([head(i === 0 ? 69 : 70, id, BigInt(parts.length - i)), part]))
  }

  test('of a message that is cut anywhere behind its control message, whole or in pieces', () => {
    const signal = message(1, { text: 'x'.repeat(60), bytes: Uint8Array.of(255, 1, 2), list: [1, 2, 3] })
    const whole = written(signal)
    for (let first = 60; first < whole.length - 2; first++) {
      for (const chunkBytes of [undefined, 1, 7, 5_000]) {
        const frames = headers()
        const parts = cut(whole, 9n, [first, Math.min(5, whole.length - 2 - first)])
        const signals = parts.map((part) =>
          chunkBytes === undefined ? readBytes(frames, part) : readInPieces(frames, part, chunkBytes),
        )
        expect(signals).toEqual([undefined, undefined, signal])
      }
    }
  })

  test('of many messages, interleaved with each other and with whole ones', () => {
    const random = seeded(5)
    const frames = headers()
    const sent = Array.from({ length: 200 }, (_, n) => message(n + 1, new Uint8Array(random(40_000)).fill(255)))
    const open = sent.map((signal, n) => {
      const whole = written(signal)
      const lengths = [60, ...Array.from({ length: random(6) }, () => random(9_000))]
      return cut(
        whole,
        BigInt(n) << 40n,
        lengths.filter((_, i) => i === 0 || whole.length > 9_000 * 6),
      )
    })
    const got: (Signal | undefined)[] = []
    for (let round = 0; open.some((parts) => parts.length > 0); round++) {
      const parts = open[random(open.length)] as Buffer[]
      const next = parts.shift()
      if (next === undefined) continue
      const signal = round % 2 === 0 ? readBytes(frames, next) : readInPieces(frames, next, 1 + random(20_000))
      if (signal !== undefined) got.push(signal)
      if (round % 5 === 0) expect(readBytes(frames, written(message(7, round)))).toMatchObject({ message: round })
    }
    expect(frames.fragments.held).toEqual({ messages: 0, bytes: 0 })
    const byReceiver = (signal: unknown) => (signal as { to: { id: number } }).to.id
    const summary = (signal: unknown) => {
      const { to, message } = signal as { to: { id: number }; message: Uint8Array }
      return [to.id, message.length, message.every((byte) => byte === 255)]
    }
    expect(got.sort((one, other) => byReceiver(one) - byReceiver(other)).map(summary)).toEqual(sent.map(summary))
  })

  test('one that is the first and the last', () => {
    const signal = message(1, 'short')
    expect(readBytes(headers(), cut(written(signal), 1n, [])[0] as Buffer)).toEqual(signal)
  })

  describe('out of turn are refused, and say what is wrong', () => {
    const whole = written(message(1, 'x'.repeat(200)))
    const parts = cut(whole, 7n, [80, 20, 20, 20])
    const others = cut(whole, 8n, [80, 20])
    test.each<[string, (Buffer | undefined)[], string]>([
      ['a message without its head', [parts[1]], 'fragment 4 of message 7, which has not begun'],
      ['a later fragment before an earlier', [parts[0], parts[2]], 'fragment 3 of message 7 comes after fragment 5'],
      ['a fragment twice', [parts[0], parts[1], parts[1]], 'fragment 4 of message 7 comes after fragment 4'],
      ['one of another message', [parts[0], others[1]], 'message 8, which has not begun'],
      ['a head again, in place of the tail', [parts[0], parts[1], parts[0]], 'message 7 begins again'],
      ['something behind the last', [...parts, parts[4]], 'which has not begun'],
      ['a head of no fragments', [Buffer.concat([head(69, 1n, 0n), Buffer.of(0)])], '0 fragments'],
      ['the number 0 behind the last', [...parts, Buffer.concat([head(70, 7n, 0n)])], 'which has not begun'],
      ['a fragment without its numbers', [Buffer.of(131, 69, 0, 0)], 'cut short'],
    ])('%s', (_, sent, complaint) => {
      for (const chunkBytes of [undefined, 10]) {
        const frames = headers()
        const all = () => {
          for (const part of sent as Buffer[]) {
            if (chunkBytes === undefined) readBytes(frames, part)
            else readInPieces(frames, part, chunkBytes)
          }
        }
        expect(all).toThrow(
          expect.objectContaining({ code: 'ERR_REIGN_CONTROL_INVALID', message: expect.stringContaining(complaint) }),
        )
      }
    })

    test('a message that lacks bytes in the middle', () => {
      const frames = headers()
      for (const part of parts.slice(0, 4)) readBytes(frames, part)
      expect(wrong(() => readBytes(frames, (parts[4] as Buffer).subarray(0, 40)))).toMatch(/^ERR_REIGN_TERM_TRUNCATED/)
    })
  })

  describe('bounds', () => {
    test('ten thousand messages that are begun and never ended: refused at the limit', () => {
      const frames = headers({ fragmentedMessagesMax: 1_024 })
      let begun = 0
      const begin = () => {
        for (; begun < 10_000; begun++) readBytes(frames, Buffer.concat([head(69, BigInt(begun), 2n), Buffer.of(0)]))
      }
      expect(begin).toThrow(expect.objectContaining({ code: 'ERR_REIGN_FRAME_TOO_LARGE' }))
      expect(begun).toBe(1_024)
    })

    test('unfinished messages that are too large together', () => {
      const frames = headers({ fragmentBytesMax: 1_000_000 })
      const part = new Uint8Array(9_000)
      let bytes = 0
      const flood = () => {
        for (let id = 0n; id < 1_000n; id++) {
          readBytes(frames, Buffer.concat([head(69, id, 2n), Buffer.of(0), part]))
          bytes += part.length
        }
      }
      expect(flood).toThrow(
        expect.objectContaining({
          code: 'ERR_REIGN_FRAME_TOO_LARGE',
          message: expect.stringContaining('limits.fragmentBytesMax'),
        }),
      )
      expect(bytes).toBe(999_000)
      expect(frames.fragments.held.bytes).toBe(1_008_000)
    })

    test('a message that is too large when it is put together, be it of 2^64 - 1 fragments', () => {
      const frames = headers({ frameBytesMax: 100_000 })
      let fragment = 0xffff_ffff_ffff_ffffn
      readBytes(frames, Buffer.concat([head(69, 1n, fragment), Buffer.of(0)]))
      const grow = () => {
        for (;;) readBytes(frames, Buffer.concat([head(70, 1n, --fragment), new Uint8Array(1_000)]))
      }
      expect(grow).toThrow(
        expect.objectContaining({
          code: 'ERR_REIGN_FRAME_TOO_LARGE',
          message: expect.stringContaining('limits.frameBytesMax'),
        }),
      )
      expect(0xffff_ffff_ffff_ffffn - fragment).toBe(101n)
    })
  })
})

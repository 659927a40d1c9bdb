/** Every control message that was captured from OTP, read and written again. */
import { describe, expect, test } from 'vitest'
import { TermReader } from '../../src/codec/decode.js'
import type { ControlContext } from '../../src/dist/control.js'
import type { Signal } from '../../src/signal.js'
import { Address } from '../../src/term/address.js'
import { Ref } from '../../src/term/ref.js'
import { Tuple } from '../../src/term/tuple.js'
import {
  type CapturedFrame,
  controlReader,
  decoding,
  frame,
  headerFrames,
  legacyFrames,
  newForms,
  oldForms,
  opOf,
  passThroughFrames,
  pgFrames,
  read,
  visibleFrames,
  written,
} from './control-kit.js'

const captured = [...passThroughFrames, ...legacyFrames, ...pgFrames, ...visibleFrames]
const bytesOf = ({ hex }: CapturedFrame): Buffer => Buffer.from(hex, 'hex')
const tracedOps = [12, 13, 16, 18, 23, 25, 27, 30, 32, 34]

/** The control message and its payload as plain terms, without any knowledge of control messages. */
function termsOf(bytes: Uint8Array): { control: Tuple; payload: unknown[] } {
  const reader = new TermReader(decoding)
  const terms: unknown[] = []
  reader.load(bytes, 1, bytes.length)
  while (reader.position < bytes.length) {
    reader.position++
    terms.push(reader.read())
  }
  return { control: terms[0] as Tuple, payload: terms.slice(1) }
}

/** What the signal should be, worked out from the terms: a second, slow reader to compare the real one with. */
function signalOf(bytes: Uint8Array): Signal | undefined {
  const { control, payload } = termsOf(bytes)
  // biome-ignore lint/suspicious/noExplicitAny: the elements of a vector have the types that it says
  const [op, a, b, c, d, e] = control as unknown as any[]
  const [first] = payload
  switch (op) {
    case 1:
      return { op: 'link', from: a, to: b }
    case 2:
      return { op: 'message', from: undefined, to: b, message: first }
    case 3:
      return { op: 'link-exit', from: a, to: b, reason: c }
    case 6:
    case 16:
      return { op: 'named-message', from: a, to: c, message: first }
    case 7:
      return { op: 'group-leader', from: a, to: b }
    case 8:
      return { op: 'exit', from: a, to: b, reason: c }
    case 19:
      return { op: 'monitor', from: a, to: b, ref: c }
    case 20:
      return { op: 'demonitor', from: a, to: b, ref: c }
    case 21:
      return { op: 'down', from: a, to: b, ref: c, reason: d }
    case 22:
    case 23:
      return { op: 'message', from: a, to: b, message: first }
    case 24:
      return { op: 'link-exit', from: a, to: b, reason: first }
    case 26:
      return { op: 'exit', from: a, to: b, reason: first }
    case 28:
      return { op: 'down', from: a, to: b, ref: c, reason: first }
    case 29:
    case 30: {
      const called = { module: Symbol.keyFor(d[0]) ?? '', function: Symbol.keyFor(d[1]) ?? '', arity: d[2] }
      return {
        op: 'spawn',
        ref: a,
        from: b,
        groupLeader: c,
        function: called,
        args: first as unknown[],
        options: e,
      }
    }
    case 31:
      return { op: 'spawned', ref: a, to: b, linked: (c & 1) === 1, monitored: (c & 2) === 2, result: d }
    case 33:
      return { op: 'alias-message', from: a, to: b, message: first }
    case 35:
      return { op: 'unlink', from: b, to: c, id: BigInt(a) }
    case 36:
      return { op: 'unlink-ack', from: b, to: c, id: BigInt(a) }
    default:
      throw new Error(`no vector has number ${op}`)
  }
}

/** An element as the vectors print it. */
function printed(value: unknown): string {
  if (value instanceof Address) return `#Pid<${value.node} ${value.id}.${value.serial} c${value.creation}>`
  if (value instanceof Ref) return `#Ref<${value.node} ${value.words.join('.')} c${value.creation}>`
  if (value instanceof Tuple) return `{${value.map(printed).join(',')}}`
  if (Array.isArray(value)) return `[${value.map(printed).join(',')}]`
  if (typeof value === 'symbol') {
    const name = Symbol.keyFor(value) ?? ''
    return /^[a-z][\w@]*$/.test(name) ? name : `'${name}'`
  }
  return String(value)
}

describe.each([
  ['control_pass_through', passThroughFrames, 237],
  ['control_legacy', legacyFrames, 8],
  ['pg', pgFrames, 15],
  ['visible_node_unsolicited', visibleFrames, 3],
] as const)('%s', (_section, frames, count) => {
  test(`holds ${count} frames`, () => expect(frames).toHaveLength(count))

  test('each is read, and gives the signal that its terms say', () => {
    for (const vector of frames) expect(read(bytesOf(vector)), vector.control).toEqual(signalOf(bytesOf(vector)))
  })

  test('each is of the peer that sent it', () => {
    for (const vector of frames) {
      const [, node, creation] = /#Pid<(\S+@\S+) [\d.]+ c(\d+)>/.exec(vector.control) ?? []
      // The first pid is the sender's, but where an answer or no sender stands first.
      if (node === undefined || [2, 7, 31].includes(opOf(vector))) continue
      const sender = { node, creation: Number(creation) }
      const isAnswer = [28, 21].includes(opOf(vector)) && /^\{\d+,[^#]/.test(vector.control)
      expect(read(bytesOf(vector), { peer: sender }), vector.control).toBeDefined()
      if (isAnswer) continue
      const other = { node: 'other@127.0.0.1', creation: Number(creation) }
      expect(() => read(bytesOf(vector), { peer: other }), vector.control).toThrow(
        expect.objectContaining({ code: 'ERR_REIGN_CONTROL_INVALID' }),
      )
    }
  })

  test('each is written again as the same bytes', () => {
    const byElementOnly: CapturedFrame[] = []
    for (const vector of frames) {
      const signal = read(bytesOf(vector)) as Signal
      const context: ControlContext = [2, 3, 8, 21].includes(opOf(vector)) ? oldForms : newForms
      const bytes = written(signal, context).toString('hex')
      if (bytes !== untraced(vector)) byElementOnly.push(vector)
    }
    for (const vector of byElementOnly) {
      const bytes = written(read(bytesOf(vector)) as Signal).toString('hex')
      // The node that took part in the capture wrote lists of small numbers element by element. What OTP wrote is never so.
      expect([vector.dir, byElement.test(vector.hex)], vector.control).toEqual(['node>otp', true])
      expect(bytes, vector.control).toBe(normalised(vector))
    }
    expect(byElementOnly.length).toBeLessThanOrEqual(10)
  })

  test('each has the elements that Erlang printed', () => {
    for (const vector of frames) {
      if (vector.control === undefined) continue
      const { control } = termsOf(bytesOf(vector))
      expect(printed(control).replaceAll(' ', ''), vector.hex).toBe(vector.control.replaceAll(' ', ''))
    }
  })
})

/** A list of small integers, written element by element. */
const byElement = /6c0000....(61..)+6a/

/** The frame as the encoder of terms writes its terms. */
function normalised(vector: CapturedFrame): string {
  const { control, payload } = termsOf(bytesOf(vector))
  return frame([...control], ...payload).toString('hex')
}

/** The frame as it would be without its trace token, which is never sent from here. */
function untraced(vector: CapturedFrame): string {
  const op = opOf(vector)
  if (!tracedOps.includes(op)) return vector.hex
  const { control, payload } = termsOf(bytesOf(vector))
  const plain = { 16: 6, 23: 22, 30: 29 }[op]
  return frame([plain, ...control.slice(1, -1)], ...payload).toString('hex')
}

test('a frame in the middle of a larger buffer is read alone', () => {
  const reader = controlReader()
  for (const vector of captured) {
    const bytes = bytesOf(vector)
    const larger = Buffer.concat([Buffer.alloc(7, 0xff), bytes, Buffer.alloc(7, 0xff)])
    expect(reader.read(larger, 7, 7 + bytes.length)).toEqual(read(bytes))
  }
})

test('a frame with a distribution header is refused where none was negotiated', () => {
  expect(headerFrames.length).toBeGreaterThan(0)
  for (const vector of headerFrames.flat()) {
    expect(() => read(bytesOf(vector))).toThrow(
      expect.objectContaining({
        code: 'ERR_REIGN_CONTROL_INVALID',
        message:
          'a frame begins with a distribution header, and not with the mark of the simple form, as was negotiated',
      }),
    )
  }
})

test('addresses and references come from the book, so that `===` compares', () => {
  for (const vector of captured) expect(sameObjects(read(bytesOf(vector)), read(bytesOf(vector)))).toBe(true)
})

function sameObjects(a: unknown, b: unknown): boolean {
  if (a instanceof Address || a instanceof Ref) return a === b
  if (typeof a !== 'object' || a === null) return true
  return Object.entries(a).every(([key, value]) => sameObjects(value, (b as Record<string, unknown>)[key]))
}

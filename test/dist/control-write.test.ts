import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Writer } from '../../src/codec/writer.js'
import {
  type ControlContext,
  controlContext,
  controlName,
  encodeAliasSend,
  encodeNamedSend,
  encodeSend,
  encodeShortSend,
  encodeSignal,
} from '../../src/dist/control.js'
import { hiddenFlags, reignFlags } from '../../src/dist/flags.js'
import { defaultLimits } from '../../src/limits.js'
import type { Signal } from '../../src/signal.js'
import type { Address } from '../../src/term/address.js'
import { AddressBook } from '../../src/term/address-book.js'
import { Incarnation } from '../../src/term/incarnation.js'
import { Ref } from '../../src/term/ref.js'
import { tuple } from '../../src/term/tuple.js'
import {
  book,
  bytesOf,
  controlReader,
  frame,
  here,
  newForms,
  oldForms,
  peer,
  read,
  there,
  written,
} from './control-kit.js'

const from = here(1)
const to = there(2)
const ref = book.makeRef()
const ok = Symbol.for('ok')
const spawnFunction = { module: 'm', function: 'f', arity: 1 }

/** One signal of each kind, with the number of its form for a peer of today and for one that has only what is mandatory. */
const kinds: readonly (readonly [Signal, number, number])[] = [
  [{ op: 'message', from, to, message: ok }, 22, 2],
  [{ op: 'message', from: undefined, to, message: ok }, 2, 2],
  [{ op: 'named-message', from, to: ok, message: [1] }, 6, 6],
  [{ op: 'alias-message', from, to: ref, message: 'x' }, 33, 33],
  [{ op: 'link', from, to }, 1, 1],
  [{ op: 'unlink', from, to, id: 7n }, 35, 35],
  [{ op: 'unlink', from, to, id: 0n }, 4, 4],
  [{ op: 'unlink-ack', from, to, id: 2n ** 64n - 1n }, 36, 36],
  [{ op: 'link-exit', from, to, reason: ok }, 24, 3],
  [{ op: 'exit', from, to, reason: tuple(ok, 'x') }, 26, 8],
  [{ op: 'monitor', from, to, ref }, 19, 19],
  [{ op: 'monitor', from, to: ok, ref }, 19, 19],
  [{ op: 'demonitor', from, to: ok, ref }, 20, 20],
  [{ op: 'down', from, to, ref, reason: ok }, 28, 21],
  [{ op: 'down', from: ok, to, ref, reason: ok }, 28, 21],
  [{ op: 'spawn', ref, from, groupLeader: from, function: spawnFunction, args: [7], options: [ok] }, 29, 29],
  [{ op: 'spawned', ref, to, linked: true, monitored: false, result: from }, 31, 31],
  [{ op: 'spawned', ref, to, linked: false, monitored: true, result: ok }, 31, 31],
  [{ op: 'group-leader', from, to }, 7, 7],
  [{ op: 'call', from, to, ref, request: tuple(ok, 1) }, 128, 128],
  [{ op: 'call', from, to: ok, ref, request: ok }, 128, 128],
  [{ op: 'reply', from, to: ref, value: [ok] }, 129, 129],
]

describe('a short message', () => {
  const context = controlContext(book, hiddenFlags | reignFlags, peer.creation)
  const shortly = (to: Address<never>, message: unknown): Buffer => {
    const writer = new Writer(16)
    encodeShortSend(writer, to, message, context)
    return bytesOf(writer)
  }

  test('is a message from the other node as such, to the process of ours with these numbers', () => {
    for (const [id, serial] of [
      [0, 0],
      [255, 256],
      [2 ** 31, 7],
      [2 ** 32 - 1, 2 ** 32 - 1],
    ] as const) {
      const frame = shortly(book.address(peer.node, id, serial, peer.creation), ok)
      const to = book.address(book.self.node, id, serial, book.self.creation)
      expect(read(frame, { peer })).toEqual({ op: 'message', from: there(1), to, message: ok })
    }
    expect(shortly(there(7), ok)).toEqual(frame([130, 7, 0], ok))
  })

  test('is for whom it says, also among others to somebody else', () => {
    const reader = controlReader({ peer })
    for (const id of [1, 1, 2, 1, 2 ** 28 - 1, 1]) {
      const bytes = shortly(there(id), id)
      const signal = reader.read(bytes, 0, bytes.length) as { to: Address<never> }
      expect(signal.to).toBe(here(id))
    }
  })

  test('is for the run alone that the connection is with, and for nodes alone that know it', () => {
    expect(context.shortTo).toBe(peer.creation)
    expect(controlContext(book, hiddenFlags, peer.creation).shortTo).toBe(-1)
    expect(controlContext(book, hiddenFlags | reignFlags).shortTo).toBe(-1)
  })

  test('is none where its two ends are not known', () => {
    expect(() => read(shortly(there(7), ok), { short: undefined as never })).toThrow('SEND_SHORT')
  })

  test('of what cannot be written leaves nothing behind', () => {
    const writer = new Writer(16)
    expect(() => encodeShortSend(writer, there(7), () => {}, context)).toThrow('$')
    expect(writer.length).toBe(0)
  })
})

describe('each kind of signal', () => {
  test.each(kinds)('%o', (signal, newOp, oldOp) => {
    for (const [context, op] of [
      [newForms, newOp],
      [oldForms, oldOp],
    ] as const) {
      const bytes = written(signal, context)
      expect(bytes[5]).toBe(op)
      const wanted = op === 2 ? { ...signal, from: undefined } : signal
      expect(read(bytes)).toEqual(wanted)
    }
  })

  test('the names of control messages', () => {
    expect([controlName(22), controlName(37), controlName(0), controlName(9)]).toEqual([
      'SEND_SENDER',
      undefined,
      undefined,
      undefined,
    ])
  })

  test('the two flags choose the form on their own', () => {
    const noSender = { ...newForms, sendSender: false }
    const noPayload = { ...newForms, exitPayload: false }
    const message: Signal = { op: 'message', from, to, message: ok }
    const exit: Signal = { op: 'exit', from, to, reason: ok }
    const numbers = [noSender, noPayload].map((context) => [written(message, context)[5], written(exit, context)[5]])
    expect(numbers).toEqual([
      [2, 26],
      [22, 8],
    ])
  })

  test('names that are values of JavaScript', () => {
    for (const name of ['true', 'false', 'null', 'undefined', '']) {
      const symbol = Symbol.for(name)
      for (const signal of [
        { op: 'named-message', from, to: symbol, message: ok },
        { op: 'monitor', from, to: symbol, ref },
        { op: 'down', from: symbol, to, ref, reason: ok },
        { op: 'spawned', ref, to, linked: false, monitored: false, result: symbol },
      ] as Signal[]) {
        expect(read(written(signal))).toEqual(signal)
      }
    }
  })

  test('the direct functions write what encodeSignal writes', () => {
    const message = { text: 'hello', to: [from, ref] }
    for (const context of [newForms, oldForms]) {
      const writer = new Writer(4)
      encodeSend(writer, from, to, message, context)
      encodeSend(writer, undefined, to, message, context)
      encodeNamedSend(writer, from, ok, message, context)
      encodeAliasSend(writer, from, ref, message, context)
      const signals: Signal[] = [
        { op: 'message', from, to, message },
        { op: 'message', from: undefined, to, message },
        { op: 'named-message', from, to: ok, message },
        { op: 'alias-message', from, to: ref, message },
      ]
      const frames = signals.map((signal) => written(signal, context))
      expect(bytesOf(writer).toString('hex')).toBe(Buffer.concat(frames).toString('hex'))
    }
  })

  test('the bytes are those of the plain terms', () => {
    const empty = Symbol.for('')
    const bytes = (signal: Signal, context = newForms): string => written(signal, context).toString('hex')
    const message: Signal = { op: 'message', from, to, message: { a: 1 } }
    expect(bytes(message)).toBe(frame([22, from, to], { a: 1 }).toString('hex'))
    expect(bytes(message, oldForms)).toBe(frame([2, empty, to], { a: 1 }).toString('hex'))
    expect(bytes({ op: 'named-message', from, to: ok, message: 1 })).toBe(
      frame([6, from, empty, ok], 1).toString('hex'),
    )
    expect(bytes({ op: 'down', from: ok, to, ref, reason: 1 }, oldForms)).toBe(
      frame([21, ok, to, ref, 1]).toString('hex'),
    )
    const spawn = frame([29, ref, from, from, tuple(Symbol.for('m'), Symbol.for('f'), 1), [ok]], [7])
    expect(bytes(kinds.find(([{ op }]) => op === 'spawn')?.[0] as Signal)).toBe(spawn.toString('hex'))
  })
})

describe('what cannot be written', () => {
  const deep: unknown[] = []
  let inner = deep
  for (let i = 0; i < defaultLimits.termDepthMax + 1; i++) inner.push((inner = []))
  const bad: [string, unknown, string][] = [
    ['a function', () => 1, 'ERR_REIGN_TERM_UNSUPPORTED'],
    ['NaN', Number.NaN, 'ERR_REIGN_TERM_UNSUPPORTED'],
    ['a symbol of its own', Symbol('mine'), 'ERR_REIGN_TERM_UNSUPPORTED'],
    ['a lone surrogate, deep inside', { a: [1, { b: '\ud800' }] }, 'ERR_REIGN_TERM_UNSUPPORTED'],
    ['too deep', deep, 'ERR_REIGN_TERM_DEPTH'],
  ]

  test.each(bad)('%s as message, reason or argument leaves the writer as it was', (_what, value, code) => {
    for (const context of [newForms, oldForms]) {
      for (const signal of [
        { op: 'message', from, to, message: value },
        { op: 'named-message', from, to: ok, message: value },
        { op: 'alias-message', from, to: ref, message: value },
        { op: 'link-exit', from, to, reason: value },
        { op: 'exit', from, to, reason: value },
        { op: 'down', from, to, ref, reason: value },
        { op: 'spawn', ref, from, groupLeader: from, function: spawnFunction, args: [value], options: [] },
        { op: 'spawn', ref, from, groupLeader: from, function: spawnFunction, args: [1], options: [value] },
      ] as Signal[]) {
        const writer = new Writer(8)
        writer.raw(Uint8Array.of(1, 2, 3))
        expect(() => encodeSignal(writer, signal, context)).toThrow(expect.objectContaining({ code }))
        expect([...bytesOf(writer)]).toEqual([1, 2, 3])
        encodeSignal(writer, { op: 'link', from, to }, context)
        expect(read(bytesOf(writer).subarray(3))).toEqual({ op: 'link', from, to })
      }
    }
  })

  test('a name that is no registered symbol, and one that is too long for an atom', () => {
    for (const name of [Symbol('mine'), Symbol.for('x'.repeat(256))]) {
      const writer = new Writer(8)
      for (const signal of [
        { op: 'named-message', from, to: name, message: ok },
        { op: 'monitor', from, to: name, ref },
      ] as Signal[]) {
        expect(() => encodeSignal(writer, signal, newForms)).toThrow(
          expect.objectContaining({ code: 'ERR_REIGN_TERM_UNSUPPORTED' }),
        )
        expect(writer.length).toBe(0)
      }
    }
  })

  test('the number of an unlink above 64 bits', () => {
    const writer = new Writer(8)
    expect(() => encodeSignal(writer, { op: 'unlink', from, to, id: 2n ** 64n }, newForms)).toThrow(
      expect.objectContaining({ code: 'ERR_REIGN_TERM_TOO_LARGE' }),
    )
    expect(writer.length).toBe(0)
  })

  test('a getter that sends while its own value is being sent: it is refused, and the outer message is whole', () => {
    const writer = new Writer(8)
    const refusals: unknown[] = []
    const message = {
      before: 1,
      get tricky(): number {
        // A link has no term of the sender's in it, so nothing but the look at the writer stops it.
        for (const inner of [
          { op: 'message', from, to, message: 'inner' },
          { op: 'link', from, to },
        ] as Signal[]) {
          try {
            encodeSignal(writer, inner, newForms)
          } catch (error) {
            refusals.push((error as { code?: string }).code)
          }
        }
        return 2
      },
      after: 3,
    }
    encodeSend(writer, from, to, message, newForms)
    expect(refusals).toEqual(['ERR_REIGN_ARGUMENT', 'ERR_REIGN_ARGUMENT'])
    expect(read(bytesOf(writer))).toEqual({ op: 'message', from, to, message: { before: 1, tricky: 2, after: 3 } })
  })

  test('a getter that throws', () => {
    const writer = new Writer(8)
    const failure = new Error('no')
    const message = {
      get tricky(): never {
        throw failure
      },
    }
    expect(() => encodeSend(writer, from, to, message, newForms)).toThrow(failure)
    expect([writer.length, writer.busy]).toEqual([0, false])
  })
})

test('addresses and references are known to leave before they are written', () => {
  const left: unknown[] = []
  const own = new Incarnation('own@127.0.0.1', 9)
  const entrance = {
    deliver: () => true,
    drained: () => Promise.resolve(),
    leaves: (address: unknown) => left.push(address),
  }
  const owner = { local: () => undefined, gone: entrance, route: () => entrance }
  const ownBook = new AddressBook(own, owner, { uint32: () => 1, bytes: (count) => new Uint8Array(count) })
  const mine = [1, 2, 3].map((id) => {
    const address = ownBook.address('own@127.0.0.1', id, 0, 9)
    address.written = false
    return address
  }) as [Address<never>, Address<never>, Address<never>]
  const context: ControlContext = { ...newForms, refLeaves: (leaving) => left.push(leaving) }
  const refs = [new Ref(own, [1]), new Ref(own, [2])] as const
  written({ op: 'monitor', from: mine[0], to: mine[1], ref: refs[0] }, context)
  expect(left).toEqual([mine[0], mine[1], refs[0]])
  written({ op: 'alias-message', from: mine[2], to: refs[1], message: [refs[0]] }, context)
  expect(left.slice(3)).toEqual([mine[2], refs[1], refs[0]])
})

describe('any signal', () => {
  const uint32 = fc.integer({ min: 0, max: 0xffff_ffff })
  const node = fc.stringMatching(/^[a-z]{1,9}@[a-z0-9.]{1,20}$/)
  const addresses = fc.tuple(node, uint32, uint32, uint32).map((parts) => book.address(...parts))
  const refs = fc.tuple(node, uint32, fc.array(uint32, { maxLength: 5 })).map((parts) => book.ref(...parts))
  const atoms = fc.string({ unit: 'grapheme', maxLength: 40 }).map((name) => Symbol.for(name))
  const targets = fc.oneof(addresses, atoms)
  const { term: terms } = fc.letrec((tie) => ({
    term: fc.oneof(
      { maxDepth: 4 },
      fc.string({ unit: 'grapheme' }),
      fc.maxSafeInteger(),
      fc.boolean(),
      fc.constantFrom(null, undefined, ok),
      addresses,
      refs,
      fc.array(tie('term'), { maxLength: 4 }),
      fc.array(tie('term'), { maxLength: 4 }).map((elements) => tuple(...elements)),
      fc.dictionary(fc.stringMatching(/^[a-z_]{1,8}$/), tie('term'), { maxKeys: 4 }).map((object) => ({ ...object })),
    ),
  }))
  const pair = { from: addresses, to: addresses }
  const signals = fc.oneof(
    fc.record({ op: fc.constant('message'), ...pair, message: terms }),
    fc.record({ op: fc.constant('named-message'), from: addresses, to: atoms, message: terms }),
    fc.record({ op: fc.constant('alias-message'), from: addresses, to: refs, message: terms }),
    fc.record({ op: fc.constantFrom('link', 'group-leader'), ...pair }),
    fc.record({
      op: fc.constantFrom('unlink', 'unlink-ack'),
      ...pair,
      id: fc.bigInt({ min: 1n, max: 2n ** 64n - 1n }),
    }),
    fc.record({ op: fc.constantFrom('link-exit', 'exit'), ...pair, reason: terms }),
    fc.record({ op: fc.constantFrom('monitor', 'demonitor'), from: addresses, to: targets, ref: refs }),
    fc.record({ op: fc.constant('down'), from: targets, to: addresses, ref: refs, reason: terms }),
    fc.record({
      op: fc.constant('spawned'),
      ref: refs,
      to: addresses,
      linked: fc.boolean(),
      monitored: fc.boolean(),
      result: targets,
    }),
    fc.array(terms, { maxLength: 5 }).chain((args) =>
      fc.record({
        op: fc.constant('spawn'),
        ref: refs,
        from: addresses,
        groupLeader: addresses,
        function: fc.record({
          module: fc.string({ maxLength: 20 }),
          function: fc.string({ maxLength: 20 }),
          arity: fc.constant(args.length),
        }),
        args: fc.constant(args),
        options: fc.array(terms, { maxLength: 3 }),
      }),
    ),
  ) as unknown as fc.Arbitrary<Signal>

  test('comes back as it went, in both forms', () => {
    fc.assert(
      fc.property(signals, (signal) => {
        expect(read(written(signal, newForms))).toEqual(signal)
        const old = signal.op === 'message' ? { ...signal, from: undefined } : signal
        expect(read(written(signal, oldForms))).toEqual(old)
      }),
      { numRuns: 1_000 },
    )
  })
})

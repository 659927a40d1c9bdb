/** Frames that are wrong: each closes a connection by a coded error, and none has half an effect. */
import { describe, expect, test } from 'vitest'
import { encodeTerm } from '../../src/codec/encode.js'
import { Writer } from '../../src/codec/writer.js'
import { controlArities, controlOps } from '../../src/dist/control.js'
import { ReignError } from '../../src/errors.js'
import { improperList } from '../../src/term/improper-list.js'
import { tuple } from '../../src/term/tuple.js'
import {
  book,
  bytesOf,
  controlReader,
  frame,
  here,
  legacyFrames,
  newForms,
  passThroughFrames,
  peer,
  pgFrames,
  read,
  seeded,
  there,
} from './control-kit.js'

const from = there(1)
const to = here(2)
const ref = book.makeRef()
/** Of the peer: what it has set, or asked for. */
const theirs = book.ref(peer.node, peer.creation, [1, 2, 3])
const ok = Symbol.for('ok')
const called = tuple(Symbol.for('lists'), Symbol.for('reverse'), 1)

/** What an element may be; the wrong ones are tried in its place. */
type Kind = 'number' | 'pid' | 'ref' | 'atom' | 'pid or atom' | 'id' | 'flags' | 'function' | 'list' | 'any'
type Element = readonly [Kind, unknown]
const p = (value = from): Element => ['pid', value]

/** A correct frame of every control message, element by element. */
const correct: Record<keyof typeof controlOps, { elements: Element[]; payload?: Element }> = {
  LINK: { elements: [p(), p(to)] },
  SEND: { elements: [['any', ok], p(to)], payload: ['any', ok] },
  EXIT: { elements: [p(), p(to), ['any', ok]] },
  UNLINK: { elements: [p(), p(to)] },
  NODE_LINK: { elements: [] },
  REG_SEND: { elements: [p(), ['any', ok], ['atom', ok]], payload: ['any', ok] },
  GROUP_LEADER: { elements: [p(), p(to)] },
  EXIT2: { elements: [p(), p(to), ['any', ok]] },
  SEND_TT: { elements: [['any', ok], p(to), ['any', []]], payload: ['any', ok] },
  EXIT_TT: { elements: [p(), p(to), ['any', []], ['any', ok]] },
  REG_SEND_TT: { elements: [p(), ['any', ok], ['atom', ok], ['any', []]], payload: ['any', ok] },
  EXIT2_TT: { elements: [p(), p(to), ['any', []], ['any', ok]] },
  MONITOR_P: { elements: [p(), ['pid or atom', to], ['ref', theirs]] },
  DEMONITOR_P: { elements: [p(), ['pid or atom', ok], ['ref', theirs]] },
  MONITOR_P_EXIT: { elements: [['pid or atom', from], p(to), ['ref', ref], ['any', ok]] },
  SEND_SENDER: { elements: [p(), p(to)], payload: ['any', ok] },
  SEND_SENDER_TT: { elements: [p(), p(to), ['any', []]], payload: ['any', ok] },
  PAYLOAD_EXIT: { elements: [p(), p(to)], payload: ['any', ok] },
  PAYLOAD_EXIT_TT: { elements: [p(), p(to), ['any', []]], payload: ['any', ok] },
  PAYLOAD_EXIT2: { elements: [p(), p(to)], payload: ['any', ok] },
  PAYLOAD_EXIT2_TT: { elements: [p(), p(to), ['any', []]], payload: ['any', ok] },
  PAYLOAD_MONITOR_P_EXIT: { elements: [['pid or atom', from], p(to), ['ref', ref]], payload: ['any', ok] },
  SPAWN_REQUEST: {
    elements: [['ref', theirs], p(), p(), ['function', called], ['list', []]],
    payload: ['list', ['argument']],
  },
  SPAWN_REQUEST_TT: {
    elements: [['ref', theirs], p(), p(), ['function', called], ['list', []], ['any', []]],
    payload: ['list', ['argument']],
  },
  SPAWN_REPLY: { elements: [['ref', ref], p(to), ['flags', 3], ['pid or atom', from]] },
  SPAWN_REPLY_TT: { elements: [['ref', ref], p(to), ['flags', 0], ['pid or atom', ok], ['any', []]] },
  ALIAS_SEND: { elements: [p(), ['ref', ref]], payload: ['any', ok] },
  ALIAS_SEND_TT: { elements: [p(), ['ref', ref], ['any', []]], payload: ['any', ok] },
  UNLINK_ID: { elements: [['id', 1], p(), p(to)] },
  UNLINK_ID_ACK: { elements: [['id', 2n ** 64n - 1n], p(), p(to)] },
  CALL: { elements: [p(), ['pid or atom', to], ['ref', theirs]], payload: ['any', ok] },
  REPLY: { elements: [p(), ['ref', ref]], payload: ['any', ok] },
  SEND_SHORT: {
    elements: [
      ['number', 2 ** 32 - 1],
      ['number', 0],
    ],
    payload: ['any', ok],
  },
}
type Name = keyof typeof correct
const names = Object.keys(correct) as Name[]

const samples: readonly (readonly [string, unknown, readonly Kind[]])[] = [
  ['an atom', ok, ['atom', 'pid or atom']],
  ['the atom true', true, ['atom', 'pid or atom']],
  ['the atom undefined', undefined, ['atom', 'pid or atom']],
  ['a small number', 1, ['id', 'flags', 'number']],
  ['a large number', 2 ** 40, ['id', 'flags']],
  ['zero', 0, ['flags', 'number']],
  ['2^32', 2 ** 32, ['id', 'flags']],
  ['a negative number', -1, []],
  ['2^64', 2n ** 64n, []],
  ['-2^64', -(2n ** 64n), []],
  ['a fraction', 1.5, []],
  ['a pid', from, ['pid', 'pid or atom']],
  ['a reference', ref, ['ref']],
  ['a text', 'ok', []],
  ['bytes', Uint8Array.of(255, 0), []],
  ['an empty list', [], ['list']],
  ['a list', [ok], ['list']],
  ['an empty tuple', tuple(), []],
  ['a tuple', tuple(ok), []],
  ['an improper list', improperList([ok], ok), []],
  ['a tuple of three', tuple(1, 2, 3), []],
  ['a function whose arity is too large', tuple(ok, ok, 256), []],
  ['a function whose name is a text', tuple(ok, 'ok', 1), []],
  ['a function of four elements', tuple(ok, ok, 1, 1), []],
  ['a map', { ok: 1 }, []],
]

/** `read`, or the code of the error. What is no coded error passes through and fails the test. */
function outcomeOf(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    if (!(error instanceof ReignError)) throw error
    return error.code
  }
  return 'read'
}
const wrongCode = (bytes: Uint8Array): string => outcomeOf(() => read(bytes, { peer }))
const whole = (name: Name): Buffer => {
  const { elements, payload } = correct[name]
  return frame(
    [controlOps[name], ...elements.map(([, value]) => value)],
    ...(payload === undefined ? [] : [payload[1]]),
  )
}

describe('every control message', () => {
  test('is read when it is right', () => {
    for (const name of names) {
      expect(wrongCode(whole(name)), name).toBe('read')
      expect(correct[name].elements.length + 1, name).toBe(controlArities[name])
    }
    expect(names).toHaveLength(33)
  })

  test('with any other term in the place of any element is refused', () => {
    let refused = 0
    for (const name of names) {
      const { elements, payload } = correct[name]
      const parts = [...elements, ...(payload === undefined ? [] : [payload])]
      for (const [i, [kind]] of parts.entries()) {
        if (kind === 'any') continue
        for (const [what, value, kinds] of samples) {
          // A list in the place of a list can still be one argument too few.
          if (kinds.includes(kind)) continue
          const values = parts.map((part, at) => (at === i ? value : part[1]))
          const bytes = frame([controlOps[name], ...values.slice(0, elements.length)], ...values.slice(elements.length))
          expect(wrongCode(bytes), `${name}, ${what} as ${kind} ${i + 2}`).toBe('ERR_REIGN_CONTROL_INVALID')
          refused++
        }
      }
    }
    expect(refused).toBeGreaterThan(1_000)
  })

  test('with anything at all where it says nothing is read: unused elements, trace tokens, reasons, messages', () => {
    for (const name of names) {
      const { elements, payload } = correct[name]
      const parts = [...elements, ...(payload === undefined ? [] : [payload])]
      for (const [, value] of samples) {
        const values = parts.map((part) => (part[0] === 'any' ? value : part[1]))
        const bytes = frame([controlOps[name], ...values.slice(0, elements.length)], ...values.slice(elements.length))
        expect(wrongCode(bytes), name).toBe('read')
      }
    }
  })

  test('with an element too few, or one too many, is refused', () => {
    for (const name of names) {
      const { elements, payload } = correct[name]
      const values = elements.map(([, value]) => value)
      const payloads = payload === undefined ? [] : [payload[1]]
      const few = frame([controlOps[name], ...values.slice(0, -1)], ...payloads)
      if (values.length > 0) expect(wrongCode(few), name).toBe('ERR_REIGN_CONTROL_INVALID')
      const many = frame([controlOps[name], ...values, ok], ...payloads)
      // One more element than in the plain form is the traced form's business, and not this number's.
      expect(wrongCode(many), name).toBe('ERR_REIGN_CONTROL_INVALID')
    }
  })

  test('that says it has more or fewer elements than it has is refused', () => {
    for (const name of names) {
      for (const more of [-1, 1, 2, 200]) {
        const bytes = whole(name)
        bytes[3] = (bytes[3] as number) + more
        expect(wrongCode(bytes), `${name}, ${more}`).toBe('ERR_REIGN_CONTROL_INVALID')
      }
    }
  })

  test('without its payload, or with one that it must not have, or with two, is refused', () => {
    for (const name of names) {
      const { elements, payload } = correct[name]
      const values = [controlOps[name], ...elements.map(([, value]) => value)]
      const wrong = payload === undefined ? frame(values, ok) : frame(values)
      const complaint = payload === undefined ? 'bytes are left over' : 'its payload is missing'
      expect(() => read(wrong), name).toThrow(
        expect.objectContaining({ code: 'ERR_REIGN_CONTROL_INVALID', message: expect.stringContaining(complaint) }),
      )
      if (payload !== undefined)
        expect(wrongCode(frame(values, payload[1], ok)), name).toBe('ERR_REIGN_CONTROL_INVALID')
    }
  })

  test('with bytes after it is refused', () => {
    for (const name of names) {
      for (const more of ['00', '83', '6a', '836a', '70']) {
        const bytes = Buffer.concat([whole(name), Buffer.from(more, 'hex')])
        expect(wrongCode(bytes), `${name} and ${more}`).toBe('ERR_REIGN_CONTROL_INVALID')
      }
    }
  })

  test('cut anywhere is refused', () => {
    for (const name of names) {
      const bytes = whole(name)
      for (let length = 0; length < bytes.length; length++) {
        expect(wrongCode(bytes.subarray(0, length)), `${name}, ${length}`).toMatch(
          /^ERR_REIGN_(CONTROL_INVALID|TERM_TRUNCATED)$/,
        )
      }
    }
  })
})

test('each captured frame, cut at each offset, is a coded error; read whole from the same buffer it is well', () => {
  const reader = controlReader()
  for (const { hex, control } of [...passThroughFrames, ...legacyFrames, ...pgFrames]) {
    const bytes = Buffer.from(hex, 'hex')
    for (let length = 0; length < bytes.length; length++) {
      const code = outcomeOf(() => reader.read(bytes, 0, length))
      expect(code, `${control}, ${length}`).toMatch(/^ERR_REIGN_(CONTROL_INVALID|TERM_TRUNCATED)$/)
    }
    expect(reader.read(bytes, 0, bytes.length), control).toBeDefined()
  }
})

describe('the head of a frame', () => {
  test('every first byte but 112 is refused', () => {
    const bytes = whole('LINK')
    for (let first = 0; first < 256; first++) {
      bytes[0] = first
      expect(wrongCode(bytes)).toBe(first === 112 ? 'read' : 'ERR_REIGN_CONTROL_INVALID')
    }
  })

  test('every number that is none is refused, with whatever arity', () => {
    const used = new Set<number>(Object.values(controlOps))
    for (let op = 0; op < 256; op++) {
      if (used.has(op)) continue
      for (let arity = 1; arity < 9; arity++) {
        const bytes = frame([op, ...Array(arity - 1).fill(from)], ok)
        expect(wrongCode(bytes), `${op} of ${arity}`).toBe('ERR_REIGN_CONTROL_INVALID')
      }
    }
    expect(used.has(37)).toBe(false)
  })

  test.each([
    ['an atom', [ok]],
    ['a text', ['6']],
    ['a negative number', [-6]],
    ['a number above all others', [262]],
    ['2^32 and more, of which the low byte is a good number', [2 ** 32 + 1, from, to]],
    ['a large integer', [2n ** 70n + 1n, from, to]],
    ['a fraction', [1.5, from, to]],
    ['a pid', [from, to]],
    ['nothing', []],
  ])('%s instead of the number is refused', (_what, elements) => {
    expect(wrongCode(frame(elements))).toBe('ERR_REIGN_CONTROL_INVALID')
  })

  test.each([
    ['an atom', '7083 77026f6b'],
    ['a list that begins like a tuple', '7083 6c00000001 6101 6a'],
    ['an empty tuple', '7083 6800'],
    ['an empty tuple of the large kind', '7083 6900000000'],
    ['a tuple without a version byte', '70 680161 05'],
    ['another version', '7082 68016105'],
    ['the mark alone', '70'],
    ['the mark and the version', '7083'],
    ['a tuple cut in its arity', '708368'],
    ['a large tuple cut in its arity', '708369000000'],
    ['a large tuple of 2^32 - 1 elements', '708369ffffffff6101'],
    ['a compressed term', '70835000000002789c4b01000077'],
    ['a reference to an atom cache', '708368045206'],
  ])('%s is refused', (_what, hex) => {
    expect(wrongCode(Buffer.from(hex.replaceAll(' ', ''), 'hex'))).toMatch(/^ERR_REIGN_(CONTROL_INVALID|TERM_)/)
  })

  test('other ways to write the same tuple and the same number are read as the same', () => {
    for (const name of names) {
      const bytes = whole(name)
      const rest = bytes.subarray(6)
      const [arity, op] = [bytes[3] as number, bytes[5] as number]
      const heads = [
        [112, 131, 105, 0, 0, 0, arity, 97, op],
        [112, 131, 104, arity, 98, 0, 0, 0, op],
        [112, 131, 104, arity, 110, 1, 0, op],
        [112, 131, 105, 0, 0, 0, arity, 111, 0, 0, 0, 2, 0, op, 0],
      ]
      for (const head of heads) expect(read(Buffer.concat([Buffer.from(head), rest])), name).toEqual(read(bytes))
    }
  })

  test('a payload without the version byte is refused', () => {
    const head = frame([22, from, to])
    for (const payload of ['77026f6b', '82', '84', '70836a', '6a']) {
      const bytes = Buffer.concat([head, Buffer.from(payload, 'hex')])
      expect(wrongCode(bytes), payload).toBe('ERR_REIGN_CONTROL_INVALID')
    }
  })
})

describe('a spawn request', () => {
  const request = (arity: unknown, args: unknown): Buffer =>
    frame([29, theirs, from, from, tuple(Symbol.for('m'), Symbol.for('f'), arity), []], args)

  test('whose arguments are not as many as the arity is refused', () => {
    expect(wrongCode(request(2, [1, 2]))).toBe('read')
    expect(wrongCode(request(0, []))).toBe('read')
    for (const [arity, args] of [
      [2, [1]],
      [0, [1]],
      [1, []],
      [-1, []],
      [256, []],
      [1.5, []],
    ]) {
      expect(wrongCode(request(arity, args))).toBe('ERR_REIGN_CONTROL_INVALID')
    }
  })

  test('may name a module that is a value of JavaScript', () => {
    const bytes = frame([29, theirs, from, from, tuple(true, null, 0), []], [])
    expect(read(bytes)).toMatchObject({ function: { module: 'true', function: 'null', arity: 0 } })
  })
})

describe('who speaks for whom', () => {
  const stranger = book.address('y@127.0.0.1', 1, 0, peer.creation)
  const earlier = book.address(peer.node, 1, 0, peer.creation - 1)
  /** Where the sender stands in each. */
  const senderAt: Partial<Record<Name, number>> = Object.fromEntries(
    names.flatMap((name) => {
      const first = correct[name].elements.findIndex(([kind]) => kind === 'pid' || kind === 'pid or atom')
      const unsaid: Name[] = ['SEND', 'SEND_TT', 'SEND_SHORT', 'SPAWN_REPLY', 'SPAWN_REPLY_TT']
      const nameless: Name[] = ['NODE_LINK', 'GROUP_LEADER', ...unsaid]
      return nameless.includes(name) ? [] : [[name, first]]
    }),
  )
  const answers: Name[] = [
    'EXIT',
    'EXIT_TT',
    'PAYLOAD_EXIT',
    'PAYLOAD_EXIT_TT',
    'MONITOR_P_EXIT',
    'PAYLOAD_MONITOR_P_EXIT',
    'UNLINK_ID_ACK',
  ]
  const sentBy = (name: Name, sender: unknown): Buffer => {
    const { elements, payload } = correct[name]
    const values = elements.map(([, value], i) => (i === senderAt[name] ? sender : value))
    return frame([controlOps[name], ...values], ...(payload === undefined ? [] : [payload[1]]))
  }

  test('a signal from a process of another node is refused', () => {
    const checked = Object.keys(senderAt) as Name[]
    expect(checked).toHaveLength(26)
    for (const name of checked) {
      expect(wrongCode(sentBy(name, stranger)), name).toBe('ERR_REIGN_CONTROL_INVALID')
      expect(wrongCode(sentBy(name, to)), `${name}, from ourselves`).toBe('ERR_REIGN_CONTROL_INVALID')
    }
  })

  test('one from an earlier run of the peer is refused, but for answers about processes of that run', () => {
    for (const name of Object.keys(senderAt) as Name[]) {
      const wanted = answers.includes(name) ? 'read' : 'ERR_REIGN_CONTROL_INVALID'
      expect(wrongCode(sentBy(name, earlier)), name).toBe(wanted)
    }
  })

  test('a monitor or request with a reference of another node is refused: it may be one that somebody there has set', () => {
    const foreign = book.ref('other@127.0.0.1', 7, [1, 2, 3])
    for (const name of ['MONITOR_P', 'DEMONITOR_P', 'SPAWN_REQUEST', 'SPAWN_REQUEST_TT', 'CALL'] as const) {
      const { elements, payload } = correct[name]
      for (const strange of [foreign, ref]) {
        const values = elements.map(([kind, value]) => (kind === 'ref' ? strange : value))
        const bytes = frame([controlOps[name], ...values], ...(payload === undefined ? [] : [payload[1]]))
        expect(wrongCode(bytes), name).toBe('ERR_REIGN_CONTROL_INVALID')
      }
    }
  })

  test('what a spawn made is a process of the peer', () => {
    const reply = (result: unknown): Buffer => frame([31, ref, to, 0, result])
    expect(wrongCode(reply(from))).toBe('read')
    for (const other of [stranger, earlier, to]) expect(wrongCode(reply(other))).toBe('ERR_REIGN_CONTROL_INVALID')
  })

  test('a group leader may be of any node', () => expect(wrongCode(frame([7, stranger, to]))).toBe('read'))

  test('without a known peer nothing is compared', () => {
    expect(read(sentBy('LINK', stranger))).toEqual({ op: 'link', from: stranger, to })
  })

  test('a name of a foreign node cannot play tricks in the message of the error', () => {
    const evil = book.address(`\x1b]0;\n@${'h'.repeat(230)}`, 1, 0, 5)
    expect(() => read(sentBy('LINK', evil), { peer })).toThrow(/^control message 1 \(LINK\): element 2 [ -~…]{1,300}$/)
  })
})

test('50,000 seeded mutations: a signal or a coded error, at once', () => {
  const random = seeded(20_250_925)
  const frames = [...passThroughFrames, ...legacyFrames, ...pgFrames].map(({ hex }) => Buffer.from(hex, 'hex'))
  const made = names.map(whole)
  const all = [...frames, ...made]
  const reader = controlReader()
  const outcomes = new Map<string, number>()
  let slowestMs = 0
  for (let i = 0; i < 50_000; i++) {
    const bytes = Buffer.from(all[random(all.length)] as Buffer)
    for (let n = random(4); n >= 0; n--) {
      const at = random(bytes.length)
      // Half of them in the first bytes, where form, arity and number are.
      bytes[random(2) === 0 ? Math.min(random(8), bytes.length - 1) : at] = random(256)
    }
    const end = random(8) === 0 ? random(bytes.length + 1) : bytes.length
    let outcome = ''
    let tookMs = Number.POSITIVE_INFINITY
    // The machine may have stopped for something else: what is slow itself is slow each time.
    for (let tries = 0; tries < 3 && tookMs > 20; tries++) {
      const startMs = performance.now()
      outcome = outcomeOf(() => reader.read(bytes, 0, end))
      tookMs = Math.min(tookMs, performance.now() - startMs)
    }
    slowestMs = Math.max(slowestMs, tookMs)
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
  }
  expect([...outcomes.keys()].every((code) => code === 'read' || /^ERR_REIGN_(CONTROL|TERM)_/.test(code))).toBe(true)
  // Both must have been met often, or the mutations were not mutations.
  expect(outcomes.get('read')).toBeGreaterThan(1_000)
  expect(outcomes.get('ERR_REIGN_CONTROL_INVALID')).toBeGreaterThan(10_000)
  expect(slowestMs).toBeLessThan(20)
})

test('a term that is none is refused with the code of the term, at its place', () => {
  const head = frame([22, from, to])
  const payload = new Writer(16)
  payload.u8(131)
  encodeTerm(payload, [1.5, ok], newForms)
  const bytes = Buffer.concat([head, bytesOf(payload)])
  bytes[head.length + 6] = 200
  expect(() => read(bytes)).toThrow(
    expect.objectContaining({ code: 'ERR_REIGN_TERM_TAG', byteOffset: head.length + 6 }),
  )
})

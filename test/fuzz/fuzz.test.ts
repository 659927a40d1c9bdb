/** What strangers may send: the kept inputs again, and that the search for others finds what is there to be found. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { AtomBudget } from '../../src/codec/atom-budget.js'
import { TermReader } from '../../src/codec/decode.js'
import { ControlReader, controlOps } from '../../src/dist/control.js'
import { HeaderFrames } from '../../src/dist/header-frames.js'
import { defaultLimits } from '../../src/limits.js'
import { campaign } from './campaign.js'
import { captures, framesIn } from './captures.js'
import { contextOf } from './control-target.js'
import { readCorpus, readFound } from './corpus.js'
import { Finding, hexOf, type Target } from './target.js'
import { allTargets } from './targets.js'
import { TermsTarget } from './terms-target.js'

const folder = 'test/fuzz'
const targets = new Map(allTargets().map((target) => [target.name, target]))

// Most of the time would go into the stacks of errors that are as they should be.
const { stackTraceLimit } = Error
beforeAll(() => {
  Error.stackTraceLimit = 0
})
afterAll(() => {
  Error.stackTraceLimit = stackTraceLimit
})

describe('what was found once', () => {
  const found = readFound(folder)
  test.each(found)('$target: $title', ({ target, hex }) => {
    targets.get(target)?.run(Buffer.from(hex, 'hex'))
  })
  test('has a target', () => {
    expect(found.filter(({ target }) => !targets.has(target))).toEqual([])
  })
})

test.each([...targets.keys()])('all that is known of %s holds, whole and cut short', (name) => {
  const target = targets.get(name) as Target
  const known = [...target.seeds(), ...readCorpus(folder, name)]
  expect(known.length).toBeGreaterThan(8)
  const outcomes = new Set<string>()
  for (const input of known) {
    outcomes.add(target.run(input))
    for (let length = 0; length < Math.min(input.length, 40); length++)
      outcomes.add(target.run(input.subarray(0, length)))
  }
  expect(outcomes.size).toBeGreaterThan(1)
})

test('what live nodes have said to each other is read, all of it', () => {
  const seen = new Set<number>()
  for (const capture of captures) {
    const context = contextOf(new AtomBudget())
    const reader = new HeaderFrames(new ControlReader(new TermReader(context)), context.atoms, defaultLimits)
    let signals = 0
    for (const frame of framesIn(capture)) {
      const signal = reader.read(Uint8Array.from(frame), 0, frame.length)
      if (signal !== undefined) signals++
      const whole = frame.indexOf(Buffer.from([104]), 3)
      if (frame[1] === 68 && frame[whole + 2] === 97) seen.add(frame[whole + 3] as number)
    }
    expect(signals, capture.title).toBeGreaterThan(20)
    expect(reader.fragments.held, capture.title).toEqual({ messages: 0, bytes: 0 })
  }
  const { SEND_SENDER_TT, REG_SEND_TT, SPAWN_REQUEST, SPAWN_REPLY, ALIAS_SEND, UNLINK_ID_ACK, GROUP_LEADER } =
    controlOps
  for (const op of [SEND_SENDER_TT, REG_SEND_TT, SPAWN_REQUEST, SPAWN_REPLY, ALIAS_SEND, UNLINK_ID_ACK, GROUP_LEADER]) {
    expect(seen).toContain(op)
  }
})

describe('a search', () => {
  /** Faults of the kinds that are looked for, put into a reader on purpose. */
  const planted: Readonly<Record<string, (input: Uint8Array, outcome: string) => void>> = {
    'an error that is none of ours': (input, outcome) => {
      if (outcome === 'taken' && input[1] === 98) throw new TypeError('planted')
    },
    'something that takes too long': (input) => {
      if (input[1] !== 116) return
      for (const end = performance.now() + 60; performance.now() < end; );
    },
    'much memory for few bytes': (input) => {
      if (input[1] === 70) vast.push(new Uint8Array(24 << 20))
      vast.length = 0
    },
    'a change of what all objects inherit': (input) => {
      if (input[1] === 90) Object.defineProperty(Object.prototype, 'planted', { value: 1, configurable: true })
    },
  }
  const vast: Uint8Array[] = []

  test.each(Object.keys(planted))('finds %s, and shows it by a short input', async (what) => {
    class Planted extends TermsTarget {
      override run(input: Uint8Array): string {
        const outcome = super.run(input)
        planted[what]?.(input, outcome)
        return outcome
      }
    }
    try {
      const { failure } = await campaign(new Planted(), { seed: 1, inputsMax: 50_000 })
      expect(failure?.error).toBeInstanceOf(what.startsWith('an error') ? TypeError : Finding)
      expect(hexOf(failure?.input as Uint8Array).length).toBeLessThan(60)
    } finally {
      Reflect.deleteProperty(Object.prototype, 'planted')
    }
  })
})

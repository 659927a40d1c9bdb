/** What the chat takes from peers, and how it shows it. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { printable, readSaid } from '../../src/cli/said.js'
import { atom } from '../../src/term/atom.js'
import { charlist } from '../../src/term/text.js'
import { tuple } from '../../src/term/tuple.js'

/** C0 and C1 controls, line separators, marks and overrides of the direction of writing, invisible spaces. */
function commands(point: number): boolean {
  const ranges = [
    [0x00, 0x1f],
    [0x7f, 0x9f],
    [0x2028, 0x202e],
    [0x2060, 0x206f],
  ] as const
  return (
    ranges.some(([from, to]) => point >= from && point <= to) ||
    [0xad, 0x61c, 0x200b, 0x200e, 0x200f, 0xfeff].includes(point)
  )
}

describe('a message of the chat', () => {
  test.each<[string, unknown]>([
    ['of reign', { type: 'said', by: 'joe', text: 'hello' }],
    ['with more in it', { type: 'said', by: 'joe', text: 'hello', at: 7 }],
    ['of Erlang, in atoms', { type: atom('said'), by: atom('joe'), text: 'hello' }],
    ['of Erlang, in charlists', { type: 'said', by: charlist('joe'), text: charlist('hello') }],
    ['a map with binaries as keys', new Map([['type', 'said'], ['by', 'joe'], ['text', 'hello']])], // biome-ignore format: one a line is enough
    ['a map with atoms among its keys', new Map<unknown, unknown>([[atom('type'), atom('said')], ['by', 'joe'], ['text', 'hello']])], // biome-ignore format: as above
    ['bytes', { type: 'said', by: new TextEncoder().encode('joe'), text: new TextEncoder().encode('hello') }],
  ])('%s', (_, message) => {
    expect(readSaid(message)).toEqual({ by: 'joe', text: 'hello' })
  })

  test.each<[string, unknown]>([
    ['null', null],
    ['undefined', undefined],
    ['a text', 'said'],
    ['a number', 7],
    ['a tuple', tuple(atom('said'), 'joe', 'hello')],
    ['of another type', { type: 'left', by: 'joe', text: 'hello' }],
    ['without a text', { type: 'said', by: 'joe' }],
    ['with a number for a text', { type: 'said', by: 'joe', text: 7 }],
    ['with an object for a name', { type: 'said', by: {}, text: 'x' }],
    ['with what it only inherits', Object.create({ type: 'said', by: 'joe', text: 'hello' })],
  ])('none: %s', (_, message) => {
    expect(readSaid(message)).toBeUndefined()
  })

  test('whatever comes, nothing is thrown', () => {
    fc.assert(
      fc.property(fc.anything({ withMap: true, withTypedArray: true, withNullPrototype: true }), (message) => {
        readSaid(message)
        readSaid({ type: 'said', by: message, text: message })
      }),
    )
  })
})

describe('what is shown', () => {
  test.each<[string, string]>([
    ['\u001b[2J\u001b]0;title\u0007', '\ufffd[2J\ufffd]0;title\ufffd'],
    ['a\rroot: done\n* bob has left', 'a root: done * bob has left'],
    ['\u009b31m', '\ufffd31m'],
    ['tab\tand\u2028line\u2029ends\u0085', 'tab and line ends '],
    ['\u202eright to left', '\ufffdright to left'],
    ['zero\u200bwidth\ufeff', 'zero\ufffdwidth\ufffd'],
    ['half a \ud83d pair', 'half a \ufffd pair'],
    ['größe 大 👩‍👩‍👧 नमस्ते', 'größe 大 👩‍👩‍👧 नमस्ते'],
  ])('%j as %j', (text, shown) => {
    expect(printable(text, 100)).toBe(shown)
  })

  test('is cut where it is too long, never inside a character', () => {
    expect(printable('x'.repeat(101), 100)).toBe(`${'x'.repeat(100)}…`)
    expect(printable(`${'x'.repeat(99)}👩`, 100)).toBe(`${'x'.repeat(99)}\ufffd…`)
    const said = readSaid({ type: 'said', by: 'b'.repeat(9_999), text: 't'.repeat(9_999) })
    expect([said?.by.length, said?.text.length]).toEqual([256, 4_097])
  })

  test('whatever is sent, it is one line, without a control character', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
        const shown = printable(text, 150)
        expect([...shown].filter((each) => commands(each.codePointAt(0) ?? 0))).toEqual([])
        expect(shown.isWellFormed()).toBe(true)
        expect(shown.length).toBeLessThanOrEqual(151)
      }),
      { numRuns: 1_000 },
    )
  })
})

import { describe, expect, test } from 'vitest'
import { quoteRemote, remoteTextBytesMax } from '../src/remote-text.js'

test.each<[string | Uint8Array, string]>([
  ['plain', '"plain"'],
  ['say "hi"\\', '"say \\"hi\\"\\\\"'],
  ['two\nlines\r', '"two\\nlines\\r"'],
  ['\u001b[2J', '"\\u001b[2J"'],
  ['\u009b31m\u007f', '"\\u009b31m\\u007f"'],
  ['a\u202eb\u2066c', '"a\\u202eb\\u2066c"'],
  ['zero\u200bwidth\ufeff', '"zero\\u200bwidth\\ufeff"'],
  ['lone \ud800', '"lone �"'],
  [Uint8Array.of(0xff, 0x61), '"�a"'],
  ['grüße', '"grüße"'],
])('%j', (text, quoted) => {
  expect(quoteRemote(text)).toBe(quoted)
})

describe('a long text is cut at 200 bytes', () => {
  test('and says so', () => {
    expect(quoteRemote('x'.repeat(200))).toBe(`"${'x'.repeat(200)}"`)
    expect(quoteRemote('x'.repeat(201))).toBe(`"${'x'.repeat(200)}"…`)
    expect(quoteRemote(new Uint8Array(1_000_000).fill(0x78))).toBe(`"${'x'.repeat(200)}"…`)
  })

  test.each(['é', '€', '😀'])('but not inside a character: %s', (character) => {
    for (let before = remoteTextBytesMax - 6; before <= remoteTextBytesMax; before++) {
      const shown = quoteRemote('x'.repeat(before) + character.repeat(10))
      expect(shown).not.toContain('�')
      expect(Buffer.byteLength(shown)).toBeLessThanOrEqual(remoteTextBytesMax + 2 + 3)
    }
  })
})

/** When an operator hears that something ends. */
import { describe, expect, test } from 'vitest'
import { type Expiring, ExpiryNotices } from '../../src/cluster/expiry.js'

const day = 86_400_000
const end = Date.UTC(2026, 5, 30, 12)
const certificate: Expiring = { what: 'the certificate', endsAt: end, remedy: 'make a new one', vital: true }

/** The levels that are said at each of these times, in days before the end. */
function levels(expiring: Expiring, ...daysBefore: readonly number[]): (string | undefined)[] {
  const notices = new ExpiryNotices()
  return daysBefore.map((days) => notices.due([expiring], end - days * day)[0]?.level)
}

describe('a notice', () => {
  test('comes fourteen days ahead, not earlier, and says what and when', () => {
    const notices = new ExpiryNotices()
    expect(notices.due([certificate], end - 14 * day - 1)).toEqual([])
    expect(notices.due([certificate], end - 14 * day)).toEqual([
      {
        level: 'warn',
        fields: { endsAt: '2026-06-30T12:00:00.000Z', daysLeft: 14 },
        message: 'the certificate ends in 14 days, on 2026-06-30: make a new one',
      },
    ])
  })

  test('comes once a day, however often one asks', () => {
    const hours = Array.from({ length: 72 }, (_, hour) => 10 - hour / 24)
    expect(levels(certificate, ...hours).flatMap((level, hour) => (level === undefined ? [] : [hour]))).toEqual([
      0, 24, 48,
    ])
  })

  test('is an error in the last two days and after, at once when that begins', () => {
    expect(levels(certificate, 2.5, 2.1, 2, 1.9, 1, 0.01, -0.01, -0.5, -1.1)).toEqual([
      'warn',
      undefined,
      'error',
      undefined,
      'error',
      undefined,
      'error',
      undefined,
      'error',
    ])
    expect(levels({ ...certificate, vital: false }, 3, 1, -1)).toEqual(['warn', 'warn', 'warn'])
  })

  test.each([
    [1.5, 'the certificate ends in 1 day, on 2026-06-30: make a new one'],
    [0.9, 'the certificate ends within a day, on 2026-06-30: make a new one'],
    [-3, 'the certificate has ended, on 2026-06-30: make a new one'],
  ])('%s days before says how long', (days, message) => {
    expect(new ExpiryNotices().due([certificate], end - days * day)).toMatchObject([{ message }])
  })

  test('of each thing apart; of a new one that ends soon too, at once', () => {
    const notices = new ExpiryNotices()
    const list: Expiring = { ...certificate, what: 'the list' }
    const far: Expiring = { ...certificate, what: 'the authority', endsAt: end + 100 * day }
    const said = (all: readonly Expiring[]) =>
      notices.due(all, end - 5 * day).map(({ message }) => message.slice(0, 15))
    expect(said([certificate, list, far])).toEqual(['the certificate', 'the list ends i'])
    expect(said([certificate, { ...list, endsAt: end + day }])).toEqual(['the list ends i'])
    // One that was replaced by a good one, and is back.
    expect(said([])).toEqual([])
    expect(said([certificate])).toEqual(['the certificate'])
  })
})

/** The oracles of the soak: what may happen passes, and each thing that may not is seen. */
import { describe, expect, test } from 'vitest'
import { endedReason, NoticeOracle } from './notice-oracle.js'
import { type FaultKind, roundOf } from './plan.js'
import { growsMore, slopeOf } from './slope.js'
import { type Heard, StreamOracle } from './stream-oracle.js'

describe('the oracle of streams', () => {
  const node = 'a@h'
  const said = (n: number, more: Partial<Heard> = {}): Heard => ({
    ...{ node, stream: 0, sender: 'a@h:1.0:7', way: 0, n, total: n },
    ...more,
  })
  type Step = Heard | 'up' | 'down'
  const play = (...steps: Step[]) => {
    const violations: string[] = []
    const oracle = new StreamOracle((violation) => violations.push(violation.replace(/:.*/, '')))
    for (const step of steps) {
      if (step === 'up') oracle.nodeUp(node)
      else if (step === 'down') oracle.nodeDown(node)
      else oracle.heard(step)
    }
    return { violations, lost: oracle.lostCount, heard: oracle.heardCount }
  }

  test('what comes in order passes, and what a lost connection took with it is counted', () => {
    const steps = ['up', said(1), said(2), 'down', 'up', said(5), said(6), 'down', 'up', said(7)] as const
    expect(play(...steps)).toEqual({ violations: [], lost: 2, heard: 5 })
  })

  test('two ways of addressing are counted each on its own, and are in order together', () => {
    const byAddress = (n: number, total: number, way = 1) => said(n, { n, total, way })
    const steps = ['up', said(1), byAddress(1, 2), said(2, { total: 3 }), byAddress(2, 4)] as const
    expect(play(...steps, byAddress(1, 5, 2)).violations).toEqual([])
    expect(play(...steps, said(3, { total: 4 })).violations).toEqual(['duplicate'])
    expect(play(...steps, said(3, { total: 2 })).violations).toEqual(['order'])
  })

  test('another run of a node starts anew, and nothing comes from the earlier one', () => {
    const later = (n: number) => said(n, { sender: 'a@h:1.0:8' })
    const steps = ['up', said(1), said(2), 'down', 'up', later(9), later(10)] as const
    expect(play(...steps).violations).toEqual([])
    expect(play(...steps, said(3)).violations).toEqual(['runs'])
  })

  test.each<[string, string, Step[]]>([
    ['one that is missing inside a connection', 'hole', ['up', said(1), said(3)]],
    ['one that comes twice', 'duplicate', ['up', said(1), said(1)]],
    ['one that is overtaken', 'order', ['up', said(1), said(3, { n: 2 }), said(2, { n: 3 })]],
    ['one that comes while its node is down', 'order', ['up', said(1), 'down', said(2)]],
    ['one that comes again over the next connection', 'duplicate', ['up', said(1), 'down', 'up', said(1)]],
    ['a node that comes up twice', 'node up', ['up', 'up']],
    ['a node that goes down and was not up', 'node down', ['up', 'down', 'down']],
  ])('sees %s', (_, kind, steps) => {
    expect(play(...steps).violations).toContain(kind)
  })
})

describe('the oracle of notices', () => {
  const node = 'a@h'
  const watching = (play: (oracle: NoticeOracle) => void) => {
    const violations: string[] = []
    const oracle = new NoticeOracle((violation) => violations.push(violation), [node])
    oracle.ties(1, node, 'ref', true)
    play(oracle)
    return { violations, outstanding: oracle.outstanding }
  }

  test('both notices, after the last words, are all that there is', () => {
    const outcome = watching((oracle) => {
      oracle.told(1, 0)
      oracle.lastWords(1)
      oracle.exit(1, endedReason(1))
      oracle.down('ref', endedReason(1))
      oracle.nodeDown(node)
      oracle.checkOverdue(100, 10)
    })
    expect(outcome).toEqual({ violations: [], outstanding: 0 })
  })

  test('a loss is told of both before the end of the connection is; a monitor that is set later is none of it', () => {
    const outcome = watching((oracle) => {
      oracle.exit(1, 'noconnection')
      oracle.down('ref', 'noconnection')
      oracle.nodeDown(node)
      oracle.ties(2, node, 'second', false)
      oracle.nodeUp(node)
      oracle.nodeDown(node)
    })
    expect(outcome).toEqual({ violations: [], outstanding: 1 })
  })

  test('what was taken back is not waited for', () => {
    const outcome = watching((oracle) => {
      oracle.demonitored(1)
      oracle.unlinked(1)
      oracle.nodeDown(node)
    })
    expect(outcome).toEqual({ violations: [], outstanding: 0 })
  })

  test.each<[string, RegExp, (oracle: NoticeOracle) => void]>([
    [
      'a monitor that fires twice',
      /a monitor that is not set fires/,
      (oracle) => {
        oracle.down('ref', 'noconnection')
        oracle.down('ref', 'noconnection')
      },
    ],
    [
      'a monitor that fires after it was taken back',
      /a monitor that is not set fires/,
      (oracle) => {
        oracle.demonitored(1)
        oracle.down('ref', 'noconnection')
      },
    ],
    [
      'an exit that comes twice',
      /an exit without a link/,
      (oracle) => {
        oracle.exit(1, 'noconnection')
        oracle.exit(1, 'noconnection')
      },
    ],
    [
      'an exit that comes after the link was undone',
      /an exit without a link/,
      (oracle) => {
        oracle.unlinked(1)
        oracle.exit(1, 'noconnection')
      },
    ],
    ['an end that nobody asked for', /was not told to/, (oracle) => oracle.down('ref', endedReason(1))],
    ['a reason that nobody gave', /says killed/, (oracle) => oracle.down('ref', 'killed')],
    [
      'an end before the last words',
      /comes before its last words/,
      (oracle) => {
        oracle.told(1, 0)
        oracle.down('ref', endedReason(1))
      },
    ],
    [
      'a loss of which nobody was told',
      /is down, and victim 1 there was not told of/,
      (oracle) => oracle.nodeDown(node),
    ],
    [
      'an end of which nobody is told',
      /was told to end 100 ms ago/,
      (oracle) => {
        oracle.told(1, 0)
        oracle.checkOverdue(100, 100)
      },
    ],
  ])('sees %s', (_, violation, play) => {
    expect(watching(play).violations).toEqual([expect.stringMatching(violation)])
  })
})

test('the same seed draws the same faults; no node is killed that is not to be; all kinds occur', () => {
  const options = { seed: 7, nodes: 5, veterans: [0, 3], roundMs: 20_000, tickTimeMs: 4_000 }
  const rounds = (seed: number) => Array.from({ length: 50 }, (_, round) => roundOf({ ...options, seed }, round))
  expect(rounds(7)).toEqual(rounds(7))
  expect(rounds(7)).not.toEqual(rounds(8))
  const faults = rounds(7).flat()
  const kinds: FaultKind[] = ['cut', 'cutOneWay', 'isolate', 'kill', 'lag', 'reset', 'stop']
  expect([...new Set(faults.map(({ kind }) => kind))].sort()).toEqual(kinds)
  expect(faults.filter(({ kind, nodes }) => kind === 'kill' && options.veterans.includes(Number(nodes[0])))).toEqual([])
})

test('a slope is that of the line, with how sure it is', () => {
  const minute = 60_000
  const line = (scatter: number) =>
    Array.from({ length: 9 }, (_, i) => ({ at: i * minute, value: 100 + 2 * i + scatter * (i % 2 === 0 ? 1 : -1) }))
  expect(slopeOf(line(0))).toEqual({ perHour: expect.closeTo(120), plusMinus: expect.closeTo(0) })
  const scattered = slopeOf(line(3))
  expect(scattered?.perHour).toBeCloseTo(120, -1)
  expect(scattered?.plusMinus).toBeGreaterThan(10)
  expect(slopeOf(line(0).slice(0, 3))).toBeUndefined()
  // Sure of it, not sure, and not so much.
  expect(growsMore(line(0.1), 100, 2 * minute)?.perHour).toBeCloseTo(120, 0)
  expect(growsMore(line(30), 100, 2 * minute)).toBeUndefined()
  expect(growsMore(line(0.1), 130, 2 * minute)).toBeUndefined()
})

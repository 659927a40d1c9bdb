/**
 * The External Term Format as a live Erlang sees it: 10,000 random terms of ours through it and back, 10,000 of its own
 * through us and back, and 20,000 damaged terms that both have to judge alike.
 */
import { deepStrictEqual } from 'node:assert/strict'
import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { AtomBudget, decode, encode } from '../../src/codec/index.js'
import { ReignError } from '../../src/errors.js'
import { arbitraryTerm, arbitraryNode as node } from '../codec/arbitrary-term.js'
import { fromHex, seeded, toHex, vectors } from '../codec/etf-kit.js'
import { Chance } from '../fuzz/chance.js'
import { readCorpus } from '../fuzz/corpus.js'
import { TermMaker } from '../fuzz/grammar.js'
import { mutate } from '../fuzz/mutate.js'
import { TermsTarget } from '../fuzz/terms-target.js'
import { EtfPeer } from './etf-peer.js'

const count = 10_000
const funTag = 112
/** What is refused for being too much, and not for being wrong. */
const bounds = ['ERR_REIGN_TERM_DEPTH', 'ERR_REIGN_TERM_TOO_LARGE', 'ERR_REIGN_ATOM_LIMIT']
let peer: EtfPeer

beforeAll(() => {
  peer = EtfPeer.start()
})
afterAll(() => peer.stop())

test('10,000 random terms, written here, are what they were after Erlang has read and written them', async () => {
  const terms = fc.sample(arbitraryTerm, { numRuns: count, seed: 20_261_124 })
  const echoed = await peer.ask(
    'e',
    terms.map((term) => encode(term, { node })),
  )
  expect(echoed).toHaveLength(count)
  for (const [i, bytes] of echoed.entries()) {
    if (bytes.length === 0) throw new Error(`Erlang does not read ${toHex(encode(terms[i], { node }))}`)
    deepStrictEqual(decode(bytes, { node, floats: 'exact' }), terms[i])
  }
  // They are no small talk: the sample has all sizes, up to some thousands of bytes.
  expect(echoed.reduce((sum, bytes) => sum + bytes.length, 0)).toBeGreaterThan(1_000_000)
})

test('10,000 random terms of Erlang are the same terms to it after we have read and written them', async () => {
  const made = await peer.make(25, count)
  expect(made).toHaveLength(count)
  const back = made.map((bytes) => encode(decode(bytes, { node, floats: 'exact' }), { node }))
  const verdicts = (await peer.ask('c', back)).map(String)
  expect(verdicts.filter((verdict) => verdict !== 'same')).toEqual([])
  expect(verdicts).toHaveLength(count)
  // Most in the same bytes, too: only the pairs of a map may stand in another order.
  const same = made.filter((bytes, i) => bytes.equals(back[i] as Uint8Array)).length
  expect(same).toBeGreaterThan(count * 0.8)
})

describe('judging', () => {
  test('20,000 damaged terms: what one refuses, the other refuses, and what both take is the same term', async () => {
    const chance = seeded(4_711)
    const pool = vectors.filter(({ term }) => term !== 'trailing bytes').map(({ hex }) => fromHex(hex))
    pool.push(...(await peer.make(7, 400)).filter((bytes) => bytes.length < 200 && !bytes.includes('nohost')))
    const damaged = Array.from({ length: 20_000 }, () => damage(pool[chance(pool.length)] as Uint8Array)).filter(
      (bytes) => !isSpecial(bytes),
    )
    expect(await compared(damaged)).toBeGreaterThan(2_000)

    function damage(original: Uint8Array): Buffer {
      const bytes = Buffer.from(original)
      for (let left = 1 + chance(3); left > 0; left--) {
        const at = 1 + chance(bytes.length - 1)
        const kind = chance(4)
        if (kind === 0) bytes[at] = chance(256)
        else if (kind === 1) bytes[at] = 97 + chance(24)
        else if (kind === 2) bytes[at] = chance(4)
        else bytes[at] = (bytes[at] as number) ^ (1 << chance(8))
      }
      return bytes
    }
  })

  test('10,000 terms of the fuzzer, by its grammar and by its mutations: likewise', async () => {
    const chance = new Chance(20_261_126)
    const maker = new TermMaker(chance)
    const pool = [...new TermsTarget().seeds(), ...readCorpus('test/fuzz', 'terms')]
    const made = Array.from({ length: 10_000 }, () => {
      const term = () => Buffer.from(maker.restart().u8(131).term(4).bytes)
      const kind = chance.below(3)
      return kind === 0 ? term() : Buffer.from(mutate(kind === 1 ? term() : chance.pick(pool), pool, chance))
    })
    expect(await compared(made.filter((bytes) => !isSpecial(bytes)))).toBeGreaterThan(2_000)
  })

  /** Has both judge them, and compares what they take. @returns how many that were. */
  async function compared(items: readonly Buffer[]): Promise<number> {
    const atoms = new AtomBudget()
    const ours = items.map((bytes) => {
      try {
        return { bytes, code: 'taken', term: decode(bytes, { node, atoms, floats: 'exact' }) }
      } catch (error) {
        if (!(error instanceof ReignError)) throw error
        return { bytes, code: error.code, term: undefined }
      }
    })
    // OTP 25 itself can crash, all of it, of a fun that is damaged: those that we refuse it is not asked about. Nor about our bounds.
    const asked = ours.filter(
      ({ bytes, code }) => code === 'taken' || !(bytes.includes(funTag) || bounds.includes(code)),
    )
    const echoed = await peer.ask(
      'e',
      asked.map(({ bytes }) => bytes),
    )
    const differences: string[] = []
    let taken = 0
    for (const [i, { bytes, code, term }] of asked.entries()) {
      const theirs = echoed[i] as Buffer
      if ((code === 'taken') !== theirs.length > 0) {
        differences.push(`${toHex(bytes)}: ${code} here, ${toHex(theirs) || 'refused'} there`)
      } else if (code === 'taken') {
        taken++
        deepStrictEqual(term, decode(theirs, { node, atoms, floats: 'exact' }))
      }
    }
    expect(differences).toEqual([])
    return taken
  }

  /**
   * Where no comparison can be had: references of no words, for which OTP looks at whatever bytes come next; the tags 73 and 75,
   * which it keeps for its own tables and reads anywhere; and compressed terms, whose streams it takes with bytes behind them.
   */
  function isSpecial(bytes: Buffer): boolean {
    return (
      ['5a0000', '720000'].some((head) => bytes.includes(Buffer.from(head, 'hex'))) ||
      [73, 75, 80].some((tag) => bytes.includes(tag))
    )
  }
})

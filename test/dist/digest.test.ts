/** F44 and S17: how somebody is refused who does not know the cookie tells him nothing, neither by what is said nor by how long it takes. */
import { createHash } from 'node:crypto'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { digest, digestBytes, sameDigest } from '../../src/dist/digest.js'
import { hiddenFlags } from '../../src/dist/flags.js'
import { acceptorStart, acceptorStep } from '../../src/dist/handshake-acceptor.js'
import { writeHandshakeMessage } from '../../src/dist/handshake-messages.js'
import { Secret } from '../../src/secret.js'
import { acceptorEnv, hex, proofOf } from './handshake-kit.js'

const compared = vi.hoisted(() => [] as [number, number][])
vi.mock('node:crypto', async (original) => {
  const crypto = await original<typeof import('node:crypto')>()
  const timingSafeEqual: typeof crypto.timingSafeEqual = (one, other) => {
    compared.push([one.byteLength, other.byteLength])
    return crypto.timingSafeEqual(one, other)
  }
  return { ...crypto, timingSafeEqual }
})
afterEach(() => void compared.splice(0))

const right = digest(new Secret('secret'), 7)

/** Digests that are wrong in every one of their bits, each alone, and in all. */
const wrongDigests = [
  ...Array.from({ length: digestBytes * 8 }, (_, bit) => {
    const bytes = Uint8Array.from(right)
    bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    return bytes
  }),
  new Uint8Array(digestBytes),
  Uint8Array.from(right, (byte) => byte ^ 0xff),
]

test('is the MD5 of the cookie and the decimal text of the challenge, unsigned', () => {
  const of = (text: string) => createHash('md5').update(text, 'latin1').digest('hex')
  expect(hex(digest(new Secret('secret'), 0))).toBe(of('secret0'))
  expect(hex(digest(new Secret('s\u00e9cret'), 0xffff_ffff))).toBe(of('s\u00e9cret4294967295'))
})

test('digests are compared by timingSafeEqual alone, all of them, wherever they differ', () => {
  expect(sameDigest(right, Uint8Array.from(right))).toBe(true)
  for (const wrong of wrongDigests) expect(sameDigest(right, wrong)).toBe(false)
  expect(compared).toEqual(Array(wrongDigests.length + 1).fill([digestBytes, digestBytes]))
  // Of another length there is nothing to be learnt: how long a digest is, everybody knows.
  for (const length of [0, 15, 17]) expect(sameDigest(right, new Uint8Array(length))).toBe(false)
})

describe('a node that does not know the cookie', () => {
  const challenge = 7
  const local = { name: 'b@127.0.0.1', creation: 22 }
  const cookies: Record<string, string> = { 'own@127.0.0.1': 'a-cookie-of-its-own' }

  /** All that somebody of that name hears who answers so, and what is written down. */
  function heard(name: string, proof: Uint8Array) {
    const env = {
      ...acceptorEnv({ local, challenges: [challenge] }),
      cookie: (peer: string) => new Secret(cookies[peer] ?? 'secret'),
    }
    const knock = writeHandshakeMessage({ tag: 'name', flags: hiddenFlags, creation: 5, name })
    const reply = writeHandshakeMessage({ tag: 'reply', challenge: 9, digest: proof })
    const first = acceptorStep(acceptorStart, { input: 'message', bytes: knock }, env)
    const second = acceptorStep(first.state, { input: 'message', bytes: reply }, env)
    const { state } = second
    if (state.at !== 'refused') throw new Error(`let in: ${state.at}`)
    return {
      first: first.send.map(hex),
      second: second.send,
      reason: state.failure.reason,
      code: state.failure.error.code,
    }
  }

  test('hears the same, byte by byte, whatever it answers, and whoever it says it is', () => {
    const expected = heard('member@127.0.0.1', wrongDigests[0] as Uint8Array)
    expect(expected).toMatchObject({ second: [], reason: 'cookie', code: 'ERR_REIGN_COOKIE' })
    for (const name of ['member@127.0.0.1', 'nobody@nowhere', 'own@127.0.0.1']) {
      for (const proof of [...wrongDigests, proofOf('secret', challenge + 1), proofOf('secret0', challenge)]) {
        expect(heard(name, proof)).toEqual(expected)
      }
    }
    // The common cookie is as wrong for who has one of his own as any.
    expect(heard('own@127.0.0.1', right)).toEqual(expected)
  })

  test('is judged by one comparison, of the whole digest, every time', () => {
    for (const proof of wrongDigests) heard('member@127.0.0.1', proof)
    expect(compared).toEqual(Array(wrongDigests.length).fill([digestBytes, digestBytes]))
  })
})

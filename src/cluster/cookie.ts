/**
 * The cookie: the text that all nodes of a cluster know, and prove to each other that they know.
 *
 * Behind mutual TLS it is the second lock, not the first. A guessable one has been the only lock of other systems, and
 * then let anybody run code on them, so a weak one is refused unless it is asked for.
 */
import type { Entropy } from '../entropy.js'
import type { Secret } from '../secret.js'

/** Erlang keeps the cookie as an atom. */
const cookieCharactersMax = 255

/** 32 characters of 5 bits: 160 bits. Neither shells nor Erlang take any of them for more than a letter. */
const madeCharacters = 32
const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

/** Erlang makes cookies of 20 capital letters itself (94 bits), and those are in use: no less is taken. */
const strongCharactersMin = 20
const strongDistinctMin = 8

/** A new cookie: 160 random bits as 32 capital letters and digits, without a newline. */
export function makeCookie(entropy: Pick<Entropy, 'bytes'>): string {
  // 256 is a multiple of the 32 letters, so the rest of the division is as even as the bytes are.
  return Array.from(entropy.bytes(madeCharacters), (byte) => alphabet[byte % alphabet.length]).join('')
}

/**
 * The cookie between two nodes, the same whichever of the two asks, so that all can read one specification: that of the one
 * that has one of its own; of the greater name, as Erlang compares them, where both have; else the common one.
 */
export function cookieBetween(
  self: string,
  peer: string,
  own: Readonly<Record<string, Secret>>,
  common: Secret,
): Secret {
  const [lesser = self, greater = peer] = [self, peer].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
  return own[greater] ?? own[lesser] ?? common
}

/** What is wrong with a cookie, as the end of a sentence that never quotes it; `undefined` when nothing is. */
export function cookieProblem(cookie: string, weakAllowed: boolean): string | undefined {
  if (cookie === '') return 'is empty'
  if (cookie.length > cookieCharactersMax) return `has ${cookie.length} characters; the limit is ${cookieCharactersMax}`
  if (!/^[\x21-\x7e]+$/.test(cookie)) return 'may have only printable ASCII characters, and no spaces'
  if (weakAllowed) return undefined
  if (cookie.length < strongCharactersMin) {
    return `has ${cookie.length} characters, and fewer than ${strongCharactersMin} can be guessed: \`reign init\` makes a good one`
  }
  if (new Set(cookie).size < strongDistinctMin) {
    return `has fewer than ${strongDistinctMin} different characters and can be guessed: \`reign init\` makes a good one`
  }
  return undefined
}

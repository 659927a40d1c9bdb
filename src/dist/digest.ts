/**
 * The proof that both sides know the cookie. Protocol: "Distribution handshake", generating and comparing digests.
 *
 * MD5 over a challenge is what the protocol has; it is a second factor behind TLS, and never alone by default.
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import { ReignError } from '../errors.js'
import type { Secret } from '../secret.js'

/** Bytes of a digest. */
export const digestBytes = 16

/**
 * `MD5(cookie ++ decimal text of the challenge)`.
 *
 * @param cookie Its characters are bytes, as in Erlang, where a cookie is an atom: none may be above U+00FF.
 * @param challenge From 0 to 2^32 - 1; printed unsigned.
 * @throws `ERR_REIGN_COOKIE` when the cookie is empty (its digest proves nothing) or has a character that no Erlang
 * node could use; `ERR_REIGN_DIGEST` when the host program's crypto library has no MD5, as in FIPS mode.
 */
export function digest(cookie: Secret, challenge: number): Uint8Array {
  const characters = cookie.reveal()
  if (characters === '') throw new ReignError('ERR_REIGN_COOKIE', 'the cookie is empty: it would prove nothing')
  if (/[^\0-\xff]/.test(characters)) {
    throw new ReignError('ERR_REIGN_COOKIE', 'the cookie has a character above U+00FF, which Erlang cannot digest')
  }
  const text = `${characters}${challenge >>> 0}`
  try {
    return createHash('md5').update(text, 'latin1').digest()
  } catch (cause) {
    throw new ReignError(
      'ERR_REIGN_DIGEST',
      'MD5, which the Erlang handshake needs, is not available here (is OpenSSL in FIPS mode?)',
      { cause },
    )
  }
}

/** Whether two digests are the same, in a time that does not tell how much of them is. */
export function sameDigest(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === digestBytes && other.length === digestBytes && timingSafeEqual(one, other)
}

/** The cipher suites that a cluster may be restricted to. */
import { getCiphers } from 'node:tls'
import { suggestion } from './suggestion.js'

/** The suites that `ciphers` names. */
export function cipherNames(value: string | readonly string[]): readonly string[] {
  return typeof value === 'string' ? value.split(':') : value
}

/** Problems with the list of suites. Only suites with a fresh key for each connection and a certificate are permitted. */
export function cipherProblems(names: readonly string[]): string[] {
  if (names.length === 0 || names.every((name) => name === '')) return ['names no suite']
  const known = getCiphers().filter((name) => /^(tls_|ecdhe-(ecdsa|rsa)-.*(gcm|poly1305))/.test(name))
  return names
    .filter((name) => !known.includes(name.toLowerCase()))
    .map((name) => {
      const meant = suggestion(name, known)?.toUpperCase()
      const hint = meant === undefined ? '' : `: did you mean ${meant}?`
      return `names ${JSON.stringify(name.slice(0, 100))}, which is no permitted suite${hint}`
    })
}

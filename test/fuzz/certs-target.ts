/** Revocation lists, as an operator may have been handed them, and what is made of PEM texts. */

import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { DerError } from '../../src/certs/der.js'
import { pemBlocks, pemBytes, pemText, readCertificates } from '../../src/certs/pem.js'
import { currentLists, readRevocationLists } from '../../src/certs/revocation-list.js'
import { holds, type Target } from './target.js'

/** Fixed ones, as what is made anew is other bytes each time. */
interface Fixture {
  readonly authority: string
  readonly lists: readonly string[]
}

/** The first byte: 0 for the bytes of a list, 1 for a PEM text. */
export class CertsTarget implements Target {
  readonly name = 'certs'
  readonly #fixture: Fixture = JSON.parse(readFileSync(new URL('./certs.json', import.meta.url), 'utf8'))
  readonly #authority = new X509Certificate(this.#fixture.authority)

  seeds(): readonly Uint8Array[] {
    const { authority, lists } = this.#fixture
    return [
      ...lists.flatMap((pem) =>
        pemBlocks(pem, 'X509 CRL').map((block) => Buffer.concat([Uint8Array.of(0), pemBytes(block)])),
      ),
      Buffer.concat([Uint8Array.of(1), Buffer.from(lists.join('\n'))]),
      Buffer.concat([Uint8Array.of(1), Buffer.from(authority)]),
    ]
  }

  run(input: Uint8Array): string {
    const bytes = input.subarray(1)
    const isText = ((input[0] ?? 0) & 1) === 1
    const pem = isText ? Buffer.from(bytes).toString('latin1') : pemText('X509 CRL', bytes)
    if (isText) readCertificates(pem)
    try {
      const lists = readRevocationLists(pem)
      for (const { revoked, thisUpdate, nextUpdate } of lists) {
        holds(Number.isInteger(thisUpdate) && Number.isInteger(nextUpdate ?? 0), () => 'a day that is none')
        for (const serial of revoked) holds(/^-?[0-9A-Fa-f]+$/.test(serial), () => serial)
      }
      // Nothing but what the authority has signed is believed: of the seeds, whatever is changed.
      const believed = currentLists(pem, [this.#authority]).lists.length
      if (believed === 0) return lists.length > 0 ? 'stranger' : 'nothing'
      const known = this.#fixture.lists.join().replace(/\s/g, '')
      for (const block of pemBlocks(pem, 'X509 CRL')) {
        const body = Buffer.from(pemBytes(block)).toString('base64')
        if (lists.length === 1) holds(known.includes(body), () => 'a list is believed that nobody has signed')
      }
      return 'believed'
    } catch (error) {
      if (error instanceof DerError) return 'DerError'
      throw error
    }
  }
}

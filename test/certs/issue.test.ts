import { execFileSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { nodeNamesOfSubjectAltName } from '../../src/certs/node-identity.js'
import { resolveSpec } from '../../src/cluster/spec.js'
import { Workplace } from '../cli/command.js'

const day = 86_400_000

let place: Workplace
beforeEach(() => {
  place = new Workplace()
})
afterEach(() => place[Symbol.dispose]())

const read = (...path: string[]): string => readFileSync(place.path(...path), 'utf8')

describe('the certificates, as OpenSSL sees them', () => {
  const openssl = (...args: string[]): string =>
    execFileSync('openssl', args, { cwd: place.path('cluster'), encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })

  beforeEach(async () => {
    expect((await place.reign(['init', 'one@127.0.0.1', 'host@shop.example.org', 'six@::1'])).code).toBe(0)
  })

  test('every node verifies, strictly, as server and as client', () => {
    for (const name of ['one@127.0.0.1', 'host@shop.example.org', 'six@++1']) {
      for (const purpose of ['sslserver', 'sslclient']) {
        const verdict = openssl('verify', '-x509_strict', '-CAfile', 'ca.pem', '-purpose', purpose, `${name}.pem`)
        expect(verdict).toBe(`${name}.pem: OK\n`)
      }
    }
    openssl('verify', '-x509_strict', '-CAfile', 'ca.pem', '-verify_ip', '127.0.0.1', 'one@127.0.0.1.pem')
    openssl('verify', '-x509_strict', '-CAfile', 'ca.pem', '-verify_ip', '::1', 'six@++1.pem')
    openssl('verify', '-CAfile', 'ca.pem', '-verify_hostname', 'shop.example.org', 'host@shop.example.org.pem')
    expect(() => openssl('verify', '-CAfile', 'ca.pem', '-verify_ip', '127.0.0.2', 'one@127.0.0.1.pem')).toThrow()
  })

  test('a certificate says what it should', () => {
    const text = openssl('x509', '-noout', '-text', '-in', 'one@127.0.0.1.pem')
    expect(text).toMatch(/Serial Number:\s+([4-7][0-9a-f]:)([0-9a-f]{2}:){14}[0-9a-f]{2}\s/)
    expect(text).toContain('Signature Algorithm: ecdsa-with-SHA256')
    expect(text).toMatch(/Issuer: O = reign, CN = cluster authority [0-9a-f]{8}\n/)
    expect(text).toContain('Subject: O = reign, CN = one@127.0.0.1')
    expect(text).toContain('NIST CURVE: P-256')
    expect(text).toMatch(/X509v3 Basic Constraints: critical\s+CA:FALSE\n/)
    expect(text).toMatch(/X509v3 Key Usage: critical\s+Digital Signature\n/)
    expect(text).toMatch(/X509v3 Extended Key Usage:\s+TLS Web Server Authentication, TLS Web Client Authentication\n/)
    expect(text).toMatch(
      /X509v3 Subject Alternative Name:\s+DNS:127\.0\.0\.1, IP Address:127\.0\.0\.1, URI:reign:one@127\.0\.0\.1\n/,
    )
    const authority = openssl('x509', '-noout', '-text', '-in', 'ca.pem')
    expect(authority).toMatch(/X509v3 Basic Constraints: critical\s+CA:TRUE, pathlen:0\n/)
    expect(authority).toMatch(/X509v3 Key Usage: critical\s+Certificate Sign, CRL Sign\n/)
    const keyId = /X509v3 Subject Key Identifier:\s+([0-9A-F:]+)/.exec(authority)?.[1]
    expect(/X509v3 Authority Key Identifier:\s+(?:keyid:)?([0-9A-F:]+)/.exec(text)?.[1]).toBe(keyId)
    expect(keyId).toMatch(/^([0-9A-F]{2}:){19}[0-9A-F]{2}$/)
    const named = openssl('x509', '-noout', '-ext', 'subjectAltName', '-in', 'host@shop.example.org.pem')
    expect(named).toMatch(/\s+DNS:shop\.example\.org, URI:reign:host@shop\.example\.org\n/)
  })

  test('dates: five minutes back, 398 days for a node, ten years for the authority', async () => {
    const now = Date.UTC(2030, 0, 2, 3, 4, 5, 678)
    await place.reign(['init', 'one@127.0.0.1', '--force'], () => now)
    const dates = (file: string): number[] => {
      const certificate = new X509Certificate(read('cluster', file))
      return [Date.parse(certificate.validFrom), Date.parse(certificate.validTo)]
    }
    const begin = Date.UTC(2030, 0, 2, 2, 59, 5)
    expect(dates('one@127.0.0.1.pem')).toEqual([begin, begin + 398 * day])
    expect(dates('ca.pem')).toEqual([begin, begin + 3_650 * day])
  })

  test('serial numbers and keys are all different', () => {
    const files = ['ca.pem', 'one@127.0.0.1.pem', 'host@shop.example.org.pem', 'six@++1.pem']
    const certificates = files.map((file) => new X509Certificate(read('cluster', file)))
    expect(new Set(certificates.map(({ serialNumber }) => serialNumber)).size).toBe(4)
    expect(
      new Set(certificates.map(({ publicKey }) => publicKey.export({ type: 'spki', format: 'der' }).toString('hex')))
        .size,
    ).toBe(4)
  })

  test('a name that is too long for a common name stands in full where it counts', async () => {
    const name = `${'a'.repeat(80)}@${'h'.repeat(60)}.example.org`
    expect((await place.reign(['init', name, '--force'])).code).toBe(0)
    const certificate = new X509Certificate(read('cluster', `${name}.pem`))
    expect(nodeNamesOfSubjectAltName(certificate.subjectAltName)).toEqual([name])
    expect(openssl('verify', '-x509_strict', '-CAfile', 'ca.pem', `${name}.pem`)).toContain('OK')
    await resolveSpec(place.path('cluster'), name)
  })

  test('a node cannot vouch for another: a chain from leaf to leaf is refused', () => {
    // The attacker is one@…, with its own key; what it signs would be a certificate for two@….
    writeFileSync(
      place.path('forge.conf'),
      'basicConstraints=CA:FALSE\nsubjectAltName=DNS:127.0.0.1,URI:reign:two@127.0.0.1\n',
    )
    openssl('ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', '../forged.key')
    openssl('req', '-new', '-key', '../forged.key', '-subj', '/CN=two@127.0.0.1', '-out', '../forged.csr')
    const signer = ['-CA', 'one@127.0.0.1.pem', '-CAkey', 'one@127.0.0.1.key', '-set_serial', '7', '-days', '2']
    openssl('x509', '-req', '-in', '../forged.csr', ...signer, '-extfile', '../forge.conf', '-out', '../forged.pem')
    const verify = (...flags: string[]): string =>
      openssl('verify', ...flags, '-CAfile', 'ca.pem', '-untrusted', 'one@127.0.0.1.pem', '../forged.pem')
    expect(() => verify()).toThrow(/invalid CA certificate|unable to get local issuer/)
    expect(() => verify('-partial_chain', '-x509_strict')).toThrow(/invalid CA certificate|unable to get local issuer/)
  })
})

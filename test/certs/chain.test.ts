/** Which way leads from a certificate to an authority, and what is remembered of it. */
import { createPrivateKey, webcrypto, X509Certificate } from 'node:crypto'
import fc from 'fast-check'
import { beforeAll, describe, expect, test, vi } from 'vitest'
import { createAuthority, keyAlgorithm } from '../../src/certs/authority.js'
import { chainTo, keyIdOf, sentWith, serialText } from '../../src/certs/chain.js'
import { issueNodeCertificate } from '../../src/certs/issue.js'
import { loadX509 } from '../../src/certs/x509.js'

interface Holder {
  readonly certificate: X509Certificate
  readonly keys: webcrypto.CryptoKeyPair
  readonly subject: string
}

interface Shape {
  readonly issuer?: Holder
  readonly keys?: webcrypto.CryptoKeyPair
  readonly ca?: boolean
  readonly lastsMs?: number
}

let serial = 0
/** A certificate of any shape; signed by itself without an issuer. */
async function certify(subject: string, { issuer, keys, ca = true, lastsMs = 60_000 }: Shape = {}): Promise<Holder> {
  const x509 = await loadX509()
  const pair = keys ?? (await webcrypto.subtle.generateKey(keyAlgorithm, true, ['sign', 'verify']))
  const made = await x509.X509CertificateGenerator.create({
    subject: `CN=${subject}`,
    issuer: `CN=${issuer?.subject ?? subject}`,
    serialNumber: (++serial).toString(16).padStart(4, '0'),
    notBefore: new Date(Date.now() - 60_000),
    notAfter: new Date(Date.now() + lastsMs),
    publicKey: pair.publicKey,
    signingKey: (issuer?.keys ?? pair).privateKey,
    extensions: [new x509.BasicConstraintsExtension(ca, undefined, true)],
  })
  return { certificate: new X509Certificate(made.toString('pem')), keys: pair, subject }
}

/** Certificates have nothing that can be compared but this. */
const prints = (chain: readonly (X509Certificate | undefined)[] | undefined) =>
  chain?.map((each) => each?.fingerprint256)
const subjects = (chain: readonly X509Certificate[] | undefined) => chain?.map(({ subject }) => subject)

describe('the way to an authority', () => {
  let root: Holder
  let other: Holder
  let between: Holder
  let leaf: Holder
  beforeAll(async () => {
    root = await certify('root')
    other = await certify('other')
    between = await certify('between', { issuer: root })
    leaf = await certify('leaf', { issuer: between, ca: false })
  })

  test('is one step from a node of ours, whatever was sent along', async () => {
    const authorities = [await createAuthority(), await createAuthority()]
    const { certificatePem } = await issueNodeCertificate(authorities[1] ?? expect.unreachable(), 'one@127.0.0.1')
    const node = new X509Certificate(certificatePem)
    const all = authorities.map((each) => new X509Certificate(each.certificatePem))
    for (const sent of [[], all, [other.certificate], [node]]) {
      expect(prints(chainTo(node, sent, all))).toEqual(prints([node, all[1]]))
    }
    expect(chainTo(node, all, all.slice(0, 1))).toBeUndefined()
  })

  test('leads over what was sent, in any order, and over nothing else', () => {
    const sent = [other.certificate, leaf.certificate, root.certificate, between.certificate]
    const way = ['CN=leaf', 'CN=between', 'CN=root']
    expect(subjects(chainTo(leaf.certificate, sent, [root.certificate]))).toEqual(way)
    expect(subjects(chainTo(leaf.certificate, sent.reverse(), [root.certificate]))).toEqual(way)
    expect(chainTo(leaf.certificate, [other.certificate], [root.certificate])).toBeUndefined()
    expect(chainTo(leaf.certificate, sent, [other.certificate])).toBeUndefined()
    expect(subjects(chainTo(leaf.certificate, [], [between.certificate]))).toEqual(['CN=leaf', 'CN=between'])
  })

  test('does not lead over the name of an authority with another key, nor over a certificate that may not sign', async () => {
    const impostor = await certify('between', { issuer: other })
    expect(chainTo(leaf.certificate, [impostor.certificate, other.certificate], [other.certificate])).toBeUndefined()
    const node = await certify('node', { issuer: root, ca: false })
    const below = await certify('below', { issuer: node, ca: false })
    expect(chainTo(below.certificate, [node.certificate], [root.certificate])).toBeUndefined()
  })

  test('is found where the first that fits leads nowhere', async () => {
    // The same key, certified by two authorities, of which one is believed.
    const crossed = await certify('between', { issuer: other, keys: between.keys })
    for (const sent of [
      [crossed.certificate, between.certificate],
      [between.certificate, crossed.certificate],
    ]) {
      expect(subjects(chainTo(leaf.certificate, sent, [root.certificate]))).toEqual([
        'CN=leaf',
        'CN=between',
        'CN=root',
      ])
      expect(subjects(chainTo(leaf.certificate, sent, [other.certificate]))).toEqual([
        'CN=leaf',
        'CN=between',
        'CN=other',
      ])
    }
  })

  test('leads over what lasts longest, as it does for OpenSSL: not over what has ended', async () => {
    const ended = { lastsMs: -1_000 }
    const oldRoot = await certify('root', { keys: root.keys, ...ended })
    const oldBetween = await certify('between', { issuer: root, keys: between.keys, ...ended })
    for (const reversed of [false, true]) {
      const [sent, authorities] = [
        [oldBetween.certificate, between.certificate],
        [oldRoot.certificate, root.certificate],
      ].map((each) => (reversed ? each.reverse() : each)) as [X509Certificate[], X509Certificate[]]
      const way = prints([leaf, between, root].map(({ certificate }) => certificate))
      expect(prints(chainTo(leaf.certificate, sent, authorities))).toEqual(way)
    }
  })

  test('is not looked for without end, however many fit each other', async () => {
    const { keys } = between
    const many: X509Certificate[] = []
    for (let count = 0; count < 20; count++) many.push((await certify('between', { keys })).certificate)
    const verify = vi.spyOn(X509Certificate.prototype, 'verify')
    try {
      expect(chainTo(leaf.certificate, many, [root.certificate])).toBeUndefined()
      expect(verify.mock.calls.length).toBeGreaterThan(7)
      expect(verify.mock.calls.length).toBeLessThan(100)
    } finally {
      verify.mockRestore()
    }
  })

  test('goes by the key: a new certificate of the same authority is the same authority', async () => {
    const renewed = await certify('root', { keys: root.keys })
    expect(keyIdOf(renewed.certificate)).toBe(keyIdOf(root.certificate))
    expect(keyIdOf(other.certificate)).not.toBe(keyIdOf(root.certificate))
    expect(keyIdOf(root.certificate)).toMatch(/^[0-9a-f]{64}$/)
  })

  test('of what was sent, eight certificates are looked at', () => {
    const strung = (length: number): X509Certificate => {
      const below = length === 0 ? undefined : strung(length - 1)
      return Object.create(leaf.certificate, { issuerCertificate: { value: below } }) as X509Certificate
    }
    expect(sentWith(strung(0))).toHaveLength(0)
    expect(sentWith(strung(3))).toHaveLength(3)
    expect(sentWith(strung(30))).toHaveLength(8)
  })
})

describe('serial numbers', () => {
  test('have one form', () => {
    expect(['0A', '0a', 'a', '000a', 'A'].map(serialText)).toEqual(['a', 'a', 'a', 'a', 'a'])
    expect([serialText('00'), serialText('0'), serialText('-0F'), serialText('')]).toEqual(['0', '0', '-f', '0'])
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 160n }), fc.nat(4), (value, zeros) => {
        const text = '0'.repeat(zeros) + value.toString(16).toUpperCase()
        return serialText(text) === value.toString(16)
      }),
    )
  })

  test('are those that Node.js shows', async () => {
    const authority = await createAuthority()
    expect(createPrivateKey(authority.key.reveal()).asymmetricKeyType).toBe('ec')
    const { serialNumber } = new X509Certificate(authority.certificatePem)
    expect(serialText(serialNumber)).toBe(BigInt(`0x${serialNumber}`).toString(16))
  })
})

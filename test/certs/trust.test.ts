/** When a connection that stands is objected to. */
import { X509Certificate } from 'node:crypto'
import { beforeAll, describe, expect, test } from 'vitest'
import { type Authority, createAuthority } from '../../src/certs/authority.js'
import { keyIdOf } from '../../src/certs/chain.js'
import { issueNodeCertificate } from '../../src/certs/issue.js'
import { issueRevocationList } from '../../src/certs/issue-revocation-list.js'
import { type Proof, proofOf } from '../../src/certs/proof.js'
import { currentLists } from '../../src/certs/revocation-list.js'
import { Trust } from '../../src/certs/trust.js'

const now = Date.now()
const day = 86_400_000
const far = now + 1_000 * day

let ours: Authority
let theirs: Authority
let node: X509Certificate
let proof: Proof
beforeAll(async () => {
  ours = await createAuthority()
  theirs = await createAuthority()
  node = new X509Certificate((await issueNodeCertificate(ours, 'one@127.0.0.1')).certificatePem)
  proof = proofOf(node, [theirs, ours].map(certificateOf), far) ?? expect.unreachable()
})

const certificateOf = ({ certificatePem }: Authority) => new X509Certificate(certificatePem)

const believed = (certificate: X509Certificate) => ({
  keyId: keyIdOf(certificate),
  endsAt: Date.parse(certificate.validTo),
})

async function trusting(
  authorities: readonly Authority[],
  revoked: readonly [Authority, string][] = [],
): Promise<Trust> {
  const certificates = authorities.map(certificateOf)
  const pems = revoked.map(async ([authority, serial]) => (await issueRevocationList(authority, [serial])).listPem)
  return new Trust(certificates.map(believed), currentLists((await Promise.all(pems)).join(''), certificates).lists)
}

describe('a proof', () => {
  test('has the peer’s certificate, its authority, and the end of our own', () => {
    expect(proof).toMatchObject({ certificates: [{ endsAt: Date.parse(node.validTo) }], ownEndsAt: far })
    expect(BigInt(`0x${proof.certificates[0]?.serialNumber}`)).toBe(BigInt(`0x${node.serialNumber}`))
    expect(proof.authorityKeyId).toBe(keyIdOf(certificateOf(ours)))
    expect(JSON.stringify(proof).length).toBeLessThan(400)
  })

  test('is none without a way to an authority', () => {
    expect(proofOf(node, [certificateOf(theirs)], far)).toBeUndefined()
  })

  test('ends with the first of its certificates, ours and the authority’s too', async () => {
    const trust = await trusting([ours])
    expect(trust.endsAt(proof)).toBe(Date.parse(node.validTo))
    expect(trust.endsAt({ ...proof, ownEndsAt: now })).toBe(now)
    expect(new Trust([{ keyId: proof.authorityKeyId, endsAt: 5 }], []).endsAt(proof)).toBe(5)
  })

  test('does not end with an authority that has a new certificate for its old key', () => {
    const { authorityKeyId: keyId } = proof
    const [old, renewed] = [
      { keyId, endsAt: now - 1 },
      { keyId, endsAt: far },
    ]
    expect(new Trust([old], []).objection(proof, now)).toBe('certificate_expired')
    expect(new Trust([old, renewed], []).objection(proof, now)).toBeUndefined()
    expect(new Trust([renewed, old], []).objection(proof, now)).toBeUndefined()
  })
})

describe('against a connection', () => {
  test('there is nothing to say while all is as it was', async () => {
    expect((await trusting([ours])).objection(proof, now)).toBeUndefined()
    expect((await trusting([theirs, ours])).objection(proof, now)).toBeUndefined()
    expect((await trusting([ours])).objection(proof, Date.parse(node.validTo))).toBeUndefined()
  })

  test('its end is one, a millisecond late', async () => {
    expect((await trusting([ours])).objection(proof, Date.parse(node.validTo) + 1)).toBe('certificate_expired')
    expect((await trusting([ours])).objection({ ...proof, ownEndsAt: now - 1 }, now)).toBe('certificate_expired')
  })

  test('an authority that is believed no more is one', async () => {
    expect((await trusting([theirs])).objection(proof, now)).toBe('unknown_ca')
  })

  test('a revocation is one, by the authority that has signed it and no other', async () => {
    const { serialNumber } = node
    expect((await trusting([ours], [[ours, serialNumber]])).objection(proof, now)).toBe('certificate_revoked')
    expect((await trusting([ours], [[ours, `${serialNumber}00`]])).objection(proof, now)).toBeUndefined()
    expect((await trusting([ours, theirs], [[theirs, serialNumber]])).objection(proof, now)).toBeUndefined()
  })

  test('a revocation is told before an end', async () => {
    const trust = await trusting([ours], [[ours, node.serialNumber]])
    expect(trust.objection(proof, far + 10_000 * day)).toBe('certificate_revoked')
  })

  test('one of an authority in between counts, and it may be believed itself', async () => {
    const [leaf] = proof.certificates
    if (leaf === undefined) throw new Error('no certificate')
    const longer: Proof = {
      ...proof,
      certificates: [
        { serialNumber: '1', issuerKeyId: leaf.issuerKeyId, endsAt: far },
        { serialNumber: '2', issuerKeyId: 'root', endsAt: far },
      ],
      authorityKeyId: 'root',
    }
    expect((await trusting([ours])).objection(longer, now)).toBeUndefined()
    expect((await trusting([theirs])).objection(longer, now)).toBe('unknown_ca')
    const rootList = { issuerKeyId: 'root', revoked: new Set(['2']) }
    expect(new Trust([{ keyId: 'root', endsAt: far }], [rootList]).objection(longer, now)).toBe('certificate_revoked')
  })
})

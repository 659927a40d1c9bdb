/** Revocation lists, those of reign and those of OpenSSL. */
import { execFileSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Authority, createAuthority } from '../../src/certs/authority.js'
import { keyIdOf, serialText } from '../../src/certs/chain.js'
import { DerError, DerReader, derInteger, derTime, tag } from '../../src/certs/der.js'
import { issueNodeCertificate } from '../../src/certs/issue.js'
import { issueRevocationList, revocationListDays } from '../../src/certs/issue-revocation-list.js'
import { pemBytes, pemText } from '../../src/certs/pem.js'
import { currentLists, readRevocationLists } from '../../src/certs/revocation-list.js'
import { loadX509 } from '../../src/certs/x509.js'
import { keyKinds, OpensslAuthority } from './openssl-authority.js'

const now = Date.UTC(2026, 5, 1, 12)
const clock = { wallTime: () => now }
const day = 86_400_000

let authority: Authority
let certificate: X509Certificate
beforeAll(async () => {
  authority = await createAuthority({ clock })
  certificate = new X509Certificate(authority.certificatePem)
})

/** The one list in a text, by the authority of this file. */
function only(pem: string) {
  const { lists, strangers } = currentLists(pem, [certificate])
  expect([lists.length, strangers]).toEqual([1, 0])
  return lists[0] ?? expect.unreachable()
}

describe('a list of ours', () => {
  test('is empty at first, and good as long as a certificate', async () => {
    const { listPem, revoked, nextUpdate } = await issueRevocationList(authority, [], { clock })
    const list = only(listPem)
    expect(list).toMatchObject({
      thisUpdate: now - 5 * 60_000,
      nextUpdate,
      number: 1n,
      revoked: new Set(),
      issuerKeyId: keyIdOf(certificate),
    })
    expect(nextUpdate).toBe(now - 5 * 60_000 + revocationListDays * day)
    expect(revoked).toEqual(new Set())
  })

  test('keeps what the one before has, counts up, and lists nothing twice', async () => {
    const first = await issueRevocationList(authority, ['0A', 'ff01'], { clock, days: 3 })
    const later = { wallTime: () => now + day }
    const second = await issueRevocationList(authority, ['FF01', '7'], {
      clock: later,
      before: first.listPem,
    })
    const list = only(second.listPem)
    expect(list).toMatchObject({ number: 2n, revoked: new Set(['a', 'ff01', '7']), thisUpdate: now + day - 5 * 60_000 })
    const x509 = await loadX509()
    const entries = new x509.X509Crl(pemBytes(second.listPem)).entries
    expect(
      entries.map(({ serialNumber, revocationDate }) => [serialText(serialNumber), revocationDate.getTime()]),
    ).toEqual([
      ['a', now],
      ['ff01', now],
      ['7', now + day],
    ])
  })

  test('is built on no list of another authority, nor on rubbish', async () => {
    const other = await issueRevocationList(await createAuthority({ clock }), [], { clock })
    const rubbish = pemText('X509 CRL', Buffer.from('rubbish'))
    for (const before of [other.listPem, rubbish, '']) {
      await expect(issueRevocationList(authority, [], { clock, before })).rejects.toMatchObject({
        code: 'ERR_REIGN_CERTIFICATE',
      })
    }
  })

  test('is taken by OpenSSL, which refuses what is in it and nothing else', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'reign-crl-'))
    try {
      const real = await createAuthority()
      const [bad, good] = [
        await issueNodeCertificate(real, 'bad@127.0.0.1'),
        await issueNodeCertificate(real, 'ok@127.0.0.1'),
      ]
      const serial = new X509Certificate(bad.certificatePem).serialNumber
      const write = (name: string, text: string) => writeFileSync(join(folder, name), text)
      write('ca.pem', real.certificatePem)
      write('ca.crl', (await issueRevocationList(real, [serial])).listPem)
      write('bad.pem', bad.certificatePem)
      write('good.pem', good.certificatePem)
      const openssl = (...args: string[]) =>
        execFileSync('openssl', args, { cwd: folder, stdio: 'pipe', encoding: 'utf8' })
      const verify = (file: string) =>
        openssl('verify', '-x509_strict', '-crl_check_all', '-CAfile', 'ca.pem', '-CRLfile', 'ca.crl', file)
      expect(verify('good.pem')).toContain('good.pem: OK')
      expect(() => verify('bad.pem')).toThrow(/certificate revoked/)
      const text = openssl('crl', '-in', 'ca.crl', '-noout', '-text')
      expect(text).toMatch(/Version 2/)
      expect(text).toMatch(/CRL Number: *\n *1\n/)
      expect(text).toContain(`Serial Number: ${serial}`)
      expect(text).toMatch(/Authority Key Identifier/)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})

describe('a list of OpenSSL', () => {
  const serials = ['01', '00FF', '7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF', 'DEADBEEF', '80']
  const made: OpensslAuthority[] = []
  afterAll(() => {
    for (const each of made) each[Symbol.dispose]()
  })
  const authorityOf = (kind: string, digest?: string, numbered?: boolean) => {
    const one = new OpensslAuthority(kind, digest, numbered)
    made.push(one)
    return one
  }

  test.each([...Object.keys(keyKinds).map((kind) => [kind, 'sha256']), ['P-256', 'sha512'], ['RSA', 'sha384']])(
    'signed with %s and %s is read, and known by its authority',
    (kind, digest) => {
      const openssl = authorityOf(kind as string, digest)
      for (const serial of serials) openssl.revoke(serial, serial === '80' ? 'keyCompromise' : undefined)
      const pem = openssl.list('-crlexts', 'plain')
      const own = new X509Certificate(openssl.certificatePem)
      const { lists, strangers } = currentLists(pem, [certificate, own])
      expect(strangers).toBe(0)
      expect(lists).toMatchObject([
        { number: 0x100n, issuerKeyId: keyIdOf(own), revoked: new Set(serials.map(serialText)) },
      ])
      expect((lists[0]?.nextUpdate ?? 0) - (lists[0]?.thisUpdate ?? 0)).toBe(10 * day)
      expect(currentLists(pem, [certificate])).toEqual({ lists: [], strangers: 1 })
    },
  )

  test('of the first version is read', () => {
    const openssl = authorityOf('P-256', 'sha256', false)
    openssl.revoke('1234')
    expect(openssl.openssl('crl', '-in', openssl.save(openssl.list()), '-noout', '-text')).toContain('Version 1 (0x0)')
    const { lists } = currentLists(openssl.list(), [new X509Certificate(openssl.certificatePem)])
    expect(lists).toMatchObject([{ number: undefined, revoked: new Set(['1234']) }])
  })

  test('that covers a part of the certificates only, or is a difference, is refused', () => {
    const openssl = authorityOf('P-256')
    for (const section of ['partial', 'delta']) {
      expect(() => readRevocationLists(openssl.list('-crlexts', section))).toThrow(
        /covers only a part, or is a difference/,
      )
    }
  })

  test('signed with RSA-PSS is refused by name', () => {
    const openssl = authorityOf('RSA')
    const pem = openssl.list('-crlexts', 'plain', '-sigopt', 'rsa_padding_mode:pss')
    expect(() => currentLists(pem, [new X509Certificate(openssl.certificatePem)])).toThrow(
      /signed in a way that is not known/,
    )
  })

  test('says the same here as to @peculiar/x509, with its reasons kept when it is made anew', async () => {
    const openssl = authorityOf('P-256')
    openssl.revoke('0102', 'superseded')
    openssl.revoke('0203')
    const ours: Authority = {
      certificatePem: openssl.certificatePem,
      key: { reveal: () => openssl.read('ca.key') } as Authority['key'],
    }
    const anew = await issueRevocationList(ours, ['04'], { before: openssl.list('-crlexts', 'plain') })
    const [list] = readRevocationLists(anew.listPem)
    const x509 = await loadX509()
    const other = new x509.X509Crl(pemBytes(anew.listPem))
    expect(other.entries.map(({ serialNumber }) => serialText(serialNumber))).toEqual([...(list?.revoked ?? [])])
    expect(other.entries.map(({ reason }) => reason)).toEqual([x509.X509CrlReason.superseded, undefined, undefined])
    expect([other.thisUpdate.getTime(), other.nextUpdate?.getTime()]).toEqual([list?.thisUpdate, list?.nextUpdate])
    expect(list?.number).toBe(0x101n)
  })
})

describe('of several lists', () => {
  test('the newest of each authority counts, wherever it stands', async () => {
    const other = await createAuthority({ clock })
    const at = (days: number) => ({ clock: { wallTime: () => now + days * day } })
    const old = (await issueRevocationList(authority, ['01'], at(0))).listPem
    const young = (await issueRevocationList(authority, ['02'], at(2))).listPem
    const foreign = (await issueRevocationList(other, ['03'], at(1))).listPem
    const all = [certificate, new X509Certificate(other.certificatePem)]
    for (const pem of [old + young + foreign, foreign + young + old]) {
      const { lists } = currentLists(pem, all)
      expect(lists.map(({ revoked }) => [...revoked].join()).sort()).toEqual(['2', '3'])
    }
    expect(currentLists('', all)).toEqual({ lists: [], strangers: 0 })
  })
})

describe('damaged bytes', () => {
  let der: Uint8Array
  beforeAll(async () => {
    der = pemBytes((await issueRevocationList(authority, ['01', 'abcdef'], { clock })).listPem)
  })
  /** `refused`, `unsigned`, or `believed`. */
  const outcome = (bytes: Uint8Array) => {
    try {
      return currentLists(pemText('X509 CRL', bytes), [certificate]).lists.length === 1 ? 'believed' : 'unsigned'
    } catch (error) {
      if (error instanceof DerError) return 'refused'
      throw error
    }
  }

  test('cut short anywhere it is refused', () => {
    expect(outcome(der)).toBe('believed')
    for (let length = 0; length < der.length; length++) expect(outcome(der.subarray(0, length))).toBe('refused')
    expect(outcome(Buffer.concat([der, Buffer.of(0)]))).toBe('refused')
  })

  test('with any one bit turned over it is never believed', () => {
    const outcomes = new Map<string, number>()
    for (let at = 0; at < der.length * 8; at += 3) {
      const turned = Uint8Array.from(der)
      turned[at >> 3] = (turned[at >> 3] ?? 0) ^ (1 << (at & 7))
      const what = outcome(turned)
      outcomes.set(what, (outcomes.get(what) ?? 0) + 1)
    }
    expect([...outcomes.keys()].sort()).toEqual(['refused', 'unsigned'])
  })
})

describe('DER', () => {
  const bytes = (hex: string) => Buffer.from(hex.replaceAll(' ', ''), 'hex')
  const read = (hex: string) => new DerReader(bytes(hex)).next('it', tag.integer, tag.sequence)

  test.each([
    ['02 81 01 07', 'a length in more bytes than it needs'],
    ['02 82 00 80', 'a length with a leading zero'],
    ['30 80 00 00', 'a length that is not definite'],
    ['02 85 00 00 00 00 01 07', 'a length of five bytes'],
    ['02 02 07', 'an end beyond the end'],
    ['04 01 07', 'another tag'],
    ['02', 'no length'],
    ['', 'nothing'],
  ])('refuses %s: %s', (hex) => {
    expect(() => read(hex)).toThrow(DerError)
  })

  test('reads integers of any size and sign', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 160n), max: 2n ** 160n }), (value) => {
        const size = 22
        const hex = BigInt.asUintN(size * 8, value)
          .toString(16)
          .padStart(size * 2, '0')
        return derInteger(read(`02 16 ${hex}`)) === value
      }),
    )
    expect(() => derInteger(read('02 00'))).toThrow(DerError)
  })

  test.each([
    ['500101000000Z', '1950-01-01T00:00:00.000Z'],
    ['491231235959Z', '2049-12-31T23:59:59.000Z'],
    ['20500101000000Z', '2050-01-01T00:00:00.000Z'],
    ['99991231235959Z', '9999-12-31T23:59:59.000Z'],
    ['240229120000Z', '2024-02-29T12:00:00.000Z'],
  ])('%s is %s', (text, iso) => {
    const kind = text.length === 13 ? tag.utcTime : tag.generalizedTime
    const contents = Buffer.from(text)
    expect(new Date(derTime({ tag: kind, contents, whole: contents })).toISOString()).toBe(iso)
  })

  test.each(['230229120000Z', '241301000000Z', '240101240000Z', '2401010000Z', '240101000000+0000', '240101000060Z'])(
    '%s is no time',
    (text) => {
      const contents = Buffer.from(text)
      expect(() => derTime({ tag: tag.utcTime, contents, whole: contents })).toThrow(DerError)
    },
  )
})

/** Revocation lists and cookies of single nodes, as the specification has them. */
import { mkdirSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs'
import { inspect } from 'node:util'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { cookieBetween } from '../../src/cluster/cookie.js'
import { resolveSpec, resolveTls } from '../../src/cluster/spec.js'
import { Secret } from '../../src/secret.js'
import { Workplace } from '../cli/command.js'
import { one, SpecFixture, two } from './spec-fixture.js'

const day = 86_400_000
let made: SpecFixture
beforeEach(async () => {
  made = await SpecFixture.make()
})
afterEach(() => made[Symbol.dispose]())

describe('revocation lists', () => {
  beforeEach(async () => {
    expect((await made.place.reign(['revoke', two, '--days', '20'])).code).toBe(0)
  })

  test('are read from a file, or as text', async () => {
    const pem = made.read('ca.crl')
    const read = await resolveSpec(made.folder, one)
    expect(read.tls?.crl).toBe(pem)
    expect(read.warnings).toEqual([])
    expect((await resolveSpec(made.changed({ crl: pem }), one, made.options)).tls?.crl).toBe(pem)
    expect((await resolveSpec(made.changed({ crl: undefined }), one, made.options)).tls?.crl).toBeUndefined()
  })

  test('that cannot be used are said to be, each in its own words', async () => {
    const pem = made.read('ca.crl')
    const problems = async (crl: string, wallTime?: number) => {
      return made.problems(
        made.changed({ crl }),
        one,
        wallTime === undefined ? {} : { clock: { wallTime: () => wallTime } },
      )
    }
    expect(await problems('nowhere.crl')).toEqual([
      `|crl|${made.place.path('cluster', 'nowhere.crl')} cannot be read: there is no such file`,
    ])
    expect(await problems('ca.pem')).toEqual(['|crl|holds no revocation list in PEM'])
    expect(await problems(pem.replace('MII', 'MIJ').replace(/^M/m, 'X'))).toEqual([
      expect.stringMatching(/^\|crl\|holds a list that cannot be used: /),
    ])
    expect(await problems(pem + made.read('ca.key'))).toEqual([
      '|crl|holds a private key, which belongs off-line and never on a node',
    ])
    expect(await problems(pem, Date.now() + 21 * day)).toEqual([
      expect.stringMatching(/^\|crl\|holds a list that was good until .* GMT: `reign revoke` makes it anew$/),
    ])
  })

  test('of another authority are none', async () => {
    const other = new Workplace()
    await other.reign(['init', one])
    await other.reign(['revoke'])
    const foreign = readFileSync(other.path('cluster', 'ca.crl'), 'utf8')
    const ca = readFileSync(other.path('cluster', 'ca.pem'), 'utf8')
    other[Symbol.dispose]()
    const none =
      /^\|crl\|has no list of the authority "O=reign, CN=cluster authority [0-9a-f]{8}", so that none of its certificates would be accepted: `reign revoke` makes an empty one$/
    expect(await made.problems(made.changed({ crl: foreign }))).toEqual([expect.stringMatching(none)])
    // Beside our own it does no harm; it may belong to an authority that comes, or has gone.
    const { warnings } = await resolveSpec(made.changed({ crl: made.read('ca.crl') + foreign }), one, made.options)
    expect(warnings).toEqual(['crl holds a list that none of the authorities in ca has signed'])
    // An authority that is trusted and has none would be refused by OpenSSL, without a word of why.
    expect(await made.problems(made.changed({ ca: made.read('ca.pem') + ca }))).toEqual([expect.stringMatching(none)])
    await resolveSpec(
      made.changed({ ca: made.read('ca.pem') + ca, crl: made.read('ca.crl') + foreign }),
      one,
      made.options,
    )
  })

  test('are not asked of an authority that has ended', async () => {
    const old = new Workplace()
    await old.reign(['init', one], () => Date.now() - 4_000 * day)
    const ca = readFileSync(old.path('cluster', 'ca.pem'), 'utf8') + made.read('ca.pem')
    old[Symbol.dispose]()
    const { warnings } = await resolveSpec(made.changed({ ca }), one, made.options)
    expect(warnings).toEqual([expect.stringMatching(/^ca holds an authority that ended on /)])
  })
})

describe('read again', () => {
  test('is what TLS needs, with the files that it is in', async () => {
    const { tls, warnings } = await resolveTls(made.folder, one)
    expect(tls).toEqual((await resolveSpec(made.folder, one)).tls)
    expect(tls.key.reveal()).toBe(made.read('one@127.0.0.1.key'))
    expect(warnings).toEqual([])
    const files = ['cluster.json', 'ca.pem', 'one@127.0.0.1.pem', 'one@127.0.0.1.key']
    expect(tls.files).toEqual(files.map((file) => made.place.path('cluster', file)))
    expect((await resolveTls(made.written(), one, made.options)).tls.files).toEqual(tls.files.slice(1))
  })

  test('does not look at the cookie, and refuses to turn TLS off', async () => {
    unlinkSync(made.place.path('cluster', 'cookie'))
    await resolveTls(made.folder, one)
    await expect(resolveTls(made.changed({ tls: false }), one, made.options)).rejects.toMatchObject({
      code: 'ERR_REIGN_CLUSTER_SPEC',
      issues: [{ field: 'tls', message: 'is false, and cannot be turned off in a node that runs' }],
    })
    const without = made.changed({ nodes: { [two]: made.written().nodes?.[two] } })
    await expect(resolveTls(without, one, made.options)).rejects.toMatchObject({
      issues: [{ field: 'nodes', message: expect.stringContaining(`has no ${one}`) }],
    })
  })
})

describe('cookies of single nodes', () => {
  const good = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ'

  test('come from wherever cookies come from, and are shown to nobody', async () => {
    mkdirSync(made.place.path('elsewhere'))
    writeFileSync(made.place.path('elsewhere', 'jar'), `${good}2\n`, { mode: 0o600 })
    const cookies = {
      'text@h.example.org': `${good}1`,
      'file@h.example.org': { file: '../elsewhere/jar' },
      'env@h.example.org': { env: 'JAR' },
    }
    const options = { ...made.options, environment: { JAR: `${good}3` } }
    const spec = await resolveSpec(made.changed({ cookies }), one, options)
    expect(Object.entries(spec.cookies).map(([name, cookie]) => [name, cookie.reveal().at(-1)])).toEqual([
      ['text@h.example.org', '1'],
      ['file@h.example.org', '2'],
      ['env@h.example.org', '3'],
    ])
    expect(inspect(spec, { depth: 9 }) + JSON.stringify(spec)).not.toContain(good)
    expect(spec.cookies.constructor).toBeUndefined()
    expect((await resolveSpec(made.folder, one)).cookies).toEqual({})
  })

  test('are as hard to guess as the common one, and for names of nodes', async () => {
    const cookies = {
      'a@h.example.org': 'short',
      'b@h.example.org': { env: 'NOBODY' },
      'c@h.example.org': { file: 'nowhere' },
      'no name': good,
      'd@h.example.org': 7,
      'e@h.example.org': { fil: 'x' },
    }
    expect(await made.problems(made.changed({ cookies }))).toEqual([
      '|cookies.d@h.example.org|must be a text, { "file": path } or { "env": name }, not a number',
      '|cookies.e@h.example.org|must be a text, { "file": path } or { "env": name }, not an object',
      expect.stringMatching(/^\|cookies\.a@h\.example\.org\|has 5 characters, and fewer than 20 can be guessed/),
      '|cookies.b@h.example.org.env|names NOBODY, which is not set',
      `|cookies.c@h.example.org.file|${made.place.path('cluster', 'nowhere')} cannot be read: there is no such file`,
      expect.stringMatching(/^\|cookies\.no name\|/),
    ])
    expect(await made.problems(made.changed({ cookies: [] }))).toEqual([
      '|cookies|must be an object of node names, each with its cookie, not a list',
    ])
    await resolveSpec(made.changed({ cookies: { 'a@h.example.org': 'short' }, weakCookie: true }), one, made.options)
  })

  test('is that of the one that has one, of the greater name where both have, else the common one', () => {
    const [common, forA, forB] = ['common', 'a', 'b'].map((text) => new Secret(text)) as [Secret, Secret, Secret]
    expect(cookieBetween('x@h', 'y@h', { 'a@h': forA }, common)).toBe(common)
    expect(cookieBetween('x@h', 'a@h', { 'a@h': forA }, common)).toBe(forA)
    expect(cookieBetween('a@h', 'x@h', { 'a@h': forA }, common)).toBe(forA)
    expect(cookieBetween('a@h', 'b@h', { 'a@h': forA, 'b@h': forB }, common)).toBe(forB)
    expect(cookieBetween('b@h', 'a@h', { 'a@h': forA, 'b@h': forB }, common)).toBe(forB)
  })

  test('is the same whichever of the two asks', () => {
    const name = fc.constantFrom('a@h', 'b@h', 'ä@h', '\u{1f600}@h', '\uffee@h')
    const own = fc.uniqueArray(name).map((names) => Object.fromEntries(names.map((each) => [each, new Secret(each)])))
    fc.assert(
      fc.property(name, name, own, (self, peer, cookies) => {
        const common = new Secret('common')
        return cookieBetween(self, peer, cookies, common) === cookieBetween(peer, self, cookies, common)
      }),
    )
  })
})

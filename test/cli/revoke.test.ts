import { execFileSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { serialText } from '../../src/certs/chain.js'
import { currentLists } from '../../src/certs/revocation-list.js'
import { resolveSpec } from '../../src/cluster/spec.js'
import { Workplace } from './command.js'

const day = 86_400_000
const one = 'one@127.0.0.1'
const two = 'two@127.0.0.1'

let place: Workplace
beforeEach(async () => {
  place = new Workplace()
  expect((await place.reign(['init', one, two])).code).toBe(0)
})
afterEach(() => place[Symbol.dispose]())

const read = (...path: string[]): string => readFileSync(place.path(...path), 'utf8')
const spec = () => JSON.parse(read('cluster', 'cluster.json'))
const serialIn = (file: string) => serialText(new X509Certificate(read('cluster', file)).serialNumber)

/** What the lists in a folder say: of each authority in its bundle. */
function listed(file = 'ca.crl') {
  const authorities = read('cluster', 'ca.pem').match(/-----BEGIN [\s\S]*?-----END CERTIFICATE-----/g) ?? []
  const { lists, strangers } = currentLists(
    read('cluster', file),
    authorities.map((pem) => new X509Certificate(pem)),
  )
  expect(strangers).toBe(0)
  return lists.map(({ number, revoked }) => ({ number, revoked: [...revoked] }))
}

describe('reign revoke', () => {
  test('puts the certificate of a node into the list, and the list into cluster.json', async () => {
    const written = spec()
    const umask = process.umask(0o077)
    const { code, out, err } = await place.reign(['revoke', one]).finally(() => {
      process.umask(umask)
    })
    expect({ code, err }).toEqual({ code: 0, err: '' })
    expect(listed()).toEqual([{ number: 1n, revoked: [serialIn(`${one}.pem`)] }])
    expect(spec()).toEqual({ ...written, crl: 'ca.crl' })
    expect((statSync(place.path('cluster', 'ca.crl')).mode & 0o777).toString(8)).toBe('644')
    expect((statSync(place.path('cluster', 'cluster.json')).mode & 0o777).toString(8)).toBe('644')
    expect(out).toContain(`  ${one}  ${serialIn(`${one}.pem`)}\n`)
    expect(out).toMatch(/It has one certificate\. Copy cluster\/ca\.crl and cluster\.json to the machine of every node/)
    expect((await resolveSpec(place.path('cluster'), two)).warnings).toEqual([])
    expect(readdirSync(place.path('cluster')).filter((name) => name.startsWith('.revoke'))).toEqual([])
    // Nodes, and OpenSSL.
    const verify = (file: string) =>
      execFileSync('openssl', ['verify', '-crl_check', '-CAfile', 'ca.pem', '-CRLfile', 'ca.crl', file], {
        cwd: place.path('cluster'),
        stdio: 'pipe',
        encoding: 'utf8',
      })
    expect(verify(`${two}.pem`)).toBe(`${two}.pem: OK\n`)
    expect(() => verify(`${one}.pem`)).toThrow(/certificate revoked/)
    // And what was made is a cluster still.
    expect((await place.reign(['init', one, '--force'])).code).toBe(0)
  })

  test('adds to what is there, names the list once, and keeps where it is', async () => {
    const elsewhere = { ...spec(), crl: '../lists.pem' }
    writeFileSync(place.path('cluster', 'cluster.json'), JSON.stringify(elsewhere))
    await place.reign(['revoke', one])
    const before = read('cluster', 'cluster.json')
    const { out } = await place.reign(['revoke', two, one])
    expect(out).toMatch(/It has 2 certificates\. Copy lists\.pem to the machine/)
    expect(read('cluster', 'cluster.json')).toBe(before)
    expect(listed('../lists.pem')).toEqual([{ number: 2n, revoked: [serialIn(`${one}.pem`), serialIn(`${two}.pem`)] }])
  })

  test('without names makes the list anew, empty or not, good for as long as is asked', async () => {
    const now = Date.now()
    const endsIn = async (...line: string[]) => {
      const { code, out } = await place.reign(['revoke', ...line], () => now)
      expect(code).toBe(0)
      return /good until (\S+?)\./.exec(out)?.[1]
    }
    const dayIn = (days: number) => new Date(now - 5 * 60_000 + days * day).toISOString().slice(0, 10)
    expect(await endsIn()).toBe(dayIn(398))
    expect(listed()).toEqual([{ number: 1n, revoked: [] }])
    await place.reign(['revoke', one])
    expect(await endsIn('--days', '7')).toBe(dayIn(7))
    expect(listed()).toEqual([{ number: 3n, revoked: [serialIn(`${one}.pem`)] }])
  })

  test('takes certificates that no node has any more, from their files or by their numbers', async () => {
    const old = read('cluster', `${one}.pem`)
    writeFileSync(place.path('old.pem'), old)
    expect((await place.reign(['cert', one, '--renew'])).code).toBe(0)
    const { code, out } = await place.reign(['revoke', '--cert', 'old.pem', '--serial', '0A:BC', 'FF'])
    expect(code).toBe(0)
    const gone = serialText(new X509Certificate(old).serialNumber)
    expect(out).toContain(`  old.pem  ${gone}\n  a certificate  abc\n  a certificate  ff\n`)
    expect(listed()).toEqual([{ number: 1n, revoked: [gone, 'abc', 'ff'] }])
    expect(gone).not.toBe(serialIn(`${one}.pem`))
  })

  test('with the key from elsewhere, and one list for each of two authorities', async () => {
    using younger = new Workplace()
    await younger.reign(['init', one])
    renameSync(place.path('cluster', 'ca.key'), place.path('old.key'))
    writeFileSync(place.path('new.key'), readFileSync(younger.path('cluster', 'ca.key')))
    writeFileSync(
      place.path('cluster', 'ca.pem'),
      read('cluster', 'ca.pem') + readFileSync(younger.path('cluster', 'ca.pem'), 'utf8'),
    )
    expect((await place.reign(['revoke', one])).err).toMatch(/ERR_REIGN_CERTIFICATE: the authority's key \(--ca-key/)
    expect((await place.reign(['revoke', one, '--ca-key', 'old.key'])).code).toBe(0)
    expect((await place.reign(['revoke', '--ca-key', 'new.key'])).code).toBe(0)
    expect((await place.reign(['revoke', two, '--ca-key', 'old.key'])).code).toBe(0)
    expect(listed().sort((x, y) => y.revoked.length - x.revoked.length)).toEqual([
      { number: 2n, revoked: [serialIn(`${one}.pem`), serialIn(`${two}.pem`)] },
      { number: 1n, revoked: [] },
    ])
    // The certificates are of the older authority, so the younger one has nothing to say of them.
    expect(await place.reign(['revoke', one, '--ca-key', 'new.key'])).toMatchObject({
      code: 1,
      err: expect.stringMatching(/ERR_REIGN_CERTIFICATE: one@127\.0\.0\.1: the certificate is of another authority/),
    })
  })

  test.each<[string[], RegExp, ((folder: string) => void)?]>([
    [
      ['nobody@127.0.0.1'],
      /ERR_REIGN_ARGUMENT: nobody@127\.0\.0\.1 has no certificate in the cluster: --cert and --serial/,
    ],
    [[`${one}:9100`], /ERR_REIGN_ARGUMENT: one@127\.0\.0\.1: a certificate has no port/],
    [
      ['--cert', 'nowhere.pem'],
      /ERR_REIGN_CERTIFICATE: the certificate cannot be read from .*nowhere\.pem: there is no such/,
    ],
    [
      ['--cert', 'cluster/cluster.json'],
      /ERR_REIGN_CERTIFICATE: cluster\/cluster\.json: no readable certificate in PEM/,
    ],
    [['--dir', 'nowhere'], /ERR_REIGN_CLUSTER_SPEC: .*nowhere/],
    [
      [one],
      /ERR_REIGN_CERTIFICATE: .*ca\.crl holds no revocation list/,
      (folder) => writeFileSync(`${folder}/ca.crl`, 'x'),
    ],
    [
      [one],
      /ERR_REIGN_CERTIFICATE: .*ca\.crl holds a list that cannot be used/,
      (folder) => writeFileSync(`${folder}/ca.crl`, '-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n'),
    ],
    [
      [one],
      /ERR_REIGN_ARGUMENT: crl in cluster\.json is PEM text/,
      (folder) =>
        writeFileSync(`${folder}/cluster.json`, JSON.stringify({ ...spec(), crl: '-----BEGIN X509 CRL-----' })),
    ],
  ])('%j is refused, and nothing is written', async (line, message, spoil) => {
    spoil?.(place.path('cluster'))
    const before = readdirSync(place.path('cluster')).map((file) => [file, read('cluster', file)])
    const { code, err } = await place.reign(['revoke', ...line])
    expect(err).toMatch(message)
    expect(code).toBe(1)
    expect(readdirSync(place.path('cluster')).map((file) => [file, read('cluster', file)])).toEqual(before)
  })

  test.each([[['--serial', 'xyz']], [['--serial', '']], [['--days', '0']], [['--days', '4000']], [['a b']]])(
    '%j makes no sense',
    async (line) => {
      expect((await place.reign(['revoke', ...line])).code).toBe(2)
    },
  )
})

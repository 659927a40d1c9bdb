import { X509Certificate } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, unlinkSync, writeFileSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { resolveSpec } from '../../src/cluster/spec.js'
import { Workplace } from './command.js'

const day = 86_400_000
const both = ['init', 'one@127.0.0.1', 'two@127.0.0.1']

let place: Workplace
beforeEach(() => {
  place = new Workplace()
})
afterEach(() => place[Symbol.dispose]())

const read = (...path: string[]): string => readFileSync(place.path(...path), 'utf8')
const mode = (...path: string[]): string => (statSync(place.path(...path)).mode & 0o777).toString(8)
const spec = () => JSON.parse(read('cluster', 'cluster.json'))

describe('reign cert', () => {
  beforeEach(async () => {
    expect((await place.reign(both)).code).toBe(0)
  })

  test('adds nodes, and leaves everything else as it is', async () => {
    const written = spec()
    writeFileSync(place.path('cluster', 'cluster.json'), JSON.stringify({ ...written, tickTimeMs: 8_000 }))
    const before = readdirSync(place.path('cluster'))
    const others = Object.fromEntries(before.map((file) => [file, read('cluster', file)]))
    const umask = process.umask(0)
    const result = await place.reign(['cert', 'three@127.0.0.1', 'four@127.0.0.2:7000']).finally(() => {
      process.umask(umask)
    })
    expect(result).toMatchObject({ code: 0, err: '' })
    expect(spec()).toEqual({
      ...written,
      tickTimeMs: 8_000,
      nodes: {
        ...written.nodes,
        'three@127.0.0.1': { address: '127.0.0.1:9102', cert: 'three@127.0.0.1.pem', key: 'three@127.0.0.1.key' },
        'four@127.0.0.2': { address: '127.0.0.2:7000', cert: 'four@127.0.0.2.pem', key: 'four@127.0.0.2.key' },
      },
    })
    for (const file of before.filter((name) => name !== 'cluster.json'))
      expect(read('cluster', file)).toBe(others[file])
    expect(readdirSync(place.path('cluster')).length).toBe(before.length + 6)
    expect(mode('cluster', 'three@127.0.0.1.key')).toBe('600')
    expect(mode('cluster', 'cluster.json')).toBe('644')
    for (const name of ['one@127.0.0.1', 'three@127.0.0.1', 'four@127.0.0.2']) {
      expect((await resolveSpec(place.path('cluster'), name)).warnings).toEqual([])
    }
    expect(read('cluster', 'three@127.0.0.1.erlang.conf')).toContain('-kernel inet_dist_listen_min 9102')
  })

  test('adds visitors, which have no port', async () => {
    const { code, out, err } = await place.reign(['cert', '--visitor', 'ops@127.0.0.1', 'ops@127.0.0.2'])
    expect({ code, err }).toEqual({ code: 0, err: '' })
    expect(spec().nodes['ops@127.0.0.1']).toEqual({
      member: false,
      cert: 'ops@127.0.0.1.pem',
      key: 'ops@127.0.0.1.key',
    })
    expect(out).toContain('  ops@127.0.0.1, a visitor\n')
    expect(out).toContain('--as NAME')
    expect(mode('cluster', 'ops@127.0.0.2.key')).toBe('600')
    expect((await resolveSpec(place.path('cluster'), 'ops@127.0.0.2')).self.member).toBe(false)
    // Its files are lost: new ones, and it stays what it is.
    expect((await place.reign(['cert', '--renew', 'ops@127.0.0.1'])).code).toBe(0)
    expect(spec().nodes['ops@127.0.0.1'].member).toBe(false)
    expect(read('cluster', 'ops@127.0.0.1.erlang.conf')).toContain('-hidden')
    // The ports of members are not counted on for visitors.
    expect((await place.reign(['cert', 'three@127.0.0.1'])).code).toBe(0)
    expect(spec().nodes['three@127.0.0.1'].address).toBe('127.0.0.1:9102')
  })

  test('takes the authority key from where it is kept', async () => {
    const key = read('cluster', 'ca.key')
    unlinkSync(place.path('cluster', 'ca.key'))
    const { code, err } = await place.reign(['cert', 'three@127.0.0.1'])
    expect(code).toBe(1)
    expect(err).toMatch(
      /^reign: ERR_REIGN_CERTIFICATE: the authority's key \(--ca-key says where it is\).*no such file/,
    )
    expect(existsSync(place.path('cluster', 'three@127.0.0.1.pem'))).toBe(false)
    mkdirSync(place.path('usb'))
    writeFileSync(place.path('usb', 'k'), key)
    expect(await place.reign(['cert', 'three@127.0.0.1', '--ca-key', 'usb/k'])).toMatchObject({ code: 0, err: '' })
    await resolveSpec(place.path('cluster'), 'three@127.0.0.1')
  })

  test('renews with a new key, also where the files have been moved', async () => {
    const written = spec()
    mkdirSync(place.path('certs'))
    const moved = { ...written.nodes['one@127.0.0.1'], cert: '../certs/c.pem', key: '../certs/c.key' }
    writeFileSync(
      place.path('cluster', 'cluster.json'),
      JSON.stringify({ ...written, nodes: { ...written.nodes, 'one@127.0.0.1': moved } }),
    )
    const later = Date.now() + 300 * day
    const { code, out } = await place.reign(['cert', 'one@127.0.0.1', '--renew'], () => later)
    expect(code).toBe(0)
    expect(out).toContain('certs/c.pem')
    expect(spec().nodes['one@127.0.0.1']).toEqual(moved)
    const certificate = new X509Certificate(read('certs', 'c.pem'))
    expect(Date.parse(certificate.validTo) - later).toBeGreaterThan(390 * day)
    expect(mode('certs', 'c.key')).toBe('600')
    expect(read('certs', 'c.key')).not.toBe(read('cluster', 'one@127.0.0.1.key'))
    const resolved = await resolveSpec(place.path('cluster'), 'one@127.0.0.1', { clock: { wallTime: () => later } })
    expect(resolved.warnings).toEqual([])
    expect(read('cluster', 'one@127.0.0.1.erlang.conf')).toContain(`"${place.path('certs', 'c.key')}"`)
  })

  test('renews with the key that the node has, when asked to', async () => {
    const before = ['pem', 'key'].map((ending) => read('cluster', `one@127.0.0.1.${ending}`))
    const { code, out, err } = await place.reign(['cert', 'one@127.0.0.1', '--renew', '--keep-key'])
    expect([code, err]).toEqual([0, ''])
    expect(out).toContain('one@127.0.0.1.pem')
    expect(out).not.toContain('one@127.0.0.1.key')
    const after = ['pem', 'key'].map((ending) => read('cluster', `one@127.0.0.1.${ending}`))
    expect(after[0]).not.toBe(before[0])
    expect(after[1]).toBe(before[1])
    const [old, renewed] = [before, after].map(([pem]) => new X509Certificate(String(pem))) as [
      X509Certificate,
      X509Certificate,
    ]
    expect(renewed.publicKey.equals(old.publicKey)).toBe(true)
    expect(renewed.serialNumber).not.toBe(old.serialNumber)
    await resolveSpec(place.path('cluster'), 'one@127.0.0.1')
  })

  test('does not keep the key of a revoked certificate: it makes a new one', async () => {
    expect((await place.reign(['revoke', 'one@127.0.0.1'])).code).toBe(0)
    const kept = await place.reign(['cert', 'one@127.0.0.1', '--renew', '--keep-key'])
    expect(kept).toMatchObject({ code: 1, err: expect.stringContaining('one@127.0.0.1 is revoked') })
    // The other's is not.
    expect((await place.reign(['cert', 'two@127.0.0.1', '--renew', '--keep-key'])).code).toBe(0)
    expect((await place.reign(['cert', 'one@127.0.0.1', '--renew'])).code).toBe(0)
    // And the key that is new can be kept.
    expect((await place.reign(['cert', 'one@127.0.0.1', '--renew', '--keep-key'])).code).toBe(0)
  })

  test.each<[string, string, RegExp]>([
    ['no key', 'rubbish', /the key of one@127\.0\.0\.1 cannot be read/],
    ['the key of another', 'two@127.0.0.1.key', /is not that of its certificate/],
    ['nothing', '', /the key of one@127\.0\.0\.1 .*cannot be read from .*no such file/],
  ])('does not keep %s', async (_, what, message) => {
    const file = place.path('cluster', 'one@127.0.0.1.key')
    if (what === '') unlinkSync(file)
    else writeFileSync(file, what.includes('@') ? read('cluster', what) : what)
    const certificate = read('cluster', 'one@127.0.0.1.pem')
    const { code, err } = await place.reign(['cert', 'one@127.0.0.1', '--renew', '--keep-key'])
    expect(code).toBe(1)
    expect(err).toMatch(message)
    expect(err).not.toContain('rubbish')
    expect(read('cluster', 'one@127.0.0.1.pem')).toBe(certificate)
  })

  test('writes a certificate for a node that a person has added by hand', async () => {
    const written = spec()
    const nodes = { ...written.nodes, 'hand@127.0.0.1': { address: '127.0.0.1:7777', listen: '0.0.0.0:7777' } }
    writeFileSync(place.path('cluster', 'cluster.json'), JSON.stringify({ ...written, nodes }))
    expect((await place.reign(['cert', 'hand@127.0.0.1'])).code).toBe(0)
    expect(spec().nodes['hand@127.0.0.1']).toEqual({
      address: '127.0.0.1:7777',
      listen: '0.0.0.0:7777',
      cert: 'hand@127.0.0.1.pem',
      key: 'hand@127.0.0.1.key',
    })
  })

  test.each<[string[], RegExp]>([
    [['cert', 'one@127.0.0.1'], /ERR_REIGN_FILE_EXISTS: one@127\.0\.0\.1 is in the cluster already: --renew/],
    [['cert', 'three@127.0.0.1', '--renew'], /ERR_REIGN_ARGUMENT: three@127\.0\.0\.1 is not in the cluster/],
    [['cert', 'one@127.0.0.1:7', '--renew'], /ERR_REIGN_ARGUMENT: one@127\.0\.0\.1 keeps its address/],
    [['cert', 'three@127.0.0.1', '--keep-key'], /ERR_REIGN_ARGUMENT: --keep-key goes with --renew/],
    [['cert', '--visitor', 'three@127.0.0.1:7000'], /ERR_REIGN_ARGUMENT: three@127\.0\.0\.1 .* listens on no port/],
    [['cert', '--visitor', 'one@127.0.0.1', '--renew'], /ERR_REIGN_ARGUMENT: --renew leaves a node what it is/],
    [['cert', '--visitor', 'bare@127.0.0.1'], /ERR_REIGN_ARGUMENT: bare@127\.0\.0\.1 is a member of the cluster/],
    [['cert', 'three@127.0.0.1:9100'], /ERR_REIGN_ARGUMENT: port 9100 of 127\.0\.0\.1 is another node's/],
    [['cert', 'three@127.0.0.1', '--dir', 'nowhere'], /ERR_REIGN_CLUSTER_SPEC: .*nowhere.*there is no such file/],
    [['cert', 'three@127.0.0.1', '--ca-key', 'cluster/one@127.0.0.1.key'], /ERR_REIGN_CERTIFICATE: .*does not belong/],
    [['cert', 'three@127.0.0.1', '--ca-key', 'cluster/cookie'], /ERR_REIGN_CERTIFICATE: .*no readable private key/],
    [['cert', 'there@127.0.0.1'], /ERR_REIGN_FILE_EXISTS: .*there@127\.0\.0\.1\.key is there already/],
  ])('%j is refused in one line, and changes nothing', async (line, message) => {
    writeFileSync(place.path('cluster', 'there@127.0.0.1.key'), 'somebody’s')
    const nodes = { ...spec().nodes, 'bare@127.0.0.1': {} }
    writeFileSync(place.path('cluster', 'cluster.json'), JSON.stringify({ ...spec(), nodes }))
    const before = readdirSync(place.path('cluster')).map((file) => [file, read('cluster', file)])
    const { code, err } = await place.reign(line)
    expect(code).toBe(1)
    expect(err).toMatch(message)
    expect(err.trimEnd().split('\n')).toHaveLength(1)
    expect(readdirSync(place.path('cluster')).map((file) => [file, read('cluster', file)])).toEqual(before)
  })

  test('refuses to sign with an authority that is out of date, or is none', async () => {
    const late = await place.reign(['cert', 'three@127.0.0.1'], () => Date.now() + 4_000 * day)
    expect(late).toMatchObject({ code: 1, err: expect.stringContaining('the authority is out of date') })
    writeFileSync(place.path('cluster', 'ca.pem'), read('cluster', 'one@127.0.0.1.pem'))
    const leaf = await place.reign(['cert', 'three@127.0.0.1', '--ca-key', 'cluster/one@127.0.0.1.key'])
    expect(leaf).toMatchObject({ code: 1, err: expect.stringContaining('is not that of an authority') })
  })

  test('issues no certificate that outlives the authority', async () => {
    const authority = new X509Certificate(read('cluster', 'ca.pem'))
    const late = Date.parse(authority.validTo) - 100 * day
    const { code, err } = await place.reign(['cert', 'three@127.0.0.1'], () => late)
    expect(code).toBe(0)
    // And says so: the next one would not be good for longer.
    expect(err).toMatch(/^reign: warning: the authority itself ends on \d{4}-\d\d-\d\d: .* replace it before\n$/)
    expect(new X509Certificate(read('cluster', 'three@127.0.0.1.pem')).validTo).toBe(authority.validTo)
  })

  test('picks, of several authorities, the one that the key belongs to', async () => {
    const second = new Workplace()
    await second.reign(both)
    writeFileSync(
      place.path('cluster', 'ca.pem'),
      readFileSync(second.path('cluster', 'ca.pem'), 'utf8') + read('cluster', 'ca.pem'),
    )
    second[Symbol.dispose]()
    expect((await place.reign(['cert', 'three@127.0.0.1'])).code).toBe(0)
    await resolveSpec(place.path('cluster'), 'three@127.0.0.1')
  })
})

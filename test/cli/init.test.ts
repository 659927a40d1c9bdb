import { execFileSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { nodeNamesOfSubjectAltName } from '../../src/certs/node-identity.js'
import { resolveSpec } from '../../src/cluster/spec.js'
import { Workplace } from './command.js'

const day = 86_400_000
const everyFile = [
  '.gitignore',
  'ca.key',
  'ca.pem',
  'cluster.json',
  'cookie',
  'one@127.0.0.1.erlang.conf',
  'one@127.0.0.1.key',
  'one@127.0.0.1.pem',
  'two@127.0.0.1.erlang.conf',
  'two@127.0.0.1.key',
  'two@127.0.0.1.pem',
]

let place: Workplace
beforeEach(() => {
  place = new Workplace()
})
afterEach(() => place[Symbol.dispose]())

const read = (...path: string[]): string => readFileSync(place.path(...path), 'utf8')
const mode = (...path: string[]): string => (statSync(place.path(...path)).mode & 0o777).toString(8)
const spec = () => JSON.parse(read('cluster', 'cluster.json'))
const both = ['init', 'one@127.0.0.1', 'two@127.0.0.1']

describe('reign init', () => {
  test('makes a folder with which every node can start', async () => {
    const { code, out, err } = await place.reign(both)
    expect({ code, err }).toEqual({ code: 0, err: '' })
    expect(readdirSync(place.path('cluster')).sort()).toEqual(everyFile)
    expect(readdirSync(place.cwd)).toEqual(['cluster'])
    expect(spec()).toEqual({
      nodes: {
        'one@127.0.0.1': { address: '127.0.0.1:9100', cert: 'one@127.0.0.1.pem', key: 'one@127.0.0.1.key' },
        'two@127.0.0.1': { address: '127.0.0.1:9101', cert: 'two@127.0.0.1.pem', key: 'two@127.0.0.1.key' },
      },
      ca: 'ca.pem',
      cookie: { file: 'cookie' },
      epmd: 'auto',
    })
    for (const name of ['one@127.0.0.1', 'two@127.0.0.1']) {
      const resolved = await resolveSpec(place.path('cluster'), name)
      expect(resolved.warnings).toEqual([])
      expect(resolved.self.name).toBe(name)
    }
    expect(out).toContain('one@127.0.0.1  127.0.0.1:9100')
    expect(out).toMatch(/key off-line now[\s\S]*cluster\/ca\.key/)
    expect(out).toContain("await Node.start('one@127.0.0.1', { cluster: './cluster' })")
    expect(out).not.toContain(read('cluster', 'cookie'))
  })

  test('gives nobody but the owner the secrets, whatever the umask', async () => {
    for (const umask of [0o000, 0o077, 0o777]) {
      const before = process.umask(umask)
      try {
        expect((await place.reign([...both, '--force'])).code).toBe(0)
      } finally {
        process.umask(before)
      }
      expect(mode('cluster')).toBe('700')
      const modes = Object.fromEntries(everyFile.map((file) => [file, mode('cluster', file)]))
      const secret = everyFile.filter((file) => file.endsWith('.key') || file === 'cookie')
      expect(secret).toHaveLength(4)
      for (const file of everyFile) expect([file, modes[file]]).toEqual([file, secret.includes(file) ? '600' : '644'])
    }
  })

  test('makes another cookie each time, one that a shell and Erlang take as it is', async () => {
    const cookies = new Set<string>()
    for (let i = 0; i < 3; i++) {
      await place.reign([...both, '--force'])
      const cookie = read('cluster', 'cookie')
      expect(cookie).toMatch(/^[A-Z2-7]{32}$/)
      expect(new Set(cookie).size).toBeGreaterThan(8)
      cookies.add(cookie)
    }
    expect(cookies.size).toBe(3)
    expect(read('cluster', '.gitignore').split('\n')).toEqual(expect.arrayContaining(['*.key', 'cookie']))
  })

  test('counts ports up on each host, around those that are asked for', async () => {
    const nodes = ['a@h1', 'b@h1:9101', 'c@h1', 'd@h2', 'e@::1', 'f@[::1]:9200', 'g@[::1]', 'h@h2:80']
    expect(await place.reign(['init', ...nodes, '--dir', 'cluster'])).toMatchObject({ code: 0 })
    const addresses = Object.values<{ address: string }>(spec().nodes).map(({ address }) => address)
    expect(addresses).toEqual([
      'h1:9100',
      'h1:9101',
      'h1:9102',
      'h2:9100',
      '[::1]:9100',
      '[::1]:9200',
      '[::1]:9101',
      'h2:80',
    ])
    expect(readdirSync(place.path('cluster'))).toContain('e@++1.pem')
    expect(Object.keys(spec().nodes)).toContain('g@::1')
    expect((await resolveSpec(place.path('cluster'), 'e@::1')).listen).toEqual({ host: '::1', port: 9100 })
    expect((await place.reign(['init', 'a@h', '--port', '20000', '--force'])).code).toBe(0)
    expect(spec().nodes['a@h'].address).toBe('h:20000')
  })

  test.each([
    [['init'], "missing required argument 'nodes'"],
    [['init', 'one'], 'It has no @'],
    [['init', '../../one@127.0.0.1'], 'It has "." before its @'],
    [['init', 'one@../../etc'], 'It has "/" in its host'],
    [['init', 'one@..'], "It has '..' in its host"],
    [['init', 'one@a\\b'], 'in its host'],
    [['init', 'one@h\n'], 'It has "\\n" in its host'],
    [['init', `one@${'h'.repeat(300)}`], 'the limit is 255'],
    [['init', 'one@h:0'], '"0" is not a port'],
    [['init', 'one@h:65536'], '"65536" is not a port'],
    [['init', 'one@h:'], '"" is not a port'],
    [['init', 'one@h', 'one@h'], 'one@h is there already'],
    [['init', 'one@h', 'ONE@h:9200'], 'one@h is there already'],
    [['init', 'one@h', '--port', 'x'], '"x" is not a port'],
    [['init', 'one@h', '--forec'], 'Did you mean --force?'],
    [['inti', 'one@h'], 'Did you mean init?'],
  ])('%j is a usage error, and makes nothing', async (line, message) => {
    const { code, out, err } = await place.reign(line)
    expect(code).toBe(2)
    expect(out).toBe('')
    expect(err).toContain(message)
    expect(err).toMatch(/^reign: /)
    expect(readdirSync(place.cwd)).toEqual([])
  })

  test.each([
    [['init', 'a@h:9100', 'b@h:9100'], /ERR_REIGN_ARGUMENT: port 9100 of h is another node's, so not for b@h/],
    [['init', 'a@h', 'b@h', '--port', '65535'], /ERR_REIGN_ARGUMENT: the ports of h from 65535 up are all in use/],
    [['init', 'a@h', '--dir', 'no/such/place'], /ERR_REIGN_ARGUMENT: .*no\/such is no folder/],
    [['init', 'a@h', '--dir', 'clu\nster'], /ERR_REIGN_ARGUMENT: .*control character/],
  ])('%j fails with one line, and makes nothing', async (line, message) => {
    const { code, err } = await place.reign(line)
    expect(code).toBe(1)
    expect(err).toMatch(message)
    expect(err.trimEnd().split('\n')).toHaveLength(1)
    expect(readdirSync(place.cwd)).toEqual([])
  })

  describe('where something is already', () => {
    test('leaves a cluster as it is, and with --force makes a new one', async () => {
      await place.reign(both)
      const before = read('cluster', 'ca.pem')
      const refused = await place.reign(['init', 'three@127.0.0.1'])
      expect(refused.code).toBe(1)
      expect(refused.err).toMatch(/^reign: ERR_REIGN_FILE_EXISTS: .*holds a cluster already: .*--force/)
      expect(read('cluster', 'ca.pem')).toBe(before)
      expect((await place.reign(['init', 'three@127.0.0.1', '--force'])).code).toBe(0)
      expect(read('cluster', 'ca.pem')).not.toBe(before)
      expect(Object.keys(spec().nodes)).toEqual(['three@127.0.0.1'])
      expect(readdirSync(place.path('cluster')).filter((file) => file.startsWith('one'))).toEqual([])
      expect(readdirSync(place.cwd)).toEqual(['cluster'])
    })

    test('never replaces what it has not made', async () => {
      await place.reign(both)
      writeFileSync(place.path('cluster', 'notes.txt'), 'mine')
      const { code, err } = await place.reign([...both, '--force'])
      expect(code).toBe(1)
      expect(err).toContain('holds files that are not ours, and is not replaced: notes.txt')
      expect(readdirSync(place.path('cluster')).sort()).toEqual([...everyFile, 'notes.txt'].sort())

      mkdirSync(place.path('other'))
      writeFileSync(place.path('other', 'x'), 'mine')
      for (const force of [[], ['--force']]) {
        const refused = await place.reign([...both, '--dir', 'other', ...force])
        expect(refused).toMatchObject({ code: 1, err: expect.stringContaining('holds something else than a cluster') })
      }
      writeFileSync(place.path('file'), 'mine')
      const file = await place.reign([...both, '--dir', 'file', '--force'])
      expect(file).toMatchObject({ code: 1, err: expect.stringContaining('is there already, and no folder') })
      expect(read('file')).toBe('mine')
      expect(readdirSync(place.cwd).sort()).toEqual(['cluster', 'file', 'other'])
    })

    test('takes an empty folder, and goes where a link leads', async () => {
      mkdirSync(place.path('real'))
      symlinkSync('real', place.path('cluster'))
      expect((await place.reign(both)).code).toBe(0)
      expect(lstatSync(place.path('cluster')).isSymbolicLink()).toBe(true)
      expect(readdirSync(place.path('real')).sort()).toEqual(everyFile)
      expect(read('real', 'one@127.0.0.1.erlang.conf')).toContain(`"${place.path('real', 'ca.pem')}"`)
    })
  })
})

describe('reign cert', () => {
  beforeEach(async () => {
    expect((await place.reign(both)).code).toBe(0)
  })

  test('adds nodes, and leaves everything else as it is', async () => {
    const written = spec()
    writeFileSync(place.path('cluster', 'cluster.json'), JSON.stringify({ ...written, tickTimeMs: 8_000 }))
    const others = Object.fromEntries(everyFile.map((file) => [file, read('cluster', file)]))
    const before = process.umask(0)
    const result = await place.reign(['cert', 'three@127.0.0.1', 'four@127.0.0.2:7000']).finally(() => {
      process.umask(before)
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
    for (const file of everyFile.filter((name) => name !== 'cluster.json'))
      expect(read('cluster', file)).toBe(others[file])
    expect(readdirSync(place.path('cluster')).length).toBe(everyFile.length + 6)
    expect(mode('cluster', 'three@127.0.0.1.key')).toBe('600')
    expect(mode('cluster', 'cluster.json')).toBe('644')
    for (const name of ['one@127.0.0.1', 'three@127.0.0.1', 'four@127.0.0.2']) {
      expect((await resolveSpec(place.path('cluster'), name)).warnings).toEqual([])
    }
    expect(read('cluster', 'three@127.0.0.1.erlang.conf')).toContain('-kernel inet_dist_listen_min 9102')
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
    [['cert', 'three@127.0.0.1:9100'], /ERR_REIGN_ARGUMENT: port 9100 of 127\.0\.0\.1 is another node's/],
    [['cert', 'three@127.0.0.1', '--dir', 'nowhere'], /ERR_REIGN_CLUSTER_SPEC: .*nowhere.*there is no such file/],
    [['cert', 'three@127.0.0.1', '--ca-key', 'cluster/one@127.0.0.1.key'], /ERR_REIGN_CERTIFICATE: .*does not belong/],
    [['cert', 'three@127.0.0.1', '--ca-key', 'cluster/cookie'], /ERR_REIGN_CERTIFICATE: .*no readable private key/],
    [['cert', 'there@127.0.0.1'], /ERR_REIGN_FILE_EXISTS: .*there@127\.0\.0\.1\.key is there already/],
  ])('%j is refused in one line, and changes nothing', async (line, message) => {
    writeFileSync(place.path('cluster', 'there@127.0.0.1.key'), 'somebody’s')
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
    expect((await place.reign(['cert', 'three@127.0.0.1'], () => late)).code).toBe(0)
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

describe('the command itself', () => {
  test('says its version, and helps', async () => {
    const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
    expect(await place.reign(['--version'])).toEqual({ code: 0, out: `${version}\n`, err: '' })
    const help = await place.reign(['--help'])
    expect(help).toMatchObject({ code: 0, err: '' })
    for (const command of ['init', 'cert']) {
      expect(help.out).toContain(`  ${command} `)
      const own = await place.reign(['help', command])
      expect(own).toMatchObject({ code: 0, err: '' })
      expect(own.out).toContain(`Usage: reign ${command} [options] <nodes...>`)
    }
    expect(await place.reign([])).toMatchObject({ code: 2, out: '', err: expect.stringContaining('Usage: reign') })
  })
})

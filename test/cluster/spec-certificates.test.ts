import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { resolveSpec } from '../../src/cluster/spec.js'
import { Workplace } from '../cli/command.js'
import { one, SpecFixture, two } from './spec-fixture.js'

const day = 86_400_000

let made: SpecFixture
beforeAll(async () => {
  made = await SpecFixture.make()
})
afterAll(() => made[Symbol.dispose]())

describe('certificates that would not do', () => {
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: made.folder, stdio: 'pipe' })

  /** A certificate as `lines` of an OpenSSL configuration say, signed by the cluster's authority. */
  function signed(file: string, lines: string, signer = 'ca'): { cert: string; key: string } {
    const key = `../${file}.key`
    writeFileSync(made.place.path(`${file}.conf`), lines)
    openssl('ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', key)
    openssl('req', '-new', '-key', key, '-subj', `/CN=${one}`, '-out', `../${file}.csr`)
    const by = ['-CA', `${signer}.pem`, '-CAkey', `${signer}.key`, '-set_serial', '7', '-days', '100']
    openssl('x509', '-req', '-in', `../${file}.csr`, ...by, '-extfile', `../${file}.conf`, '-out', `../${file}.pem`)
    chmodSync(made.place.path(`${file}.key`), 0o600)
    return { cert: `../${file}.pem`, key }
  }
  const names = `subjectAltName=DNS:127.0.0.1,URI:reign:${one}\n`

  test('one of another node', async () => {
    expect(await made.problems(made.node({ cert: 'two@127.0.0.1.pem', key: 'two@127.0.0.1.key' }))).toEqual([
      `${one}|cert|does not carry the node's name (URI:reign:${one}): it is for ${two}`,
    ])
  })

  test('one with the name in the common name alone', async () => {
    expect(await made.problems(made.node(signed('cn', 'subjectAltName=DNS:127.0.0.1\n')))).toEqual([
      `${one}|cert|does not carry the node's name (URI:reign:${one}): it names no node`,
    ])
    await resolveSpec(
      { ...made.node(signed('cn', 'subjectAltName=DNS:127.0.0.1\n')), identity: 'ca' },
      one,
      made.options,
    )
  })

  test('one with the wrong key', async () => {
    expect(await made.problems(made.node({ key: 'two@127.0.0.1.key' }))).toEqual([`${one}|key|is not the key of cert`])
  })

  test('one of another authority', async () => {
    const other = new Workplace()
    await other.reign(['init', one])
    const cert = readFileSync(other.path('cluster', 'one@127.0.0.1.pem'), 'utf8')
    const key = readFileSync(other.path('cluster', 'one@127.0.0.1.key'), 'utf8')
    other[Symbol.dispose]()
    expect(await made.problems(made.node({ cert, key }))).toEqual([`${one}|cert|is not signed by the authority in ca`])
  })

  test('one signed by another node', async () => {
    const forged = signed('leaf', names, one)
    expect(await made.problems(made.node(forged))).toEqual([`${one}|cert|is not signed by the authority in ca`])
    const withChain = readFileSync(made.place.path('leaf.pem'), 'utf8') + made.read('one@127.0.0.1.pem')
    expect(await made.problems(made.node({ ...forged, cert: withChain }))).toEqual([
      `${one}|cert|is not signed by the authority in ca`,
    ])
  })

  test('one for one role only', async () => {
    expect(await made.problems(made.node(signed('server', `${names}extendedKeyUsage=serverAuth\n`)))).toEqual([
      `${one}|cert|may not be used by a client, and every node is one`,
    ])
    expect(await made.problems(made.node(signed('client', `${names}extendedKeyUsage=clientAuth\n`)))).toEqual([
      `${one}|cert|may not be used by a server, and every node is one`,
    ])
  })

  test('one that has ended, or not begun', async () => {
    const now = Date.now()
    const at = (wallTime: number) => made.problems(made.written(), one, { clock: { wallTime: () => wallTime } })
    expect(await at(now + 399 * day)).toEqual([expect.stringMatching(/^one@127\.0\.0\.1\|cert\|ended on /)])
    expect(await at(now - day)).toEqual([
      expect.stringMatching(/^\|ca\|holds an authority that begins only on /),
      expect.stringMatching(/^one@127\.0\.0\.1\|cert\|begins only on /),
    ])
    expect((await at(now + 4_000 * day)).map((line) => line.replace(/on .*/, 'on'))).toEqual([
      '|ca|holds an authority that ended on',
      `${one}|cert|ended on`,
    ])
  })

  test('the authority’s own, or a node’s in its place', async () => {
    expect(await made.problems(made.node({ cert: 'ca.pem', key: 'ca.key' }))).toEqual([
      `${one}|cert|is the certificate of an authority, not of a node`,
      `${one}|cert|does not carry the node's name (URI:reign:${one}): it names no node`,
    ])
    expect(await made.problems(made.changed({ ca: 'two@127.0.0.1.pem' }))).toEqual([
      '|ca|holds a certificate that is not an authority’s: it could let one node vouch for others',
      `${one}|cert|is not signed by the authority in ca`,
    ])
  })

  test('files in each other’s place', async () => {
    expect(await made.problems(made.node({ cert: 'one@127.0.0.1.key', key: 'one@127.0.0.1.pem' }))).toEqual([
      `${one}|cert|holds no readable certificate in PEM`,
      `${one}|key|holds no readable private key in PEM`,
    ])
    expect(await made.problems(made.changed({ ca: made.read('ca.pem') + made.read('ca.key') }))).toEqual([
      '|ca|holds a private key, which belongs off-line and never on a node',
    ])
    expect(await made.problems(made.node({ cert: '.' }))).toEqual([
      `${one}|cert|${made.folder} cannot be read: it is a folder`,
    ])
    expect(await made.problems(made.changed({ ca: made.read('ca.pem').replace(/^M/m, 'X') }))).toEqual([
      '|ca|holds no readable certificate in PEM',
    ])
  })

  test('an encrypted key', async () => {
    openssl('pkcs8', '-topk8', '-in', 'one@127.0.0.1.key', '-out', '../locked.key', '-passout', 'pass:x')
    expect(await made.problems(made.node({ key: '../locked.key' }))).toEqual([
      `${one}|key|is encrypted: a node cannot ask for the passphrase`,
    ])
  })

  test('a key that OpenSSL takes for too weak', async () => {
    openssl('req', '-newkey', 'rsa:512', '-nodes', '-keyout', '../weak.key', '-subj', '/CN=x', '-out', '../weak.csr')
    writeFileSync(made.place.path('weak.conf'), names)
    const by = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-set_serial', '7', '-days', '100']
    openssl('x509', '-req', '-in', '../weak.csr', ...by, '-extfile', '../weak.conf', '-out', '../weak.pem')
    chmodSync(made.place.path('weak.key'), 0o600)
    expect(await made.problems(made.node({ cert: '../weak.pem', key: '../weak.key' }))).toEqual([
      `${one}|cert|is refused by OpenSSL (ERR_SSL_EE_KEY_TOO_SMALL)`,
    ])
  })

  test('but a chain over an authority in between does', async () => {
    const root = new Workplace()
    mkdirSync(root.path('cluster'))
    const run = (...args: string[]) => execFileSync('openssl', args, { cwd: root.path('cluster'), stdio: 'pipe' })
    const conf = (file: string, text: string) => writeFileSync(root.path('cluster', file), text)
    conf('ca.conf', 'basicConstraints=critical,CA:TRUE\n')
    conf('node.conf', names)
    run(
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-keyout',
      'root.key',
      '-subj',
      '/CN=root',
      '-days',
      '100',
      '-out',
      'root.pem',
    )
    const issue = (file: string, signer: string, ext: string) => {
      run(
        'req',
        '-newkey',
        'rsa:2048',
        '-nodes',
        '-keyout',
        `${file}.key`,
        '-subj',
        `/CN=${file}`,
        '-out',
        `${file}.csr`,
      )
      run(
        'x509',
        '-req',
        '-in',
        `${file}.csr`,
        '-CA',
        `${signer}.pem`,
        '-CAkey',
        `${signer}.key`,
        '-CAcreateserial',
        '-days',
        '100',
        '-extfile',
        ext,
        '-out',
        `${file}.pem`,
      )
      return readFileSync(root.path('cluster', `${file}.pem`), 'utf8')
    }
    const between = issue('between', 'root', 'ca.conf')
    const leaf = issue('node', 'between', 'node.conf')
    const ca = readFileSync(root.path('cluster', 'root.pem'), 'utf8')
    const key = readFileSync(root.path('cluster', 'node.key'), 'utf8')
    root[Symbol.dispose]()
    const chained = { ...made.node({ cert: leaf + between, key }), ca }
    expect((await resolveSpec(chained, one, made.options)).tls?.cert).toBe(leaf + between)
    expect(await made.problems({ ...made.node({ cert: leaf, key }), ca })).toEqual([
      `${one}|cert|is not signed by the authority in ca`,
    ])
  })
})

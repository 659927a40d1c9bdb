import { lstatSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Interrupted } from '../../src/cli/interrupted.js'
import { resolveSpec } from '../../src/cluster/spec.js'
import { Workplace } from './command.js'

const everyFile = [
  '.gitignore',
  'ca.key',
  'ca.pem',
  'cluster.json',
  'console@127.0.0.1.erlang.conf',
  'console@127.0.0.1.key',
  'console@127.0.0.1.pem',
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
        'console@127.0.0.1': { member: false, cert: 'console@127.0.0.1.pem', key: 'console@127.0.0.1.key' },
      },
      ca: 'ca.pem',
      cookie: { file: 'cookie' },
      epmd: 'auto',
    })
    for (const name of ['one@127.0.0.1', 'two@127.0.0.1', 'console@127.0.0.1']) {
      const resolved = await resolveSpec(place.path('cluster'), name)
      expect(resolved.warnings).toEqual([])
      expect(resolved.self.name).toBe(name)
    }
    expect(out).toMatch(/one@127\.0\.0\.1 +127\.0\.0\.1:9100\n/)
    expect(out).toContain('console@127.0.0.1  a visitor, for commands')
    expect(out).toContain('a cluster of 2 nodes')
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
      expect(secret).toHaveLength(5)
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
    const addresses = Object.values<{ address?: string }>(spec().nodes).flatMap(({ address }) => address ?? [])
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
    expect(spec().nodes['console@h1']).toEqual({ member: false, cert: 'console@h1.pem', key: 'console@h1.key' })
    expect((await resolveSpec(place.path('cluster'), 'e@::1')).listen).toEqual({ host: '::1', port: 9100 })
    expect((await place.reign(['init', 'a@h', '--port', '20000', '--force'])).code).toBe(0)
    expect(spec().nodes['a@h'].address).toBe('h:20000')
  })

  test.each(['console@127.0.0.1', 'Console@127.0.0.1'])('leaves %s what it is asked to be', async (name) => {
    const { code, out } = await place.reign(['init', 'one@127.0.0.1', name])
    expect(code).toBe(0)
    expect(Object.keys(spec().nodes)).toEqual(['one@127.0.0.1', name])
    expect(spec().nodes[name].member).toBeUndefined()
    expect(out).toContain('console@127.0.0.1 is a node like the others, as asked, so it is no visitor')
    expect(out).toContain('reign cert --visitor visitor@127.0.0.1')
    expect((await place.reign(['cert', '--visitor', 'visitor@127.0.0.1'])).code).toBe(0)
  })

  test('makes the visitor on the host of the first node, IPv6 too', async () => {
    expect((await place.reign(['init', 'a@::1', 'console@h'])).code).toBe(0)
    expect(Object.keys(spec().nodes)).toEqual(['a@::1', 'console@h', 'console@::1'])
    expect(spec().nodes['console@h'].address).toBe('h:9100')
    const resolved = await resolveSpec(place.path('cluster'), 'console@::1')
    expect(resolved).toMatchObject({ self: { member: false }, listen: { host: '::1', port: 0 } })
    expect(read('cluster', 'console@++1.erlang.conf')).toContain('erl -name console@::1 -hidden -setcookie')
    expect(read('cluster', 'a@++1.erlang.conf')).toContain('erl -name a@::1 -setcookie')
  })

  test('makes nothing when it is told to end', async () => {
    const stop = AbortSignal.abort(new Interrupted('SIGINT'))
    expect(await place.reign(both, undefined, stop)).toEqual({ code: 130, out: '', err: '' })
    expect(readdirSync(place.cwd)).toEqual([])
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
      expect(Object.keys(spec().nodes)).toEqual(['three@127.0.0.1', 'console@127.0.0.1'])
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

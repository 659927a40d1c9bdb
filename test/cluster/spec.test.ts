import { chmodSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { inspect } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeCookie } from '../../src/cluster/cookie.js'
import { type ClusterSpec, resolveSpec } from '../../src/cluster/spec.js'
import type { NodeSpecInput } from '../../src/cluster/spec-schema.js'
import { systemEntropy } from '../../src/entropy.js'
import { Workplace } from '../cli/command.js'
import { one, SpecFixture, two, visitor } from './spec-fixture.js'

const day = 86_400_000
const cookie = 'ABCDEFGHIJKLMNOPQRSTUVWX'

let made: SpecFixture
beforeAll(async () => {
  made = await SpecFixture.make()
})
afterAll(() => made[Symbol.dispose]())

describe('where it comes from', () => {
  const same = (spec: ClusterSpec) => {
    expect(spec.self).toEqual({
      name: one,
      alive: 'one',
      host: '127.0.0.1',
      member: true,
      address: { host: '127.0.0.1', port: 9_100 },
    })
    expect(spec.cookie.reveal()).toBe(made.read('cookie'))
    expect(spec.tls?.cert).toBe(made.read('one@127.0.0.1.pem'))
  }

  test('a folder, a file, or the URL of either; relative paths are relative to the file', async () => {
    for (const source of [made.folder, made.place.path('cluster', 'cluster.json')]) {
      same(await resolveSpec(source, one, { environment: {} }))
      same(await resolveSpec(pathToFileURL(source), one, { environment: {} }))
    }
    same(await resolveSpec('cluster', one, { folder: made.place.cwd }))
    same(await resolveSpec('./cluster/cluster.json', one, { folder: made.place.cwd }))
  })

  test('JSON text, or the object itself; relative paths are relative to a folder of choice', async () => {
    same(await resolveSpec(made.read('cluster.json'), one, made.options))
    same(await resolveSpec(`\n  ${made.read('cluster.json')}`, one, made.options))
    same(await resolveSpec(made.written(), one, made.options))
    const [missing] = await made.problems(made.written(), one, { folder: made.place.cwd })
    expect(missing).toBe(`|cookie.file|${made.place.path('cookie')} cannot be read: there is no such file`)
  })

  test('an object with everything in it needs no file at all', async () => {
    const spec = await resolveSpec(
      {
        nodes: { [one]: { cert: made.read('one@127.0.0.1.pem'), key: made.read('one@127.0.0.1.key') }, [two]: {} },
        ca: made.read('ca.pem'),
        cookie: made.read('cookie'),
      },
      one,
      { folder: '/nowhere', environment: {} },
    )
    expect(spec.tls).toEqual({
      ca: made.read('ca.pem'),
      cert: made.read('one@127.0.0.1.pem'),
      key: expect.objectContaining({}),
      ciphers: undefined,
      certificateEndsAt: expect.any(Number),
      files: [],
    })
    expect(spec.tls?.key.reveal()).toBe(made.read('one@127.0.0.1.key'))
    expect(spec.title).toBe('the cluster specification')
  })

  test('the cookie, from a file, from the environment, or as it is', async () => {
    writeFileSync(made.place.path('cookie-with-newline'), `${cookie}\r\n`, { mode: 0o600 })
    for (const given of [cookie, { file: '../cookie-with-newline' }, { env: 'CHIP' }]) {
      const spec = await resolveSpec(made.changed({ cookie: given }), one, {
        folder: made.folder,
        environment: { CHIP: cookie },
      })
      expect(spec.cookie.reveal()).toBe(cookie)
      expect(spec.warnings).toEqual([])
    }
  })

  test.each<[string, () => unknown, string]>([
    ['nothing there', () => './nowhere', 'nowhere: cannot be read: there is no such file (`reign init`'],
    ['a folder without cluster.json', () => made.place.cwd, 'cluster.json: cannot be read: there is no such file'],
    ['an empty text', () => ' ', 'the cluster specification: is empty'],
    ['another kind of URL', () => new URL('https://example.org/'), 'must be a file: URL'],
    ['a text with half an object', () => '{"nodes":', 'is not JSON: it ends too early'],
    ['a trailing comma', () => '{\n  "ca": "ca.pem",\n}', 'is not JSON: line 3, column 1'],
    ['a missing quote', () => `{"cookie": ${cookie}}`, 'is not JSON: "A" is not expected there'],
    ['a raw newline in a text', () => '{"ca": "a\nb"}', 'is not JSON: line 1, column 10'],
    ['a file that is not JSON', () => made.place.path('cluster', 'ca.pem'), 'ca.pem: is not JSON'],
    ['a list', () => [], 'must be an object, not a list'],
    ['a number', () => 7, 'must be an object, not a number'],
    ['null', () => null, 'must be an object, not null'],
  ])('%s', async (_, source, message) => {
    const error = await made.failure(source())
    expect(error.message).toContain(message)
    expect(error.issues).toHaveLength(1)
    expect(error.cause).toBeUndefined()
    expect(inspect(error)).not.toContain(cookie.slice(3))
  })

  test('a name that is none is the caller’s mistake', async () => {
    await expect(resolveSpec(made.folder, 'one')).rejects.toMatchObject({ code: 'ERR_REIGN_NODE_NAME' })
  })
})

describe('what comes of it', () => {
  test('is complete, with the defaults filled in', async () => {
    const spec = await resolveSpec(made.changed({ epmd: undefined }), one, made.options)
    expect(spec).toMatchObject({
      listen: { host: '127.0.0.1', port: 9_100 },
      localAddress: undefined,
      identity: 'node',
      epmd: undefined,
      mesh: false,
      tickTimeMs: 60_000,
      tickIntensity: 4,
      warnings: [],
    })
    expect(Object.keys(spec.nodes)).toEqual([one, two, visitor])
    expect(spec.nodes[one]).toBe(spec.self)
    expect(spec.nodes[two]).toEqual({
      name: two,
      alive: 'two',
      host: '127.0.0.1',
      member: true,
      address: { host: '127.0.0.1', port: 9_101 },
    })
    expect(spec.nodes[visitor]).toMatchObject({ member: false, address: undefined })
    for (const name of ['__proto__', 'constructor', 'three@127.0.0.1']) expect(spec.nodes[name]).toBeUndefined()
    expect(spec.tls?.certificateEndsAt).toBeGreaterThan(Date.now() + 390 * day)
  })

  test('is frozen all the way down', async () => {
    const spec = await resolveSpec(made.changed({ epmd: 'auto' }), one, made.options)
    const walk = (value: unknown): void => {
      if (typeof value !== 'object' || value === null) return
      expect(Object.isFrozen(value)).toBe(true)
      for (const inner of Object.values(value)) walk(inner)
    }
    walk(spec)
    expect(() => Object.assign(spec.nodes, { x: 1 })).toThrow(TypeError)
  })

  test('takes every field', async () => {
    const ciphers = 'TLS_AES_256_GCM_SHA384:ecdhe-ecdsa-aes256-gcm-sha384'
    const input = {
      ...made.node({ listen: '0.0.0.0:0', localAddress: '127.0.0.9' }),
      ciphers,
      identity: 'ca',
      mesh: true,
      epmd: { host: '127.0.0.3', port: 7, embedded: false },
      tickTimeMs: 8_000,
      tickIntensity: 5,
    } as const
    const expected = {
      listen: { host: '0.0.0.0', port: 0 },
      localAddress: '127.0.0.9',
      identity: 'ca',
      mesh: true,
      epmd: { host: '127.0.0.3', port: 7, embedded: false },
      tickTimeMs: 8_000,
      tickIntensity: 5,
      tls: { ciphers: 'TLS_AES_256_GCM_SHA384:ECDHE-ECDSA-AES256-GCM-SHA384' },
    }
    expect(await resolveSpec(input, one, made.options)).toMatchObject(expected)
    expect(await resolveSpec({ ...input, ciphers: ciphers.split(':') }, one, made.options)).toMatchObject(expected)
    expect(await resolveSpec(JSON.stringify(input), one, made.options)).toMatchObject(expected)
  })

  test('listens where it is told, else at its address, else on any port of its host', async () => {
    const listen = async (fields: NodeSpecInput) => (await resolveSpec(made.node(fields), one, made.options)).listen
    expect(await listen({ listen: '[::]:1' })).toEqual({ host: '::', port: 1 })
    expect(await listen({ address: 'shop.example.org:443' })).toEqual({ host: 'shop.example.org', port: 443 })
    expect(await listen({ address: undefined })).toEqual({ host: '127.0.0.1', port: 0 })
  })

  test.each<[unknown, Record<string, string>, unknown]>([
    ['off', { ERL_EPMD_PORT: '5' }, undefined],
    ['auto', {}, { host: '127.0.0.1', port: 4_369, embedded: true }],
    ['auto', { ERL_EPMD_PORT: '5000' }, { host: '127.0.0.1', port: 5_000, embedded: true }],
    [{ port: 6_000 }, { ERL_EPMD_PORT: 'x' }, { host: '127.0.0.1', port: 6_000, embedded: true }],
    [{}, { ERL_EPMD_PORT: '5000' }, { host: '127.0.0.1', port: 5_000, embedded: true }],
    [{ host: '::1' }, {}, { host: '::1', port: 4_369, embedded: true }],
  ])('epmd %j with %j is %j', async (epmd, environment, expected) => {
    const spec = await resolveSpec(made.changed({ epmd }), one, { folder: made.folder, environment })
    expect(spec.epmd).toEqual(expected)
  })

  test('on an IPv6 host, the port mapper is there too', async () => {
    const spec = await resolveSpec({ nodes: { 'a@::1': {} }, cookie, tls: false, epmd: 'auto' }, 'a@::1', made.options)
    expect(spec.epmd?.host).toBe('::1')
    expect(spec.listen).toEqual({ host: '::1', port: 0 })
  })

  test('plain TCP needs no certificates, stays on loopback, and says so', async () => {
    const nodes = {
      [one]: {},
      'a@localhost': { address: '127.1.2.3:1' },
      'b@shop.example.org': { address: '[::1]:1', listen: 'localhost:0' },
    }
    const spec = await resolveSpec({ nodes, cookie, tls: false, epmd: 'auto' }, one, made.options)
    expect(spec.tls).toBeUndefined()
    expect(spec.warnings).toEqual([expect.stringMatching(/^tls is false: whoever can reach/)])
    // A visitor listens nowhere: its own host is not looked at.
    const visited = { ...nodes, 'console@10.0.0.1': { member: false } }
    await resolveSpec({ nodes: visited, cookie, tls: false, epmd: 'auto' }, 'console@10.0.0.1', made.options)
    const far = {
      nodes: { ...nodes, 'c@10.0.0.1': {} },
      cookie,
      tls: false,
      plainTcpBeyondLoopback: true,
      epmd: 'auto',
    } as const
    expect((await resolveSpec(far, one, made.options)).nodes['c@10.0.0.1']?.host).toBe('10.0.0.1')
  })

  test('a weak cookie is taken only where that is written down', async () => {
    expect(
      (await resolveSpec(made.changed({ cookie: 'secret', weakCookie: true }), one, made.options)).cookie.reveal(),
    ).toBe('secret')
    expect(await made.problems(made.changed({ cookie: 'secret' }))).toEqual([
      '|cookie|has 6 characters, and fewer than 20 can be guessed: `reign init` makes a good one',
    ])
  })
})

describe('what ought to be known is a warning', () => {
  test.runIf(process.platform !== 'win32')('a secret that others can read', async () => {
    mkdirSync(made.place.path('loose'))
    for (const file of ['one@127.0.0.1.key', 'cookie']) {
      copyFileSync(made.place.path('cluster', file), made.place.path('loose', file))
      chmodSync(made.place.path('loose', file), 0o640)
    }
    const input = { ...made.node({ key: '../loose/one@127.0.0.1.key' }), cookie: { file: '../loose/cookie' } }
    const { warnings } = await resolveSpec(input, one, made.options)
    expect(warnings).toEqual([
      `cookie.file is in ${made.place.path('loose', 'cookie')}, which others than its owner may read or write: chmod 600`,
      `one@127.0.0.1: key is in ${made.place.path('loose', 'one@127.0.0.1.key')}, which others than its owner may read or write: chmod 600`,
    ])
  })

  test('a node that nobody can dial', async () => {
    const { warnings } = await resolveSpec(
      { ...made.node({ address: undefined }, two), epmd: 'off' },
      one,
      made.options,
    )
    // The visitor has no address either, and needs none.
    expect(warnings).toEqual(['two@127.0.0.1: address is not given and epmd is off: nobody can dial this node'])
  })

  test('a visitor is resolved as any node is', async () => {
    const spec = await resolveSpec(made.folder, visitor)
    expect(spec.self).toEqual({ name: visitor, alive: 'console', host: '127.0.0.1', member: false, address: undefined })
    expect(spec.listen).toEqual({ host: '127.0.0.1', port: 0 })
    expect(spec.warnings).toEqual([])
  })

  test('one of several authorities that has ended, and a certificate that Erlang would refuse', async () => {
    const old = new Workplace()
    await old.reign(['init', one], () => Date.now() - 4_000 * day)
    const ca = readFileSync(old.path('cluster', 'ca.pem'), 'utf8') + made.read('ca.pem')
    old[Symbol.dispose]()
    const { warnings } = await resolveSpec(made.changed({ ca }), one, made.options)
    expect(warnings).toEqual([expect.stringMatching(/^ca holds an authority that ended on /)])
    // The same files for a node of another host: the name is not looked at, and the host does not fit.
    const nodes = {
      'one@127.0.0.2': made.written().nodes?.[one] ?? {},
      'two@h.example.org': made.written().nodes?.[two] ?? {},
    }
    for (const [name, host] of [
      ['one@127.0.0.2', '127.0.0.2'],
      ['two@h.example.org', 'h.example.org'],
    ] as const) {
      const foreign = await resolveSpec(made.changed({ nodes, identity: 'ca' }), name, made.options)
      expect(foreign.warnings).toEqual([
        `${name}: cert has no DNS name ${host}: Erlang nodes that verify it will refuse it`,
      ])
    }
  })
})

describe('secrets stay out of sight', () => {
  test('in the specification, however it is shown', async () => {
    const spec = await resolveSpec(made.folder, one)
    const keyLine = made.read('one@127.0.0.1.key').split('\n')[1] ?? ''
    expect(keyLine.length).toBeGreaterThan(40)
    const shown = [
      inspect(spec, { depth: 9, showHidden: true }),
      JSON.stringify(spec),
      String(spec.cookie),
      `${spec.cookie}${spec.tls?.key}`,
      inspect(structuredClone({ ...spec.cookie })),
      Object.entries(spec.cookie).join(),
    ].join('\n')
    expect(shown).not.toContain(spec.cookie.reveal())
    expect(shown).not.toContain(keyLine)
    expect(shown).toContain('[secret]')
    expect(spec.cookie.reveal()).toBe(made.read('cookie'))
  })

  test('in errors, whatever is wrong', async () => {
    const secret = 'WNKTRQZVXB'
    const sources = [
      made.changed({ cookie: secret }),
      made.changed({ cookie: { file: 7, text: secret } }),
      made.changed({ cookie: [secret] }),
      made.changed({ cookie: `${secret}\n${secret}` }),
      made.node({ key: `-----BEGIN PRIVATE KEY-----\n${secret}\n-----END PRIVATE KEY-----` }),
      made.node({ key: { pem: secret } }),
      made.changed({ identity: secret, epmd: secret, tls: secret }),
      `{"cookie": "${secret}" "ca": 7}`,
      `{"cookie": ${secret}}`,
    ]
    for (const source of sources) {
      const error = await made.failure(source)
      expect(inspect(error, { depth: 9, showHidden: true }) + JSON.stringify(error)).not.toContain(secret.slice(1))
    }
  })
})

test('cookies: even, from the given randomness alone', () => {
  const bytes = (count: number) => Uint8Array.from({ length: count }, (_, i) => i * 8 + 7)
  expect(makeCookie({ bytes })).toBe(makeCookie({ bytes }))
  const counts = new Map<string, number>()
  for (let i = 0; i < 2_000; i++) {
    for (const letter of makeCookie(systemEntropy)) counts.set(letter, (counts.get(letter) ?? 0) + 1)
  }
  expect(counts.size).toBe(32)
  // 64,000 letters, 2,000 of each; six standard deviations are 264.
  for (const count of counts.values()) expect(Math.abs(count - 2_000)).toBeLessThan(264)
})

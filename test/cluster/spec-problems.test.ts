import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { SpecIssue } from '../../src/cluster/spec-error.js'
import { one, SpecFixture, two } from './spec-fixture.js'

const cookie = 'ABCDEFGHIJKLMNOPQRSTUVWX'

let made: SpecFixture
beforeAll(async () => {
  made = await SpecFixture.make()
})
afterAll(() => made[Symbol.dispose]())

describe('what is wrong is said with the node and the field', () => {
  const own = (message: string, field: string): string[] => [`${one}|${field}|${message}`]
  const whole = (message: string, field: string): string[] => [`|${field}|${message}`]

  test.each<[string, () => unknown, string[]]>([
    ['no nodes', () => made.changed({ nodes: undefined }), whole('is missing', 'nodes')],
    ['empty nodes', () => made.changed({ nodes: {} }), whole('has no nodes in it', 'nodes')],
    [
      'nodes as a list',
      () => made.changed({ nodes: [{ id: 1 }] }),
      whole('must be an object of node names, each with its entry, not a list', 'nodes'),
    ],
    [
      'this node not in it',
      () => made.changed({ nodes: { 'onne@127.0.0.1': {}, 'x@h': {} } }),
      whole('has no one@127.0.0.1, which this node is to be: did you mean onne@127.0.0.1?', 'nodes'),
    ],
    ['a name that is none', () => made.node({}, 'three'), ['three||has no @: a node name is alive@host']],
    [
      'a name with a path',
      () => made.node({}, 'a@../b'),
      ["a@../b||has \"/\" in its host, where only letters, digits, '.', '-', '_' and ':' may stand"],
    ],
    [
      'an entry that is none',
      () => made.changed({ nodes: { ...made.written().nodes, [two]: 7 } }),
      [`${two}||must be an object, not a number`],
    ],
    [
      'the own entry being none',
      () => made.changed({ nodes: { [one]: null } }),
      [`${one}||must be an object, not null`],
    ],
    [
      'an unknown field',
      () => made.changed({ ticktime: 1 }),
      whole('is not known: did you mean tickTimeMs?', 'ticktime'),
    ],
    [
      'a field of Go’s reign',
      () => made.node({ listen_address: 'h:1' }),
      own('is not known: did you mean listen?', 'listen_address'),
    ],
    [
      'a field in another case',
      () => made.changed({ weak_cookie: true }),
      whole('is not known: did you mean weakCookie?', 'weak_cookie'),
    ],
    [
      'a mistyped field of a node',
      () => made.node({ adress: 'h:1' }, two),
      [`${two}|adress|is not known: did you mean address?`],
    ],
    [
      'a field like no other',
      () => made.node({ colour: 1 }),
      own('is not known (there are member, address, listen, localAddress, cert, key)', 'colour'),
    ],
    [
      '__proto__',
      () => made.read('cluster.json').replace('{', '{"__proto__": {"tls": false},'),
      whole(
        'is not known (there are nodes, ca, crl, cookie, cookies, ciphers, tls, plainTcpBeyondLoopback, identity, mesh, epmd, tickTimeMs, tickIntensity, weakCookie)',
        '__proto__',
      ),
    ],
    [
      '__proto__ as a node',
      () => made.read('cluster.json').replace('"nodes": {', '"nodes": {"__proto__": {},'),
      ['__proto__||has no @: a node name is alive@host'],
    ],
    [
      'a member by another word',
      () => made.node({ visitor: true }),
      own('is not known: did you mean member?', 'visitor'),
    ],
    [
      'a member that is neither true nor false',
      () => made.node({ member: 'no' }),
      own('must be true or false, not a text', 'member'),
    ],
    [
      'an address without a port',
      () => made.node({ address: '127.0.0.1' }),
      own('has no port: write host:port', 'address'),
    ],
    [
      'an address with a bad port',
      () => made.node({ address: 'h:99999' }),
      own('has the port 99999; the highest is 65535', 'address'),
    ],
    [
      'an address with port 0',
      () => made.node({ address: 'h:0' }),
      own('has the port 0, which nobody can dial', 'address'),
    ],
    ['an address with a word for a port', () => made.node({ address: 'h:http' }), own('has no valid port', 'address')],
    [
      'an address that is an IPv6 address',
      () => made.node({ address: '::1' }),
      own('is an IPv6 address without a port: write [address]:port', 'address'),
    ],
    [
      'an address without a host',
      () => made.node({ address: ':1' }),
      own('has no host: write host:port (0.0.0.0 or [::] listens on all addresses)', 'address'),
    ],
    ['an address with a path', () => made.node({ address: 'a/b:1' }), own('has no valid host', 'address')],
    ['an address with bad brackets', () => made.node({ address: '[h]:1' }), own('has no valid host', 'address')],
    ['an address that is a URL', () => made.node({ address: 'tls://h:1' }), own('is not host:port', 'address')],
    [
      'an address that is a number',
      () => made.node({ address: 9_100 }),
      own('must be a text, not a number', 'address'),
    ],
    [
      'an address that is taken',
      () => made.node({ address: '127.0.0.1:9101' }),
      [`${two}|address|is 127.0.0.1:9101, which is the address of ${one}`],
    ],
    [
      'a local address with a port',
      () => made.node({ localAddress: '127.0.0.1:1' }),
      own('is not an IP address', 'localAddress'),
    ],
    ['no authority', () => made.changed({ ca: undefined }), whole('is missing', 'ca')],
    ['no certificate', () => made.node({ cert: undefined }), own('is missing', 'cert')],
    ['no key', () => made.node({ key: undefined }), own('is missing', 'key')],
    ['an empty path', () => made.node({ key: '' }), own('is empty', 'key')],
    ['no cookie', () => made.changed({ cookie: undefined }), whole('is missing', 'cookie')],
    ['an empty cookie', () => made.changed({ cookie: '' }), whole('is empty', 'cookie')],
    [
      'a cookie with spaces',
      () => made.changed({ cookie: `${cookie} ${cookie}` }),
      whole('may have only printable ASCII characters, and no spaces', 'cookie'),
    ],
    [
      'a cookie of one letter',
      () => made.changed({ cookie: 'a'.repeat(40) }),
      whole('has fewer than 8 different characters and can be guessed: `reign init` makes a good one', 'cookie'),
    ],
    [
      'a cookie too long for an atom',
      () => made.changed({ cookie: cookie.repeat(20) }),
      whole('has 480 characters; the limit is 255', 'cookie'),
    ],
    [
      'a cookie from nowhere',
      () => made.changed({ cookie: { path: 'x' } }),
      whole('must be a text, { "file": path } or { "env": name }, not an object', 'cookie'),
    ],
    [
      'a cookie from a variable that is not set',
      () => made.changed({ cookie: { env: 'NOT_SET' } }),
      whole('names NOT_SET, which is not set', 'cookie.env'),
    ],
    ['a number for a flag', () => made.changed({ tls: 0 }), whole('must be true or false, not a number', 'tls')],
    ['an identity that is none', () => made.changed({ identity: 'none' }), whole('must be "node" or "ca"', 'identity')],
    [
      'a tick time that is too short',
      () => made.changed({ tickTimeMs: 8 }),
      whole('is not a whole number from 100 to 86400000', 'tickTimeMs'),
    ],
    [
      'a tick time with a fraction',
      () => made.changed({ tickTimeMs: 1_000.5 }),
      whole('is not a whole number from 100 to 86400000', 'tickTimeMs'),
    ],
    [
      'a tick time in words',
      () => made.changed({ tickTimeMs: '8s' }),
      whole('must be a number, not a text', 'tickTimeMs'),
    ],
    ['not a number', () => made.changed({ tickTimeMs: Number.NaN }), whole('must be a number, not NaN', 'tickTimeMs')],
    [
      'an intensity below Erlang’s',
      () => made.changed({ tickIntensity: 3 }),
      whole('is not a whole number from 4 to 1000', 'tickIntensity'),
    ],
    [
      'a word for epmd',
      () => made.changed({ epmd: 'on' }),
      whole('must be "auto", "off" or { "host", "port", "embedded" }', 'epmd'),
    ],
    [
      'a port mapper with a bad port',
      () => made.changed({ epmd: { port: 70_000 } }),
      whole('is not a whole number from 1 to 65535', 'epmd.port'),
    ],
    [
      'a port mapper with a text for a port',
      () => made.changed({ epmd: { port: '4369' } }),
      whole('must be a number, not a text', 'epmd.port'),
    ],
    [
      'a port mapper with a mistyped field',
      () => made.changed({ epmd: { prot: 1 } }),
      whole('is not known: did you mean port?', 'epmd.prot'),
    ],
    [
      'a suite that is none',
      () => made.changed({ ciphers: 'TLS_AES_256_GCM_SHA385' }),
      whole(
        'names "TLS_AES_256_GCM_SHA385", which is no permitted suite: did you mean TLS_AES_256_GCM_SHA384?',
        'ciphers',
      ),
    ],
    [
      'a suite without forward secrecy',
      () => made.changed({ ciphers: ['AES256-GCM-SHA384'] }),
      whole('names "AES256-GCM-SHA384", which is no permitted suite: did you mean TLS_AES_256_GCM_SHA384?', 'ciphers'),
    ],
    ['no suite', () => made.changed({ ciphers: [] }), whole('names no suite', 'ciphers')],
    [
      'a list of something else',
      () => made.changed({ ciphers: [7] }),
      whole('must be a text, not a number', 'ciphers.0'),
    ],
    [
      'plain TCP to another machine',
      () => ({ nodes: { [one]: { address: '10.0.0.1:1' }, 'b@10.0.0.2': {} }, cookie, tls: false }),
      [
        `${one}|address|is not loopback, and tls is false (plainTcpBeyondLoopback: true lets it)`,
        'b@10.0.0.2||10.0.0.2 is not loopback, and tls is false (plainTcpBeyondLoopback: true lets it)',
      ],
    ],
    [
      'plain TCP from all addresses',
      () => ({ nodes: { [one]: { listen: '0.0.0.0:1' } }, cookie, tls: false }),
      [`${one}|listen|is not loopback, and tls is false (plainTcpBeyondLoopback: true lets it)`],
    ],
    [
      'plain TCP anywhere, with a weak cookie',
      () => ({ nodes: { [one]: {} }, cookie: 'x', tls: false, weakCookie: true, plainTcpBeyondLoopback: true }),
      whole('cannot go with plain TCP beyond loopback: the cookie is all there is', 'weakCookie'),
    ],
  ])('%s', async (_, source, expected) => {
    expect(await made.problems(source())).toEqual(expected)
  })

  test('an ERL_EPMD_PORT that is no port', async () => {
    expect(await made.problems(made.changed({ epmd: 'auto' }), one, { environment: { ERL_EPMD_PORT: 'x' } })).toEqual([
      '|epmd|has no port of its own, and ERL_EPMD_PORT is not a port number',
    ])
  })

  test('all of it at once, and in the message', async () => {
    const source = {
      nodes: {
        [one]: { adress: 'h:1', cert: 'cluster.json', key: 'nowhere.key', localAddress: 7 },
        'three@h/x': {},
      },
      ca: 'nowhere.pem',
      cookie: 'secret',
      epmd: 'on',
    }
    const error = await made.failure(source)
    expect(error.message).toBe(`the cluster specification has 8 problems:
  - one@127.0.0.1: localAddress must be a text, not a number
  - one@127.0.0.1: adress is not known: did you mean address?
  - epmd must be "auto", "off" or { "host", "port", "embedded" }
  - three@h/x: has "/" in its host, where only letters, digits, '.', '-', '_' and ':' may stand
  - cookie has 6 characters, and fewer than 20 can be guessed: \`reign init\` makes a good one
  - ca ${made.place.path('cluster', 'nowhere.pem')} cannot be read: there is no such file
  - one@127.0.0.1: cert holds no readable certificate in PEM
  - one@127.0.0.1: key ${made.place.path('cluster', 'nowhere.key')} cannot be read: there is no such file`)
    expect(Object.isFrozen(error.issues) && error.issues.every((issue: SpecIssue) => Object.isFrozen(issue))).toBe(true)
  })

  test('at most fifty of it in the message', async () => {
    const nodes = Object.fromEntries(Array.from({ length: 70 }, (_, i) => [`n${i}`, {}]))
    const error = await made.failure(made.changed({ nodes: { ...made.written().nodes, ...nodes } }))
    expect(error.issues).toHaveLength(70)
    expect(error.message.split('\n')).toHaveLength(52)
    expect(error.message).toMatch(/- and 20 more$/)
  })

  test('without control characters', async () => {
    const { message } = await made.failure(
      made.changed({ nodes: { ...made.written().nodes, 'x\u001b[2J@h': {} }, 'a\u0007\u202e': 1 }),
    )
    expect(message).toMatch(/^[\x20-\x7e\n]*$/)
    expect(message).toContain('\\u001b[2J')
  })
})

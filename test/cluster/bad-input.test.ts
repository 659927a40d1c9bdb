/**
 * The bad input that a node meets, with whole nodes over mutual TLS: who is told what, by its code, and that nothing else
 * notices. Two nodes stand by, connected; whatever happens in a test, their connection is the same one afterwards.
 */
import { type AddressInfo, createServer as createTcpServer } from 'node:net'
import { createServer } from 'node:tls'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createAuthority } from '../../src/certs/authority.js'
import { issueNodeCertificate } from '../../src/certs/issue.js'
import { systemClock } from '../../src/clock.js'
import { digest } from '../../src/dist/digest.js'
import { epmdNode } from '../../src/dist/epmd-messages.js'
import { hiddenFlags } from '../../src/dist/flags.js'
import { type HandshakeMessage, readToInitiator, writeHandshakeMessage } from '../../src/dist/handshake-messages.js'
import { EpmdClient } from '../../src/net/epmd-client.js'
import type { TlsCredentials } from '../../src/net/tls-transport.js'
import { Secret } from '../../src/secret.js'
import { cleanups, prefixed, Rogue, rogueOverTls } from '../net/rogue.js'
import { eventually, within } from '../support/deadline.js'
import { certificateOf, deadlineMs, sees, sharedAuthority, TestCluster, type TestNode } from './cluster-kit.js'

const a = 'a@127.0.0.1'
const b = 'b@127.0.0.1'
const stranger = 'stranger@127.0.0.1'

let cluster: TestCluster
let one: TestNode
let other: TestNode
let lost: string[]
beforeEach(async () => {
  cluster = await TestCluster.make({ tls: true })
  one = await cluster.start(a)
  other = await cluster.start(b)
  await cluster.meet(one, other)
  lost = []
  for (const node of [one, other]) node.onNodeDown((name, reason) => lost.push(`${name}: ${reason}`))
})
afterEach(async () => {
  expect(lost).toEqual([])
  expect(one.nodes()).toEqual([b])
  expect(await within(deadlineMs, one.ping(b), 'the bystander')).toBe(true)
  expect([one, other].flatMap((node) => node.log.at('error'))).toEqual([])
  await cluster[Symbol.asyncDispose]()
})

/** What a node of the cluster's authority shows. */
async function credentialsOf(name: string): Promise<TlsCredentials> {
  const { cert, key } = await certificateOf(name)
  return { cert, key: new Secret(key), ca: (await sharedAuthority()).certificatePem }
}

/** Somebody with these credentials at the door of the first node. */
async function atTheDoor(credentials: Partial<TlsCredentials>): Promise<Rogue> {
  if (one.endpoint === undefined) throw new Error('it listens')
  return rogueOverTls(one.endpoint, { ca: (await sharedAuthority()).certificatePem, ...credentials })
}

/** Somebody whom the first node finds when it dials that name. */
async function atHome(name: string, credentials: TlsCredentials, serve: (rogue: Rogue) => unknown): Promise<void> {
  const { cert, key, ca } = credentials
  const server = createServer({ cert, key: key.reveal(), ca }, (socket) => serve(new Rogue(socket)))
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  cleanups.push(() => new Promise((closed) => server.close(closed)))
  const client = new EpmdClient({ port: cluster.epmd.port, clock: systemClock })
  const { port } = server.address() as AddressInfo
  const registration = await client.register('127.0.0.1', epmdNode(name.slice(0, name.indexOf('@')), port))
  cleanups.push(() => registration.close())
}

/** Waits until the first node has said that: as a warning where somebody came, as a detail where it went itself. */
async function told(level: 'warn' | 'debug', code: string, node: TestNode = one): Promise<void> {
  await eventually(() => node.log.codes(level).includes(code), deadlineMs, `${code} in the log of ${node.name}`)
}

describe('who a node is', () => {
  test('a wrong cookie: who is dialled says so, who dials guesses it', async () => {
    const spec = await cluster.spec(stranger)
    const guest = await cluster.start(stranger, { cluster: { ...spec, cookie: 'another-cookie-of-the-tests' } })
    expect(await within(deadlineMs, guest.connect(a), 'the answer')).toBe(false)
    await told('warn', 'ERR_REIGN_COOKIE')
    await told('debug', 'ERR_REIGN_HANDSHAKE', guest)
    expect(JSON.stringify(guest.log.at('debug'))).toContain('probably a cookie mismatch')
    expect(await within(deadlineMs, one.connect(stranger), 'the answer')).toBe(false)
    await told('warn', 'ERR_REIGN_COOKIE', guest)
    await told('debug', 'ERR_REIGN_HANDSHAKE')
  })

  test('a foreign authority: TLS ends it, whoever dials', async () => {
    const foreign = await createAuthority()
    const { certificatePem: cert, key } = await issueNodeCertificate(foreign, stranger)
    const nodes = { [stranger]: { cert, key: key.reveal() } }
    const spec = { ...(await cluster.spec(stranger)), nodes, ca: foreign.certificatePem }
    const guest = await cluster.start(stranger, { cluster: spec })
    expect(await within(deadlineMs, one.connect(stranger), 'the answer')).toBe(false)
    await told('debug', 'ERR_REIGN_TLS')
    expect(await within(deadlineMs, guest.connect(a), 'the answer')).toBe(false)
    await told('debug', 'ERR_REIGN_TLS', guest)
    // And where it is the stranger that believes anybody: the node does not.
    const rogue = await atTheDoor({ cert, key })
    await rogue.isClosed()
    await told('warn', 'ERR_REIGN_TLS')
    expect(rogue.received).toHaveLength(0)
  })

  test('no certificate: it does not get in, and a node does not start without one', async () => {
    const rogue = await atTheDoor({})
    await rogue.isClosed()
    await told('warn', 'ERR_REIGN_TLS')
    expect(rogue.received).toHaveLength(0)
    const spec = { ...(await cluster.spec(stranger)), nodes: { [stranger]: {} } }
    await expect(cluster.start(stranger, { cluster: spec })).rejects.toMatchObject({
      code: 'ERR_REIGN_CLUSTER_SPEC',
      message: expect.stringContaining(stranger),
    })
  })

  test('the certificate of another node: refused at the door, at home, and before a node starts with it', async () => {
    const rogue = await atTheDoor(await credentialsOf(stranger))
    rogue.say({ tag: 'name', flags: hiddenFlags, creation: 5, name: 'mallory@127.0.0.1' })
    await rogue.isClosed()
    await told('warn', 'ERR_REIGN_IDENTITY')

    const heard: Rogue[] = []
    await atHome('mallory@127.0.0.1', await credentialsOf(stranger), (each) => heard.push(each))
    expect(await within(deadlineMs, one.connect('mallory@127.0.0.1'), 'the answer')).toBe(false)
    await told('debug', 'ERR_REIGN_IDENTITY')
    for (const each of heard) expect(each.received).toHaveLength(0)

    const spec = { ...(await cluster.spec(stranger)), nodes: { [stranger]: await certificateOf(a) } }
    await expect(cluster.start(stranger, { cluster: spec })).rejects.toMatchObject({
      code: 'ERR_REIGN_CLUSTER_SPEC',
      message: expect.stringMatching(/cert does not carry the node's name .*: it is for a@127\.0\.0\.1/),
    })
  })
})

describe('what is taken', () => {
  test('a name in use: the second does not start, and holds nothing', async () => {
    await expect(cluster.start(b)).rejects.toMatchObject({ code: 'ERR_REIGN_NAME_IN_USE' })
    await other.stop()
    lost = []
    other = await cluster.start(b)
    other.onNodeDown((name, reason) => lost.push(`${name}: ${reason}`))
    await cluster.meet(other, one)
  })

  test('a port in use, by a node or by somebody else: it does not start, and its name is free', async () => {
    const server = createTcpServer(() => {})
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
    cleanups.push(() => new Promise((closed) => server.close(closed)))
    for (const port of [one.endpoint?.port, (server.address() as AddressInfo).port]) {
      const spec = await cluster.spec(stranger)
      const entry = { ...spec.nodes?.[stranger], listen: `127.0.0.1:${port}` }
      const options = { cluster: { ...spec, nodes: { [stranger]: entry } } }
      await expect(cluster.start(stranger, options)).rejects.toMatchObject({
        code: 'ERR_REIGN_PORT_IN_USE',
        message: expect.stringContaining(String(port)),
      })
    }
    await (await cluster.start(stranger)).stop()
  })
})

/** What is wrong in every state: its bytes, and the code. */
const malformed: Readonly<Record<string, readonly [Buffer, string]>> = {
  'an announcement of 4 GiB': [Buffer.from('ffffffff', 'hex'), 'ERR_REIGN_FRAME_TOO_LARGE'],
  'a message of no kind': [prefixed(Buffer.from('zzz')), 'ERR_REIGN_HANDSHAKE'],
  'half a message': [prefixed(Buffer.from('4e0000', 'hex')), 'ERR_REIGN_HANDSHAKE'],
}

describe('a malformed message to a node that was dialled', () => {
  const nameOf = (name: string): HandshakeMessage => ({ tag: 'name', flags: hiddenFlags, creation: 5, name })
  const states: Readonly<Record<string, readonly [string, (rogue: Rogue) => Promise<unknown>]>> = {
    'that waits for a name': [stranger, async () => {}],
    // Who comes as a node that is connected is asked whether it is a new one; the connection that there is stays until it has proved it.
    'that has asked whether it is alive': [
      b,
      async (rogue) => {
        rogue.say(nameOf(b))
        expect((await rogue.heard(1))[0]?.toString()).toBe('salive')
      },
    ],
    'that waits for an answer to its challenge': [
      stranger,
      async (rogue) => {
        rogue.say(nameOf(stranger))
        await rogue.heard(2)
      },
    ],
  }
  for (const [state, [name, reach]] of Object.entries(states)) {
    test.each(Object.entries(malformed))(`${state}: %s`, async (_, [bytes, code]) => {
      const rogue = await atTheDoor(await credentialsOf(name))
      await reach(rogue)
      rogue.send(bytes)
      await rogue.isClosed()
      await told('warn', code)
    })
  }
})

describe('a malformed message to a node that dials', () => {
  const challenge: HandshakeMessage = {
    tag: 'challenge',
    flags: hiddenFlags,
    challenge: 1,
    creation: 5,
    name: stranger,
  }
  const states: Readonly<Record<string, (rogue: Rogue) => Promise<unknown>>> = {
    'that waits for a status': (rogue) => rogue.heard(1),
    'that waits for a challenge': async (rogue) => {
      await rogue.heard(1)
      rogue.say({ tag: 'status', status: 'ok' })
    },
    'that waits for an ack': async (rogue) => {
      await rogue.heard(1)
      rogue.say({ tag: 'status', status: 'ok' })
      rogue.say(challenge)
      await rogue.heard(2)
    },
  }
  for (const [state, reach] of Object.entries(states)) {
    test.each(Object.entries(malformed))(`${state}: %s`, async (_, [bytes, code]) => {
      await atHome(stranger, await credentialsOf(stranger), async (rogue) => {
        await reach(rogue)
        rogue.send(bytes)
      })
      expect(await within(deadlineMs, one.connect(stranger), 'the answer')).toBe(false)
      await told('debug', code)
    })
  }
})

describe('a malformed frame on a connection', () => {
  test.each<[string, Buffer, string]>([
    ['an announcement of 4 GiB', Buffer.from('ffffffff', 'hex'), 'ERR_REIGN_FRAME_TOO_LARGE'],
    ['no control message', prefixed(Buffer.from('p?')), 'ERR_REIGN_CONTROL_INVALID'],
    ['a control message of no kind', prefixed(Buffer.from('70836801' + '6163', 'hex')), 'ERR_REIGN_CONTROL_INVALID'],
    ['a message that is cut short', prefixed(Buffer.from('708368046106', 'hex')), 'ERR_REIGN_TERM_TRUNCATED'],
    ['a handshake', prefixed(writeHandshakeMessage({ tag: 'status', status: 'ok' })), 'ERR_REIGN_CONTROL_INVALID'],
  ])('%s: that connection ends, as one that broke the protocol', async (_, bytes, code) => {
    const rogue = await atTheDoor(await credentialsOf(stranger))
    rogue.say({ tag: 'name', flags: hiddenFlags, creation: 5, name: stranger })
    const [, second] = await rogue.heard(2)
    const asked = readToInitiator(second as Buffer)
    if (asked.tag !== 'challenge') throw new Error(`not a challenge: ${asked.tag}`)
    const proof = digest(new Secret('a-cookie-of-the-tests-alone'), asked.challenge)
    rogue.say({ tag: 'reply', challenge: 9, digest: proof })
    await sees(one, stranger)
    rogue.send(bytes)
    await rogue.isClosed()
    await eventually(() => lost.length > 0, deadlineMs, 'the loss of the stranger')
    expect(lost.splice(0)).toEqual([`${stranger}: protocol`])
    await told('warn', code)
  })
})

test('a cluster file with holes: all of them at once, each with its node and its field', async () => {
  const { cert } = await certificateOf(stranger)
  const spec = {
    nodes: { [stranger]: { cert, address: 'nowhere' }, 'no name': {}, [a]: { adress: '127.0.0.1:1' } },
    ca: 'missing.pem',
    cookie: '',
  }
  const started = cluster.start(stranger, { cluster: spec as never })
  const error = await started.catch((thrown: { code: string; message: string }) => thrown)
  expect(error).toMatchObject({ code: 'ERR_REIGN_CLUSTER_SPEC' })
  const { message } = error as { message: string }
  for (const hole of [`${stranger}.*address`, `${stranger}.*key`, 'no name', `${a}.*adress.*address`, 'ca', 'cookie']) {
    expect(message).toMatch(new RegExp(`^ *- .*${hole}`, 'm'))
  }
})

/** The handshake and the connection against a live Erlang node, in both directions, over plain TCP and over TLS. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '../../src/clock.js'
import { epmdNode } from '../../src/dist/epmd-messages.js'
import { publishedFlags } from '../../src/dist/flags.js'
import type { DialFailure } from '../../src/net/dial.js'
import { EpmdClient, type EpmdRegistration } from '../../src/net/epmd-client.js'
import type { LocalEnd } from '../../src/net/local-end.js'
import type { TlsCredentials } from '../../src/net/tls-transport.js'
import type { Endpoint } from '../../src/net/transport.js'
import { Accepting, credentialsFor, dial, dialFails, dialUp, endOf, sharedAuthority } from '../net/net-kit.js'
import { eventually } from '../support/deadline.js'
import { type Epmd, startEpmd } from './epmd.js'
import { type ErlangNode, type ErlangOptions, startErlang } from './erl.js'

let epmd: Epmd
let folder: string
const cleanups: (() => unknown)[] = []
beforeAll(async () => {
  epmd = await startEpmd()
  folder = await mkdtemp(join(tmpdir(), 'reign-handshake-'))
})
afterEach(async () => {
  for (const each of cleanups.splice(0).reverse()) await each()
})
afterAll(() => rm(folder, { recursive: true }))

/** An option file for Erlang's side. */
async function optfile(name: string, { cert, key, ca }: TlsCredentials, versions = ''): Promise<string> {
  const path = (extension: string) => join(folder, `${name}.${extension}`)
  for (const [extension, text] of Object.entries({ pem: cert, key: key.reveal(), ca }))
    await writeFile(path(extension), text)
  const common = `{certfile,"${path('pem')}"},{keyfile,"${path('key')}"},{cacertfile,"${path('ca')}"},{verify,verify_peer}${versions}`
  await writeFile(path('conf'), `[{server,[${common},{fail_if_no_peer_cert,true}]},{client,[${common}]}].\n`)
  return path('conf')
}

/** Lets Erlang find a node at a port. */
function known(alive: string, port: number): Promise<EpmdRegistration> {
  const client = new EpmdClient({ port: epmd.port, clock: systemClock })
  return client.register('127.0.0.1', epmdNode(alive, port))
}

const carriers = {
  'plain TCP': { tls: false, versions: '' },
  'TLS as OTP has it by default': { tls: true, versions: '' },
  'TLS 1.3': { tls: true, versions: `,{versions,['tlsv1.3']}` },
} as const

let count = 0

describe.each(Object.entries(carriers))('%s', (_, { tls, versions }) => {
  const erlName = `erl${++count}@127.0.0.1`
  let erl: ErlangNode
  let there: Endpoint
  beforeAll(async () => {
    const credentials = await credentialsFor(await sharedAuthority(), erlName)
    erl = await startErlang({
      name: erlName,
      cookie: 'secret',
      epmdPort: epmd.port,
      args: ['-kernel', 'net_ticktime', '3', '-kernel', 'prevent_overlapping_partitions', 'false'],
      ...(tls && { tls: await optfile(erlName, credentials, versions) }),
    })
    there = { host: '127.0.0.1', port: (await epmd.names()).get(erlName.split('@')[0] ?? '') ?? 0 }
  })
  afterAll(() => erl.kill())

  async function endNamed(name: string, options: Parameters<typeof endOf>[1] = {}): Promise<ReturnType<typeof endOf>> {
    const ticks = { tickTimeMs: 3_000, tickIntensity: 4 }
    const credentials = tls ? { credentials: await credentialsFor(await sharedAuthority(), name) } : {}
    return endOf(name, { ticks, ...credentials, ...options })
  }

  /** Listens, and lets Erlang find us. */
  async function findable(end: LocalEnd): Promise<Accepting> {
    const accepting = await Accepting.on(end)
    const alive = end.node.name.split('@')[0] ?? ''
    const registration = await known(alive, accepting.endpoint.port)
    cleanups.push(
      () => registration.close(),
      () => accepting.close(),
    )
    return accepting
  }

  const connect = (name: string) => erl.eval(`net_kernel:connect_node('${name}')`)

  test('we dial, and the link is up on both sides', async () => {
    const us = await endNamed('dials@127.0.0.1', { creation: 0x1234_5678 })
    const { connection } = await dialUp(us, erlName, there)
    cleanups.push(() => connection.close())
    await erl.waitFor(`lists:member('dials@127.0.0.1', nodes(hidden))`, 15_000)
    expect(connection.peer).toMatchObject({ name: erlName, alpn: undefined })
    expect(connection.peer.creation).toBeGreaterThan(3)
    // What OTP offers and we do not (atom cache, fragments) is not effective.
    expect(connection.peer.flags).toBe(0xd_075f_5fbcn)
    expect(await erl.eval('nodes()')).toBe('[]')
  })

  test('Erlang dials, and the link is up on both sides', async () => {
    const accepting = await findable(await endNamed('dialled@127.0.0.1'))
    expect(await connect('dialled@127.0.0.1')).toBe('true')
    const { connection } = await accepting.nth(0)
    expect(connection.peer.name).toBe(erlName)
    expect(await erl.eval('nodes(hidden)')).toContain("'dialled@127.0.0.1'")
    expect(accepting.decided.map(({ name }) => name)).toEqual([erlName])
  })

  test('a visible node is sent what Erlang sends to its own kind', async () => {
    const { connection, frames, framesCame } = await visible()
    await framesCame()
    // The simple form of frames: neither the atom cache nor fragments were negotiated.
    expect(frames().every((frame) => frame.startsWith('p\x83h'))).toBe(true)
    expect(connection.isUp).toBe(true)

    async function visible() {
      const watched = await dialUp(await endNamed('seen@127.0.0.1', { flags: publishedFlags }), erlName, there)
      cleanups.push(() => watched.connection.close())
      await erl.waitFor(`lists:member('seen@127.0.0.1', nodes())`, 15_000)
      return { connection: watched.connection, frames: () => watched.frames, framesCame: () => watched.framesCame(2) }
    }
  })

  test('closing is seen on the other side, whoever closes', async () => {
    const us = await endNamed('closes@127.0.0.1')
    const first = await dialUp(us, erlName, there)
    await erl.waitFor(`lists:member('closes@127.0.0.1', nodes(hidden))`, 15_000)
    await first.connection.close()
    await erl.waitFor(`not lists:member('closes@127.0.0.1', nodes(hidden))`, 15_000)

    const second = await dialUp(us, erlName, there)
    await erl.waitFor(`lists:member('closes@127.0.0.1', nodes(hidden))`, 15_000)
    await erl.eval(`erlang:disconnect_node('closes@127.0.0.1')`)
    expect((await second.isLost()).reason).toBe('connection_closed')
  })

  test('a wrong cookie: we dial, Erlang closes without a word', async () => {
    const failure = await dialFails(await endNamed('guesses@127.0.0.1', { secret: 'wrong' }), erlName, there)
    expect(failure).toMatchObject({ reason: 'closed', error: { code: 'ERR_REIGN_HANDSHAKE' } })
    expect(failure.error.message).toMatch(/waiting for challenge_ack, probably a cookie mismatch/)
  })

  test('a wrong cookie: Erlang dials, we close without a word and say why in one line', async () => {
    const us = await endNamed('guarded@127.0.0.1', { secret: 'other' })
    const accepting = await findable(us)
    expect(await connect('guarded@127.0.0.1')).toBe('false')
    expect(accepting.accepted).toHaveLength(0)
    expect(us.logger.lines).toHaveLength(1)
    expect(us.logger.lines[0]).toMatchObject({ level: 'warn', fields: { code: 'ERR_REIGN_COOKIE' } })
    expect(accepting.dropped).toMatchObject([[erlName, { code: 'ERR_REIGN_COOKIE' }]])
  })

  test('a second connection of the same node: Erlang asks whether we are alive, and drops the first', async () => {
    const us = await endNamed('again@127.0.0.1')
    const first = await dialUp(us, erlName, there)
    await erl.waitFor(`lists:member('again@127.0.0.1', nodes(hidden))`, 15_000)
    const refused = await dial(us, erlName, there, { takesOver: () => false }).outcome
    expect(refused.failure).toMatchObject({ reason: 'alive' })
    expect(first.connection.isUp).toBe(true)

    const second = await dialUp(us, erlName, there)
    cleanups.push(() => second.connection.close())
    expect((await first.isLost()).reason).toBe('connection_closed')
    expect(second.connection.isUp).toBe(true)
    await erl.waitFor(`lists:member('again@127.0.0.1', nodes(hidden))`, 15_000)
  })

  test('a node that is not allowed is told so', async () => {
    const accepting = await findable(await endNamed('closed@127.0.0.1'))
    accepting.verdict = () => 'not_allowed'
    expect(await connect('closed@127.0.0.1')).toBe('false')
    expect(accepting.accepted).toHaveLength(0)
  })

  test('a link that we think is alive is taken over by an Erlang node that lost it', async () => {
    const accepting = await findable(await endNamed('stale@127.0.0.1'))
    expect(await connect('stale@127.0.0.1')).toBe('true')
    const first = await accepting.nth(0)
    accepting.verdict = () => 'alive'
    first.connection.pauseReading() // so that we do not notice the end of the first
    await erl.eval(`erlang:disconnect_node('stale@127.0.0.1')`)
    await erl.waitFor(`not lists:member('stale@127.0.0.1', nodes(hidden))`, 15_000)
    expect(await connect('stale@127.0.0.1')).toBe('true')
    const second = await accepting.nth(1)
    expect(second.connection.peer.name).toBe(erlName)
    expect(second.connection.isUp).toBe(true)
  })

  test.each([
    ['aaa@127.0.0.1', 'nok'],
    ['zzz@127.0.0.1', 'up'],
  ])('both dial at once: as %s we get %s', async (name, expected) => {
    // Erlang's attempt at us hangs: something accepts it and says nothing.
    const sockets: Socket[] = []
    const silence = createServer((socket) => sockets.push(socket.on('error', () => {})))
    await new Promise<void>((listening) => silence.listen(0, '127.0.0.1', listening))
    const alive = name.split('@')[0] ?? ''
    const registration = await known(alive, (silence.address() as { port: number }).port)
    cleanups.push(
      () => registration.close(),
      () => new Promise((closed) => silence.close(closed)),
      () => sockets.map((socket) => socket.destroy()),
    )
    const theirs = connect(name).catch(() => 'gone')
    await eventually(() => sockets.length > 0, 15_000, 'the attempt of Erlang')

    const ours = await dial(await endNamed(name), erlName, there).outcome
    if (expected === 'nok') expect(ours.failure).toMatchObject({ reason: 'nok' } satisfies Partial<DialFailure>)
    else {
      cleanups.push(() => ours.up?.connection.close())
      expect(ours.up?.connection.peer.name).toBe(erlName)
      expect(await theirs).toBe('true')
    }
  })

  // It takes eight seconds, and TLS 1.3 has nothing to do with it.
  if (versions === '')
    test('an idle link stays up by ticks alone; a frozen node is given up in time', async () => {
      const watched = await dialUp(await endNamed('ticks@127.0.0.1'), erlName, there)
      const { connection } = watched
      cleanups.push(() => connection.close())
      const read = connection.bytesRead
      // Beyond the time at which either side would have given up the other: 3 s and a quarter of that.
      await eventually(() => connection.bytesRead >= read + 6 * 4 || !connection.isUp, 15_000, 'six ticks')
      expect(connection.isUp).toBe(true)
      expect(await erl.eval('nodes(hidden)')).toContain("'ticks@127.0.0.1'")

      await erl.suspend()
      const frozen = performance.now()
      const loss = await watched.isLost()
      const silentMs = performance.now() - frozen
      erl.resume()
      expect(loss.reason).toBe('net_tick_timeout')
      // The window itself is tested in virtual time: on a busy machine the last tick may be late, and so may we.
      expect(silentMs).toBeGreaterThan(500)
    })
})

describe('certificates', () => {
  async function erlangWith(
    name: string,
    credentials: TlsCredentials,
    options: ErlangOptions = {},
  ): Promise<ErlangNode> {
    const tls = await optfile(name, credentials)
    const erl = await startErlang({ name, cookie: 'secret', epmdPort: epmd.port, tls, ...options })
    cleanups.push(() => erl.kill())
    return erl
  }

  async function port(name: string): Promise<Endpoint> {
    return { host: '127.0.0.1', port: (await epmd.names()).get(name.split('@')[0] ?? '') ?? 0 }
  }

  test('an Erlang node with the certificate of another is refused both ways, unless identity is ca', async () => {
    const authority = await sharedAuthority()
    const name = 'mallory@127.0.0.1'
    const erl = await erlangWith(name, await credentialsFor(authority, 'alice@127.0.0.1'))
    const credentials = await credentialsFor(authority, 'us@127.0.0.1')
    const us = endOf('us@127.0.0.1', { credentials })
    const accepting = await Accepting.on(us)
    const registration = await known('us', accepting.endpoint.port)
    cleanups.push(
      () => registration.close(),
      () => accepting.close(),
    )

    expect(await erl.eval(`net_kernel:connect_node('us@127.0.0.1')`)).toBe('false')
    expect(accepting.decided).toEqual([])
    expect(us.logger.lines).toMatchObject([{ fields: { code: 'ERR_REIGN_IDENTITY' } }])
    expect(await dialFails(us, name, await port(name))).toMatchObject({
      reason: 'identity',
      error: { code: 'ERR_REIGN_IDENTITY', message: expect.stringContaining('alice@127.0.0.1') },
    })

    const lenient = endOf('us@127.0.0.1', { credentials, identity: 'ca' })
    const { connection } = await dialUp(lenient, name, await port(name))
    expect(connection.peer.name).toBe(name)
    await connection.close()
  })

  test('an Erlang node with a certificate of another authority is refused both ways', async () => {
    const { createAuthority } = await import('../../src/certs/authority.js')
    const name = 'eve@127.0.0.1'
    const erl = await erlangWith(name, await credentialsFor(await createAuthority(), name))
    const us = endOf('us2@127.0.0.1', { credentials: await credentialsFor(await sharedAuthority(), 'us2@127.0.0.1') })
    const accepting = await Accepting.on(us)
    const registration = await known('us2', accepting.endpoint.port)
    cleanups.push(
      () => registration.close(),
      () => accepting.close(),
    )

    expect(await erl.eval(`net_kernel:connect_node('us2@127.0.0.1')`)).toBe('false')
    await eventually(() => us.logger.lines.length > 0, 15_000, 'a line in the log')
    expect(us.logger.lines).toMatchObject([{ fields: { code: 'ERR_REIGN_TLS' } }])
    expect(await dialFails(us, name, await port(name))).toMatchObject({
      reason: 'tls',
      error: { code: 'ERR_REIGN_TLS' },
    })
    expect(accepting.decided).toEqual([])
  })
})

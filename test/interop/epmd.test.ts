/** Our port mapper against Erlang's: our client with their daemon, their nodes and tools with ours. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { systemClock } from '../../src/clock.js'
import { epmdNode } from '../../src/dist/epmd-messages.js'
import { systemEntropy } from '../../src/entropy.js'
import { EpmdClient } from '../../src/net/epmd-client.js'
import { EpmdServer } from '../../src/net/epmd-server.js'
import { PortMapper, type PortMapperOptions } from '../../src/net/port-mapper.js'
import { eventually, within } from '../support/deadline.js'
import { OsProcess } from '../support/os-process.js'
import { type Epmd, freePort, startEpmd } from './epmd.js'
import { startErlang } from './erl.js'

const host = '127.0.0.1'
const newClient = (port: number): EpmdClient => new EpmdClient({ port, clock: systemClock })

/** Starts Erlang's own daemon on this very port. */
async function daemonOn(port: number): Promise<OsProcess> {
  const daemon = new OsProcess('epmd', { args: ['-port', String(port), '-address', host] })
  await eventually(async () => (await newClient(port).names(host)) !== undefined, 15_000, 'epmd to answer')
  return daemon
}

describe("our client and Erlang's daemon", () => {
  let epmd: Epmd
  beforeAll(async () => {
    epmd = await startEpmd()
  })
  afterAll(() => epmd.stop())

  test('registers; is found and listed, by us and by `epmd -names`; frees the name by closing', async () => {
    const client = newClient(epmd.port)
    const registration = await client.register(host, epmdNode('js-1', 34567))
    expect(registration.creation).toBeGreaterThan(3)
    expect(await client.lookup(host, 'js-1')).toEqual(epmdNode('js-1', 34567))
    expect(await client.lookup(host, 'js')).toBeUndefined()
    expect(await client.names(host)).toEqual({ epmdPort: epmd.port, nodes: [{ alive: 'js-1', port: 34567 }] })
    expect(await epmd.names()).toEqual(new Map([['js-1', 34567]]))
    registration.close()
    await eventually(async () => (await client.lookup(host, 'js-1')) === undefined, 15_000)
  })

  test('a name that is taken is refused', async () => {
    const client = newClient(epmd.port)
    const first = await client.register(host, epmdNode('twice', 1))
    await expect(client.register(host, epmdNode('twice', 2))).rejects.toMatchObject({ code: 'ERR_REIGN_NAME_IN_USE' })
    first.close()
  })

  test('reads what a real node registered', async () => {
    await using erl = await startErlang({ name: 'real@127.0.0.1', cookie: 'c', epmdPort: epmd.port })
    const found = await newClient(epmd.port).lookup(host, 'real')
    expect(found).toMatchObject({ alive: 'real', type: 77, protocol: 0, versionHigh: 6 })
    expect(found?.port).toBe((await epmd.names()).get('real'))
    await erl.kill()
  })

  test('is found by a real node', async () => {
    await using mapper = managed({ alive: 'js2', listenPort: 45678, epmdPort: epmd.port, embedded: false })
    await mapper.start()
    await using erl = await startErlang({ name: 'asker@127.0.0.1', cookie: 'c', epmdPort: epmd.port })
    expect(await erl.eval("erl_epmd:port_please('js2', {127,0,0,1})")).toBe('{port,45678,6}')
  })
})

/** A port mapper that stops at the end of its scope. */
function managed(options: Omit<PortMapperOptions, 'clock' | 'entropy'>): PortMapper & AsyncDisposable {
  const mapper = new PortMapper({ clock: systemClock, entropy: systemEntropy, ...options })
  return Object.assign(mapper, { [Symbol.asyncDispose]: () => mapper.stop() })
}

describe('a daemon that dies', () => {
  test('and comes back: the node is registered again, with its first creation', async () => {
    const port = await freePort()
    let daemon = await daemonOn(port)
    const told: string[] = []
    await using mapper = managed({
      alive: 'js',
      listenPort: 45678,
      epmdPort: port,
      embedded: false,
      onLost: () => told.push('lost'),
      onRegistered: () => told.push('registered'),
    })
    const { creation } = await mapper.start()
    await daemon.kill()
    await eventually(() => !mapper.registered, 15_000, 'the loss to be noticed')
    daemon = await daemonOn(port)
    await eventually(() => mapper.registered, 15_000, 'the node to be registered again')
    expect(mapper.creation).toBe(creation)
    expect(await newClient(port).lookup(host, 'js')).toEqual(epmdNode('js', 45678))
    expect([told[0], told.at(-1)]).toEqual(['lost', 'registered'])
    await daemon.kill()
  })

  test('and stays away: one of us takes over, and real nodes find each other through it', async () => {
    const port = await freePort()
    const daemon = await daemonOn(port)
    await using one = managed({ alive: 'one', listenPort: 1001, epmdPort: port, embedded: {} })
    await using two = managed({ alive: 'two', listenPort: 1002, epmdPort: port, embedded: {} })
    expect(await one.start()).toMatchObject({ embedded: false })
    expect(await two.start()).toMatchObject({ embedded: false })
    await using erl = await startErlang({ name: 'x@127.0.0.1', cookie: 'c', epmdPort: port })
    await daemon.kill()
    await eventually(() => one.registered && two.registered, 15_000, 'both to be registered again')
    expect([one, two].filter(({ server }) => server !== undefined)).toHaveLength(1)
    // The Erlang node has the same 2 s.
    await eventually(async () => (await newClient(port).lookup(host, 'x')) !== undefined, 15_000, 'x to come back')
    expect(await erl.eval("erl_epmd:port_please('two', {127,0,0,1})")).toBe('{port,1002,6}')
  })
})

describe("Erlang's nodes and tools, and our daemon", () => {
  let server: EpmdServer
  beforeEach(async () => {
    server = await EpmdServer.listen({ port: 0, clock: systemClock, entropy: systemEntropy })
  })
  afterEach(() => server.close())

  async function epmdTool(...args: string[]): Promise<string> {
    const tool = new OsProcess('epmd', { args: ['-port', String(server.port), ...args] })
    await within(15_000, tool.ended, `epmd ${args.join(' ')}`)
    return tool.output
  }

  test('two nodes register, find each other, and vanish when they are killed', async () => {
    await using a = await startErlang({ name: 'a@127.0.0.1', cookie: 'c', epmdPort: server.port })
    await using b = await startErlang({ name: 'b@127.0.0.1', cookie: 'c', epmdPort: server.port })
    expect(server.nodes.map(({ alive }) => alive)).toEqual(['a', 'b'])
    expect(await a.eval("net_adm:ping('b@127.0.0.1')")).toBe('pong')
    expect(await b.eval('nodes()')).toBe("['a@127.0.0.1']")
    expect(await a.eval("net_adm:ping('nobody@127.0.0.1')")).toBe('pang')
    const [portA, portB] = server.nodes.map(({ port }) => port)
    const listed = await a.eval('{ok, Names} = net_adm:names({127,0,0,1}), lists:sort(Names)')
    expect(listed).toBe(`[{"a",${portA}},{"b",${portB}}]`)
    // The creation that a node shows in its pids is the one that it was given.
    const creation = await a.eval('erlang:system_info(creation)')
    expect(Number(creation)).toBeGreaterThan(3)
    await a.kill()
    await eventually(() => server.nodes.length === 1, 15_000, 'the name of the killed node to be free')
    await using again = await startErlang({ name: 'a@127.0.0.1', cookie: 'c', epmdPort: server.port })
    expect(await again.eval("net_adm:ping('b@127.0.0.1')")).toBe('pong')
    expect(await again.eval('erlang:system_info(creation)')).not.toBe(creation)
  })

  test('a second node of a name that is taken does not start', async () => {
    await using a = await startErlang({ name: 'a@127.0.0.1', cookie: 'c', epmdPort: server.port })
    const second = startErlang({ name: 'a@127.0.0.1', cookie: 'c', epmdPort: server.port })
    await expect(second).rejects.toThrow(/seems to be in use by another Erlang node/)
    expect(await a.eval('node()')).toBe("'a@127.0.0.1'")
    expect(server.nodes).toHaveLength(1)
  })

  test('`epmd -names` lists', async () => {
    const registration = await newClient(server.port).register(host, epmdNode('js', 4321))
    const output = await epmdTool('-names')
    expect(output).toContain(`epmd: up and running on port ${server.port} with data:`)
    expect(output).toContain('name js at port 4321')
    registration.close()
  })

  test('`epmd -kill` and `epmd -stop` have no effect', async () => {
    const registration = await newClient(server.port).register(host, epmdNode('js', 4321))
    await epmdTool('-kill')
    await epmdTool('-stop', 'js')
    expect(await newClient(server.port).lookup(host, 'js')).toEqual(epmdNode('js', 4321))
    registration.close()
  })

  test('a daemon that is started on our port gives up, and ours stays', async () => {
    const daemon = new OsProcess('epmd', { args: ['-port', String(server.port), '-address', host] })
    // 0: it takes the port in use for a sign that all is well.
    expect(await within(15_000, daemon.ended, 'the second daemon to end')).toMatchObject({ code: 0 })
    expect(await newClient(server.port).names(host)).toMatchObject({ epmdPort: server.port })
  })
})

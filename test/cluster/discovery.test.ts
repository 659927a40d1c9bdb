/** Members that are found while a node runs: by functions, by DNS, by port mappers; and what becomes of wrong answers. */
import { describe, expect, test } from 'vitest'
import {
  type Discovery,
  type DnsResolver,
  discoverBy,
  discoverDns,
  discoverEpmd,
  discoverSrv,
  type FoundNode,
} from '../../src/index.js'
import { eventually } from '../support/deadline.js'
import { deadlineMs, sees, TestCluster, type TestNode } from './cluster-kit.js'
import { Simulation } from './simulation.js'

const a = 'a@127.0.0.1'
const b = 'b@127.0.0.1'
const c = 'c@127.0.0.1'
const all = [a, b, c]
const minuteMs = 60_000

/** Nodes in virtual time that are in no file but their own. */
class World implements AsyncDisposable {
  readonly simulation = new Simulation(3, all, { latency: { minMs: 1, maxMs: 5 } })
  readonly clock = this.simulation.clock
  readonly #nodes: TestNode[] = []

  address(name: string): string {
    return `127.0.0.1:${this.simulation.port(name)}`
  }

  found(...names: readonly string[]): FoundNode[] {
    return names.map((name) => ({ name, address: this.address(name) }))
  }

  async start(name: string, discovery?: Discovery | readonly Discovery[], dialMembers = true): Promise<TestNode> {
    const nodes = { [name]: { address: this.address(name) } }
    const cluster = { nodes, cookie: 'a-cookie-of-the-tests-alone', tls: false }
    const node = await this.simulation.start(name, { cluster, discovery, dialMembers })
    this.#nodes.push(node)
    return node
  }

  async stop(node: TestNode): Promise<void> {
    const stopped = node.stop()
    await this.clock.run(10_000)
    await stopped
  }

  async dialsIn(from: string, to: string, ms = 10 * minuteMs): Promise<number> {
    const port = this.simulation.port(to)
    const before = this.simulation.network.dials(from, port)
    await this.clock.run(ms)
    return this.simulation.network.dials(from, port) - before
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const node of this.#nodes) await this.stop(node)
    expect(this.clock.timersPending).toBe(0)
  }
}

const failures = (node: TestNode) => node.log.at('warn').filter(({ message }) => message.startsWith('a discovery'))

describe('a function of the program', () => {
  test('is asked again and again: who is found is dialled for ever, and where it is found by now', async () => {
    await using world = new World()
    let answer: FoundNode[] = []
    const asked: number[] = []
    const discovery = discoverBy(({ node, clock }) => {
      expect(node).toBe(a)
      asked.push(clock.now())
      return answer
    })
    const one = await world.start(a, discovery)
    await world.clock.run(minuteMs)
    expect(one.nodes('known')).toEqual([a])
    // At once, and then each 10 s.
    expect(asked).toEqual([0, 10_000, 20_000, 30_000, 40_000, 50_000, 60_000])

    answer = world.found(a, b)
    expect(await world.dialsIn(a, b, minuteMs)).toBeGreaterThan(5)
    const two = await world.start(b)
    await world.clock.run(15_000)
    expect([one.nodes(), two.nodes()]).toEqual([[b], [a]])

    // The node moves to where c would be.
    await world.stop(two)
    answer = [{ name: b, address: world.address(c) }]
    expect(await world.dialsIn(a, c, 30_000)).toBeGreaterThan(0)
  })

  test('that finds a node no more does not end its connection, but it is not dialled again', async () => {
    await using world = new World()
    let answer = world.found(b)
    const one = await world.start(
      a,
      discoverBy(() => answer),
    )
    const two = await world.start(b)
    await world.clock.run(1_000)
    expect(one.nodes()).toEqual([b])
    answer = []
    await world.clock.run(minuteMs)
    expect(one.nodes()).toEqual([b])
    await world.stop(two)
    expect(await world.dialsIn(a, b)).toBe(0)
    answer = world.found(b)
    expect(await world.dialsIn(a, b)).toBeGreaterThan(0)
  })

  test.each<[string, () => Promise<never>, RegExp]>([
    [
      'throws',
      () => {
        throw new Error('no way')
      },
      /no way/,
    ],
    [
      'rejects',
      async () => {
        throw new Error('not now')
      },
      /not now/,
    ],
    ['never answers', () => new Promise<never>(() => {}), /no answer within 3000 ms/],
    ['answers nonsense', async () => 7 as never, /not iterable|is not a function/],
  ])('that %s takes nothing back, is asked again, and is complained about once', async (_, fail, why) => {
    await using world = new World()
    let healthy = true
    let asked = 0
    const find = async () => {
      asked++
      return healthy ? world.found(b) : fail()
    }
    const one = await world.start(a, discoverBy(find, { title: 'the register', timeoutMs: 3_000 }))
    const two = await world.start(b)
    await world.clock.run(1_000)
    healthy = false
    await world.stop(two)
    expect(await world.dialsIn(a, b, 5 * minuteMs)).toBeGreaterThan(20)
    expect(asked).toBeGreaterThan(5)
    expect(failures(one)).toMatchObject([{ fields: { discovery: 'the register', error: expect.stringMatching(why) } }])
    healthy = true
    await world.clock.run(minuteMs)
    healthy = false
    await world.clock.run(minuteMs)
    expect(failures(one)).toHaveLength(2)
  })

  test('that finds what cannot be a node: that alone is left out, and said once', async () => {
    await using world = new World()
    const nonsense = [{ name: 'b' }, { name: b, address: 'nowhere' }, { name: 7 as never }, { name: 'x\u001b@h.b' }]
    const one = await world.start(
      a,
      discoverBy(() => [...nonsense, ...world.found(c)]),
    )
    await world.start(c)
    await world.clock.run(minuteMs)
    expect(one.nodes()).toEqual([c])
    expect(one.nodes('known').sort()).toEqual([a, c])
    expect(failures(one)).toMatchObject([{ fields: { problems: 4, error: expect.stringContaining('has no @') } }])
    expect(failures(one)[0]?.fields.error).not.toContain('\u001b')
  })

  test('hears when the node stops, and is not asked again', async () => {
    await using world = new World()
    let signal: AbortSignal | undefined
    let asked = 0
    const find = (context: { signal: AbortSignal }) => {
      asked++
      signal = context.signal
      return new Promise<never>(() => {})
    }
    const one = await world.start(a, discoverBy(find))
    await world.clock.run(1_000)
    expect(signal?.aborted).toBe(false)
    await world.stop(one)
    expect(signal?.reason).toMatchObject({ code: 'ERR_REIGN_NODE_STOPPED' })
    await world.clock.run(10 * minuteMs)
    expect(asked).toBe(1)
    expect(failures(one)).toEqual([])
  })

  test('can be one of several: a node belongs while one of them finds it, and the first has the say about its address', async () => {
    await using world = new World()
    let first = [{ name: b, address: world.address(c) }]
    const second = world.found(b)
    const one = await world.start(a, [discoverBy(() => first), discoverBy(() => second)])
    await world.start(b)
    expect(await world.dialsIn(a, c, minuteMs)).toBeGreaterThan(0)
    expect(one.nodes()).toEqual([])
    first = []
    await world.clock.run(minuteMs)
    expect(one.nodes()).toEqual([b])
  })

  test('gives addresses alone where members are not to be dialled', async () => {
    await using world = new World()
    const one = await world.start(
      a,
      discoverBy(() => world.found(b)),
      false,
    )
    await world.start(b)
    expect(await world.dialsIn(a, b, minuteMs)).toBe(0)
    const connected = one.connect(b)
    await world.clock.run(100)
    expect(await connected).toBe(true)
  })

  test('is refused when it is none', async () => {
    const cluster = { nodes: { [a]: {} }, cookie: 'a-cookie-of-the-tests-alone', tls: false }
    const { Node } = await import('../../src/index.js')
    for (const discovery of [{}, () => [], [undefined], 'dns'] as never[]) {
      await expect(Node.start(a, { cluster, discovery })).rejects.toMatchObject({ code: 'ERR_REIGN_ARGUMENT' })
    }
    for (const ms of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => discoverBy(() => [], { intervalMs: ms })).toThrow(
        expect.objectContaining({ code: 'ERR_REIGN_ARGUMENT' }),
      )
    }
  })
})

describe('a discovery that says when something changes', () => {
  test('is followed as it speaks; its last word holds when it ends, and when it fails it begins anew', async () => {
    await using world = new World()
    let begun = 0
    let fails = true
    const discovery: Discovery = {
      title: 'a watch',
      async *members({ clock }) {
        begun++
        const later = (ms: number) => new Promise<void>((resolve) => clock.setTimer(resolve, ms))
        yield world.found(b)
        await later(20_000)
        yield world.found(b, c)
        if (fails) throw new Error('the watch is over')
      },
    }
    const one = await world.start(a, discovery)
    await world.start(b)
    await world.start(c)
    await world.clock.run(10_000)
    expect(one.nodes()).toEqual([b])
    await world.clock.run(11_000)
    expect(one.nodes()).toEqual([b, c])
    await world.clock.run(5_000)
    expect(begun).toBe(2)
    expect(failures(one)).toHaveLength(1)
    fails = false
    await world.clock.run(10 * minuteMs)
    const then = begun
    await world.clock.run(10 * minuteMs)
    expect(begun).toBe(then)
    expect(one.nodes()).toEqual([b, c])
    expect(one.nodes('known').sort()).toEqual(all)
  })
})

describe('DNS', () => {
  const answering = (records: Partial<DnsResolver>): DnsResolver => ({
    addresses: async () => [],
    services: async () => [],
    ...records,
  })
  const signal = new AbortController().signal
  const first = async (discovery: Discovery) => {
    const clock = new Simulation(1, all).clock
    for await (const found of discovery.members({ node: a, clock, signal })) return found
    return undefined
  }

  test('each address of a headless service is a node', async () => {
    const hosts: string[] = []
    const resolver = answering({
      addresses: async (host) => {
        hosts.push(host)
        return ['10.1.2.3', 'fd00::7']
      },
    })
    const host = 'app.default.svc.cluster.local'
    expect(await first(discoverDns({ host, name: 'app@{ip}', port: 9_100, resolver }))).toEqual([
      { name: 'app@10.1.2.3', address: '10.1.2.3:9100' },
      { name: 'app@fd00::7', address: '[fd00::7]:9100' },
    ])
    expect(await first(discoverDns({ host, name: 'app@{ip}', resolver }))).toEqual([
      { name: 'app@10.1.2.3', address: undefined },
      { name: 'app@fd00::7', address: undefined },
    ])
    expect(hosts).toEqual([host, host])
    expect(discoverDns({ host, name: 'app@{ip}' }).title).toBe(`DNS ${host}`)
  })

  test('each service record is a node, at its host and port', async () => {
    const services = async () => [
      { host: 'app-0.app.default.svc.cluster.local', port: 9_100 },
      { host: 'app-1.app.default.svc.cluster.local.', port: 9_200 },
    ]
    const resolver = answering({ services })
    const service = '_reign._tcp.app.default.svc.cluster.local'
    expect(await first(discoverSrv({ service, name: '{label}@{host}', resolver }))).toEqual([
      {
        name: 'app-0@app-0.app.default.svc.cluster.local',
        address: 'app-0.app.default.svc.cluster.local:9100',
      },
      {
        name: 'app-1@app-1.app.default.svc.cluster.local',
        address: 'app-1.app.default.svc.cluster.local:9200',
      },
    ])
    expect(await first(discoverSrv({ service, name: 'app@{host}', resolver }))).toMatchObject([
      { name: 'app@app-0.app.default.svc.cluster.local' },
      { name: 'app@app-1.app.default.svc.cluster.local' },
    ])
  })

  test('nodes that DNS lists connect with each other, come and go with the records', async () => {
    await using world = new World()
    const addresses = ['127.0.0.1']
    const resolver = answering({ addresses: async () => addresses })
    const discovery = () => discoverDns({ host: 'cluster', name: 'b@{ip}', port: world.simulation.port(b), resolver })
    const one = await world.start(a, discovery())
    const two = await world.start(b, discovery())
    await world.clock.run(1_000)
    expect([one.nodes(), two.nodes()]).toEqual([[b], [a]])
    addresses.length = 0
    await world.clock.run(minuteMs)
    await world.stop(two)
    expect(await world.dialsIn(a, b)).toBe(0)
  })

  test('that is slow or fails takes nothing back, delays nobody, and is asked again', async () => {
    await using world = new World()
    let answer: () => Promise<string[]> = async () => ['127.0.0.1']
    const resolver = answering({ addresses: () => answer() })
    const one = await world.start(
      a,
      discoverDns({ host: 'cluster', name: 'b@{ip}', port: world.simulation.port(b), resolver }),
    )
    await world.clock.run(1_000)
    for (const fault of [() => new Promise<never>(() => {}), () => Promise.reject(new Error('SERVFAIL'))]) {
      answer = fault
      expect(await world.dialsIn(a, b, 5 * minuteMs)).toBeGreaterThan(10)
    }
    await world.start(b)
    await world.clock.run(15_000)
    expect(one.nodes()).toEqual([b])
    expect(failures(one).map(({ fields }) => fields.error)).toEqual([
      expect.stringMatching(/^DNS cluster: no answer within 10000 ms/),
      expect.stringMatching(/SERVFAIL/),
    ])
  })

  test.each([
    ['without a place for what differs', () => discoverDns({ host: 'h', name: 'app@10.0.0.1' })],
    ['that is no node name', () => discoverDns({ host: 'h', name: '{ip}' })],
    ['with a place that is none', () => discoverDns({ host: 'h', name: 'app@{host}' })],
    ['that is no text', () => discoverDns({ host: 'h', name: undefined as never })],
    ['of services, without a place', () => discoverSrv({ service: 's', name: 'app@{ip}' })],
    ['and a port that is none', () => discoverDns({ host: 'h', name: 'app@{ip}', port: 0 })],
  ])('a pattern %s is refused', (_, make) => {
    expect(make).toThrow(expect.objectContaining({ code: 'ERR_REIGN_ARGUMENT' }))
  })
})

describe('port mappers', () => {
  test('all nodes of a host are members, but for those that are not wanted', async () => {
    await using cluster = await TestCluster.make({ tls: true })
    const discovery = () => [
      ...discoverEpmd({ hosts: ['127.0.0.1'], port: cluster.epmd.port, intervalMs: 50, alive: (name) => name !== 'c' }),
      // Nobody answers there: that takes nothing from the others.
      ...discoverEpmd({ hosts: ['127.0.0.1'], port: 1, intervalMs: 50 }),
    ]
    const one = await cluster.start(a, { discovery: discovery() })
    const three = await cluster.start(c)
    const two = await cluster.start(b, { discovery: discovery() })
    await Promise.all([sees(one, b), sees(two, a)])
    expect(three.nodes()).toEqual([])
    await eventually(() => failures(one).length > 0, deadlineMs)
    expect(failures(one)).toMatchObject([{ fields: { discovery: 'epmd 127.0.0.1', code: 'ERR_REIGN_EPMD' } }])
    expect(one.nodes('known').sort()).toEqual([a, b])
  })

  test('hosts and ports that are none are refused', () => {
    for (const options of [{ hosts: ['no host'] }, { hosts: ['h'], port: 0 }, { hosts: ['h'], port: 70_000 }]) {
      expect(() => discoverEpmd(options)).toThrow(expect.objectContaining({ code: 'ERR_REIGN_ARGUMENT' }))
    }
  })
})

describe('a discovery that lies', () => {
  test('about where a node is: whoever is there is no other than its certificate says; the truth is used when it comes', async () => {
    await using cluster = await TestCluster.make({ tls: true })
    const two = await cluster.start(b)
    const three = await cluster.start(c)
    const at = ({ endpoint }: TestNode) => `${endpoint?.host}:${endpoint?.port}`
    let answer = [{ name: b, address: at(three) }]
    const one = await cluster.start(a, { discovery: discoverBy(() => answer, { intervalMs: 50 }) })
    const refusals = () => one.log.codes('debug').filter((code) => code === 'ERR_REIGN_IDENTITY')
    await eventually(() => refusals().length > 1, deadlineMs, 'the wrong node to be refused, again')
    expect([one.nodes(), three.nodes()]).toEqual([[], []])
    answer = [{ name: b, address: at(two) }]
    await Promise.all([sees(one, b), sees(two, a)])
    expect(three.nodes()).toEqual([])
  })
})

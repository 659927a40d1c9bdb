/** Names with several claimants, on nodes that part and meet again, in virtual time. */
import { describe, expect, test } from 'vitest'
import type { MultipleClaim, NameClaims } from '../../src/cluster/name-conflicts.js'
import type { ClusterName } from '../../src/cluster/names.js'
import { Node } from '../../src/cluster/node.js'
import { silent } from '../../src/logger.js'
import type { Mailbox } from '../../src/process/mailbox.js'
import type { Process } from '../../src/process/process.js'
import type { Address } from '../../src/term/address.js'
import { named } from '../../src/term/named.js'
import { tuple } from '../../src/term/tuple.js'
import type { TestNode } from './cluster-kit.js'
import { addressTexts, code, endSimulation } from './group-kit.js'
import { Simulation } from './simulation.js'

const a = 'a@127.0.0.1'
const b = 'b@127.0.0.1'
const c = 'c@127.0.0.1'
const kill = Symbol.for('kill')
/** So long, in virtual milliseconds, everybody is connected, and every message has arrived. */
const settleMs = 1_500
/** After a heal, names are to be the same everywhere so soon after the nodes are connected again. */
const agreeMs = 5_000

/** What a mailbox was told, taken out: each name with its claimants. */
function told(mailbox: Mailbox<MultipleClaim>): [ClusterName, string[]][] {
  return Array.from({ length: mailbox.length }, () => mailbox.poll() as MultipleClaim).map((claim) => {
    expect(claim.type).toBe('multipleClaim')
    return [claim.name, addressTexts(claim.claimants as readonly Address<never>[])]
  })
}

async function connected(
  names: readonly string[],
  run: (nodes: TestNode[], settle: (ms?: number) => Promise<void>, simulation: Simulation) => Promise<void>,
): Promise<void> {
  const simulation = new Simulation(17, names, { latency: { minMs: 1, maxMs: 5 } })
  const nodes: TestNode[] = []
  for (const name of names) nodes.push(await simulation.start(name))
  const settle = (ms = settleMs) => simulation.clock.run(ms)
  await settle()
  await run(nodes, settle, simulation)
  expect(nodes.flatMap(({ log }) => log.at('error'))).toEqual([])
  await endSimulation(simulation, ...nodes)
}

/** Pulls the cables between the first node and the others, until everybody has noticed. */
async function part(simulation: Simulation, nodes: readonly TestNode[]): Promise<void> {
  for (const { name } of nodes.slice(1)) simulation.network.cut(a, name)
  await simulation.clock.run(100_000)
  expect(nodes[0]?.nodes()).toEqual([])
}

/** Puts them back; resolves `agreeMs` after the nodes are connected, in virtual time. */
async function heal(simulation: Simulation, nodes: readonly TestNode[]): Promise<void> {
  simulation.network.heal()
  const all = () => nodes.every((node) => node.nodes().length === nodes.length - 1)
  for (let left = 200; left > 0 && !all(); left--) await simulation.clock.run(1_000)
  expect(all()).toBe(true)
  await simulation.clock.run(agreeMs)
}

describe('a claimant that asked for it', () => {
  test('is told of all claimants whenever these have changed and are several; others are not', async () => {
    await using node = await Node.local({ logger: silent })
    const [one, other, quiet] = [node.mailbox<MultipleClaim>(), node.mailbox<MultipleClaim>(), node.mailbox()]
    node.names.register('shop', one.address as never, { multipleClaim: true })
    expect(one.length).toBe(0)
    node.names.register('shop', quiet.address)
    expect(told(one)).toEqual([['shop', addressTexts([one.address as never, quiet.address])]])
    node.names.register('shop', other.address as never, { multipleClaim: true })
    const all = addressTexts([one.address as never, quiet.address, other.address as never])
    expect(told(one)).toEqual([['shop', all]])
    expect(told(other)).toEqual([['shop', all]])
    // Claiming twice changes nothing.
    node.names.register('shop', one.address as never, { multipleClaim: true })
    node.names.register('shop', quiet.address)
    expect([one.length, other.length]).toEqual([0, 0])
    quiet.close()
    const two = [['shop', addressTexts([one.address as never, other.address as never])]]
    expect([told(one), told(other)]).toEqual([two, two])
    // One that is alone is in no conflict; who has given up is told no more.
    node.names.unregister('shop', one.address as never)
    node.names.register('shop', node.mailbox().address)
    expect(told(one)).toEqual([])
    expect(told(other)).toHaveLength(1)
    expect(quiet.length).toBe(0)
  })

  test('may ask later, and is told of the conflict that there is', async () => {
    await using node = await Node.local({ logger: silent })
    const box = node.mailbox<MultipleClaim>()
    node.names.register('shop', box.address as never)
    node.names.register('shop', node.mailbox().address)
    expect(box.length).toBe(0)
    node.names.register('shop', box.address as never, { multipleClaim: true })
    expect(told(box)).toHaveLength(1)
    // A claim that is made anew is one that has not asked.
    node.names.unregister('shop')
    node.names.register('shop', box.address as never)
    node.names.register('shop', node.mailbox().address)
    expect(told(box)).toEqual([])
  })

  test('is told of each name once for each set of claimants, though one sync brings many', () =>
    connected([a, b], async ([one, other], settle, simulation) => {
      const count = 100
      const mine = (one as TestNode).mailbox<MultipleClaim>()
      const theirs = (other as TestNode).mailbox()
      const again = (other as TestNode).mailbox()
      for (let n = 0; n < count; n++) {
        one?.names.register(`name ${n}`, mine.address as never, { multipleClaim: true })
        other?.names.register(`name ${n}`, theirs.address)
      }
      await settle()
      expect(told(mine)).toHaveLength(count)
      await part(simulation, [one as TestNode, other as TestNode])
      // In one sync, one claimant goes and another comes.
      for (let n = 0; n < count; n++) {
        other?.names.unregister(`name ${n}`, theirs.address)
        other?.names.register(`name ${n}`, again.address)
      }
      expect(told(mine)).toEqual([])
      await heal(simulation, [one as TestNode, other as TestNode])
      expect(told(mine).sort()).toEqual(
        Array.from({ length: count }, (_, n): [string, string[]] => [
          `name ${n}`,
          addressTexts([mine.address as never, again.address]),
        ]).sort(),
      )
      // A sync that says the same again, and a second claim of the same process, change nothing.
      one?.send(named('reign', b), tuple(Symbol.for('discover'), one.whereis('reign')))
      other?.groups.scope('reign').join('name 1', again.address)
      await settle()
      expect(told(mine)).toEqual([])
    }))
})

test('of two that claimed a name while they were apart, both are told when they meet; the name leads to either', () =>
  connected([a, b, c], async (nodes, _, simulation) => {
    await part(simulation, nodes)
    const [one, other] = nodes as [TestNode, TestNode, TestNode]
    const [mine, theirs] = [one.mailbox<MultipleClaim>(), other.mailbox<MultipleClaim>()]
    one.names.register('shop', mine.address as never, { multipleClaim: true })
    other.names.register('shop', theirs.address as never, { multipleClaim: true })
    await simulation.clock.run(settleMs)
    expect([mine.length, theirs.length]).toEqual([0, 0])
    expect(nodes.map((node) => String(node.names.lookup('shop')))).toEqual(
      [mine.address, theirs.address, theirs.address].map(String),
    )
    await heal(simulation, nodes)
    const both = [['shop', addressTexts([mine.address as never, theirs.address as never])]]
    expect([told(mine), told(theirs)]).toEqual([both, both])
    for (const node of nodes) expect(addressTexts(node.names.lookupAll('shop'))).toEqual(both[0]?.[1])
    // One of them gives way: the name is the other's, everywhere, and nobody comes back.
    theirs.close()
    await simulation.clock.run(agreeMs)
    for (const node of nodes) expect(addressTexts(node.names.lookupAll('shop'))).toEqual([String(mine.address)])
    one.disconnect(b)
    await heal(simulation, nodes)
    for (const node of nodes) expect(addressTexts(node.names.lookupAll('shop'))).toEqual([String(mine.address)])
  }))

describe('a name is free everywhere, and stays so, when its holder ends', () => {
  const holder = (self: Process) => self.receive()
  const nobody = (nodes: readonly TestNode[]) => {
    for (const node of nodes) {
      expect(node.names.lookupAll('shop')).toEqual([])
      expect(node.names.seen()).toEqual([])
    }
  }

  test('in the instant of the registration', () =>
    connected([a, b, c], async (nodes, settle) => {
      for (let n = 0; n < 20; n++) {
        const [one] = nodes as [TestNode]
        const address = one.spawn(holder)
        one.names.register('shop', address)
        if (n % 2 === 1) await settle(n / 4)
        one.exit(address, kill)
        await settle()
        nobody(nodes)
        expect(() => one.names.register('shop', address)).toThrow(code('ERR_REIGN_ARGUMENT'))
      }
    }))

  test('while the nodes are apart, or at any instant of their meeting', () =>
    connected([a, b, c], async (nodes, settle, simulation) => {
      const [one] = nodes as [TestNode]
      // The exchange takes about thirty milliseconds from the first dial: one end in each part of it.
      for (let n = 0; n < 40; n++) {
        const address = one.spawn(holder)
        one.names.register('shop', address)
        await settle()
        for (const { name } of nodes.slice(1)) simulation.network.reset(a, name)
        await settle(n)
        one.exit(address, kill)
        await heal(simulation, nodes)
        nobody(nodes)
      }
    }))

  test('and when its node does, without a word', () =>
    connected([a, b, c], async (nodes, settle, simulation) => {
      const [one, ...others] = nodes as [TestNode, TestNode, TestNode]
      one.names.register('shop', one.spawn(holder))
      await settle()
      for (const node of others) expect(node.names.seen()).toEqual(['shop'])
      simulation.network.crash(a)
      for (const { name } of others) simulation.network.cut(a, name)
      await settle(agreeMs)
      nobody(others)
    }))

  test('a name that is given up while the nodes are apart does not come back', () =>
    connected([a, b, c], async (nodes, settle, simulation) => {
      const [one] = nodes as [TestNode]
      const { address } = one.mailbox()
      one.names.register('shop', address)
      await settle()
      await part(simulation, nodes)
      expect(one.names.unregister('shop')).toBe(true)
      await heal(simulation, nodes)
      nobody(nodes)
    }))
})

describe('what a node can say of names', () => {
  test('conflicts, those that there are and those that come', async () => {
    await using node = await Node.local({ logger: silent })
    const boxes = [node.mailbox(), node.mailbox(), node.mailbox()] as const
    const seen: [ClusterName, number][] = []
    const stop = node.names.onConflict(({ name, claimants }: NameClaims) => {
      seen.push([name, claimants.length])
      throw new Error('as asked')
    })
    node.names.onConflict(async () => Promise.reject(new Error('later, too')))
    node.names.register('alone', boxes[0].address)
    for (const { address } of boxes) node.names.register('shop', address)
    expect(node.names.conflicts()).toEqual([{ name: 'shop', claimants: boxes.map(({ address }) => address) }])
    boxes[0].close()
    boxes[1].close()
    expect(node.names.conflicts()).toEqual([])
    node.names.register('shop', node.mailbox().address)
    stop()
    node.names.register('shop', node.mailbox().address)
    expect(seen).toEqual([
      ['shop', 2],
      ['shop', 3],
      ['shop', 2],
      ['shop', 2],
    ])
    await new Promise((resolve) => setImmediate(resolve))
  })

  test('a view: who claims what, and where each node stands', () =>
    connected([a, b, c], async (nodes, settle, simulation) => {
      const [one, other, third] = nodes as [TestNode, TestNode, TestNode]
      const [mine, theirs] = [one.mailbox().address, other.mailbox().address]
      one.names.register('shop', mine)
      other.names.register('shop', theirs)
      other.names.register(Symbol.for('desk'), theirs)
      // Of groups in the scope of names, those that are none are left out.
      one.groups.scope('reign').join({ no: 'name' }, mine)
      third.groups.scope('reign').stop()
      await settle()
      expect(one.names.view()).toEqual({
        node: a,
        names: [
          { name: 'shop', claimants: [mine, expect.anything()] },
          { name: Symbol.for('desk'), claimants: [expect.anything()] },
        ],
        nodes: [
          { node: b, state: 'synced', names: 2 },
          { node: c, state: 'absent', names: 0 },
        ],
      })
      expect(addressTexts(one.names.view().names[1]?.claimants ?? [])).toEqual([String(theirs)])
      simulation.network.cut(a, b)
      await settle(100_000)
      expect(one.names.view().nodes.map(({ node }) => node)).toEqual([c])
    }))

  test('sync resolves when all that was claimed is known on both sides', () =>
    connected([a, b], async ([one, other], settle) => {
      one?.disconnect(b)
      one?.names.register('shop', one.mailbox().address)
      other?.names.register('desk', other.mailbox().address)
      let up = 0
      one?.onNodeUp(() => up++)
      while (up === 0) await settle(1)
      let known: unknown
      const synced = one?.names.sync().then(() => {
        known = [one?.names.seen().sort(), other?.names.seen().sort()]
      })
      await settle()
      await synced
      expect(known).toEqual([
        ['desk', 'shop'],
        ['desk', 'shop'],
      ])
    }))

  test('the claimant that a name leads to stays the same, until it goes or a nearer one comes', () =>
    connected([a, b, c], async (nodes, settle) => {
      const [one, other, third] = nodes as [TestNode, TestNode, TestNode]
      const [far, later] = [other.mailbox(), third.mailbox()]
      other.names.register('shop', far.address)
      await settle()
      third.names.register('shop', later.address)
      other.names.register('shop', other.mailbox().address)
      await settle()
      for (let n = 0; n < 5; n++) expect(String(one.names.lookup('shop'))).toBe(String(far.address))
      // What it tells anew keeps its place.
      one.send(named('reign', b), tuple(Symbol.for('discover'), one.whereis('reign')))
      await settle()
      expect(String(one.names.lookup('shop'))).toBe(String(far.address))
      expect(String(third.names.lookup('shop'))).toBe(String(later.address))
      const near = one.mailbox()
      one.names.register('shop', near.address)
      expect(one.names.lookup('shop')).toBe(near.address)
      near.close()
      expect(String(one.names.lookup('shop'))).toBe(String(far.address))
    }))
})

/** Names across the cluster, and the groups that they are made of, between nodes in this program. */
import { describe, expect, test } from 'vitest'
import type { ClusterName } from '../../src/cluster/names.js'
import type { Node } from '../../src/cluster/node.js'
import type { Process } from '../../src/process/process.js'
import type { Address } from '../../src/term/address.js'
import { named } from '../../src/term/named.js'
import { tuple } from '../../src/term/tuple.js'
import { eventually } from '../support/deadline.js'
import { carriers, deadlineMs, losesSight, next, sees, TestCluster, type TestNode } from './cluster-kit.js'

const a = 'a@127.0.0.1'
const b = 'b@127.0.0.1'
const c = 'c@127.0.0.1'

/** Resolves when the node knows exactly these claimants, in any order. */
async function knows(node: Node, name: ClusterName, claimants: readonly Address<never>[]): Promise<void> {
  const wanted = claimants.map(String).sort()
  await eventually(
    () => JSON.stringify(node.names.lookupAll(name).map(String).sort()) === JSON.stringify(wanted),
    deadlineMs,
    `${node.name} to know ${wanted.join(', ') || 'nobody'} as ${String(name)}`,
  )
}

describe.each(carriers)('over %s', (_, tls) => {
  test('claims of before and after the connection are known on both sides, and end with each way to end', async () => {
    await using cluster = await TestCluster.make({ tls })
    const one = await cluster.start(a)
    const other = await cluster.start(b)
    const early = one.mailbox<string>()
    one.names.register('chat', early.address)
    await cluster.meet(one, other)
    await knows(other, 'chat', [early.address])

    const late = other.mailbox<string>()
    other.names.register('chat', late.address)
    await knows(one, 'chat', [early.address, late.address])
    await knows(other, 'chat', [early.address, late.address])
    // Its own first.
    expect(other.names.lookup('chat')).toBe(late.address)
    expect(one.names.lookup('chat')).toBe(early.address)

    // What is found can be sent to.
    expect(one.names.send('chat', 'hello')).toBe(2)
    expect([await next(early), await next(late)]).toEqual(['hello', 'hello'])

    expect(other.names.unregister('chat', late.address)).toBe(true)
    await knows(one, 'chat', [early.address])
    other.names.register('chat', late.address)
    await knows(one, 'chat', [early.address, late.address])
    late.close()
    await knows(one, 'chat', [early.address])
    const mortal = other.spawn((self: Process) => self.receive())
    other.names.register('chat', mortal)
    await knows(one, 'chat', [early.address, mortal])
    other.exit(mortal, Symbol.for('kill'))
    await knows(one, 'chat', [early.address])
    early.close()
    await knows(other, 'chat', [])
    expect(other.names.seen()).toEqual([])
  })
})

async function three(): Promise<[TestCluster, TestNode, TestNode, TestNode]> {
  const cluster = await TestCluster.make()
  const [one, two, three] = [await cluster.start(a), await cluster.start(b), await cluster.start(c)]
  await cluster.meet(one, two)
  await cluster.meet(two, three)
  await cluster.meet(three, one)
  return [cluster, one, two, three]
}

test('of three nodes, each knows the claims of all; those of a lost one are gone before its loss is told, and come back', async () => {
  const [cluster, one, two, last] = await three()
  await using _ = cluster
  const boxes = [one, two, last].map((node) => node.mailbox())
  const addresses = boxes.map((box) => box.address)
  for (const [n, node] of [one, two, last].entries()) node.names.register('shop', addresses[n] as Address)
  for (const node of [one, two, last]) await knows(node, 'shop', addresses)

  const seenAtLoss: number[] = []
  one.onNodeDown(() => seenAtLoss.push(one.names.lookupAll('shop').length))
  one.disconnect(c)
  await eventually(() => seenAtLoss.length === 1, deadlineMs, 'the news of the loss')
  expect(seenAtLoss).toEqual([2])
  await losesSight(last, a)
  await knows(last, 'shop', [addresses[1] as Address, addresses[2] as Address])
  await knows(two, 'shop', addresses)

  // What changes while they are apart is known when they meet again.
  boxes[2]?.close()
  const fresh = last.mailbox()
  last.names.register('shop', fresh.address)
  const also = one.mailbox()
  one.names.register('desk', also.address)
  await cluster.meet(one, last)
  for (const node of [one, two, last]) {
    await knows(node, 'shop', [addresses[0] as Address, addresses[1] as Address, fresh.address])
    await knows(node, 'desk', [also.address])
  }
})

test('a node that restarts brings its new claims, and none of the old', async () => {
  await using cluster = await TestCluster.make()
  const one = await cluster.start(a)
  const before = await cluster.start(b)
  await cluster.meet(one, before)
  before.names.register('shop', before.mailbox().address)
  before.names.register('gone', before.mailbox().address)
  await eventually(() => one.names.seen().length === 2, deadlineMs)
  await before.stop()
  await eventually(() => one.names.seen().length === 0, deadlineMs)
  const after = await cluster.start(b)
  const box = after.mailbox()
  after.names.register('shop', box.address)
  await cluster.meet(after, one)
  await knows(one, 'shop', [box.address])
  expect(one.names.seen()).toEqual(['shop'])
})

describe('watch', () => {
  test('tells what there is, and then each change, here and elsewhere, until it is stopped', async () => {
    await using cluster = await TestCluster.make()
    const one = await cluster.start(a)
    const other = await cluster.start(b)
    await cluster.meet(one, other)
    const seen: number[] = []
    const stop = one.names.watch('shop', () => seen.push(one.names.lookupAll('shop').length))
    one.names.register('shop', one.mailbox().address)
    const theirs = other.mailbox()
    other.names.register('shop', theirs.address)
    other.names.register('desk', theirs.address)
    await eventually(() => seen.length === 3, deadlineMs)
    other.disconnect(a)
    await losesSight(one, b)
    await eventually(() => seen.length === 4, deadlineMs)
    stop()
    await cluster.meet(one, other)
    await knows(
      one,
      'shop',
      one.names
        .lookupAll('shop')
        .slice(0, 1)
        .concat(theirs.address as never),
    )
    expect(seen).toEqual([0, 1, 2, 1])
  })

  test('a callback that throws disturbs nobody: not who registers, not the registry, not other callbacks', async () => {
    await using cluster = await TestCluster.make()
    const one = await cluster.start(a)
    const other = await cluster.start(b)
    await cluster.meet(one, other)
    let calls = 0
    one.names.watch('shop', () => {
      throw new Error('as asked')
    })
    one.names.watch('shop', async () => {
      throw new Error('later, too')
    })
    one.names.watch('shop', () => calls++)
    const mine = one.mailbox()
    one.names.register('shop', mine.address)
    const theirs = other.mailbox()
    other.names.register('shop', theirs.address)
    await knows(one, 'shop', [mine.address, theirs.address])
    await knows(other, 'shop', [mine.address, theirs.address])
    expect(calls).toBe(3)
    // It is told, though not each time: what others can make a node log has its pace.
    await eventually(() => one.log.at('error').length > 0, deadlineMs)
    expect(one.log.at('error')[0]).toMatchObject({
      message: 'a change of groups could not be handled',
      fields: { err: { message: 'as asked' } },
    })
    expect(one.whereis('reign')).toBeDefined()
  })
})

test('claiming twice is claiming once, and only for what lives here', async () => {
  await using cluster = await TestCluster.make()
  const one = await cluster.start(a)
  const other = await cluster.start(b)
  await cluster.meet(one, other)
  const box = one.mailbox()
  one.names.register('shop', box.address)
  one.names.register('shop', box.address)
  await knows(other, 'shop', [box.address])
  expect(one.names.unregister('shop')).toBe(true)
  expect(one.names.unregister('shop')).toBe(false)
  await knows(other, 'shop', [])

  const far = other.mailbox()
  const closed = one.mailbox()
  closed.close()
  for (const address of [far.address, closed.address, undefined, 'chat']) {
    expect(() => one.names.register('shop', address as never)).toThrow(
      expect.objectContaining({ code: 'ERR_REIGN_ARGUMENT' }),
    )
  }
  expect(one.names.unregister('shop', far.address)).toBe(false)
})

test('a name that cannot travel is refused where it is claimed, and leaves nothing behind', async () => {
  await using cluster = await TestCluster.make()
  const one = await cluster.start(a)
  const other = await cluster.start(b)
  await cluster.meet(one, other)
  const box = one.mailbox()
  const wrong = [
    '',
    7,
    null,
    undefined,
    {},
    Symbol('not registered'),
    'a lone \ud800',
    Symbol.for('x'.repeat(256)),
    Symbol.for('true'),
  ]
  for (const name of wrong) {
    const refused = expect.objectContaining({ code: 'ERR_REIGN_ARGUMENT' })
    expect(() => one.names.register(name as never, box.address), String(name)).toThrow(refused)
    expect(() => one.names.lookupAll(name as never), String(name)).toThrow(refused)
    expect(() => one.names.unregister(name as never), String(name)).toThrow(refused)
    expect(() => one.names.watch(name as never, () => {}), String(name)).toThrow(refused)
  }
  expect(one.names.seen()).toEqual([])
  for (const name of ['shop', 'Grüße 🙂', Symbol.for('shop'), Symbol.for('')]) {
    one.names.register(name, box.address)
    await knows(other, name, [box.address])
  }
  expect(new Set(other.names.seen())).toEqual(new Set(['shop', 'Grüße 🙂', Symbol.for('shop'), Symbol.for('')]))
})

test('a node that takes all binaries as bytes knows the same names', async () => {
  await using cluster = await TestCluster.make()
  const one = await cluster.start(a)
  const raw = await cluster.start(b, { binaries: 'bytes' })
  const box = one.mailbox()
  one.names.register('early', box.address)
  await cluster.meet(one, raw)
  await knows(raw, 'early', [box.address])
  const seen: number[] = []
  raw.names.watch('late', () => seen.push(1))
  one.names.register('late', box.address)
  const own = raw.mailbox()
  raw.names.register('late', own.address)
  await knows(raw, 'late', [box.address, own.address])
  await knows(one, 'late', [box.address, own.address])
  expect(raw.names.seen().sort()).toEqual(['early', 'late'])
  expect(seen).toHaveLength(3)
  one.names.unregister('late')
  await knows(raw, 'late', [own.address])
})

describe('what others send to the scope', () => {
  test('nonsense changes nothing, and ends nothing', async () => {
    await using cluster = await TestCluster.make()
    const one = await cluster.start(a)
    const other = await cluster.start(b)
    await cluster.meet(one, other)
    const box = one.mailbox()
    const theirs = other.mailbox()
    one.names.register('shop', box.address)
    await knows(other, 'shop', [box.address])
    const atom = Symbol.for
    const scope = other.whereis<never>('reign') as Address<never>
    const nonsense: unknown[] = [
      undefined,
      null,
      7,
      'text',
      [],
      {},
      tuple(),
      tuple(atom('discover')),
      tuple(atom('discover'), 7),
      tuple(atom('join'), scope, 'shop', 7),
      tuple(atom('join'), scope, 'shop', [7, null, tuple()]),
      tuple(atom('join'), 7, 'shop', theirs.address),
      tuple(atom('join'), scope),
      tuple(atom('leave'), scope, theirs.address, 'shop'),
      tuple(atom('leave'), scope, theirs.address),
      tuple(atom('leave'), scope, [theirs.address, 7], ['nobody', tuple(1), { deep: [1] }]),
      tuple(atom('$gen_cast'), 7),
      tuple(atom('$gen_cast'), tuple(atom('sync'))),
      tuple(atom('$gen_cast'), tuple(atom('sync'), scope, 'no list')),
      tuple(atom('$gen_cast'), tuple(atom('sync'), scope, [1, tuple(), tuple('shop'), tuple('shop', 7)])),
      tuple(atom('$gen_call'), 7, 8),
      { type: 'DOWN', address: scope, reason: 'a lie', ref: other.addressBook.makeRef() },
      { type: 'DOWN', address: one.whereis('reign'), reason: 'a lie' },
    ]
    for (const message of nonsense) other.send(named('reign', a), message)
    // A process that is no member of the peer that speaks, and one of our own.
    other.send(named('reign', a), tuple(atom('join'), scope, 'shop', [box.address, theirs.address]))
    await knows(one, 'shop', [box.address, theirs.address])
    other.names.register('desk', theirs.address)
    await knows(one, 'desk', [theirs.address])
    expect(one.log.at('error')).toEqual([])
  })

  test('a call is answered, as that of any server', async () => {
    await using cluster = await TestCluster.make()
    const one = await cluster.start(a)
    const other = await cluster.start(b)
    await cluster.meet(one, other)
    expect(await other.call(named('reign', a), Symbol.for('anything'))).toBe(Symbol.for('ok'))
  })
})

test('a node without a cluster has names of its own', async () => {
  const { Node } = await import('../../src/cluster/node.js')
  await using node = await Node.local()
  const box = node.mailbox<string>()
  const seen: number[] = []
  node.names.watch('shop', () => seen.push(node.names.lookupAll('shop').length))
  node.names.register('shop', box.address)
  expect(node.names.lookup('shop')).toBe(box.address)
  box.close()
  expect(node.names.lookup('shop')).toBe(undefined)
  expect(seen).toEqual([0, 1, 0])
})

test('many names, many nodes: all agree', async () => {
  await using cluster = await TestCluster.make()
  const nodes = await Promise.all(['a', 'b', 'c', 'd'].map((alive) => cluster.start(`${alive}@127.0.0.1`)))
  for (const node of nodes) for (let n = 0; n < 200; n++) node.names.register(`name ${n}`, node.mailbox().address)
  for (const one of nodes) for (const other of nodes) if (one.name < other.name) await cluster.meet(one, other)
  for (const node of nodes) await sees(node, ...nodes.map(({ name }) => name).filter((name) => name !== node.name))
  const view = (node: Node) =>
    JSON.stringify(Array.from({ length: 200 }, (_, n) => node.names.lookupAll(`name ${n}`).map(String).sort()))
  await eventually(
    () => new Set(nodes.map(view)).size === 1 && nodes[0]?.names.lookupAll('name 0').length === 4,
    deadlineMs,
  )
})

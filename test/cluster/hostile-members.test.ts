/**
 * A node that is let in speaks for its own processes alone: what it says in the name of others, or of what others have set, has no effect
 * on anybody. (What it may say as itself is much: it can end any process, as any node of Erlang can.)
 */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { genServer } from '../../src/behaviour/index.js'
import { controlOps } from '../../src/dist/control.js'
import type { Node } from '../../src/index.js'
import { named } from '../../src/index.js'
import type { Address } from '../../src/term/address.js'
import { tuple } from '../../src/term/tuple.js'
import { Simulation } from '../../src/testing/index.js'
import { Guest } from '../simulation/guest.js'

const nodes = ['a@sim', 'b@sim']
const forged = Symbol.for('forged')

const worker = genServer({ init: () => 0, calls: { work: (state) => state } })

let simulation: Simulation
let a: Node
let b: Node
let guest: Guest
beforeEach(async () => {
  simulation = new Simulation({ nodes, spec: { mesh: true } })
  ;[a, b] = (await simulation.startAll()) as [Node, Node]
  guest = await visit('guest@sim')
})
afterEach(() => simulation.close())

async function visit(name: string): Promise<Guest> {
  const made = new Guest(simulation, name, 'a@sim', 7)
  made.enter(() => {})
  await simulation.until(() => made.isIn && a.nodes().includes(name), 10_000)
  return made
}

/** The scope process of a node. */
function scopeOf(node: Node): Address<never> {
  return node.whereis('pg') as Address<never>
}

test('it cannot say that a process of another node has ended', async () => {
  const inbox = a.mailbox<unknown>()
  const far = b.mailbox()
  b.register('far', far.address)
  const near = a.mailbox()
  const refs = [inbox.monitor(named('far', 'b@sim')), inbox.monitor(near.address)]
  await simulation.run(1_000)
  const me = guest.known(inbox.address)
  for (const ref of refs) {
    for (const from of [guest.pid(1), Symbol.for('far')]) {
      guest.control(controlOps.PAYLOAD_MONITOR_P_EXIT, [from, me, guest.knownRef(ref)], forged)
    }
  }
  await simulation.run(1_000)
  expect([guest.isIn, inbox.length]).toEqual([true, 0])
  far.close()
  near.close()
  await simulation.run(1_000)
  expect(inbox.length).toBe(2)
})

test('it cannot end a call to another node', async () => {
  b.register('slow', b.mailbox().address)
  const seen: unknown[] = []
  simulation.intercept(({ message }) => void seen.push(message))
  const call = a.server<typeof worker>(named('slow', 'b@sim')).with({ timeout: 5_000 }).call.work()
  const outcome = call.then(
    () => 'answered',
    (error: { code: string }) => error.code,
  )
  await simulation.run(1_000)
  const [request] = seen as [[unknown, [Address<never>, { tail: never }]]]
  const [caller, tag] = request[1]
  guest.control(
    controlOps.PAYLOAD_MONITOR_P_EXIT,
    [Symbol.for('slow'), guest.known(caller), guest.knownRef(tag.tail)],
    forged,
  )
  expect(await simulation.complete(outcome)).toBe('ERR_REIGN_TIMEOUT')
})

test('it cannot take back, or move, a monitor of another node', async () => {
  const watcher = b.mailbox<{ type: string; reason: unknown }>()
  const target = a.mailbox()
  a.register('target', target.address)
  const ref = watcher.monitor(named('target', 'a@sim'))
  await simulation.run(1_000)
  const { DEMONITOR_P, MONITOR_P } = controlOps
  for (const [n, [op, to]] of [
    [DEMONITOR_P, guest.known(target.address)],
    [DEMONITOR_P, Symbol.for('target')],
    [MONITOR_P, guest.known(a.mailbox().address)],
  ].entries()) {
    const other = await visit(`guest-${n}@sim`)
    other.control(op as number, [other.pid(1), to, other.knownRef(ref)])
    await simulation.run(1_000)
    // It has no business with that reference, and is put out.
    expect(other.end).toBe('put out')
  }
  target.close()
  await simulation.run(1_000)
  expect(watcher.poll()).toMatchObject({ type: 'DOWN', ref })
})

test('it cannot say who of another node is in which group', async () => {
  const members = [a.mailbox(), b.mailbox()]
  a.groups.join('club', members[0]?.address as never)
  b.groups.join('club', members[1]?.address as never)
  await simulation.run(1_000)
  const theirs = guest.known(scopeOf(b))
  const member = guest.known(members[1]?.address as never)
  const ghost = guest.book.address('b@sim', 9_999, 0, b.addressBook.self.creation)
  const lies = [
    tuple(Symbol.for('leave'), theirs, member, ['club']),
    tuple(Symbol.for('join'), theirs, 'club', ghost),
    tuple(Symbol.for('$gen_cast'), tuple(Symbol.for('sync'), theirs, [])),
    tuple(Symbol.for('discover'), theirs),
  ]
  for (const lie of lies) {
    guest.sendNamed('pg', lie)
    guest.signal({ op: 'message', from: undefined, to: guest.known(scopeOf(a)), message: lie })
  }
  await simulation.run(1_000)
  expect(a.groups.members('club')).toHaveLength(2)
  // As itself it is heard.
  guest.sendNamed('pg', tuple(Symbol.for('discover'), guest.pid(1)))
  guest.sendNamed('pg', tuple(Symbol.for('join'), guest.pid(1), 'club', guest.pid(2)))
  await simulation.run(1_000)
  expect(a.groups.members('club')).toHaveLength(3)
  expect(b.groups.members('club')).toHaveLength(2)
  guest.leave(true)
  await simulation.run(1_000)
  expect(a.groups.members('club')).toHaveLength(2)
})

test('it cannot say that another node leaves, nor with whom it is connected', async () => {
  const downs: string[] = []
  a.onNodeDown((node) => downs.push(node))
  const service = guest.known(b.whereis('reign_members') as Address<never>)
  guest.sendNamed('reign_members', tuple(Symbol.for('leaving'), service))
  const mesh = guest.known(b.whereis('reign_mesh') as Address<never>)
  guest.sendNamed('reign_mesh', tuple(Symbol.for('up'), mesh, Symbol.for('ghost@sim'), '127.0.0.1:7'))
  guest.sendNamed('reign_mesh', tuple(Symbol.for('hello'), mesh, null, [tuple(Symbol.for('ghost@sim'), '127.0.0.1:7')]))
  await simulation.run(20_000)
  expect(downs).toEqual([])
  expect(simulation.network.dials('a@sim', 7)).toBe(0)
})

test('it cannot answer a spawn that another node was asked for', async () => {
  b.expose('work', { wait: async () => {} })
  simulation.cut('a@sim', 'b@sim')
  const asked = a.spawnOn('b@sim', 'work', 'wait', [])
  const outcome = asked.then(
    () => 'started',
    (error: { code: string }) => error.code,
  )
  await simulation.run(100)
  // References of a run follow each other: whoever has seen one can guess.
  const [low = 0, ...words] = a.addressBook.makeRef().words
  for (let back = 0; back < 20; back++) {
    const ref = guest.book.ref('a@sim', a.addressBook.self.creation, [low - back, ...words])
    guest.control(controlOps.SPAWN_REPLY, [ref, guest.known(a.mailbox().address), 0, forged])
    guest.control(controlOps.SPAWN_REPLY, [ref, guest.known(a.mailbox().address), 0, guest.pid(3)])
  }
  await simulation.run(1_000)
  simulation.heal()
  expect(await simulation.complete(outcome)).toBe('started')
})

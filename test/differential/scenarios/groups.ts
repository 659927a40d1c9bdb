/** Process groups, Erlang's `pg`, on all kinds of nodes: OTP's pg_SUITE, where it does not look inside. */
import type { Actor } from '../actor.js'
import type { NodeHandle } from '../node-handle.js'
import { scenarios } from '../scenario.js'
import { type Term, t, text } from '../term.js'
import { part } from './disconnects.js'

/** The scope of a scenario; one that another scenario has used is stopped by then. */
const scope = 'pg_scope'

const some = (who: readonly Term[]): Term => (who.length === 1 ? (who[0] as Term) : who)
const join = (by: Actor, group: Term, ...who: Term[]) => by.pg(scope, t('join', group, some(who)))
const leave = (by: Actor, group: Term, ...who: Term[]) => by.pg(scope, t('leave', group, some(who)))
const until = (by: Actor, group: Term, count: number) => by.pg(scope, t('until', group, count))
/** Notes who is in a group, and who of it on this node. */
async function look(by: Actor, group: Term): Promise<void> {
  await by.pg(scope, t('members', group))
  await by.pg(scope, t('local_members', group))
}
/** Notes which groups there are, and which have members on this node. */
async function lookAtAll(by: Actor): Promise<void> {
  await by.pg(scope, 'groups')
  await by.pg(scope, 'local_groups')
}

/** An actor on each node, with the scope on all nodes; they know each other. */
async function together<const N extends readonly NodeHandle[]>(...nodes: N): Promise<{ [I in keyof N]: Actor }> {
  const names = ['p', 'q', 'r']
  const actors = await Promise.all(nodes.map((node, n) => node.actor(names[n] as string)))
  // Those that greet only what they see begin: the others greet everybody.
  const seeing = actors.filter(({ node }) => node.runs('erl'))
  for (const actor of [...seeing, ...actors.filter((each) => !seeing.includes(each))]) await actor.pg(scope, 'start')
  for (const actor of actors) await join(actor, 'meeting', actor)
  for (const actor of actors) await until(actor, 'meeting', actors.length)
  for (const actor of actors) await leave(actor, 'meeting', actor)
  for (const actor of actors) await until(actor, 'meeting', 0)
  return actors as { [I in keyof N]: Actor }
}

export const groups = scenarios('Process groups', (scenario) => {
  const apart = true
  const nodes = 3

  scenario('in as often as joined, out as often as left', async ({ a, b }) => {
    const [p, q] = await together(a, b)
    await join(p, 'room', p)
    await join(p, 'room', p, p)
    await until(q, 'room', 3)
    await look(p, 'room')
    await leave(p, 'missing', p)
    await leave(p, 'room', p, p)
    await until(q, 'room', 1)
    await look(p, 'room')
    await leave(p, 'room', p)
    await until(q, 'room', 0)
    await leave(p, 'room', p)
    await lookAtAll(p)
    await lookAtAll(q)
  })

  scenario('members of two nodes; local ones are those of the node', { apart, tls: true }, async ({ a, b }) => {
    const [p, q] = await together(a, b)
    const [p2, q2] = [await a.actor('p2'), await b.actor('q2')]
    await join(p, 'room', p, p2)
    await join(q, 'room', q)
    await join(q, 'desk', q2, q2)
    for (const actor of [p, q]) {
      await until(actor, 'room', 3)
      await until(actor, 'desk', 2)
      await look(actor, 'room')
      await look(actor, 'desk')
      await lookAtAll(actor)
    }
  })

  scenario('a member that ends is in no group any more, however often it was in', async ({ a, b }) => {
    const [p, q] = await together(a, b)
    const mortal = await a.actor('mortal')
    await join(p, 'room', mortal, mortal, p)
    await join(p, 'desk', mortal)
    await until(q, 'room', 3)
    await mortal.exits('boom')
    for (const actor of [p, q]) {
      await until(actor, 'room', 1)
      await until(actor, 'desk', 0)
      await lookAtAll(actor)
    }
  })

  scenario('an emptied group is none, in whatever order they left', { apart }, async ({ a, b }) => {
    const [p, q] = await together(a, b)
    const q2 = await b.actor('q2')
    await join(q, 'room', q, q2)
    await until(p, 'room', 2)
    await leave(q, 'room', q2, q)
    await until(p, 'room', 0)
    await lookAtAll(p)
  })

  scenario('any term is the name of a group', async ({ a, b }) => {
    const [p, q] = await together(a, b)
    for (const name of ['room', text('room'), t('room', 7), [1, 'two', text('three')], 7, p]) {
      await join(p, name, p)
      await until(q, name, 1)
      await look(q, name)
    }
  })

  scenario('who joins before the other node has the scope is known to it when it has', { apart }, async ({ a, b }) => {
    const [p, q] = [await a.actor('p'), await b.actor('q')]
    await p.pg(scope, 'start')
    await join(p, 'room', p, p)
    await q.pg(scope, 'start')
    await until(q, 'room', 2)
    await join(q, 'room', q)
    await until(p, 'room', 3)
    await look(p, 'room')
    await look(q, 'room')
  })

  scenario('only processes of the node itself join', { apart }, async ({ a, b }) => {
    const [p, q] = await together(a, b)
    await join(p, 'room', q)
    await join(p, 'room', q, q)
    await join(p, 'room', p, q)
    await join(p, 'room', 'nobody')
    await p.pg(scope, t('join', 'room', ['nobody']))
    await leave(p, 'room', q)
    await look(p, 'room')
  })

  scenario(
    'joins, leaves and ends while apart are known when they meet again',
    { apart, tls: true },
    async ({ a, b }) => {
      const [p, q] = await together(a, b)
      const [p2, q2] = [await a.actor('p2'), await b.actor('q2')]
      await join(p, 'both', p)
      await join(q, 'both', q, q2)
      await join(p, 'leaves', p)
      await join(q, 'ends', q2)
      await until(p, 'both', 3)
      await until(q, 'leaves', 1)
      await part(a, b)
      await until(p, 'both', 1)
      await until(q, 'both', 2)
      await look(p, 'ends')
      await leave(p, 'leaves', p)
      await leave(p, 'never', p)
      await join(p, 'apart', p, p2)
      await join(q, 'apart', q)
      await q2.exits('boom')
      await a.ping(b)
      for (const actor of [p, q]) {
        await until(actor, 'apart', 3)
        await until(actor, 'both', 2)
        await look(actor, 'both')
        await look(actor, 'apart')
        await lookAtAll(actor)
      }
    },
  )

  scenario(
    'three nodes: what one does while it is apart from another reaches the third',
    { nodes },
    async ({ a, b, c }) => {
      const [p, q, r] = await together(a, b, c)
      await join(q, 'three', q)
      await until(r, 'three', 1)
      await part(a, b)
      await join(q, 'one', q)
      await join(p, 'two', p)
      await until(r, 'one', 1)
      await until(r, 'two', 1)
      await look(p, 'one')
      await look(q, 'two')
      await a.ping(b)
      for (const actor of [p, q, r]) {
        await until(actor, 'one', 1)
        await until(actor, 'two', 1)
        await lookAtAll(actor)
      }
    },
  )

  scenario('three nodes: many members change hands while one is apart from both', { nodes }, async ({ a, b, c }) => {
    const [p, q, r] = await together(a, b, c)
    const many = async (node: NodeHandle, name: string) => {
      const actors: Actor[] = []
      for (let n = 0; n < 6; n++) actors.push(await node.actor(`${name}${n}`))
      return actors
    }
    const [early, late, far] = [await many(b, 'early'), await many(b, 'late'), await many(c, 'far')]
    await join(q, 'room', ...early)
    await until(p, 'room', 6)
    for (const actor of early.slice(0, 2)) await actor.exits('boom')
    await until(p, 'room', 4)
    await part(a, b)
    await part(a, c)
    await until(p, 'room', 0)
    for (const actor of far) await join(r, 'room', actor)
    for (const actor of late) await join(q, 'second', actor)
    await join(q, 'third', ...late)
    await a.ping(b)
    await a.ping(c)
    await until(p, 'room', 10)
    await until(p, 'second', 6)
    await until(p, 'third', 6)
    await leave(q, 'third', ...late.slice(0, 2))
    await until(p, 'third', 4)
    await leave(q, 'left', late[2] as Actor)
    await leave(q, 'third', ...late.slice(2))
    await until(p, 'third', 0)
    for (const actor of [p, q, r]) {
      await until(actor, 'room', 10)
      await look(actor, 'room')
      await look(actor, 'second')
      await lookAtAll(actor)
    }
  })

  scenario(
    'a scope that is started again has the members of others, and none of its own',
    { apart },
    async ({ a, b }) => {
      const [p, q] = await together(a, b)
      await join(p, 'room', p, p)
      await join(q, 'room', q)
      await until(p, 'room', 3)
      await until(q, 'room', 3)
      await p.pg(scope, 'stop')
      await until(q, 'room', 1)
      await p.pg(scope, 'start')
      await until(p, 'room', 1)
      await look(p, 'room')
      await join(p, 'room', p)
      await until(p, 'room', 2)
      await until(q, 'room', 2)
      await look(q, 'room')
    },
  )

  scenario('where the scope is not started nobody joins, leaves or is a member', async ({ a }) => {
    const p = await a.actor('p')
    await p.pg(scope, 'start')
    await join(p, 'room', p)
    await p.pg(scope, 'stop')
    await join(p, 'room', p)
    await leave(p, 'room', p)
    await look(p, 'room')
  })

  scenario('a scope is started, stopped and started while apart', { apart }, async ({ a, b }) => {
    const [p, q] = await together(a, b)
    await join(p, 'room', p)
    await join(q, 'room', q)
    await until(q, 'room', 2)
    await part(a, b)
    await q.pg(scope, 'stop')
    await q.pg(scope, 'start')
    await q.pg(scope, 'stop')
    await q.pg(scope, 'start')
    await join(q, 'desk', q)
    await a.ping(b)
    for (const actor of [p, q]) {
      await until(actor, 'desk', 1)
      await until(actor, 'room', 1)
      await look(actor, 'room')
    }
  })

  scenario('what a scope process says that is not known is not believed', { apart }, async ({ a, b }) => {
    const [p, q] = await together(a, b)
    await join(p, 'room', p)
    const gone = await q.pgProcess(scope)
    await q.pg(scope, 'stop')
    await q.sync(p)
    for (const peer of [gone, q]) {
      await q.send(a.named(scope), t('join', peer, 'room', q))
      await q.send(a.named(scope), t('leave', peer, p, ['room']))
    }
    await q.pg(scope, 'start')
    await join(q, 'done', q)
    await until(p, 'done', 1)
    await look(p, 'room')
  })

  scenario('a sync out of turn is believed, and put right by the next', { apart }, async ({ a, b }) => {
    const [p, q] = await together(a, b)
    await join(p, 'one', p)
    await join(q, 'one', q)
    await until(p, 'one', 2)
    const [here, there] = [await p.pgProcess(scope), await q.pgProcess(scope)]
    await q.send(a.named(scope), t('$gen_cast', t('sync', there, [t('one', [q, q]), t('two', [q, q])])))
    await until(p, 'two', 2)
    await look(p, 'one')
    await look(p, 'two')
    await p.send(b.named(scope), t('discover', here))
    await until(p, 'two', 0)
    await look(p, 'one')
    await lookAtAll(p)
  })

  scenario('that the own node has come up is no news', async ({ a, b }) => {
    const [p, q] = await together(a, b)
    await p.send(a.named(scope), t('nodeup', a))
    await join(p, 'room', p)
    await until(q, 'room', 1)
    await look(p, 'room')
  })

  scenario('a monitor of a group: who is in it, and every change of it', async ({ a, b }) => {
    const [p, q] = await together(a, b)
    const w = await a.actor('w')
    const [mortal, q2] = [await b.actor('mortal'), await b.actor('q2')]
    await join(p, 'room', p)
    await w.pgMonitor(scope, 'room')
    await join(q, 'desk', q)
    await join(q, 'room', q)
    await w.sees(1)
    await join(q, 'room', mortal, mortal, q2)
    await w.sees(1)
    await leave(p, 'room', p)
    await w.sees(1)
    await leave(q, 'room', q2, q)
    await w.sees(1)
    await mortal.exits('boom')
    await w.sees(2)
    await join(p, 'room', p)
    await w.sees(1)
  })

  scenario('a monitor of a scope that has no groups yet', async ({ a, b }) => {
    const [p, q] = await together(a, b)
    const w = await a.actor('w')
    await w.pgMonitor(scope)
    await join(p, 'room', p, p)
    await w.sees(1)
    await join(q, 'desk', q)
    await w.sees(1)
    await leave(p, 'room', p)
    await leave(p, 'nowhere', p)
    await w.sees(1)
    await q.exits('boom')
    await w.sees(1)
  })

  scenario(
    'a monitor of a scope that has groups; a part of the cluster goes and comes',
    { apart },
    async ({ a, b }) => {
      const [p, q] = await together(a, b)
      const w = await a.actor('w')
      await join(p, 'room', p)
      await join(q, 'room', q)
      await join(q, 'desk', q, q)
      await until(p, 'room', 2)
      await until(p, 'desk', 2)
      await w.pgMonitor(scope)
      await part(a, b)
      await w.sees(2, { inAnyOrder: true })
      await a.ping(b)
      await w.sees(2, { inAnyOrder: true })
    },
  )

  scenario('a monitor that is taken back tells nothing more, and what it told is removed', async ({ a, b }) => {
    const [p, q] = await together(a, b)
    const w = await a.actor('w')
    const [ref, all] = [await w.pgMonitor(scope, 'room'), await w.pgMonitor(scope)]
    await w.hold()
    await join(p, 'room', p)
    await w.queues(2)
    await w.release()
    await w.sees(2)
    await w.batch((batch) => {
      batch.pg(scope, t('join', 'room', w))
      batch.pg(scope, t('demonitor', text(ref.name)))
      batch.pg(scope, t('demonitor', text(ref.name)))
      batch.pg(scope, t('demonitor', text(all.name)))
    })
    await join(q, 'room', q)
    await until(p, 'room', 3)
    await w.sync(p)
  })

  scenario('a node that is lost takes its members with it', { fresh: ['b'] }, async ({ a, b }) => {
    const [p, q] = await together(a, b)
    await join(p, 'room', p)
    await join(q, 'room', q, q)
    await until(p, 'room', 3)
    await b.kill()
    await until(p, 'room', 1)
    await look(p, 'room')
  })
})

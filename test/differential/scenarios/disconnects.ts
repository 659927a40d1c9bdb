/** Connections that are lost and made again, between nodes that live on. P3, and the reconnect cases of OTP's suites. */

import type { Actor } from '../actor.js'
import { type NodeHandle, trapping } from '../node-handle.js'
import { scenarios } from '../scenario.js'

/** Breaks the connection; both sides know when this resolves. */
export async function part(a: NodeHandle, b: NodeHandle): Promise<void> {
  const [here, there] = [await a.actor('here'), await b.actor('there')]
  await here.monitor(there)
  await there.monitor(here)
  await a.disconnect(b)
  await here.sees(1)
  await there.sees(1)
}

export const disconnects = scenarios('A connection is lost and made again', (scenario) => {
  const apart = true

  scenario('both ends of a link are told noconnection', { apart, tls: true }, async ({ a, b }) => {
    const p = await a.actor('p', trapping)
    const q = await b.actor('q', trapping)
    await p.link(q)
    await a.disconnect(b)
    await p.sees(1)
    await q.sees(1)
  })

  scenario('both ends of a link end of it when they do not trap', { apart }, async ({ a, b }) => {
    const p = await a.actor('p')
    const q = await b.actor('q')
    await p.link(q)
    await b.disconnect(a)
    await p.ends()
    await q.ends()
  })

  scenario('who watches is told, who is watched is not', { apart }, async ({ a, b }) => {
    const p = await a.actor('p')
    const q = await b.actor('q')
    await q.register('echo')
    await p.monitor(q)
    await p.monitor(b.named('echo'))
    await p.sync(q)
    await a.disconnect(b)
    await p.sees(2, { inAnyOrder: true })
  })

  scenario('a message makes a new connection, and old addresses are good', { apart, tls: true }, async ({ a, b }) => {
    const [p, q] = [await a.actor('p'), await b.actor('q')]
    await part(a, b)
    await p.send(q, 'hello again')
    await q.sees(1)
    await q.send(p, 'hello yourself')
    await p.sees(1)
  })

  scenario(
    'whoever ends of the loss tells the lost node nothing: nobody dials',
    { apart, endsApart: true },
    async ({ a, b }) => {
      const [p, r, witness] = [await a.actor('p'), await a.actor('r'), await a.actor('witness')]
      const [q, s] = [await b.actor('q', trapping), await b.actor('s', trapping)]
      for (const other of [q, s]) {
        await p.link(other)
        await p.monitor(other)
        await r.monitor(other)
        await other.monitor(p)
      }
      await r.link(p)
      await witness.monitorNodes()
      await a.disconnect(b)
      await p.ends()
      await r.ends()
      for (const other of [q, s]) await other.sees(2, { inAnyOrder: true })
      await witness.sees(1)
      // That nothing comes takes time to see: as long as a connection would need many times over.
      await witness.sendAfter(100, 'nothing came')
      await witness.sees(1)
    },
  )

  for (const [title, first] of [
    ['a link', (p: Actor, q: Actor) => p.link(q)],
    ['a monitor', (p: Actor, q: Actor) => p.monitor(q)],
    ['an exit', (p: Actor, q: Actor) => p.exit(q, 'boom')],
    ['a message to a name', (p: Actor, q: Actor) => p.send(q.node.named('echo'), 'hello')],
    ['a monitor by name', (p: Actor, q: Actor) => p.monitor(q.node.named('echo'))],
  ] as const) {
    scenario(`${title} makes a new connection too`, { apart }, async ({ a, b }) => {
      const p = await a.actor('p', trapping)
      const q = await b.actor('q', trapping)
      await q.register('echo')
      await part(a, b)
      await first(p, q)
      await p.sync(q)
      await q.exits('end')
      const other = await b.actor('other')
      await p.sync(other)
    })
  }

  scenario('a call makes a new connection too', { apart }, async ({ a, b }) => {
    const [p, q] = [await a.actor('p'), await b.actor('q')]
    await part(a, b)
    await p.call(q, 'ask')
    await q.sees(1)
    await q.reply('answer')
    await p.sees(1)
  })

  scenario('a spawn makes a new connection too', { apart }, async ({ a, b }) => {
    const p = await a.actor('p', trapping)
    await part(a, b)
    const { child } = await p.spawn(b, 'child', { link: true })
    await child.exits('boom')
    await p.sees(1)
  })

  scenario('a link of the old connection is none on the new one', { apart }, async ({ a, b }) => {
    const p = await a.actor('p', trapping)
    const q = await b.actor('q', trapping)
    await p.link(q)
    await a.disconnect(b)
    await p.sees(1)
    await q.sees(1)
    await p.send(q, 'hello again')
    await q.exits('unseen')
  })

  scenario('a monitor of the old connection tells no more on the new one', { apart }, async ({ a, b }) => {
    const p = await a.actor('p')
    const q = await b.actor('q')
    await p.monitor(q)
    await a.disconnect(b)
    await p.sees(1)
    await p.monitor(q)
    await q.exits('boom')
    await p.sees(1)
  })

  scenario('a link can be made anew, and holds', { apart }, async ({ a, b }) => {
    const p = await a.actor('p', trapping)
    const q = await b.actor('q', trapping)
    await p.link(q)
    await a.disconnect(b)
    await p.sees(1)
    await q.sees(1)
    await q.link(p)
    await p.exits('boom')
    await q.sees(1)
  })

  scenario('an unlink that was under way keeps no new link from being made', { apart }, async ({ a, b }) => {
    const [p, r] = [await a.actor('p', trapping), await a.actor('r')]
    const q = await b.actor('q')
    await p.link(q)
    await r.monitor(q)
    await p.batch((batch) => batch.unlink(q))
    await a.disconnect(b)
    await r.sees(1)
    await r.sync(q)
    await p.link(q)
    await q.exits('boom')
    await p.sees(1)
  })

  scenario('unlink and demonitor after the loss do nothing', { apart }, async ({ a, b }) => {
    const p = await a.actor('p', trapping)
    const q = await b.actor('q', trapping)
    await p.link(q)
    const ref = await p.monitor(q)
    await a.disconnect(b)
    await p.sees(2, { inAnyOrder: true })
    await q.sees(1)
    await p.unlink(q)
    await p.demonitor(ref)
    await p.link(q)
    await q.exits('boom')
    await p.sees(1)
  })

  scenario('a call under way fails, and its reply goes nowhere on the new connection', { apart }, async ({ a, b }) => {
    const p = await a.actor('p')
    const q = await b.actor('q')
    const other = await b.actor('other')
    await other.monitor(p)
    await p.call(q, 'ask')
    await q.sees(1)
    await a.disconnect(b)
    await p.sees(1)
    await other.sees(1)
    await q.reply('too late')
    await q.send(p, 'after it')
    await p.sees(1)
  })

  scenario('an alias outlives the connection', { apart }, async ({ a, b }) => {
    const p = await a.actor('p')
    const q = await b.actor('q')
    const alias = await p.alias()
    await part(a, b)
    await q.send(alias, 'hello again')
    await p.sees(1)
  })

  scenario('nodedown and nodeup are told in turn, on both sides', { apart }, async ({ a, b }) => {
    const [p, q] = [await a.actor('p'), await b.actor('q')]
    await p.monitorNodes()
    await q.monitorNodes()
    for (let i = 0; i < 2; i++) {
      await a.disconnect(b)
      await p.sees(1)
      await q.sees(1)
      await p.send(q, 'again')
      await p.sees(1)
      await q.sees(2)
    }
  })

  scenario('nodeup comes before the first message', { apart }, async ({ a, b }) => {
    const [p, q] = [await a.actor('p'), await b.actor('q')]
    await part(a, b)
    await p.monitorNodes()
    await q.batch((batch) => {
      batch.send(p, 'first')
      batch.send(p, 'second')
    })
    await p.sees(3)
  })

  scenario('the notices of a lost connection come before the messages of the next one', { apart }, async ({ a, b }) => {
    const p = await a.actor('p', trapping)
    const [q, r] = [await b.actor('q', trapping), await b.actor('r')]
    await p.link(q)
    await r.monitor(p)
    await a.disconnect(b)
    await r.sees(1)
    await q.sees(1)
    await q.send(p, 'on the new one')
    await p.sees(2)
  })

  scenario('a loss that was asked for by one side is the same on the other', { apart }, async ({ a, b }) => {
    const [p, r] = [await a.actor('p', trapping), await a.actor('r')]
    const q = await b.actor('q', trapping)
    await q.link(p)
    await r.monitor(q)
    await b.disconnect(a)
    await p.sees(1)
    await q.sees(1)
    await r.sees(1)
    await r.monitor(q)
    await q.returns()
    await r.sees(1)
  })
})

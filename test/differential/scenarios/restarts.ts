/** A node is killed and comes back under its name: what is left of its old run reaches nobody. P4, F38. */

import type { Actor } from '../actor.js'
import { type NodeHandle, trapping } from '../node-handle.js'
import { scenarios } from '../scenario.js'

/** Another run of b, with actors that have the numbers of the old ones; p knows that the old run is gone. */
async function again(p: Actor, old: Actor, b: NodeHandle): Promise<[Actor, Actor]> {
  await p.monitor(old)
  await b.restart()
  await p.sees(1)
  return [await b.actor('new', trapping), await b.actor('newer', trapping)]
}

export const restarts = scenarios('A node is started again', (scenario) => {
  const fresh = ['b'] as const

  scenario('a message to an address of the old run goes nowhere', { fresh, tls: true }, async ({ a, b }) => {
    const p = await a.actor('p')
    const q = await b.actor('q')
    const [next] = await again(p, q, b)
    await p.send(q, 'lost')
    await p.send(next, 'found')
    await next.sees(1)
  })

  scenario('monitor, link and call of an address of the old run: noproc', { fresh, tls: true }, async ({ a, b }) => {
    const p = await a.actor('p', trapping)
    const q = await b.actor('q')
    const [next] = await again(p, q, b)
    await p.sync(next)
    await p.monitor(q)
    await p.sees(1)
    await p.link(q)
    await p.sees(1)
    await p.call(q, 'ask')
    await p.sees(1)
  })

  scenario('exits for the old run end nobody in the new one', { fresh }, async ({ a, b }) => {
    const p = await a.actor('p', trapping)
    const [q, r] = [await b.actor('q'), await b.actor('r')]
    const [next, newer] = await again(p, q, b)
    await p.batch((batch) => {
      for (const old of [q, r]) {
        batch.exit(old, 'kill')
        batch.exit(old, 'boom')
        batch.unlink(old)
      }
      batch.sync(next)
      batch.sync(newer)
    })
    await p.exits('end')
  })

  scenario('an alias of the old run leads nowhere', { fresh }, async ({ a, b }) => {
    const p = await a.actor('p')
    const q = await b.actor('q')
    const [alias, watch] = [await q.alias(), await q.monitor(p, 'explicit_unalias')]
    const [next] = await again(p, q, b)
    await next.alias()
    await p.send(alias, 'lost')
    await p.send(watch, 'lost')
    await p.send(next, 'found')
    await next.sees(1)
  })

  scenario('a name leads to whoever has it now', { fresh }, async ({ a, b }) => {
    const p = await a.actor('p')
    const q = await b.actor('q')
    await q.register('echo')
    await p.monitor(b.named('echo'))
    await p.sync(q)
    await b.restart()
    await p.sees(1)
    const next = await b.actor('next')
    await p.monitor(b.named('echo'))
    await p.sees(1)
    await next.register('echo')
    await p.monitor(b.named('echo'))
    await p.send(b.named('echo'), 'hello')
    await next.sees(1)
    await next.exits('boom')
    await p.sees(1)
  })

  scenario('links and monitors of the old run tell once, and never again', { fresh }, async ({ a, b }) => {
    const p = await a.actor('p', trapping)
    const [q, r] = [await b.actor('q'), await b.actor('r')]
    await p.link(q)
    await p.monitor(r)
    await b.restart()
    await p.sees(2, { inAnyOrder: true })
    const [next, newer] = [await b.actor('next'), await b.actor('newer')]
    await p.sync(next)
    await next.exits('unseen')
    await newer.exits('unseen')
  })

  scenario('an address of the old run, told to the new one, is nobody there', { fresh }, async ({ a, b }) => {
    const p = await a.actor('p')
    const q = await b.actor('q')
    const [next] = await again(p, q, b)
    await p.send(next, ['this was', q])
    await next.sees(1)
    await next.send(q, 'lost')
    await next.monitor(q)
    await next.sees(1)
    await next.link(q)
    await next.sees(1)
    await next.exit(q, 'kill')
  })

  scenario('nodedown, then nodeup', { fresh }, async ({ a, b }) => {
    const p = await a.actor('p')
    await p.monitorNodes()
    await b.restart()
    await p.sees(1)
    const next = await b.actor('next')
    await p.send(next, 'hello')
    await p.sees(1)
    await next.sees(1)
  })

  scenario('what the new run makes is as good as ever', { fresh }, async ({ a, b }) => {
    const p = await a.actor('p', trapping)
    const q = await b.actor('q')
    await again(p, q, b)
    const { child } = await p.spawn(b, 'child', { link: true, monitor: true })
    await child.throws('boom')
    await p.sees(2, { inAnyOrder: true })
  })
})

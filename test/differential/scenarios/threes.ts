/** Three nodes: addresses that are handed on, and losses that concern some and not others. */
import { trapping } from '../node-handle.js'
import { scenarios } from '../scenario.js'
import { t } from '../term.js'

export const threes = scenarios('Three nodes', (scenario) => {
  const nodes = 3

  scenario('an address is handed on, and used by the one that was told', { nodes, tls: true }, async ({ a, b, c }) => {
    const [p, q, r] = [await a.actor('p', trapping), await b.actor('q'), await c.actor('r')]
    await q.send(p, t('meet', r))
    await p.link(r)
    await p.monitor(r)
    await r.exits(t('because', q))
    await p.sees(3, { inAnyOrder: true })
  })

  scenario('an exit runs through all three', { nodes }, async ({ a, b, c }) => {
    const [p, q, r] = [await a.actor('p'), await b.actor('q'), await c.actor('r', trapping)]
    await p.link(q)
    await q.link(r)
    await p.throws('boom')
    await q.ends()
    await r.sees(1)
  })

  scenario('two nodes watch a process of the third, by address and by name', { nodes }, async ({ a, b, c }) => {
    const [p, q, r] = [await a.actor('p'), await b.actor('q'), await c.actor('r')]
    await r.register('echo')
    await p.monitor(r)
    await q.monitor(c.named('echo'))
    await q.sync(r)
    await r.exits('boom')
    await p.sees(1)
    await q.sees(1)
  })

  scenario('an alias is used from two other nodes', { nodes }, async ({ a, b, c }) => {
    const [p, q, r] = [await a.actor('p'), await b.actor('q'), await c.actor('r')]
    const alias = await p.alias()
    await q.send(alias, 'from q')
    await p.sees(1)
    await r.send(alias, 'from r')
    await p.sees(1)
  })

  scenario('spawned across three nodes, linked all the way', { nodes }, async ({ a, b, c }) => {
    const p = await a.actor('p', trapping)
    const { child } = await p.spawn(b, 'child', { link: true })
    const { child: grandchild } = await child.spawn(c, 'grandchild', { link: true, monitor: true })
    await grandchild.exits('boom')
    await child.ends()
    await p.sees(1)
  })

  scenario('a reference that came from elsewhere is the same when it comes back', { nodes }, async ({ a, b, c }) => {
    const [p, q, r] = [await a.actor('p'), await b.actor('q'), await c.actor('r')]
    const ref = await p.monitor(q)
    await p.send(r, ref)
    await r.send(q, t(ref, p, q, r))
    await q.send(p, t(ref, p, q, r))
    for (const actor of [p, q, r]) await actor.sees(1)
  })

  scenario('two part, and the third stays with both', { nodes }, async ({ a, b, c }) => {
    const [p, q, r] = [await a.actor('p', trapping), await b.actor('q', trapping), await c.actor('r', trapping)]
    await p.link(q)
    await q.link(r)
    await r.link(p)
    await a.disconnect(b)
    await p.sees(1)
    await q.sees(1)
    await r.exits('boom')
    await p.sees(1)
    await q.sees(1)
  })

  scenario('one that is not connected with the third is told of it, and dials', { nodes }, async ({ a, b, c }) => {
    const [p, q, r] = [await a.actor('p'), await b.actor('q'), await c.actor('r')]
    const watch = await a.actor('watch')
    await watch.monitor(r)
    await a.disconnect(c)
    await watch.sees(1)
    await q.send(p, t('meet', r))
    await p.monitor(r)
    await r.returns()
    await p.sees(2)
  })

  scenario('the third is lost: both are told, and stay together', { nodes, fresh: ['c'] }, async ({ a, b, c }) => {
    const [p, q, r] = [await a.actor('p', trapping), await b.actor('q', trapping), await c.actor('r')]
    await p.link(r)
    await q.monitor(r)
    await p.link(q)
    await c.kill()
    await p.sees(1)
    await q.sees(1)
    await p.exits('boom')
    await q.sees(1)
  })

  scenario('the third is lost: one ends of it, and the other of that', { nodes, fresh: ['c'] }, async ({ a, b, c }) => {
    const [p, q, r] = [await a.actor('p'), await b.actor('q', trapping), await c.actor('r')]
    await p.link(r)
    await p.link(q)
    await c.kill()
    await p.ends()
    await q.sees(1)
  })
})

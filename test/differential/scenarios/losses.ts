/** Nodes that are lost for good: killed, ended, or never there. F5, and the node-down cases of OTP's suites. */
import type { Actor } from '../actor.js'
import { trapping } from '../node-handle.js'
import { scenarios } from '../scenario.js'
import { t } from '../term.js'

export const losses = scenarios('A node is lost', (scenario) => {
  const fresh = ['b'] as const

  scenario('links tell noconnection, or end who does not trap', { fresh, tls: true }, async ({ a, b }) => {
    const [p, r] = [await a.actor('p', trapping), await a.actor('r')]
    const [q, s] = [await b.actor('q'), await b.actor('s')]
    await p.link(q)
    await p.link(s)
    await r.link(q)
    await b.kill()
    await p.sees(2, { inAnyOrder: true })
    await r.ends()
  })

  scenario('monitors tell noconnection, by address and by name', { fresh, tls: true }, async ({ a, b }) => {
    const [p, r] = [await a.actor('p'), await a.actor('r')]
    const q = await b.actor('q')
    await q.register('echo')
    await p.monitor(q)
    await p.monitor(q)
    await r.monitor(b.named('echo'))
    await r.sync(q)
    await b.kill()
    await p.sees(2, { inAnyOrder: true })
    await r.sees(1)
  })

  scenario('each of many links and monitors tells once', { fresh }, async ({ a, b }) => {
    const p = await a.actor('p', trapping)
    const others: Actor[] = []
    for (let i = 1; i <= 8; i++) others.push(await b.actor(`q${i}`))
    await p.batch((batch) => {
      for (const other of others) {
        batch.link(other)
        batch.monitor(other)
        batch.demonitor(batch.monitor(other))
      }
      for (const other of others) batch.sync(other)
    })
    await b.kill()
    await p.sees(16, { inAnyOrder: true })
  })

  scenario('what was undone before tells nothing', { fresh }, async ({ a, b }) => {
    const [p, r] = [await a.actor('p', trapping), await a.actor('r')]
    const q = await b.actor('q')
    await p.link(q)
    const ref = await p.monitor(q)
    await p.unlink(q)
    await p.demonitor(ref)
    await r.monitor(q)
    await b.kill()
    await r.sees(1)
  })

  scenario('an unlink that is not acknowledged yet tells nothing', { fresh }, async ({ a, b }) => {
    const [p, r] = [await a.actor('p', trapping), await a.actor('r')]
    const q = await b.actor('q')
    await p.link(q)
    await r.monitor(q)
    await b.suspend()
    await p.unlink(q)
    await b.kill()
    await r.sees(1)
  })

  scenario('calls under way fail with noconnection', { fresh }, async ({ a, b }) => {
    const [p, r] = [await a.actor('p'), await a.actor('r')]
    const q = await b.actor('q')
    await q.register('server')
    await p.call(q, 'ask')
    await r.call(b.named('server'), 'ask')
    await q.sees(2, { inAnyOrder: true })
    await b.kill()
    await p.sees(1)
    await r.sees(1)
  })

  scenario('a spawn that is not answered yet is refused with noconnection', { fresh }, async ({ a, b }) => {
    const [p, r] = [await a.actor('p', trapping), await a.actor('r')]
    const q = await b.actor('q')
    await r.monitor(q)
    await b.suspend()
    const asked = p.spawnFunction(b, 'returns', { link: true, monitor: true })
    await b.kill()
    await r.sees(1)
    await asked
  })

  scenario('aliases of monitors end with them, but for explicit_unalias', { fresh }, async ({ a, b }) => {
    const [p, r] = [await a.actor('p'), await a.actor('r')]
    const q = await b.actor('q')
    const [one, two, three] = [
      await p.monitor(q, 'explicit_unalias'),
      await p.monitor(q, 'demonitor'),
      await p.monitor(q, 'reply_demonitor'),
    ]
    await b.kill()
    await p.sees(3, { inAnyOrder: true })
    for (const alias of [two, three, one]) await r.send(alias, alias)
    await p.sees(1)
  })

  scenario('whoever is linked with one that ends of it is told in turn', { fresh }, async ({ a, b }) => {
    const [p, r] = [await a.actor('p'), await a.actor('r', trapping)]
    const q = await b.actor('q')
    await p.link(q)
    await r.link(p)
    await r.monitor(p)
    await b.kill()
    await r.sees(2, { inAnyOrder: true })
  })

  scenario('links and monitors that the lost node had on us are gone', { fresh }, async ({ a, b }) => {
    const [p, r] = [await a.actor('p', trapping), await a.actor('r')]
    const q = await b.actor('q')
    await q.monitor(p)
    await q.link(p)
    await p.register('echo')
    await q.monitor(a.named('echo'))
    await q.sync(p)
    await r.monitor(q)
    await b.kill()
    await r.sees(1)
    await p.sees(1)
  })

  scenario('a new link, monitor, call or message finds nobody there', { fresh }, async ({ a, b }) => {
    const [p, r, s] = [await a.actor('p', trapping), await a.actor('r'), await a.actor('s')]
    const q = await b.actor('q')
    await s.monitor(q)
    await b.kill()
    await s.sees(1)
    await p.send(q, 'lost')
    await p.exit(q, 'kill')
    await p.link(q)
    await p.sees(1)
    await p.monitor(b.named('echo'))
    await p.sees(1)
    await r.call(q, 'ask')
    await r.sees(1)
    await p.spawnFunction(b, 'returns', { link: true })
  })

  scenario('a node that never was: links, monitors, calls and messages', { apart: true }, async ({ a }) => {
    const p = await a.actor('p')
    await p.monitor(t('server', a.nowhere))
    await p.sees(1)
    await p.call(t('server', a.nowhere), 'ask')
    await p.sees(1)
    await p.send(t('server', a.nowhere), 'lost')
  })

  scenario('nodedown is told once to each that asked for it', { fresh }, async ({ a, b }) => {
    const [p, r, s] = [await a.actor('p'), await a.actor('r'), await a.actor('s')]
    for (const actor of [p, r, s]) await actor.monitorNodes()
    await s.monitorNodes(false)
    await b.kill()
    await p.sees(1)
    await r.sees(1)
  })

  scenario('a node that halts is a node that is lost', { fresh }, async ({ a, b }) => {
    const p = await a.actor('p', trapping)
    const q = await b.actor('q')
    await p.link(q)
    await p.monitor(q)
    await p.monitorNodes()
    await b.end('halt')
    await p.sees(3, { inAnyOrder: true })
  })

  scenario(
    'a node that stops in order',
    {
      fresh,
      differs: {
        why: 'Erlang closes its connections before it ends the processes. A reign node ends them with shutdown, and says so.',
        expected: (lines, { b }) =>
          b === 'erl' ? lines : lines.map((line) => line.replace(/noconnection$/, 'shutdown')),
      },
    },
    async ({ a, b }) => {
      const p = await a.actor('p', trapping)
      const q = await b.actor('q')
      await p.link(q)
      await p.monitor(q)
      await b.end('stop')
      await p.sees(2, { inAnyOrder: true })
    },
  )
})

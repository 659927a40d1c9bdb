/** Aliases: the alias cases of OTP's process_SUITE and monitor_SUITE. */
import { scenarios } from '../scenario.js'

export const aliases = scenarios('Aliases', (scenario) => {
  scenario('what is sent to an alias arrives, until it is taken back', { tls: true }, async ({ a, b }) => {
    const p = await a.actor('p')
    const q = await b.actor('q')
    const alias = await p.alias()
    await q.send(alias, 'one')
    await q.send(alias, 'two')
    await p.sees(2)
    await p.unalias(alias)
    await q.send(alias, 'lost')
    await p.unalias(alias)
  })

  scenario('an alias for one reply takes one message', async ({ a, b }) => {
    const p = await a.actor('p')
    const q = await b.actor('q')
    const alias = await p.alias('reply')
    await q.batch((batch) => {
      batch.send(alias, 'first')
      batch.send(alias, 'lost')
      batch.send(p, 'found')
    })
    await p.sees(2)
    await p.unalias(alias)
  })

  scenario('an alias for one reply, taken back before', async ({ a, b }) => {
    const p = await a.actor('p')
    const q = await b.actor('q')
    const alias = await p.alias('reply')
    await p.unalias(alias)
    await q.send(alias, 'lost')
  })

  scenario('an alias of a process that is gone leads nowhere', async ({ a, b }) => {
    const p = await a.actor('p')
    const q = await b.actor('q')
    const alias = await p.alias()
    await p.returns()
    await q.send(alias, 'lost')
    await q.send(q, 'found')
    await q.sees(1)
  })

  scenario('an alias works from its own node', async ({ a }) => {
    const p = await a.actor('p')
    const r = await a.actor('r')
    const alias = await p.alias()
    await r.send(alias, 'one')
    await p.send(alias, 'two')
    await p.sees(2)
  })

  scenario('a monitor that is an alias: explicit_unalias outlives the monitor', async ({ a, b }) => {
    const p = await a.actor('p')
    const [q, r] = [await b.actor('q'), await b.actor('r')]
    const alias = await p.monitor(q, 'explicit_unalias')
    await r.send(alias, 'one')
    await p.sees(1)
    await q.exits('boom')
    await p.sees(1)
    await r.send(alias, 'two')
    await p.sees(1)
    await p.unalias(alias)
    await r.send(alias, 'lost')
  })

  scenario('explicit_unalias outlives a demonitor', async ({ a, b }) => {
    const p = await a.actor('p')
    const q = await b.actor('q')
    const alias = await p.monitor(q, 'explicit_unalias')
    await p.demonitor(alias)
    await q.send(alias, 'still')
    await p.sees(1)
    await p.unalias(alias)
    await p.unalias(alias)
  })

  scenario('demonitor mode: the alias ends with demonitor', async ({ a, b }) => {
    const p = await a.actor('p')
    const q = await b.actor('q')
    const alias = await p.monitor(q, 'demonitor')
    await q.send(alias, 'one')
    await q.send(alias, 'two')
    await p.sees(2)
    await p.demonitor(alias)
    await q.send(alias, 'lost')
    await p.unalias(alias)
  })

  scenario('demonitor mode: the alias ends when the monitor tells', async ({ a, b }) => {
    const p = await a.actor('p')
    const [q, r] = [await b.actor('q'), await b.actor('r')]
    const alias = await p.monitor(q, 'demonitor')
    await q.exits('boom')
    await p.sees(1)
    await r.send(alias, 'lost')
    await p.unalias(alias)
  })

  scenario('demonitor mode: unalias leaves the monitor', async ({ a, b }) => {
    const p = await a.actor('p')
    const q = await b.actor('q')
    const alias = await p.monitor(q, 'demonitor')
    await p.unalias(alias)
    await q.send(alias, 'lost')
    await q.exits('boom')
    await p.sees(1)
  })

  scenario('reply_demonitor mode: the first message ends alias and monitor', { tls: true }, async ({ a, b }) => {
    const p = await a.actor('p')
    const q = await b.actor('q')
    const alias = await p.monitor(q, 'reply_demonitor')
    await q.send(alias, 'reply')
    await p.sees(1)
    await q.send(alias, 'lost')
    await q.exits('unseen')
  })

  scenario('reply_demonitor mode: without a message the monitor tells', async ({ a, b }) => {
    const p = await a.actor('p')
    const q = await b.actor('q')
    const alias = await p.monitor(q, 'reply_demonitor')
    await q.exits('boom')
    await p.sees(1)
    await p.unalias(alias)
  })

  scenario('reply_demonitor mode: demonitor ends both', async ({ a, b }) => {
    const p = await a.actor('p')
    const q = await b.actor('q')
    const alias = await p.monitor(q, 'reply_demonitor')
    await p.demonitor(alias)
    await q.send(alias, 'lost')
    await q.exits('unseen')
  })

  scenario('reply_demonitor mode: reply and end at once', async ({ a, b }) => {
    const p = await a.actor('p')
    const q = await b.actor('q')
    const alias = await p.monitor(q, 'reply_demonitor')
    await q.batch((batch) => {
      batch.send(alias, 'reply')
      batch.exits('unseen')
    })
    await p.sees(1)
  })

  scenario('an alias monitor on a process that is gone: noproc, and no alias', async ({ a, b }) => {
    const p = await a.actor('p')
    const [q, r] = [await b.actor('q'), await b.actor('r')]
    await q.returns()
    const alias = await p.monitor(q, 'reply_demonitor')
    await p.sees(1)
    await r.send(alias, 'lost')
    await p.unalias(alias)
  })

  scenario('an alias monitor by a name that nobody has', async ({ a, b }) => {
    const p = await a.actor('p')
    const q = await b.actor('q')
    const alias = await p.monitor(b.named('nobody'), 'demonitor')
    await p.sees(1)
    await q.send(alias, 'lost')
  })

  scenario('two aliases of one process are two', async ({ a, b }) => {
    const p = await a.actor('p')
    const q = await b.actor('q')
    const [one, two] = [await p.alias(), await p.alias()]
    await p.unalias(one)
    await q.send(one, 'lost')
    await q.send(two, 'found')
    await p.sees(1)
  })

  scenario('an alias may be handed on inside a message', async ({ a, b }) => {
    const p = await a.actor('p')
    const [q, r] = [await b.actor('q'), await a.actor('r')]
    const alias = await p.alias()
    await p.send(q, ['use', alias])
    await q.send(r, ['use', alias])
    await r.send(alias, 'hello')
    await p.sees(1)
    await q.sees(1)
    await r.sees(1)
  })
})

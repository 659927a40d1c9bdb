/** Signals from one process to another arrive in the order sent, whatever their kind: P1, and the order cases of signal_SUITE. */
import { trapping } from '../node-handle.js'
import { scenarios } from '../scenario.js'
import { blob, t } from '../term.js'

export const order = scenarios('Order', (scenario) => {
  scenario('messages and exits, as they were sent', async ({ a, b }) => {
    const p = await a.actor('p')
    const q = await b.actor('q', trapping)
    await p.batch((batch) => {
      batch.send(q, 'one')
      batch.exit(q, 'two')
      batch.send(q, 'three')
      batch.exit(q, t('four', p))
      batch.send(q, 'five')
    })
    await q.sees(5)
  })

  scenario('a hundred messages, then the exit of a link', { tls: true }, async ({ a, b }) => {
    const p = await a.actor('p', trapping)
    const q = await b.actor('q')
    await p.link(q)
    await q.batch((batch) => {
      for (let i = 1; i <= 100; i++) batch.send(p, i)
      batch.exits('last')
    })
    await p.sees(101)
  })

  scenario('messages, then the notice of a monitor', async ({ a, b }) => {
    const p = await a.actor('p')
    const q = await b.actor('q')
    await p.monitor(q)
    await q.batch((batch) => {
      batch.send(p, 'one')
      batch.send(p, 'two')
      batch.throw('three')
    })
    await p.sees(3)
  })

  scenario('messages, then the notice of a monitor by name', async ({ a, b }) => {
    const p = await a.actor('p')
    const q = await b.actor('q')
    await q.register('echo')
    await p.monitor(b.named('echo'))
    await p.sync(q)
    await q.batch((batch) => {
      batch.send(p, 'one')
      batch.return()
    })
    await p.sees(2)
  })

  scenario('messages to a name, then the notice of a monitor', async ({ a, b }) => {
    const p = await a.actor('p')
    const q = await b.actor('q')
    await p.register('inbox')
    await p.monitor(q)
    await q.batch((batch) => {
      batch.send(a.named('inbox'), 'one')
      batch.send(p, 'two')
      batch.send(a.named('inbox'), 'three')
      batch.exits('four')
    })
    await p.sees(4)
  })

  scenario('messages to an alias keep their place among the others', async ({ a, b }) => {
    const p = await a.actor('p', trapping)
    const q = await b.actor('q')
    const alias = await p.alias()
    await q.batch((batch) => {
      batch.send(p, 'one')
      batch.send(alias, 'two')
      batch.exit(p, 'three')
      batch.send(alias, 'four')
      batch.send(p, 'five')
    })
    await p.sees(5)
  })

  scenario('a small message does not overtake a large one', { tls: true }, async ({ a, b }) => {
    const p = await a.actor('p', trapping)
    const q = await b.actor('q')
    await p.link(q)
    await q.batch((batch) => {
      batch.send(p, blob(3_000_000))
      batch.send(p, 'small')
      batch.send(p, blob(300_000))
      batch.exits('end')
    })
    await p.sees(4)
  })

  scenario('kill does not overtake messages that are received already', async ({ a, b }) => {
    const p = await a.actor('p')
    const q = await b.actor('q', trapping)
    await p.monitor(q)
    await p.batch((batch) => {
      batch.exit(q, 'one')
      batch.send(q, 'two')
      batch.sync(q)
      batch.exit(q, 'kill')
    })
    await p.sees(1)
  })

  scenario('messages before a link, the link, and the end: the exit comes last', async ({ a, b }) => {
    const p = await a.actor('p', trapping)
    const q = await b.actor('q')
    await q.batch((batch) => {
      batch.send(p, 'one')
      batch.link(p)
      batch.send(p, 'two')
      batch.exits('three')
    })
    await p.sees(3)
  })

  scenario('link and exit at once: the exit arrives', async ({ a, b }) => {
    const p = await a.actor('p', trapping)
    const q = await b.actor('q')
    await q.batch((batch) => {
      batch.link(p)
      batch.unlink(p)
      batch.link(p)
      batch.exits('boom')
    })
    await p.sees(1)
  })

  scenario('unlink and exit at once: no exit arrives', async ({ a, b }) => {
    const p = await a.actor('p', trapping)
    const q = await b.actor('q')
    await p.link(q)
    await q.batch((batch) => {
      batch.unlink(p)
      batch.send(p, 'last words')
      batch.exits('unseen')
    })
    await p.sees(1)
  })

  scenario('monitor, message and demonitor at once, then the end', async ({ a, b }) => {
    const p = await a.actor('p')
    const q = await b.actor('q')
    await p.batch((batch) => {
      const ref = batch.monitor(q)
      batch.send(q, 'watched')
      batch.demonitor(ref)
      batch.monitor(q)
      batch.send(q, 'watched anew')
    })
    await q.sees(2)
    await q.returns()
    await p.sees(1)
  })

  scenario(
    'an exit that was asked for arrives after the messages, and its notice after the answers',
    async ({ a, b }) => {
      const p = await a.actor('p')
      const q = await b.actor('q')
      await p.monitor(q)
      await p.batch((batch) => {
        batch.sync(q)
        batch.exit(q, 'enough')
      })
      await p.sees(1)
    },
  )
})

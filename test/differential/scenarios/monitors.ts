/** Monitors: OTP's monitor_SUITE. */
import { trapping } from '../node-handle.js'
import { scenarios } from '../scenario.js'
import { blob, t } from '../term.js'

export const monitors = scenarios('Monitors', (scenario) => {
  for (const [title, reason] of [
    ['normal', 'normal'],
    ['an atom', 'boom'],
    ['a term', t('shutdown', [1, 2])],
    ['kill, given to itself', 'kill'],
    ['a megabyte', blob(1_000_000)],
  ] as const) {
    scenario(`a monitor tells of an exit with its reason: ${title}`, async ({ a, b }) => {
      const p = await a.actor('p')
      const q = await b.actor('q')
      await p.monitor(q)
      await q.exits(reason)
      await p.sees(1)
    })
  }

  scenario('a monitor tells of a return', { tls: true }, async ({ a, b }) => {
    const p = await a.actor('p')
    const q = await b.actor('q')
    await p.monitor(q)
    await q.returns()
    await p.sees(1)
  })

  scenario('a monitor tells of an error', async ({ a, b }) => {
    const p = await a.actor('p')
    const q = await b.actor('q')
    await p.monitor(q)
    await q.throws('boom')
    await p.sees(1)
  })

  scenario('a monitor tells of one that was killed', async ({ a, b }) => {
    const p = await a.actor('p')
    const q = await b.actor('q', trapping)
    await p.monitor(q)
    await p.exit(q, 'kill')
    await p.sees(1)
  })

  scenario('a monitor on a process that is gone tells noproc', async ({ a, b }) => {
    const p = await a.actor('p')
    const q = await b.actor('q')
    await q.exits('boom')
    await p.monitor(q)
    await p.sees(1)
  })

  scenario('a monitor by name tells the name', { tls: true }, async ({ a, b }) => {
    const p = await a.actor('p')
    const q = await b.actor('q')
    await q.register('echo')
    await p.monitor(b.named('echo'))
    await p.sync(q)
    await q.exits('boom')
    await p.sees(1)
  })

  scenario('a monitor by name, set on its own node, tells the name and the node', async ({ a }) => {
    const p = await a.actor('p')
    const q = await a.actor('q')
    await q.register('echo')
    await p.monitor('echo')
    await q.exits('boom')
    await p.sees(1)
  })

  scenario('a monitor by a name that nobody has tells noproc', async ({ a, b }) => {
    const p = await a.actor('p')
    await p.monitor(b.named('nobody'))
    await p.sees(1)
    await p.monitor('nobody')
    await p.sees(1)
  })

  scenario('a monitor by name stays with the process that had the name', async ({ a, b }) => {
    const p = await a.actor('p')
    const q = await b.actor('q')
    const successor = await b.actor('successor')
    await q.register('echo')
    await p.monitor(b.named('echo'))
    await p.sync(q)
    await q.unregister('echo')
    await successor.register('echo')
    await successor.exits('unseen')
    await q.exits('seen')
    await p.sees(1)
  })

  scenario('a name that is given up is no end', async ({ a, b }) => {
    const p = await a.actor('p')
    const q = await b.actor('q')
    await q.register('echo')
    await p.monitor(b.named('echo'))
    await q.unregister('echo')
    await q.sync(p)
    await q.send(p, 'still here')
    await p.sees(1)
  })

  scenario('when the monitor by name tells, the name is free', async ({ a, b }) => {
    const p = await a.actor('p')
    const q = await b.actor('q')
    const other = await b.actor('other')
    await q.register('echo')
    await p.monitor(b.named('echo'))
    await p.sync(q)
    await q.exits('boom')
    await p.sees(1)
    await other.whereis('echo')
    await other.register('echo')
    await p.send(b.named('echo'), 'welcome')
    await other.sees(1)
  })

  scenario('each monitor tells for itself', async ({ a, b }) => {
    const p = await a.actor('p')
    const q = await b.actor('q')
    await q.register('echo')
    await p.batch((batch) => {
      batch.monitor(q)
      batch.monitor(q)
      batch.monitor(b.named('echo'))
      batch.sync(q)
    })
    await q.exits('boom')
    await p.sees(3, { inAnyOrder: true })
  })

  scenario('fifty monitors on one process, some of them taken back', async ({ a, b }) => {
    const p = await a.actor('p')
    const q = await b.actor('q')
    await p.batch((batch) => {
      const refs = Array.from({ length: 50 }, () => batch.monitor(q))
      for (const ref of refs.filter((_, i) => i % 3 === 0)) batch.demonitor(ref)
      batch.sync(q)
    })
    await q.exits('boom')
    await p.sees(33, { inAnyOrder: true })
  })

  scenario('after demonitor nothing is told', { tls: true }, async ({ a, b }) => {
    const p = await a.actor('p')
    const q = await b.actor('q')
    const ref = await p.monitor(q)
    await p.demonitor(ref)
    await p.sync(q)
    await q.exits('unseen')
  })

  scenario('demonitor takes what is told already out of the mailbox', async ({ a, b }) => {
    const [p, r] = [await a.actor('p'), await a.actor('r')]
    const q = await b.actor('q')
    const ref = await p.monitor(q)
    const taken = p.batch((batch) => {
      batch.send(r, 'now')
      batch.untilQueued(1)
      batch.demonitor(ref)
    })
    await r.sees(1)
    await q.exits('unseen')
    await taken
  })

  scenario('monitor and demonitor of a process that is gone, at once', async ({ a, b }) => {
    const p = await a.actor('p')
    const q = await b.actor('q')
    const r = await b.actor('r')
    await q.returns()
    await p.batch((batch) => {
      for (let i = 0; i < 10; i++) batch.demonitor(batch.monitor(q))
      batch.sync(r)
    })
  })

  scenario('demonitor crosses with the end: nothing comes after it', async ({ a, b }) => {
    const p = await a.actor('p')
    const q = await b.actor('q')
    const ref = await p.batch((batch) => {
      const ref = batch.monitor(q)
      batch.sync(q)
      batch.exit(q, 'kill')
      batch.demonitor(ref)
      return ref
    })
    await q.ends()
    await p.demonitor(ref)
  })

  scenario('demonitor by name, after the name has gone to somebody else', async ({ a, b }) => {
    const p = await a.actor('p')
    const q = await b.actor('q')
    const successor = await b.actor('successor')
    await q.register('echo')
    const ref = await p.monitor(b.named('echo'))
    await p.sync(q)
    await q.unregister('echo')
    await successor.register('echo')
    await p.demonitor(ref)
    await p.sync(q)
    await q.exits('unseen')
    await successor.exits('unseen')
  })

  scenario('a monitor ends nobody', async ({ a, b }) => {
    const p = await a.actor('p')
    const q = await b.actor('q')
    await p.monitor(q)
    await p.exits('boom')
    await q.send(q, 'still here')
    await q.sees(1)
  })

  scenario('both watch each other', async ({ a, b }) => {
    const p = await a.actor('p')
    const q = await b.actor('q')
    await p.monitor(q)
    await q.monitor(p)
    await p.exits('first')
    await q.sees(1)
    await q.exits('second')
  })

  scenario('both watch each other, and one takes it back', async ({ a, b }) => {
    const p = await a.actor('p')
    const q = await b.actor('q')
    const ref = await p.monitor(q)
    await q.monitor(p)
    await p.demonitor(ref)
    await p.exits('seen')
    await q.sees(1)
  })

  scenario('a monitor on oneself never tells', async ({ a, b }) => {
    const p = await a.actor('p')
    await p.monitor(p)
    const q = await b.actor('q')
    await q.monitor(p)
    await p.exits('boom')
    await q.sees(1)
  })

  scenario('a link and a monitor both tell', async ({ a, b }) => {
    const p = await a.actor('p', trapping)
    const q = await b.actor('q')
    await p.link(q)
    await p.monitor(q)
    await q.exits('boom')
    await p.sees(2, { inAnyOrder: true })
  })

  scenario('unlink leaves the monitor, demonitor leaves the link', async ({ a, b }) => {
    const p = await a.actor('p', trapping)
    const [q, r] = [await b.actor('q'), await b.actor('r')]
    await p.link(q)
    await p.monitor(q)
    await p.unlink(q)
    await q.exits('first')
    await p.sees(1)
    await p.link(r)
    const ref = await p.monitor(r)
    await p.demonitor(ref)
    await r.exits('second')
    await p.sees(1)
  })
})

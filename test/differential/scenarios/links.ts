/** Links between processes: OTP's erl_link_SUITE, and the unlink cases of signal_SUITE. */
import { trapping } from '../node-handle.js'
import { scenarios } from '../scenario.js'
import { blob, t, text } from '../term.js'

export const links = scenarios('Links', (scenario) => {
  scenario('a return is an exit with normal, which a trapping process sees', { tls: true }, async ({ a, b }) => {
    const p = await a.actor('p', trapping)
    const q = await b.actor('q')
    await p.link(q)
    await q.returns()
    await p.sees(1)
  })

  scenario('a return leaves a process alone that does not trap', async ({ a, b }) => {
    const p = await a.actor('p')
    const q = await b.actor('q')
    await p.link(q)
    await q.returns()
    const r = await b.actor('r')
    await r.send(p, 'still there')
    await p.sees(1)
  })

  scenario('an exit ends the other end with the same reason', async ({ a, b }) => {
    const p = await a.actor('p')
    const q = await b.actor('q')
    await p.link(q)
    await q.exits('boom')
    await p.ends()
  })

  scenario('any term is a reason, and comes through as it is', async ({ a, b }) => {
    const p = await a.actor('p', trapping)
    const q = await b.actor('q')
    await p.link(q)
    await q.exits(t('shutdown', [1, text('zwei'), p, t()], q))
    await p.sees(1)
  })

  scenario('an error that is thrown is a reason with a stack', { tls: true }, async ({ a, b }) => {
    const p = await a.actor('p', trapping)
    const q = await b.actor('q')
    await p.link(q)
    await q.throws('boom')
    await p.sees(1)
  })

  scenario('the error of one is the reason of the other, and of whoever watches that', async ({ a, b }) => {
    const p = await a.actor('p')
    const q = await b.actor('q')
    const watcher = await b.actor('watcher')
    await watcher.monitor(p)
    await p.link(q)
    await q.throws('boom')
    await p.ends()
    await watcher.sees(1)
  })

  scenario('kill as the reason of a link is a reason like any: it can be trapped', async ({ a, b }) => {
    const p = await a.actor('p', trapping)
    const q = await b.actor('q')
    await p.link(q)
    await q.exits('kill')
    await p.sees(1)
  })

  scenario('kill through a link ends the other end with kill, not killed', async ({ a, b }) => {
    const p = await a.actor('p')
    const q = await b.actor('q')
    await p.link(q)
    await q.exits('kill')
    await p.ends()
  })

  scenario('one that is killed is seen as killed', async ({ a, b }) => {
    const p = await a.actor('p', trapping)
    const q = await b.actor('q', trapping)
    await p.link(q)
    await p.exit(q, 'kill')
    await p.sees(1)
  })

  scenario('the same when its killer is on its own node', async ({ a, b }) => {
    const p = await a.actor('p')
    const q = await b.actor('q')
    const killer = await b.actor('killer')
    await p.link(q)
    await killer.exit(q, 'kill')
    await p.ends()
  })

  scenario('a link to a process that is gone gives the exit noproc', async ({ a, b }) => {
    const p = await a.actor('p', trapping)
    const q = await b.actor('q')
    await q.returns()
    await p.link(q)
    await p.sees(1)
  })

  // On one node Erlang raises the error at the caller instead, as a process that does not trap can be told so at once.
  scenario('a link to a process that is gone ends one that does not trap', { apart: true }, async ({ a, b }) => {
    const p = await a.actor('p')
    const q = await b.actor('q')
    await q.returns()
    await p.link(q)
    await p.ends()
  })

  scenario('linking twice is linking once', async ({ a, b }) => {
    const p = await a.actor('p', trapping)
    const q = await b.actor('q')
    await p.link(q)
    await p.link(q)
    await q.exits('boom')
    await p.sees(1)
  })

  scenario('linking from both ends is one link', async ({ a, b }) => {
    const p = await a.actor('p', trapping)
    const q = await b.actor('q', trapping)
    await p.link(q)
    await q.link(p)
    await q.exits('boom')
    await p.sees(1)
  })

  scenario('linking from both ends at once is one link, which one unlink undoes', async ({ a, b }) => {
    const p = await a.actor('p', trapping)
    const q = await b.actor('q', trapping)
    await Promise.all([p.link(q), q.link(p)])
    await p.unlink(q)
    await q.exits('unseen')
  })

  scenario('after unlink no exit comes', { tls: true }, async ({ a, b }) => {
    const p = await a.actor('p', trapping)
    const q = await b.actor('q')
    await p.link(q)
    await p.unlink(q)
    await q.exits('unseen')
  })

  scenario('the other end may undo a link as well', async ({ a, b }) => {
    const p = await a.actor('p', trapping)
    const q = await b.actor('q')
    await p.link(q)
    await q.unlink(p)
    await q.exits('unseen')
  })

  scenario('unlink of what is not linked does nothing', async ({ a, b }) => {
    const p = await a.actor('p', trapping)
    const q = await b.actor('q')
    await p.unlink(q)
    await p.link(q)
    await q.exits('boom')
    await p.sees(1)
  })

  scenario('unlink of a process that is gone does nothing', async ({ a, b }) => {
    const p = await a.actor('p', trapping)
    const q = await b.actor('q')
    await p.link(q)
    await q.exits('boom')
    await p.sees(1)
    await p.unlink(q)
    await p.link(q)
    await p.sees(1)
  })

  scenario('both ends unlink at once', async ({ a, b }) => {
    const p = await a.actor('p', trapping)
    const q = await b.actor('q', trapping)
    await p.link(q)
    await Promise.all([p.unlink(q), q.unlink(p)])
    await q.exits('unseen')
  })

  scenario('a link is made again before the unlink is acknowledged', async ({ a, b }) => {
    const p = await a.actor('p', trapping)
    const q = await b.actor('q')
    await p.link(q)
    await p.batch((batch) => {
      batch.unlink(q)
      batch.link(q)
      batch.sync(q)
    })
    await q.exits('boom')
    await p.sees(1)
  })

  scenario('link, unlink, link and unlink at once leave nothing', async ({ a, b }) => {
    const p = await a.actor('p', trapping)
    const q = await b.actor('q')
    await p.batch((batch) => {
      for (let i = 0; i < 2; i++) {
        batch.link(q)
        batch.unlink(q)
      }
      batch.sync(q)
    })
    await q.exits('unseen')
  })

  scenario('both ends link and unlink fifty times at once; what they agree on then holds', async ({ a, b }) => {
    const p = await a.actor('p', trapping)
    const q = await b.actor('q', trapping)
    const storm = (one: typeof p, other: typeof p) =>
      one.batch((batch) => {
        for (let i = 0; i < 50; i++) {
          batch.link(other)
          batch.unlink(other)
        }
      })
    await Promise.all([storm(p, q), storm(q, p)])
    await p.sync(q)
    await q.sync(p)
    // Nothing is under way now, so that the last word has its way.
    await p.link(q)
    await q.exits('boom')
    await p.sees(1)
  })

  scenario('a process is not linked with itself', async ({ a }) => {
    const p = await a.actor('p')
    await p.link(p)
    await p.unlink(p)
    const r = await a.actor('r', trapping)
    await r.link(p)
    await p.exits('boom')
    await r.sees(1)
  })

  scenario('an exit runs along a chain of links', async ({ a, b }) => {
    const first = await a.actor('first')
    const second = await b.actor('second')
    const third = await a.actor('third')
    const last = await b.actor('last', trapping)
    await first.link(second)
    await second.link(third)
    await third.link(last)
    await first.exits(t('broken', 1))
    await third.ends()
    await last.sees(1)
  })

  scenario('an exit through a ring of links reaches everybody once', async ({ a, b }) => {
    const p = await a.actor('p')
    const q = await b.actor('q', trapping)
    const r = await a.actor('r', trapping)
    await p.link(q)
    await q.link(r)
    await r.link(p)
    await p.exits('boom')
    await q.sees(1)
    await r.sees(1)
    await r.exits('later')
    await q.sees(1)
  })

  scenario('one exit goes to all that are linked', async ({ a, b }) => {
    const hub = await b.actor('hub')
    const rim = []
    for (let i = 1; i <= 5; i++) {
      const spoke = await a.actor(`spoke${i}`, i % 2 === 0 ? {} : trapping)
      await spoke.link(hub)
      rim.push(spoke)
    }
    await hub.exits('boom')
    for (const [i, spoke] of rim.entries()) await (i % 2 === 0 ? spoke.sees(1) : spoke.ends())
  })

  scenario('a reason of a megabyte comes through a link', async ({ a, b }) => {
    const p = await a.actor('p', trapping)
    const q = await b.actor('q')
    await p.link(q)
    await q.exits(t('big', blob(1_000_000)))
    await p.sees(1)
  })
})

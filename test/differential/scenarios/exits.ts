/** Exits asked of others and of oneself: the table of the reference, and the exit cases of OTP's process_SUITE. */
import { trapping } from '../node-handle.js'
import { scenarios } from '../scenario.js'
import { t } from '../term.js'

export const exits = scenarios('Exits', (scenario) => {
  const reasons = [
    ['normal', 'normal'],
    ['kill', 'kill'],
    ['killed', 'killed'],
    ['shutdown', 'shutdown'],
    ['noconnection', 'noconnection'],
    ['a tuple', t('bad', 42)],
  ] as const

  for (const [title, reason] of reasons) {
    scenario(`asked to exit with ${title}, a process that does not trap`, async ({ a, b }) => {
      const p = await a.actor('p')
      const q = await b.actor('q')
      await p.monitor(q)
      await p.exit(q, reason)
      if (reason === 'normal') await p.send(q, 'still there')
      await (reason === 'normal' ? q : p).sees(1)
    })

    scenario(`asked to exit with ${title}, a process that traps`, async ({ a, b }) => {
      const p = await a.actor('p')
      const q = await b.actor('q', trapping)
      await p.monitor(q)
      await p.exit(q, reason)
      await (reason === 'kill' ? p : q).sees(1)
    })

    scenario(`a process asks itself to exit with ${title}`, async ({ a, b }) => {
      const [p, q] = [await a.actor('p'), await a.actor('q', trapping)]
      const watcher = await b.actor('watcher')
      await watcher.monitor(p)
      await watcher.monitor(q)
      await p.exit(p, reason)
      await watcher.sees(1)
      await q.exit(q, reason)
      await (reason === 'kill' ? watcher : q).sees(1)
    })
  }

  scenario('who asks a linked process to exit is told of its end', async ({ a, b }) => {
    const p = await a.actor('p', trapping)
    const q = await b.actor('q')
    await p.link(q)
    await p.exit(q, 'go')
    await p.sees(1)
  })

  scenario('asking a process that is gone to exit does nothing', async ({ a, b }) => {
    const p = await a.actor('p', trapping)
    const q = await b.actor('q')
    await q.returns()
    await p.exit(q, 'kill')
    await p.exit(q, 'boom')
    await p.monitor(q)
    await p.sees(1)
  })

  scenario('asked twice, the first reason is the reason', async ({ a, b }) => {
    const p = await a.actor('p')
    const q = await b.actor('q')
    await p.monitor(q)
    await p.batch((batch) => {
      batch.exit(q, 'first')
      batch.exit(q, 'second')
      batch.exit(q, 'kill')
    })
    await p.sees(1)
  })

  scenario('normal first does not keep what follows from ending it', async ({ a, b }) => {
    const p = await a.actor('p')
    const q = await b.actor('q')
    await p.monitor(q)
    await p.batch((batch) => {
      batch.exit(q, 'normal')
      batch.exit(q, 'second')
    })
    await p.sees(1)
  })

  scenario('one that receives nothing now ends all the same', async ({ a, b }) => {
    const p = await a.actor('p')
    const q = await b.actor('q')
    await p.monitor(q)
    await q.hold()
    await p.exit(q, 'boom')
    await p.sees(1)
  })

  scenario('one that traps and receives nothing can be killed', async ({ a, b }) => {
    const p = await a.actor('p')
    const q = await b.actor('q', trapping)
    await p.monitor(q)
    await q.hold()
    await p.exit(q, 'boom')
    await q.queues(1)
    await p.exit(q, 'kill')
    await p.sees(1)
  })

  scenario('who stops trapping can be ended again, and who starts can not', async ({ a, b }) => {
    const p = await a.actor('p')
    const q = await b.actor('q', trapping)
    await p.monitor(q)
    await p.exit(q, 'trapped')
    await q.sees(1)
    await q.trap(false)
    await q.trap(true)
    await p.exit(q, 'trapped again')
    await q.sees(1)
    await q.trap(false)
    await p.exit(q, 'not trapped')
    await p.sees(1)
  })

  scenario('the sender of an exit is who asked, not whose node it came from', async ({ a, b }) => {
    const [p, r] = [await a.actor('p'), await a.actor('r')]
    const q = await b.actor('q', trapping)
    await p.exit(q, 'by p')
    await q.sees(1)
    await r.exit(q, 'by r')
    await q.sees(1)
  })

  scenario('an exit that was asked for is passed on along the links', async ({ a, b }) => {
    const p = await a.actor('p')
    const q = await b.actor('q')
    const r = await a.actor('r', trapping)
    await q.link(r)
    await p.exit(q, t('because', p))
    await r.sees(1)
  })

  scenario('exit with normal, asked of a linked process that traps', async ({ a, b }) => {
    const p = await a.actor('p')
    const q = await b.actor('q', trapping)
    await p.link(q)
    await p.exit(q, 'normal')
    await q.sees(1)
    await q.send(p, 'still linked')
    await p.sees(1)
  })
})

/** Calls as gen_server:call makes them: monitor, alias, request, and what comes first of reply, end and time-out. */
import { trapping } from '../node-handle.js'
import { scenarios } from '../scenario.js'
import { t, text } from '../term.js'

export const calls = scenarios('Calls', (scenario) => {
  scenario('a request and its reply', { tls: true }, async ({ a, b }) => {
    const p = await a.actor('p')
    const q = await b.actor('q')
    await p.call(q, t('add', 1, text('zwei')))
    await q.sees(1)
    await q.reply(t('ok', [p, q]))
    await p.sees(1)
  })

  scenario('a call by name', async ({ a, b }) => {
    const p = await a.actor('p')
    const q = await b.actor('q')
    await q.register('server')
    await p.call(b.named('server'), 'ask')
    await q.sees(1)
    await q.reply('answer')
    await p.sees(1)
  })

  scenario('a call to a process that is gone fails with noproc', async ({ a, b }) => {
    const p = await a.actor('p')
    const q = await b.actor('q')
    await q.returns()
    await p.call(q, 'ask')
    await p.sees(1)
  })

  scenario('a call by a name that nobody has fails with noproc', async ({ a, b }) => {
    const p = await a.actor('p')
    await p.call(b.named('nobody'), 'ask')
    await p.sees(1)
  })

  scenario('the server throws during the call', async ({ a, b }) => {
    const p = await a.actor('p')
    const q = await b.actor('q')
    await p.call(q, 'ask')
    await q.sees(1)
    await q.throws('boom')
    await p.sees(1)
  })

  scenario('the server returns during the call', async ({ a, b }) => {
    const p = await a.actor('p')
    const q = await b.actor('q')
    await p.call(q, 'ask')
    await q.sees(1)
    await q.returns()
    await p.sees(1)
  })

  scenario('the server is killed during the call', async ({ a, b }) => {
    const p = await a.actor('p')
    const q = await b.actor('q', trapping)
    const killer = await b.actor('killer')
    await p.call(q, 'ask')
    await q.sees(1)
    await killer.exit(q, 'kill')
    await p.sees(1)
  })

  scenario('the server, by name, ends during the call', async ({ a, b }) => {
    const p = await a.actor('p')
    const q = await b.actor('q')
    await q.register('server')
    await p.call(b.named('server'), 'ask')
    await q.sees(1)
    await q.exits(t('shutdown', 'now'))
    await p.sees(1)
  })

  scenario('the server replies and ends at once: the reply counts', async ({ a, b }) => {
    const p = await a.actor('p')
    const q = await b.actor('q')
    await p.call(q, 'ask')
    await q.sees(1)
    await q.batch((batch) => {
      batch.reply('answer')
      batch.exits('unseen')
    })
    await p.sees(1)
  })

  scenario('the time is over, and a late reply goes nowhere', { tls: true }, async ({ a, b }) => {
    const p = await a.actor('p')
    const q = await b.actor('q')
    await p.call(q, 'ask', 20)
    await q.sees(1)
    await p.sees(1)
    await q.reply('late')
    await q.send(p, 'after it')
    await p.sees(1)
  })

  scenario('the time is over, and the end of the server is not seen', async ({ a, b }) => {
    const p = await a.actor('p')
    const q = await b.actor('q')
    await p.call(q, 'ask', 20)
    await p.sees(1)
    await q.exits('unseen')
  })

  scenario('the caller ends during the call, and the reply goes nowhere', async ({ a, b }) => {
    const p = await a.actor('p')
    const [q, r] = [await b.actor('q'), await a.actor('r')]
    await p.call(q, 'ask')
    await q.sees(1)
    await r.exit(p, 'boom')
    await p.ends()
    await q.reply('lost')
    await q.send(r, 'found')
    await r.sees(1)
  })

  scenario('two callers are answered out of turn', async ({ a, b }) => {
    const [p, r] = [await a.actor('p'), await a.actor('r')]
    const q = await b.actor('q')
    await p.call(q, 'first')
    await q.sees(1)
    await r.call(q, 'second')
    await q.sees(1)
    await q.reply('to the first')
    await q.reply('to the second')
    await p.sees(1)
    await r.sees(1)
  })

  scenario('messages that come during the call stay in order behind it', async ({ a, b }) => {
    const p = await a.actor('p')
    const q = await b.actor('q')
    await p.call(q, 'ask')
    await q.sees(1)
    await q.batch((batch) => {
      batch.send(p, 'one')
      batch.send(p, 'two')
      batch.reply('answer')
      batch.send(p, 'three')
    })
    await p.sees(4)
  })

  scenario('one call after the other', async ({ a, b }) => {
    const p = await a.actor('p')
    const q = await b.actor('q')
    for (let i = 1; i <= 3; i++) {
      await p.call(q, i)
      await q.sees(1)
      await q.reply(i * 10)
      await p.sees(1)
    }
  })

  scenario('a server that is linked ends during the call: both are told', async ({ a, b }) => {
    const p = await a.actor('p', trapping)
    const q = await b.actor('q')
    await p.link(q)
    await p.call(q, 'ask')
    await q.sees(1)
    await q.exits('boom')
    await p.sees(2, { inAnyOrder: true })
  })

  scenario('a linked server takes its caller with it', async ({ a, b }) => {
    const p = await a.actor('p')
    const q = await b.actor('q')
    const watcher = await b.actor('watcher')
    await watcher.monitor(p)
    await p.link(q)
    await p.batch((batch) => {
      batch.hold()
    })
    await q.exits('boom')
    await watcher.sees(1)
  })
})

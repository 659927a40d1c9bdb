/** Functions of the other node: the cases of OTP's erpc_SUITE and rpc_SUITE that processes see something of. */
import { scenarios } from '../scenario.js'
import { t, text } from '../term.js'

export const remoteCalls = scenarios('Remote calls', (scenario) => {
  scenario('a function gives its value, whatever term that is', { tls: true }, async ({ a, b }) => {
    const p = await a.actor('p')
    const q = await b.actor('q')
    await p.erpc(b, 'gives', [t('ok', [p, q, 1, text('zwei')])])
    await p.sees(1)
  })

  scenario('what a function throws is thrown at its caller', async ({ a, b }) => {
    const p = await a.actor('p')
    await p.erpc(b, 'throws_it', [t('up', text('away'))])
    await p.sees(1)
  })

  scenario('the exit of a function is raised at its caller, normal too', async ({ a, b }) => {
    const p = await a.actor('p')
    await p.erpc(b, 'exits', [t('gone', 1)])
    await p.erpc(b, 'exits', ['normal'])
    await p.sees(2)
  })

  scenario('the error of a function is raised at its caller', async ({ a, b }) => {
    const p = await a.actor('p')
    await p.erpc(b, 'throws', ['oops'])
    await p.sees(1)
  })

  scenario('a function that is not there is undef', async ({ a, b }) => {
    const p = await a.actor('p')
    await p.erpc(b, 'missing', [1])
    await p.sees(1)
  })

  scenario('a node that is not there', async ({ a }) => {
    const p = await a.actor('p')
    await p.erpc(a.nowhere, 'gives', [1])
    await p.sees(1)
  })

  scenario('the process of a function is ended by another: a signal, not an exception', async ({ a, b }) => {
    const p = await a.actor('p')
    const q = await b.actor('q')
    const callee = await p.erpcActor(b, 'callee')
    await q.exit(callee, 'boom')
    await p.sees(1)
    const next = await p.erpcActor(b, 'next')
    await q.exit(next, 'kill')
    await p.sees(1)
  })

  scenario('the process of a function ends of a link', async ({ a, b }) => {
    const p = await a.actor('p')
    const q = await b.actor('q')
    const callee = await p.erpcActor(b, 'callee')
    await q.link(callee)
    await q.exits('boom')
    await p.sees(1)
  })

  scenario('a function ends itself while it is called: an exception', async ({ a, b }) => {
    const p = await a.actor('p')
    const callee = await p.erpcActor(b, 'callee')
    await callee.exits('done')
    await p.sees(1)
  })

  scenario('the time of a call is over: the function goes on, and its end tells nobody', async ({ a, b }) => {
    const p = await a.actor('p')
    const q = await b.actor('q')
    const callee = await p.erpcActor(b, 'callee', 50)
    await p.sees(1)
    await q.send(callee, 'still there')
    await callee.sees(1)
    await callee.exits('unseen')
  })

  scenario('the caller ends: the function goes on', async ({ a, b }) => {
    const p = await a.actor('p')
    const q = await a.actor('q')
    const callee = await p.erpcActor(b, 'callee')
    await q.exit(p, 'kill')
    await p.ends()
    await q.send(callee, 'still there')
    await callee.sees(1)
  })

  scenario('messages that come during the call stay in order behind it', async ({ a, b }) => {
    const p = await a.actor('p')
    const q = await b.actor('q')
    const callee = await p.erpcActor(b, 'callee')
    await q.batch((batch) => {
      batch.send(p, 1)
      batch.send(p, 2)
    })
    await callee.exits('done')
    await p.sees(3)
  })

  scenario('rex runs a function, and says how it failed', async ({ a, b }) => {
    const p = await a.actor('p')
    const call = (kind: string, name: string, arg: string) =>
      p.call(b.named('rex'), t(kind, 'differential_agent', name, [arg], 'user'))
    for (const kind of ['call', 'block_call']) {
      await call(kind, 'gives', 'value')
      await call(kind, 'throws_it', 'up')
      await call(kind, 'exits', 'gone')
      await call(kind, 'exits', 'normal')
    }
    await p.sees(8)
  })

  scenario('rex: a function is killed, and its caller is told', async ({ a, b }) => {
    const p = await a.actor('p')
    const q = await b.actor('q')
    const callee = b.expect('callee')
    await p.call(b.named('rex'), t('call', 'differential_agent', 'spawned', [callee.tag, false], 'user'))
    await callee.born()
    await q.exit(callee, 'kill')
    await p.sees(1)
  })

  scenario('rex passes a message on to a name, and says whether anybody has it', async ({ a, b }) => {
    const p = await a.actor('p')
    const q = await b.actor('q')
    await q.register('desk')
    await p.send(b.named('rex'), t(p, t('sbcast', 'desk', 'hello')))
    await q.sees(1)
    await p.sees(1)
    await p.send(b.named('rex'), t(p, t('sbcast', 'nobody', 'hello')))
    await p.sees(1)
    await p.send(b.named('rex'), t(p, 'features_request'))
    await p.sees(1)
  })
})

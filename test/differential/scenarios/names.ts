/** Registered names: OTP's register cases of process_SUITE and distribution_SUITE. */
import { scenarios } from '../scenario.js'

export const names = scenarios('Names', (scenario) => {
  scenario('a message to a name on the other node', async ({ a, b }) => {
    const p = await a.actor('p')
    const q = await b.actor('q')
    await q.register('echo')
    await p.send(b.named('echo'), 'hello')
    await q.sees(1)
  })

  scenario('a message to a name that nobody has goes nowhere', async ({ a, b }) => {
    const p = await a.actor('p')
    const q = await b.actor('q')
    await p.send(b.named('nobody'), 'lost')
    await p.send(q, 'found')
    await q.sees(1)
  })

  scenario('a name is asked for', async ({ a, b }) => {
    const [p, q] = [await a.actor('p'), await b.actor('q')]
    await q.register('echo')
    await q.whereis('echo')
    await q.whereis('nobody')
    await p.sync(q)
  })

  scenario('the name goes with its process, and the next one may have it', async ({ a, b }) => {
    const p = await a.actor('p')
    const q = await b.actor('q')
    const next = await b.actor('next')
    await q.register('echo')
    await q.exits('boom')
    await next.whereis('echo')
    await next.register('echo')
    await p.send(b.named('echo'), 'hello')
    await next.sees(1)
  })

  scenario('a name that is given back is free', async ({ a, b }) => {
    const p = await a.actor('p')
    const q = await b.actor('q')
    await q.register('echo')
    await q.unregister('echo')
    await q.unregister('echo')
    await p.send(b.named('echo'), 'lost')
    await p.send(q, 'found')
    await q.sees(1)
  })

  scenario('what cannot be registered', async ({ a, b }) => {
    const p = await a.actor('p')
    const [q, gone] = [await b.actor('q'), await b.actor('gone')]
    await gone.returns()
    await q.register('echo')
    await q.register('echo') // Taken, be it by itself.
    await q.register('other') // It has a name.
    await p.register('echo2', q) // Not on this node.
    await q.register('nobody', gone)
    await q.register('undefined', p)
    await q.whereis('echo')
    await q.whereis('other')
  })

  scenario('the same name on both nodes', { apart: true }, async ({ a, b }) => {
    const p = await a.actor('p')
    const q = await b.actor('q')
    await p.register('echo')
    await q.register('echo')
    await p.send('echo', 'to a')
    await p.send(b.named('echo'), 'to b')
    await p.sees(1)
    await q.sees(1)
    await q.send(a.named('echo'), 'to a')
    await p.sees(1)
  })

  scenario('somebody else may register a process, and its name ends with it', async ({ a, b }) => {
    const p = await a.actor('p')
    const [q, other] = [await b.actor('q'), await b.actor('other')]
    await other.register('echo', q)
    await p.monitor(b.named('echo'))
    await p.sync(q)
    await q.returns()
    await p.sees(1)
    await other.whereis('echo')
  })

  scenario('names are atoms of any letters', async ({ a, b }) => {
    const p = await a.actor('p')
    const q = await b.actor('q')
    await q.register('größer als 0; ünd "so"')
    await p.send(b.named('größer als 0; ünd "so"'), 'hello')
    await q.sees(1)
  })
})

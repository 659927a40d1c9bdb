/** Processes that are started on the other node: the spawn_request and dist_spawn cases of OTP's process_SUITE. */
import { trapping } from '../node-handle.js'
import { scenarios } from '../scenario.js'
import { t } from '../term.js'

export const spawns = scenarios('Spawn', (scenario) => {
  scenario('a process on the other node, known by its address', { tls: true }, async ({ a, b }) => {
    const p = await a.actor('p')
    const { child } = await p.spawn(b, 'child')
    await p.send(child, t('hello', p))
    await child.send(p, 'thanks')
    await child.sees(1)
    await p.sees(1)
    await child.returns()
  })

  scenario('linked: the parent sees the exit of the child', async ({ a, b }) => {
    const p = await a.actor('p', trapping)
    const { child } = await p.spawn(b, 'child', { link: true })
    await child.exits('boom')
    await p.sees(1)
  })

  scenario('linked: the child ends with its parent', async ({ a, b }) => {
    const p = await a.actor('p')
    const { child } = await p.spawn(b, 'child', { link: true })
    await p.exits('boom')
    await child.ends()
  })

  scenario('linked: a child that traps sees the exit of its parent', async ({ a, b }) => {
    const p = await a.actor('p')
    const { child } = await p.spawn(b, 'child', { link: true, trap: true })
    await p.exits('boom')
    await child.sees(1)
  })

  scenario('linked: the link can be undone', async ({ a, b }) => {
    const p = await a.actor('p', trapping)
    const { child } = await p.spawn(b, 'child', { link: true })
    await p.unlink(child)
    await child.exits('unseen')
  })

  scenario('monitored: the parent is told', async ({ a, b }) => {
    const p = await a.actor('p')
    const { child } = await p.spawn(b, 'child', { monitor: true })
    await child.exits('boom')
    await p.sees(1)
  })

  scenario('monitored: the monitor can be taken back', async ({ a, b }) => {
    const p = await a.actor('p')
    const { child, ref } = await p.spawn(b, 'child', { monitor: true })
    await p.demonitor(ref)
    await p.sync(child)
    await child.exits('unseen')
  })

  scenario('linked and monitored', async ({ a, b }) => {
    const p = await a.actor('p', trapping)
    const { child } = await p.spawn(b, 'child', { link: true, monitor: true })
    await child.throws('boom')
    await p.sees(2, { inAnyOrder: true })
  })

  scenario('neither: nobody is told', async ({ a, b }) => {
    const p = await a.actor('p', trapping)
    const { child } = await p.spawn(b, 'child')
    await child.exits('unseen')
  })

  scenario('one that returns at once does not end unnoticed', async ({ a, b }) => {
    const p = await a.actor('p', trapping)
    await p.spawnFunction(b, 'returns', { link: true })
    await p.sees(1)
    await p.spawnFunction(b, 'returns', { monitor: true })
    await p.sees(1)
  })

  scenario('nor does one that throws at once', async ({ a, b }) => {
    const p = await a.actor('p', trapping)
    await p.spawnFunction(b, 'throws', { link: true, monitor: true })
    await p.sees(2, { inAnyOrder: true })
  })

  scenario('many at once', async ({ a, b }) => {
    const p = await a.actor('p')
    for (let i = 0; i < 10; i++) await p.spawnFunction(b, 'returns', { monitor: true })
    await p.sees(10, { inAnyOrder: true })
  })

  scenario('a child of a child, on the node of its grandparent', async ({ a, b }) => {
    const p = await a.actor('p', trapping)
    const { child } = await p.spawn(b, 'child', { link: true })
    const { child: grandchild } = await child.spawn(a, 'grandchild', { link: true })
    await grandchild.exits('boom')
    await child.ends()
    await p.sees(1)
  })

  scenario('a node that does not exist refuses for want of a connection', { apart: true }, async ({ a }) => {
    const p = await a.actor('p', trapping)
    await p.spawnFunction(a.nowhere, 'returns', { link: true, monitor: true })
    await p.spawnFunction(a.nowhere, 'returns')
  })

  scenario(
    'a function that is not there',
    {
      differs: {
        why: 'Erlang starts a process, which ends with undef. What a reign node does not expose it does not start: notsup.',
        expected: (lines, { b }) =>
          b === 'erl'
            ? lines
            : ['spawn of missing: refused notsup', ...lines.filter((line) => !line.includes('undef'))],
      },
    },
    async ({ a, b }) => {
      const p = await a.actor('p', trapping)
      await p.spawnFunction(b, 'missing', { monitor: true })
      await p.send(p, 'still here')
      await p.sees(b.runs('reign') ? 1 : 2, { inAnyOrder: true })
    },
  )

  scenario('the parent ends before its request is answered: the child ends too', { apart: true }, async ({ a, b }) => {
    const p = await a.actor('p')
    const r = await a.actor('r')
    const child = b.expect('child')
    await b.suspend()
    const asked = p.batch((batch) => {
      batch.send(r, 'now')
      batch.spawn(b, 'spawned', [child.tag, false], { link: true }, () => {})
    })
    await r.sees(1)
    await r.exit(p, 'boom')
    await asked
    await p.ends()
    b.resume()
    await child.born()
    await child.ends()
  })
})

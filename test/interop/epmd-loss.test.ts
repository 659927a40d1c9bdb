/** The daemon of a live cluster is killed, and started again: F54, over mutual TLS, with nodes of reign and of Erlang. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { Node } from '../../src/cluster/node.js'
import { Workplace } from '../cli/command.js'
import { KeptLog, sees } from '../cluster/cluster-kit.js'
import { eventually } from '../support/deadline.js'
import { startEpmd } from './epmd.js'
import { startErlang } from './erl.js'

const [a, b, c] = ['a@127.0.0.1', 'b@127.0.0.1', 'c@127.0.0.1'] as const
const deadlineMs = 20_000

test('a live cluster notices nothing but that; when it is back, newcomers find everybody', {
  timeout: 120_000,
}, async () => {
  using place = new Workplace()
  expect((await place.reign(['init', a, b, c])).code).toBe(0)
  const file = (name: string) => readFileSync(place.path('cluster', name), 'utf8')
  const first = await startEpmd()
  const { port } = first
  const log = new KeptLog()
  const events: string[] = []
  await using node = await Node.start(a, {
    cluster: {
      nodes: { [a]: { listen: '127.0.0.1:0', cert: file(`${a}.pem`), key: file(`${a}.key`) } },
      ca: file('ca.pem'),
      cookie: file('cookie'),
      epmd: { port, embedded: false },
    },
    logger: log,
  })
  node.onNodeUp((name) => events.push(`up ${name}`))
  node.onNodeDown((name) => events.push(`down ${name}`))
  const erlang = (name: string) =>
    startErlang({ name, cookie: file('cookie'), epmdPort: port, tls: place.path('cluster', `${name}.erlang.conf`) })
  await using old = await erlang(b)
  await eventually(() => node.connect(b), deadlineMs, 'the first connection')

  await first.process.kill()
  const lost = () => log.at('warn').filter(({ message }) => message === 'not registered with the port mapper')
  await eventually(() => lost().length > 0, deadlineMs, 'the node to notice')
  // What is connected needs no daemon.
  expect(await node.ping(b)).toBe(true)
  expect(await old.eval(`net_adm:ping('${a}')`)).toBe('pong')

  const second = await startEpmd(port)
  try {
    const registered = async () => {
      const names = await second.names()
      return names.get('a') === node.endpoint?.port && names.has('b')
    }
    await eventually(registered, deadlineMs, 'both to be registered again')
    const back = () => log.at('info').some(({ message }) => message === 'registered with the port mapper again')
    await eventually(back, deadlineMs, 'the node to say so')
    await using late = await erlang(c)
    await eventually(
      async () => (await late.eval(`net_adm:ping('${a}')`)) === 'pong',
      deadlineMs,
      'the newcomer to get in',
    )
    await sees(node, b, c)
    expect(await node.ping(c)).toBe(true)
    // And we find by it who was there before, and who is new.
    for (const name of [b, c]) {
      node.disconnect(name)
      await eventually(() => !node.nodes().includes(name), deadlineMs, `${name} to be away`)
      await eventually(() => node.connect(name), deadlineMs, `${name} to be found`)
    }
    expect(events.filter((event) => event === `down ${b}`)).toHaveLength(1)
    // It has tried every two seconds, and said so once a minute.
    expect(lost().length).toBeLessThan(3)
  } finally {
    await second.stop()
  }
})

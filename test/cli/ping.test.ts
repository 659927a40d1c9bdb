/** `reign ping`, with live nodes; and each way in which it can fail. */
import { createServer, type Server } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Interrupted } from '../../src/cli/interrupted.js'
import { makeCookie } from '../../src/cluster/cookie.js'
import { systemEntropy } from '../../src/entropy.js'
import { startErlang } from '../interop/erl.js'
import { startNode } from '../support/child-node.js'
import { Workplace } from './command.js'
import { CommandCluster, deadlineMs, exitCode, one, seesOnly, two, visitor } from './command-cluster.js'

let cluster: CommandCluster
beforeEach(async () => {
  cluster = await CommandCluster.make()
})
afterEach(() => cluster[Symbol.asyncDispose]())

const line = /^ {3}\d {2}\d+\.\d{3} ms$/

/** A server that answers nothing. */
async function silentServer(): Promise<Server> {
  const server = createServer((socket) => socket.on('error', () => {}))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return server
}

function portOf(server: Server): number {
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

describe('reign ping', () => {
  test('tells the time of each round trip, and what they come to', async () => {
    const node = await cluster.start(two)
    const { code, out, err } = await cluster.reign(['ping', two, '--count', '3', '--interval', '0'])
    expect({ code, err }).toEqual({ code: 0, err: '' })
    const [head, ...rest] = out.trimEnd().split('\n')
    expect(head).toMatch(/^two@127\.0\.0\.1: connected in \d+\.\d{3} ms$/)
    expect(rest).toHaveLength(4)
    for (const each of rest.slice(0, 3)) expect(each).toMatch(line)
    const [, min, median, max] =
      /^3 of 3 answered: min ([\d.]+), median ([\d.]+), max ([\d.]+) ms$/.exec(String(rest[3])) ?? []
    const times = rest.slice(0, 3).map((each) => each.trim().split(/\s+/)[1])
    expect(times.sort((a, b) => Number(a) - Number(b))).toEqual([min, median, max])
    // Times of a network, even if it is one machine; not of a clock that stands still.
    expect(Number(min)).toBeGreaterThan(0.01)
    await seesOnly(node)
  })

  test('says where it dialled, when the cluster file knows; and connects with nobody else', async () => {
    const node = await cluster.start(two)
    const other = await cluster.start(one)
    const met: string[] = []
    other.onNodeUp((name) => met.push(name))
    cluster.rewriteNode(two, { address: `127.0.0.1:${node.endpoint?.port}` })
    const { code, out } = await cluster.reign(['ping', two, '-c', '1'])
    expect(code).toBe(0)
    expect(out).toContain(`two@127.0.0.1 at 127.0.0.1:${node.endpoint?.port}: connected`)
    expect(met).not.toContain(visitor)
  })

  test('reaches a live Erlang node', async () => {
    const tls = cluster.place.path('cluster', `${two}.erlang.conf`)
    await using erlang = await startErlang({
      name: two,
      cookie: cluster.read('cookie'),
      epmdPort: cluster.epmd.port,
      tls,
    })
    const { code, out, err } = await cluster.reign(['ping', two, '-c', '2', '-i', '0'])
    expect({ code, err }).toEqual({ code: 0, err: '' })
    expect(out).toContain('2 of 2 answered')
    // It hears of the end a moment later.
    await erlang.waitFor('nodes(connected) =:= []', deadlineMs)
  })

  test('a node that is not there', async () => {
    const { code, out, err } = await cluster.reign(['ping', two])
    expect({ code, out }).toEqual({ code: 1, out: '' })
    expect(err).toMatch(/^reign: ERR_REIGN_UNREACHABLE: two@127\.0\.0\.1 cannot be reached: .*\n$/)
    cluster.rewriteNode(two, { address: '127.0.0.1:1' })
    const refused = await cluster.reign(['ping', two])
    expect(refused.err).toMatch(/^reign: ERR_REIGN_UNREACHABLE: .*127\.0\.0\.1 port 1: connect ECONNREFUSED/)
  })

  test('a name that nobody has, a visitor, and what is no name', async () => {
    await cluster.start(two)
    const mistyped = await cluster.reign(['ping', 'tow@127.0.0.1'])
    expect(mistyped).toMatchObject({ code: 1, out: '' })
    expect(mistyped.err).toMatch(/^reign: ERR_REIGN_UNREACHABLE: .*: did you mean two@127\.0\.0\.1\?\n$/)
    cluster.rewriteNode('ops@127.0.0.1', { member: false })
    const dialled = await cluster.reign(['ping', 'ops@127.0.0.1'])
    expect(dialled.err).toMatch(/^reign: ERR_REIGN_UNREACHABLE: .*it is a visitor, and nobody dials those\n$/)
    const bad = await cluster.reign(['ping', 'two\u001b[2J'])
    expect(bad).toEqual({
      code: 1,
      out: '',
      err: 'reign: ERR_REIGN_NODE_NAME: "two\\u001b[2J" has no @: a node name is alive@host\n',
    })
  })

  test('another cookie', async () => {
    await cluster.start(two, {
      cluster: {
        ...cluster.spec(),
        nodes: { [two]: { cert: cluster.read(`${two}.pem`), key: cluster.read(`${two}.key`) } },
        ca: cluster.read('ca.pem'),
        cookie: makeCookie(systemEntropy),
      },
    })
    const { code, err } = await cluster.reign(['ping', two])
    expect(code).toBe(1)
    expect(err).toMatch(
      /^reign: ERR_REIGN_HANDSHAKE: no connection with two@127\.0\.0\.1: .*probably a cookie mismatch\n$/,
    )
  })

  test('a certificate of another authority', async () => {
    using foreign = new Workplace()
    expect((await foreign.reign(['init', two])).code).toBe(0)
    await cluster.start(two, {
      cluster: {
        ...cluster.spec(),
        nodes: {
          [two]: { cert: foreign.path('cluster', `${two}.pem`), key: foreign.path('cluster', `${two}.key`) },
        },
        ca: foreign.path('cluster', 'ca.pem'),
        cookie: cluster.read('cookie'),
      },
    })
    const { code, err } = await cluster.reign(['ping', two])
    expect(code).toBe(1)
    expect(err).toMatch(/^reign: ERR_REIGN_TLS: no connection with two@127\.0\.0\.1: .*certificate/)
  })

  test('another node at that address', async () => {
    const node = await cluster.start(one)
    cluster.rewriteNode(two, { address: `127.0.0.1:${node.endpoint?.port}` })
    const { code, err } = await cluster.reign(['ping', two])
    expect(code).toBe(1)
    expect(err).toMatch(/^reign: ERR_REIGN_IDENTITY: somebody else than two@127\.0\.0\.1 answers: .*"one@127\.0\.0\.1"/)
  })

  test('somebody who accepts, and says nothing', async () => {
    const server = await silentServer()
    try {
      cluster.rewriteNode(two, { address: `127.0.0.1:${portOf(server)}` })
      const { code, err } = await cluster.reign(['ping', two, '--timeout', '200'])
      expect(code).toBe(1)
      expect(err).toMatch(/^reign: ERR_REIGN_(HANDSHAKE_)?TIMEOUT: .*200 ms/)
    } finally {
      server.close()
    }
  })

  test('a node that stops answering, and one that dies', async () => {
    await using child = await startNode({
      source: `
        import { Node } from 'reign'
        await Node.start('${two}', { cluster: '${cluster.folder}' })
        process.send('ready')`,
    })
    await child.expect((message) => message === 'ready', deadlineMs)
    const frozen = cluster.process(['ping', two, '--count', '1000000', '--interval', '1', '--timeout', '1500'])
    await frozen.expectOutput(/\n {3}2 /, deadlineMs)
    await child.suspend()
    await frozen.expectOutput(/no answer within 1500 ms/, deadlineMs)
    child.resume()
    // It goes on: what was left unanswered is counted.
    await frozen.expectOutput(/no answer within 1500 ms\n(?:.*\n)*? +\d+ {2}\d+\.\d{3} ms\n/, deadlineMs)
    frozen.signal('SIGINT')
    expect(await exitCode(frozen)).toBe(130)
    expect(frozen.output).toMatch(/\n\d+ of \d+ answered: min .* ms\n$/)

    const dying = cluster.process(['ping', two, '--count', '1000000', '--interval', '1'])
    await dying.expectOutput(/\n {3}2 /, deadlineMs)
    await child.kill()
    expect(await exitCode(dying)).toBe(1)
    expect(dying.output).toMatch(/reign: ERR_REIGN_CONNECTION_LOST: the connection with two@127\.0\.0\.1 is lost\n/)
  })

  test('unanswered questions are a failure', async () => {
    const node = await cluster.start(two)
    const stalled = new AbortController()
    node.onNodeUp(() => {
      // Its event loop stands still, for longer than the command waits.
      const until = performance.now() + 6_000
      node.clock.nextTurn(() => {
        while (performance.now() < until);
        stalled.abort()
      })
    })
    const ran = cluster.process(['ping', two, '--count', '2', '--timeout', '1500', '--interval', '1000'])
    expect(await exitCode(ran)).toBe(1)
    expect(ran.output).toMatch(/no answer within 1500 ms/)
    expect(ran.output).toMatch(
      /reign: ERR_REIGN_TIMEOUT: two@127\.0\.0\.1 left [12] of 2 questions unanswered for 1500 ms\n/,
    )
    expect(stalled.signal.aborted).toBe(true)
  })

  test('ends when it is told to, with what it knows so far', async () => {
    const node = await cluster.start(two)
    const ran = cluster.process(['ping', two, '--count', '9', '--interval', '600000'])
    await ran.expectOutput(/\n {3}1 .* ms\n/, deadlineMs)
    ran.signal('SIGTERM')
    expect(await exitCode(ran)).toBe(0)
    expect(ran.output).toMatch(/ ms\n1 of 1 answered: min .* ms\n$/)
    await seesOnly(node)
  })

  test('ends when it is told to while it connects, without a word', async () => {
    const node = await cluster.start(two)
    const stop = new AbortController()
    node.onNodeUp(() => stop.abort(new Interrupted('SIGINT')))
    const ran = await cluster.reign(['ping', two, '--count', '9', '--interval', '600000'], stop.signal)
    expect(ran.code).toBe(130)
    expect(ran.err).toBe('')
    // Its own side of the connection may stand by then, or not.
    expect(ran.out).toMatch(/^(two@127\.0\.0\.1: connected in .*\n[01] of [01] answered.*\n)?$/)
    await seesOnly(node)
  })

  test.each([
    [['ping'], "missing required argument 'node'"],
    [['ping', two, '--count', '0'], '"0" is not a whole number from 1 to 1000000'],
    [['ping', two, '--count', '1e3'], '"1e3" is not a whole number'],
    [['ping', two, '--timeout', '-1'], '"-1" is not a whole number'],
    [['ping', two, '--interval', 'x'], '"x" is not a whole number from 0'],
  ])('%j is a usage error', async (words, message) => {
    const { code, out, err } = await cluster.reign(words)
    expect({ code, out }).toEqual({ code: 2, out: '' })
    expect(err).toContain(message)
  })
})

/** `reign names` and `reign nodes`, with live nodes of reign and of Erlang. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Node } from '../../src/cluster/node.js'
import { atom } from '../../src/term/atom.js'
import { startErlang } from '../interop/erl.js'
import { eventually } from '../support/deadline.js'
import { CommandCluster, deadlineMs, one, seesOnly, two, visitor } from './command-cluster.js'

const three = 'three@127.0.0.1'

let cluster: CommandCluster
beforeEach(async () => {
  cluster = await CommandCluster.make([one, two, three])
})
afterEach(() => cluster[Symbol.asyncDispose]())

/** Lets a mailbox of a node claim names; gives its address as text. */
function claim(node: Node, ...names: (string | symbol)[]): string {
  const mailbox = node.mailbox()
  for (const name of names) node.names.register(name, mailbox.address)
  return String(mailbox.address)
}

/** Resolves when each of these nodes is connected with those that are named behind it, and has exchanged its names with them. */
async function settled(...nodes: (readonly [Node, ...string[]])[]): Promise<void> {
  for (const [node, ...names] of nodes) {
    const isDone = () =>
      names.every((name) => node.names.nodes().some((each) => each.node === name && each.state === 'synced'))
    await eventually(isDone, deadlineMs, `${node.name} to know ${names.join(' and ')}`)
  }
}

async function startErlangNode(name: string) {
  const tls = cluster.place.path('cluster', `${name}.erlang.conf`)
  return startErlang({ name, cookie: cluster.read('cookie'), epmdPort: cluster.epmd.port, tls })
}

describe('reign names', () => {
  test('lists every name with its claimants, node by node', async () => {
    const [a, b] = [await cluster.start(one), await cluster.start(two)]
    const first = claim(a, 'chat', atom('stock'))
    const second = claim(a, 'chat')
    const other = claim(b, 'chat', 'alone')
    const c = await cluster.start(three)
    await settled([a, two, three], [b, one, three], [c, one, two])
    expect(await cluster.reign(['names'])).toEqual({
      code: 0,
      err: '',
      out: [
        `'stock'  one@127.0.0.1  ${first}`,
        `alone    two@127.0.0.1  ${other}`,
        `chat     one@127.0.0.1  ${first}`,
        `                        ${second}`,
        `         two@127.0.0.1  ${other}`,
        '',
      ].join('\n'),
    })
    const { code, out } = await cluster.reign(['names', '--json'])
    expect(code).toBe(0)
    expect(JSON.parse(out)).toEqual({
      names: [
        { name: 'stock', kind: 'atom', claimants: [{ node: one, address: first }] },
        { name: 'alone', kind: 'text', claimants: [{ node: two, address: other }] },
        {
          name: 'chat',
          kind: 'text',
          claimants: [
            { node: one, address: first },
            { node: one, address: second },
            { node: two, address: other },
          ],
        },
      ],
      answered: [one, two, three],
      unexchanged: [],
      unanswered: [],
    })
  })

  test('asks one node alone, and knows a text from an atom of the same name', async () => {
    const [a, b] = [await cluster.start(one), await cluster.start(two)]
    claim(a, 'chat')
    const address = claim(b, 'chat', atom('chat'))
    const { out } = await cluster.reign(['names', '--node', two])
    expect(out).toBe(`'chat'  two@127.0.0.1  ${address}\nchat    two@127.0.0.1  ${address}\n`)
    const empty = await cluster.reign(['names', '--node', two, '--as', visitor, '--dir', 'cluster/cluster.json'])
    expect(empty.out).toBe(out)
  })

  test('says when there is none, and who does not answer', async () => {
    await cluster.start(one)
    const { code, out, err } = await cluster.reign(['names'])
    expect({ code, err }).toEqual({ code: 0, err: '' })
    expect(out).toMatch(
      /^nobody claims a name\ntwo@127\.0\.0\.1 does not answer: ERR_REIGN_UNREACHABLE: .*\nthree@127\.0\.0\.1 does not answer: .*\n$/,
    )
    const { answered, unanswered } = JSON.parse((await cluster.reign(['names', '--json'])).out)
    expect(answered).toEqual([one])
    expect(unanswered).toEqual([
      { node: two, code: 'ERR_REIGN_UNREACHABLE', reason: expect.stringContaining('two@127.0.0.1 cannot be reached') },
      { node: three, code: 'ERR_REIGN_UNREACHABLE', reason: expect.any(String) },
    ])
  })

  test('fails when nobody answers', async () => {
    const all = await cluster.reign(['names'])
    expect(all).toMatchObject({ code: 1, out: '' })
    expect(all.err).toMatch(
      /^reign: ERR_REIGN_UNREACHABLE: no member answers:(\n {2}- ERR_REIGN_UNREACHABLE: .*){3}\n$/,
    )
    const single = await cluster.reign(['names', '--node', 'tow@127.0.0.1', '--json'])
    expect(single).toMatchObject({ code: 1, out: '' })
    expect(single.err).toMatch(/^reign: ERR_REIGN_UNREACHABLE: .*did you mean two@127\.0\.0\.1\?\n$/)
  })

  test('shows names of peers without what would command the terminal', async () => {
    const a = await cluster.start(one)
    claim(a, '\u001b[2J', 'two words', 'größe', '\u202eevil', atom("it's\u0007"), `x${'y'.repeat(300)}`)
    const { code, out } = await cluster.reign(['names', '--node', one])
    expect(code).toBe(0)
    const shown = out.split('\n').map((line) => line.slice(0, line.indexOf('  ')))
    expect(shown.slice(0, 5)).toEqual([
      '"\\u001b[2J"',
      '"\\u202eevil"',
      '"two words"',
      `"x${'y'.repeat(199)}"…`,
      "'it's\\u0007'",
    ])
    expect(shown[5]).toBe('größe')
    // Nothing else leaves, whatever the names are.
    expect(out).toMatch(/^[\x20-\x7e\nöß…]*$/)
  })

  test('an Erlang node is asked as any; one without the scope takes no part', async () => {
    const a = await cluster.start(one)
    const address = claim(a, 'chat')
    await using scoped = await startErlangNode(two)
    await using bare = await startErlangNode(three)
    await scoped.eval('{ok, _} = pg:start(reign)')
    await scoped.eval('ok = pg:join(reign, <<"chat">>, whereis(net_kernel))')
    await scoped.eval('ok = pg:join(reign, {not_a, name}, whereis(net_kernel))')
    await settled([a, two])
    const { code, out } = await cluster.reign(['names'])
    expect(code).toBe(0)
    const [first, second, third, ...rest] = out.split('\n')
    expect(first).toBe(`chat  one@127.0.0.1  ${address}`)
    expect(second).toMatch(/^ {6}two@127\.0\.0\.1 {2}pid:two@127\.0\.0\.1:\d+\.0:\d+$/)
    expect(third).toMatch(/^three@127\.0\.0\.1 does not answer: ERR_REIGN_CALL: .*no scope "reign" of pg runs there$/)
    expect(rest).toEqual([''])
    // It has left no trace: the scope of the Erlang node knows it no more.
    await scoped.waitFor(
      `lists:all(fun(P) -> node(P) =/= '${visitor}' end, maps:keys(element(4, sys:get_state(reign))))`,
      deadlineMs,
    )
    await bare.waitFor(`not lists:member('${visitor}', nodes(connected))`, deadlineMs)
  })

  test('says which members have not exchanged their names with each other, as after a partition', async () => {
    const [a, b] = [await cluster.start(one), await cluster.start(two)]
    const [first, other] = [claim(a, 'chat'), claim(b, 'chat')]
    await using erlang = await startErlangNode(three)
    await erlang.eval('{ok, _} = pg:start(reign)')
    const claims = [`chat  one@127.0.0.1  ${first}`, `      two@127.0.0.1  ${other}`]
    await settled([a, two, three], [b, one, three])
    expect((await cluster.reign(['names'])).out.split('\n')).toEqual([...claims, ''])

    // Apart for good, each with the third. What the Erlang node knows of them it cannot say.
    a.forget(two)
    await seesOnly(a, three)
    await seesOnly(b, three)
    expect((await cluster.reign(['names'])).out.split('\n')).toEqual([
      ...claims,
      'one@127.0.0.1 does not know the names of two@127.0.0.1: not connected',
      'two@127.0.0.1 does not know the names of one@127.0.0.1: not connected',
      '',
    ])
    const { unexchanged, answered } = JSON.parse((await cluster.reign(['names', '--json'])).out)
    expect(answered).toEqual([one, two, three])
    expect(unexchanged).toEqual([
      { node: one, with: two, reason: 'not connected' },
      { node: two, with: one, reason: 'not connected' },
    ])
    // Of one that is asked alone, nothing is to be said.
    expect((await cluster.reign(['names', '--node', one])).out.split('\n')).toEqual([claims[0], ''])
  })

  test('leaves the cluster as it was', async () => {
    const a = await cluster.start(one)
    claim(a, 'chat')
    const before = a.processes().length
    const lost: string[] = []
    a.onNodeDown((node, reason) => lost.push(`${node} ${reason}`))
    for (let i = 0; i < 3; i++) expect((await cluster.reign(['names', '--node', one])).code).toBe(0)
    await eventually(() => lost.length === 3, deadlineMs)
    await seesOnly(a)
    expect(a.processes()).toHaveLength(before)
    expect(a.names.seen()).toEqual(['chat'])
  })
})

describe('reign nodes', () => {
  test('lists the members: which run of each answers, how fast, and who does not', async () => {
    const a = await cluster.start(one)
    await using erlang = await startErlangNode(two)
    const creation = await erlang.eval('erlang:system_info(creation)')
    const { code, out, err } = await cluster.reign(['nodes'])
    expect({ code, err }).toEqual({ code: 0, err: '' })
    const [first, second, third, ...rest] = out.split('\n')
    expect(first).toMatch(
      new RegExp(`^one@127\\.0\\.0\\.1 {4}up {4}\\d+\\.\\d{3} ms {2,}creation ${a.mailbox().address.creation}$`),
    )
    expect(second).toMatch(new RegExp(`^two@127\\.0\\.0\\.1 {4}up {4}\\d+\\.\\d{3} ms {2,}creation ${creation}$`))
    expect(third).toMatch(/^three@127\.0\.0\.1 {2}down {2}ERR_REIGN_UNREACHABLE: three@127\.0\.0\.1 cannot be reached/)
    expect(rest).toEqual([''])
  })

  test('as JSON', async () => {
    const a = await cluster.start(one)
    cluster.rewriteNode(one, { address: `127.0.0.1:${a.endpoint?.port}` })
    const { code, out } = await cluster.reign(['nodes', '--json'])
    expect(code).toBe(0)
    const { nodes } = JSON.parse(out)
    expect(nodes).toEqual([
      {
        node: one,
        address: `127.0.0.1:${a.endpoint?.port}`,
        up: true,
        creation: a.mailbox().address.creation,
        roundTripMs: expect.any(Number),
      },
      { node: two, up: false, code: 'ERR_REIGN_UNREACHABLE', reason: expect.any(String) },
      { node: three, up: false, code: 'ERR_REIGN_UNREACHABLE', reason: expect.any(String) },
    ])
    expect(nodes[0].roundTripMs).toBeGreaterThan(0.01)
  })

  test('fails when no member answers', async () => {
    const { code, out, err } = await cluster.reign(['nodes'])
    expect({ code, out }).toEqual({ code: 1, out: '' })
    expect(err).toMatch(/^reign: ERR_REIGN_UNREACHABLE: no member answers:/)
  })
})

/** `reign chat` in processes of their own, over mutual TLS, through pipes; and with a live Erlang node. */
import { type AddressInfo, createServer } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { startErlang } from '../interop/erl.js'
import { eventually } from '../support/deadline.js'
import type { OsProcess } from '../support/os-process.js'
import { CommandCluster, deadlineMs, exitCode, one, two, visitor } from './command-cluster.js'

let cluster: CommandCluster
beforeEach(async () => {
  cluster = await CommandCluster.make()
})
afterEach(() => cluster[Symbol.asyncDispose]())

/** What it has shown, line by line. */
function shown(chat: OsProcess): string[] {
  return chat.output.split('\n').slice(0, -1)
}

/** Two in the chat, who see each other. */
async function pair(): Promise<{ a: OsProcess; b: OsProcess }> {
  const a = cluster.process(['chat', one])
  await a.expectOutput(/nobody else is here yet/, deadlineMs)
  const b = cluster.process(['chat', two])
  await a.expectOutput(/\* two@127\.0\.0\.1 is here\n/, deadlineMs)
  await b.expectOutput(/\* one@127\.0\.0\.1 is here\n/, deadlineMs)
  return { a, b }
}

describe('two in the chat', () => {
  test('hear each other in order, and see each other leave', async () => {
    const { a, b } = await pair()
    a.stdin.write('hello\n\n   \nhow are you?\n')
    b.stdin.write('größe 大 👩‍👩‍👧\n')
    await b.expectOutput(/how are you\?\n/, deadlineMs)
    await a.expectOutput(/größe/, deadlineMs)
    b.stdin.end()
    expect(await exitCode(b)).toBe(0)
    await a.expectOutput(/two@127\.0\.0\.1 has left\n/, deadlineMs)
    a.stdin.write('still there?\n')
    await a.expectOutput(/nobody else is here to hear that\n/, deadlineMs)
    a.stdin.end()
    expect(await exitCode(a)).toBe(0)
    expect(shown(a)).toEqual([
      '* you are one@127.0.0.1',
      '* nobody else is here yet',
      '* two@127.0.0.1 is here',
      'two@127.0.0.1: größe 大 👩‍👩‍👧',
      '* two@127.0.0.1 has left',
      '* nobody else is here to hear that',
    ])
    // On a very busy machine the two may take longer to meet than it waits before it says so.
    expect(shown(b).filter((line) => line !== '* nobody else is here yet')).toEqual([
      '* you are two@127.0.0.1',
      '* one@127.0.0.1 is here',
      'one@127.0.0.1: hello',
      'one@127.0.0.1: how are you?',
    ])
  })

  test('one that is killed is announced as lost, and its next run as here', async () => {
    const { a, b } = await pair()
    await b.kill()
    await a.expectOutput(/\* two@127\.0\.0\.1 is lost: its connection broke\n/, deadlineMs)
    const again = cluster.process(['chat', two])
    await a.expectOutput(/is lost: .*\n\* two@127\.0\.0\.1 is here\n/, deadlineMs)
    again.stdin.end('back\n')
    await a.expectOutput(/two@127\.0\.0\.1: back\n\* two@127\.0\.0\.1 has left\n/, deadlineMs)
    // Each of it is one line, and nothing is said twice.
    expect(shown(a).slice(2)).toEqual([
      '* two@127.0.0.1 is here',
      '* two@127.0.0.1 is lost: its connection broke',
      '* two@127.0.0.1 is here',
      'two@127.0.0.1: back',
      '* two@127.0.0.1 has left',
    ])
  })

  test('what comes from a pipe is heard, although it is there before the connection', async () => {
    const a = cluster.process(['chat', one])
    await a.expectOutput(/nobody else is here yet/, deadlineMs)
    const b = cluster.process(['chat', two])
    const lines = Array.from({ length: 500 }, (_, i) => `line ${i}`)
    b.stdin.end(`${lines.join('\n')}\n`)
    expect(await exitCode(b)).toBe(0)
    await a.expectOutput(/has left\n/, deadlineMs)
    expect(shown(a).filter((line) => line.startsWith('two@'))).toEqual(lines.map((line) => `two@127.0.0.1: ${line}`))
  })

  test('a visitor can be one of them', async () => {
    const { a, b } = await pair()
    const guest = cluster.process(['chat', visitor])
    guest.stdin.end('just looking in\n')
    expect(await exitCode(guest)).toBe(0)
    for (const chat of [a, b]) {
      await chat.expectOutput(/console@127\.0\.0\.1: just looking in\n\* console@127\.0\.0\.1 has left\n/, deadlineMs)
    }
    expect(guest.output).toContain('* one@127.0.0.1 is here\n')
    expect(guest.output).toContain('* two@127.0.0.1 is here\n')
  })
})

describe('a chat that is ended from outside', () => {
  test.each([
    ['SIGTERM', 0],
    ['SIGINT', 130],
  ] as const)('by %s ends with %i, when all that was said has left', async (signal, code) => {
    const { a, b } = await pair()
    const text = 'x'.repeat(4_000)
    const lines = Array.from({ length: 2_000 }, (_, i) => `${i} ${text}`)
    b.stdin.write(`${lines.join('\n')}\n`)
    await a.expectOutput(/two@127\.0\.0\.1: 0 x/, deadlineMs)
    b.signal(signal)
    expect(await exitCode(b)).toBe(code)
    await a.expectOutput(/\* two@127\.0\.0\.1 has left\n/, deadlineMs)
    // Without a hole, as far as it came; and no stack or warning in between.
    const numbers = Array.from(a.output.matchAll(/^two@127\.0\.0\.1: (\d+) x+$/gm), ([, n]) => Number(n))
    expect(numbers.length).toBeGreaterThan(0)
    expect(numbers.slice(1).every((n, i) => n === (numbers[i] ?? 0) + 1)).toBe(true)
    expect(b.output).not.toMatch(/Error|reign:/)
  })

  test('also while it waits for the others', async () => {
    const silent = createServer((socket) => socket.on('error', () => {}))
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    try {
      cluster.rewriteNode(two, { address: `127.0.0.1:${(silent.address() as AddressInfo).port}` })
      const a = cluster.process(['chat', one])
      await a.expectOutput(/you are/, deadlineMs)
      a.signal('SIGTERM')
      expect(await exitCode(a)).toBe(0)
      expect(shown(a)).toEqual(['* you are one@127.0.0.1'])
    } finally {
      silent.close()
    }
  })
})

describe('an Erlang node in the chat', () => {
  test('is seen, hears, and is heard', async () => {
    const a = cluster.process(['chat', one])
    await a.expectOutput(/nobody else is here yet/, deadlineMs)
    await using erlang = await startErlang({
      name: two,
      cookie: cluster.read('cookie'),
      epmdPort: cluster.epmd.port,
      tls: cluster.place.path('cluster', `${two}.erlang.conf`),
    })
    const shell = erlang.shell()
    await shell.eval('{ok, _} = pg:start(reign)')
    await shell.eval(`pong = net_adm:ping('${one}')`)
    await erlang.waitFor('length(pg:get_members(reign, <<"chat">>)) =:= 1', deadlineMs)
    await shell.eval('ok = pg:join(reign, <<"chat">>, self())')
    await a.expectOutput(/\* two@127\.0\.0\.1 is here\n/, deadlineMs)

    await shell.eval('[Peer] = [P || P <- pg:get_members(reign, <<"chat">>), P =/= self()]')
    await shell.eval('Peer ! #{type => said, by => node(), text => <<"from Erlang">>}')
    await a.expectOutput(/two@127\.0\.0\.1: from Erlang\n/, deadlineMs)
    a.stdin.write('from reign\n')
    expect(await shell.eval('receive M -> M after 60000 -> exit(late) end')).toBe(
      '#{by => <<"one@127.0.0.1">>,text => <<"from reign">>,type => <<"said">>}',
    )

    // What would command a terminal, forge a line, or is no message of the chat at all, does no harm.
    await shell.eval('Peer ! garbage, Peer ! {said, 1}, Peer ! #{type => said}, Peer ! [], Peer ! undefined')
    await shell.eval(
      'Peer ! #{type => said, by => <<"root\\e[31m">>, text => <<"\\e[2J\\e]0;x\\x07\\r* one has left\\n* all is lost">>}',
    )
    await shell.eval('Peer ! #{type => said, by => "list", text => <<255, 254>>}')
    await a.expectOutput(/list: .*\n/, deadlineMs)

    await shell.eval('ok = pg:leave(reign, <<"chat">>, self())')
    await a.expectOutput(/\* two@127\.0\.0\.1 has left\n/, deadlineMs)
    await shell.eval('ok = pg:join(reign, <<"chat">>, self())')
    await a.expectOutput(/has left\n\* two@127\.0\.0\.1 is here\n/, deadlineMs)
    await erlang.kill()
    await a.expectOutput(/\* two@127\.0\.0\.1 is lost: its connection broke\n/, deadlineMs)
    expect(shown(a).slice(2)).toEqual([
      '* two@127.0.0.1 is here',
      'two@127.0.0.1: from Erlang',
      'root\ufffd[31m: \ufffd[2J\ufffd]0;x\ufffd * one has left * all is lost',
      'list: \ufffd\ufffd',
      '* two@127.0.0.1 has left',
      '* two@127.0.0.1 is here',
      '* two@127.0.0.1 is lost: its connection broke',
    ])
  })
})

describe('a chat that cannot begin', () => {
  test('says why in one line', async () => {
    await cluster.start(two)
    const node = await cluster.start(one)
    cluster.rewriteNode(one, { address: `127.0.0.1:${node.endpoint?.port}` })
    const taken = cluster.process(['chat', one])
    expect(await exitCode(taken)).toBe(1)
    expect(taken.output).toMatch(/^reign: ERR_REIGN_PORT_IN_USE: .*\n$/)
    const unknown = cluster.process(['chat', 'tow@127.0.0.1'])
    expect(await exitCode(unknown)).toBe(1)
    expect(unknown.output).toMatch(/^reign: ERR_REIGN_CLUSTER_SPEC: .*did you mean two@127\.0\.0\.1\?\n$/)
    const named = cluster.process(['chat', two])
    expect(await exitCode(named)).toBe(1)
    expect(named.output).toMatch(/^reign: ERR_REIGN_NAME_IN_USE: .*\n$/)
    await eventually(() => node.nodes().includes(two), deadlineMs)
  })
})

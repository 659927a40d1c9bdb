import { execFileSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { within } from '../support/deadline.js'
import { type Epmd, startEpmd } from './epmd.js'
import { ErlangError, type ErlangNode, startErlang } from './erl.js'

let epmd: Epmd
let erl: ErlangNode

beforeAll(async () => {
  epmd = await startEpmd()
  erl = await startErlang({ name: 'shared@127.0.0.1', cookie: 'secret', epmdPort: epmd.port })
})
afterAll(async () => {
  await erl[Symbol.asyncDispose]()
})

describe('eval', () => {
  test('gives what Erlang prints, one line long however large', async () => {
    expect(await erl.eval('{ok, 1 + 2, <<"text">>, "chars", [ü]}')).toBe('{ok,3,<<"text">>,"chars",[ü]}')
    expect(await erl.eval('lists:seq(1, 1000)')).toBe(`[${Array.from({ length: 1_000 }, (_, i) => i + 1).join(',')}]`)
  })

  test('takes a sequence, with or without a full stop, and names the node', async () => {
    expect(await erl.eval('A = 1, B = A + 1, {node(), B}.')).toBe("{'shared@127.0.0.1',2}")
    expect(await erl.eval('atom_to_list(erlang:get_cookie())')).toBe('"secret"')
  })

  test('binds variables to binaries, and gives bytes back as they are', async () => {
    expect(await erl.eval('{Text, size(Raw)}', { bind: { Text: 'hé', Raw: Uint8Array.of(0, 255) } })).toBe(
      '{<<"hé"/utf8>>,2}',
    )
    const large = Buffer.alloc(3_000_000, 'abc\0')
    expect((await erl.bytes('Raw', { bind: { Raw: large } })).equals(large)).toBe(true)
    expect((await erl.bytes('term_to_binary({1})')).toString('hex')).toBe('8368016101')
  })

  test.each([
    ['error(bad)', 'error', 'bad'],
    ['throw({a, 1})', 'throw', '{a,1}'],
    ['exit(normal)', 'exit', 'normal'],
    ['exit(self(), kill), receive x -> y end', 'exit', 'killed'],
    ['spawn_link(fun() -> exit(blow) end), receive x -> y end', 'exit', 'blow'],
    ['1 + a', 'error', 'badarith'],
    ['bytes_of(1', 'exit', expect.stringContaining('syntax')],
    ['X = "abc', 'exit', expect.stringContaining('unterminated')],
  ])('%s rejects with its class and reason', async (expression, errorClass, reason) => {
    await expect(erl.eval(expression)).rejects.toMatchObject({ name: 'ErlangError', class: errorClass, reason })
  })

  test('several under way do not wait for each other', async () => {
    const waits = erl.eval('register(held, self()), receive go -> gone end')
    await erl.waitFor('is_pid(whereis(held))', 15_000)
    expect(await erl.eval('held ! go')).toBe('go')
    expect(await waits).toBe('gone')
  })

  test('rejects at its deadline, kills its process, and the node goes on', async () => {
    await expect(erl.eval('register(late, self()), receive x -> y end', { deadlineMs: 100 })).rejects.toThrow(
      /not within 100 ms: register\(late/,
    )
    await erl.waitFor('whereis(late) =:= undefined', 15_000)
  })
})

test('waitFor looks again until it is true, and says what it saw when it never was', async () => {
  await erl.eval('spawn(fun() -> receive after 50 -> register(seen, self()), receive x -> y end end end)')
  await erl.waitFor('is_process_alive(whereis(seen))', 15_000)
  await expect(erl.waitFor('{not_yet, node()}.', 50)).rejects.toThrow(
    "not within 50 ms on shared@127.0.0.1: {not_yet, node()}.; at last: {not_yet,'shared@127.0.0.1'}",
  )
  await expect(erl.waitFor('error(oops)', 50)).rejects.toThrow('{raised,error,oops}')
  await expect(erl.waitFor('1 +', 60_000)).rejects.toThrow(ErlangError)
})

describe('load', () => {
  test('compiles functions, or a whole module with macros', async () => {
    await erl.load('adder', 'add(A, B) -> A + B.')
    expect(await erl.eval('adder:add(1, 2)')).toBe('3')
    await erl.load('named', '-module(named).\n-export([me/0]).\nme() -> {?MODULE, other()}.\nother() -> ok.\n')
    expect(await erl.eval('{named:me(), catch named:other()}')).toMatch(/^\{\{named,ok\},\{'EXIT',\{undef/)
  })

  test('rejects with what the compiler says, and where', async () => {
    await expect(erl.load('broken', 'f() ->\n  X.')).rejects.toThrow(/\{2,3\} variable 'X' is unbound/)
  })
})

describe('shell', () => {
  test('is one process that keeps variables, monitors and messages', async () => {
    const shell = erl.shell()
    await shell.eval('Pid = spawn(fun() -> receive {stop, Why} -> exit(Why) end end)')
    await shell.eval('Ref = monitor(process, Pid), self() ! hello')
    await expect(shell.eval('Pid = other')).rejects.toMatchObject({ class: 'error', reason: /badmatch/ })
    void shell.eval('Pid ! {stop, done}')
    expect(await shell.eval("receive {'DOWN', Ref, process, Pid, Why} -> {Why, now} after 60000 -> late end")).toBe(
      '{done,now}',
    )
    expect(await shell.eval('receive Any -> Any after 0 -> none end')).toBe('hello')
    expect(await erl.shell().eval('erl_eval:bindings([])')).toBe('[]')
  })

  test('that was ended by a link says so, then and later', async () => {
    const shell = erl.shell()
    await expect(shell.eval('spawn_link(fun() -> exit(blow) end), receive x -> y end')).rejects.toThrow('exit:blow')
    await expect(shell.eval('1')).rejects.toThrow('exit:noproc')
  })
})

describe('a node', () => {
  test('without options is not distributed', async () => {
    await using alone = await startErlang()
    expect(await alone.eval('{node(), is_alive()}')).toBe('{nonode@nohost,false}')
    expect(alone.otpRelease).toBeGreaterThanOrEqual(25)
  })

  test('connects to another, is seen by its port mapper, and can be hidden', async () => {
    await using hidden = await startErlang({ cookie: 'secret', epmdPort: epmd.port, hidden: true })
    expect(await hidden.eval("net_adm:ping('shared@127.0.0.1')")).toBe('pong')
    expect(await erl.eval('{nodes(), nodes(hidden)}')).toBe(`{[],['${hidden.name}']}`)
    const names = await epmd.names()
    expect([...names.keys()].sort()).toEqual([hidden.name.split('@')[0], 'shared'].sort())
  })

  test('speaks TLS with an option file', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'reign-tls-'))
    try {
      const file = (name: string) => join(folder, name)
      const openssl = (line: string) => execFileSync('openssl', line.split(' '), { cwd: folder, stdio: 'pipe' })
      const key = 'ec -pkeyopt ec_paramgen_curve:P-256 -nodes'
      openssl(`req -x509 -newkey ${key} -subj /CN=authority -days 2 -keyout authority.key -out authority.pem`)
      openssl(`req -newkey ${key} -subj /CN=node -keyout node.key -out node.csr`)
      // Erlang looks for the host of the node name among the DNS names, also when it is an address.
      await writeFile(file('names'), 'subjectAltName=DNS:127.0.0.1\n')
      openssl(
        'x509 -req -in node.csr -days 2 -CA authority.pem -CAkey authority.key -CAcreateserial -extfile names -out node.pem',
      )
      const tls = file('dist.conf')
      const files = `{certfile, "${file('node.pem')}"}, {keyfile, "${file('node.key')}"}, {cacertfile, "${file('authority.pem')}"}`
      const common = `${files}, {verify, verify_peer}`
      await writeFile(tls, `[{server, [${common}, {fail_if_no_peer_cert, true}]}, {client, [${common}]}].`)
      await using one = await startErlang({ epmdPort: epmd.port, tls })
      await using two = await startErlang({ epmdPort: epmd.port, tls })
      expect(await one.eval(`net_adm:ping('${two.name}')`)).toBe('pong')
      await erl.eval(`erlang:set_cookie('${two.name}', cookie)`)
      expect(await erl.eval(`net_adm:ping('${two.name}')`)).toBe('pang')
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  test('loads the modules it is started with, and takes arguments', async () => {
    await using other = await startErlang({ args: ['-kernel', 'net_ticktime', '7'], code: { m: 'f() -> loaded.' } })
    expect(await other.eval('{m:f(), application:get_env(kernel, net_ticktime)}')).toBe('{loaded,{ok,7}}')
  })

  test('that is killed leaves its peers with nodedown, and fails what was asked of it', async () => {
    const mortal = await startErlang({ cookie: 'secret', epmdPort: epmd.port })
    const watch = erl.shell()
    await watch.eval(`true = net_kernel:connect_node('${mortal.name}'), monitor_node('${mortal.name}', true)`)
    const asked = mortal.eval('receive x -> y end')
    const failed = expect(asked).rejects.toThrow(`${mortal.name} ended`)
    expect(await mortal.kill()).toEqual({ code: null, signal: 'SIGKILL' })
    await failed
    expect(await watch.eval('receive {nodedown, Node} -> Node after 60000 -> late end')).toBe(`'${mortal.name}'`)
    await expect(mortal.eval('1')).rejects.toThrow('has ended')
  })

  test('that is suspended answers nothing until it is resumed', async () => {
    await using frozen = await startErlang()
    await frozen.suspend()
    const answer = frozen.eval('1')
    await expect(within(100, answer, 'an answer')).rejects.toThrow('not within 100 ms')
    frozen.resume()
    expect(await answer).toBe('1')
  })

  test('can be killed while suspended, and stopped in order', async () => {
    const frozen = await startErlang()
    await frozen.suspend()
    expect(await frozen.kill()).toMatchObject({ signal: 'SIGKILL' })
    const orderly = await startErlang()
    expect(await orderly.stop()).toEqual({ code: 0, signal: null })
    expect(await orderly.stop()).toEqual({ code: 0, signal: null })
  })

  test('keeps what it prints', async () => {
    await erl.eval('io:format("printed ~p~n", [here])')
    await erl.process.expectOutput(/printed here/, 15_000)
    await expect(erl.process.expectOutput(/never printed/, 50)).rejects.toThrow(/not within 50 ms[\s\S]*printed here/)
  })

  test('that cannot start says what erl printed', async () => {
    const twin = startErlang({ name: 'shared@127.0.0.1', cookie: 'secret', epmdPort: epmd.port })
    await expect(twin).rejects.toThrow(/already (in use|been taken)|seems to be in use/)
  })

  test('ends by itself when the test run that holds its pipe is gone', async () => {
    const orphan = await startErlang()
    const { pid } = orphan.process
    orphan.process.child.stdio[3]?.destroy()
    expect(await within(15_000, orphan.ended, 'its end')).toMatchObject({ code: 0 })
    expect(() => process.kill(pid, 0)).toThrow('ESRCH')
  })
})

test('epmd listens on a port of its own, and is gone when it is stopped', async () => {
  const other = await startEpmd()
  expect(other.port).not.toBe(epmd.port)
  expect(await other.names()).toEqual(new Map())
  await other.stop()
  const refused = new Promise((resolve) => {
    connect(other.port, '127.0.0.1').on('error', (error: NodeJS.ErrnoException) => resolve(error.code))
  })
  expect(await within(15_000, refused, 'a refusal')).toBe('ECONNREFUSED')
})

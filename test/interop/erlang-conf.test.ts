/** The files that `reign init` makes, in the hands of real Erlang nodes. */
import { readFileSync, writeFileSync } from 'node:fs'
import { connect, type PeerCertificate, type SecureVersion } from 'node:tls'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { nodeNamesOfSubjectAltName } from '../../src/certs/node-identity.js'
import { Workplace } from '../cli/command.js'
import { within } from '../support/deadline.js'
import { type Epmd, startEpmd } from './epmd.js'
import { type ErlangNode, startErlang } from './erl.js'

const one = 'one@127.0.0.1'
const two = 'two@127.0.0.1'
const stranger = 'stranger@127.0.0.1'

// A path with what shells, Erlang strings and encodings stumble over.
const awkward = 'reign "ü\' \\ -'

let epmd: Epmd
let place: Workplace
let foreign: Workplace
beforeAll(async () => {
  place = new Workplace(awkward)
  foreign = new Workplace()
  expect((await place.reign(['init', one, two])).code).toBe(0)
  expect((await foreign.reign(['init', stranger])).code).toBe(0)
  epmd = await startEpmd()
})
afterAll(() => {
  place[Symbol.dispose]()
  foreign[Symbol.dispose]()
})

function start(name: string, from: Workplace = place): Promise<ErlangNode> {
  const tls = from.path('cluster', `${name}.erlang.conf`)
  const cookie = readFileSync(place.path('cluster', 'cookie'), 'utf8')
  return startErlang({ name, cookie, epmdPort: epmd.port, tls })
}

/** The TLS version of the connection to a peer, as the process that sends on it knows it. */
function versionTo(peer: string): string {
  return `{_, Pid} = lists:keyfind('${peer}', 1, erlang:system_info(dist_ctrl)),
    re:run(io_lib:format("~p", [sys:get_state(Pid)]), "{3,[1-4]}", [{capture, all, list}])`
}

describe('two Erlang nodes', () => {
  test('meet over TLS 1.3, whoever dials, and stay apart from a node of another cluster', async () => {
    await using a = await start(one)
    await using b = await start(two)
    expect(await a.eval(`net_adm:ping('${two}')`)).toBe('pong')
    expect(await a.eval(versionTo(two))).toBe('{match,["{3,4}"]}')
    expect(await b.eval(versionTo(one))).toBe('{match,["{3,4}"]}')
    expect(await b.eval(`erlang:disconnect_node('${one}'), net_adm:ping('${one}')`)).toBe('pong')

    await using c = await start(stranger, foreign)
    expect(await c.eval(`net_adm:ping('${one}')`)).toBe('pang')
    expect(await a.eval(`net_adm:ping('${stranger}')`)).toBe('pang')
    expect(await a.eval('nodes()')).toBe(`['${two}']`)
  })

  test('meet over TLS 1.2 when one knows no more', async () => {
    const conf = place.path('cluster', `${two}.erlang.conf`)
    const text = readFileSync(conf, 'utf8')
    writeFileSync(conf, text.replaceAll("'tlsv1.3', ", ''))
    try {
      await using a = await start(one)
      await using b = await start(two)
      expect(await a.eval(`net_adm:ping('${two}')`)).toBe('pong')
      expect(await a.eval(versionTo(two))).toBe('{match,["{3,3}"]}')
      expect(await b.eval(`erlang:disconnect_node('${one}'), net_adm:ping('${one}')`)).toBe('pong')
    } finally {
      writeFileSync(conf, text)
    }
  })

  test('started by the command that stands in the file', async () => {
    const text = readFileSync(place.path('cluster', `${one}.erlang.conf`), 'utf8')
    const command = text
      .split('\n')
      .filter((line) => line.startsWith('%%   '))
      .map((line) => line.slice(5))
      .join('\n')
      // Not its port, which somebody may have; and not our terminal.
      .replace(/-kernel .*/, '-noshell -eval \'io:format("~s ~s~n", [node(), erlang:get_cookie()]), halt().\'')
    const { OsProcess } = await import('../support/os-process.js')
    const shell = new OsProcess('/bin/sh', { args: ['-c', command], env: { ERL_EPMD_PORT: String(epmd.port) } })
    expect(await within(15_000, shell.ended, 'erl to end')).toEqual({ code: 0, signal: null })
    expect(shell.output.trim()).toBe(`${one} ${readFileSync(place.path('cluster', 'cookie'), 'utf8')}`)
    expect(text).toContain('-kernel inet_dist_listen_min 9100 inet_dist_listen_max 9100')
  })
})

describe('Node.js at the door of an Erlang node', () => {
  let erl: ErlangNode
  let port: number
  beforeAll(async () => {
    erl = await start(one)
    port = (await epmd.names()).get('one') ?? 0
  })
  afterAll(() => erl[Symbol.asyncDispose]())

  /** Whom we have met; or, when it does not let us in, the code of the error. In TLS 1.3 that comes late. */
  async function knock(name: string, from: Workplace, version: SecureVersion): Promise<readonly string[] | string> {
    const read = (file: string, of: Workplace): Buffer => readFileSync(of.path('cluster', file))
    const socket = connect({
      port,
      host: '127.0.0.1',
      ca: read('ca.pem', place),
      cert: read(`${name}.pem`, from),
      key: read(`${name}.key`, from),
      minVersion: version,
      maxVersion: version,
    })
    try {
      const outcome = new Promise<readonly string[] | string>((resolve) => {
        socket.once('error', (error: Error & { code?: string }) => resolve(error.code ?? error.message))
        socket.once('close', () => resolve('closed'))
        socket.once('data', () => {
          resolve(nodeNamesOfSubjectAltName((socket.getPeerCertificate() as PeerCertificate).subjectaltname))
        })
        socket.once('secureConnect', () => {
          // An old hello (reference: send_name) with no flags at all: whoever is let in gets an answer to it.
          const hello = Buffer.concat([Buffer.from('N'), Buffer.alloc(12), Buffer.from([0, 3]), Buffer.from('x@y')])
          const length = Buffer.alloc(4)
          length.writeUInt32BE(hello.length)
          socket.write(Buffer.concat([length, hello]))
        })
      })
      return await within(15_000, outcome, 'an answer')
    } finally {
      socket.destroy()
    }
  }

  test.each(['TLSv1.3', 'TLSv1.2'] as const)('with a certificate of the cluster it is let in: %s', async (version) => {
    expect(await knock(two, place, version)).toEqual([one])
  })

  test.each(['TLSv1.3', 'TLSv1.2'] as const)('with one of another cluster it is not: %s', async (version) => {
    expect(await knock(stranger, foreign, version)).toMatch(/^(ERR_SSL_|ECONNRESET|closed)/)
  })
})

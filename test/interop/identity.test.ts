/** Who a node is, over time, where the other node is Erlang's: which looks at certificates in the handshake and never again. */
import { readFileSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { issueNodeCertificate } from '../../src/certs/issue.js'
import { Workplace } from '../cli/command.js'
import { deadlineMs, sees } from '../cluster/cluster-kit.js'
import { FolderCluster, type FolderNode } from '../cluster/folder-cluster.js'
import { eventually } from '../support/deadline.js'
import { type ErlangNode, startErlang } from './erl.js'

const a = 'a@127.0.0.1'
const b = 'b@127.0.0.1'
const day = 86_400_000

let cluster: FolderCluster
beforeEach(async () => {
  cluster = await FolderCluster.make(a, b)
})
afterEach(() => cluster[Symbol.asyncDispose]())

function erlang(name: string, cookie = cluster.read('cookie')): Promise<ErlangNode> {
  return startErlang({ name, cookie, epmdPort: cluster.epmdPort, tls: `${cluster.folder}/${name}.erlang.conf` })
}

/** The process that carries the connection: another one for another connection. */
const carrier = (erl: ErlangNode) => erl.eval(`proplists:get_value('${a}', erlang:system_info(dist_ctrl))`)

async function renewed(node: FolderNode, count: number): Promise<void> {
  const taken = () => node.log.at('info').filter(({ message }) => message === 'new certificates are in use').length
  await eventually(() => taken() >= count, deadlineMs, 'new certificates to be taken')
}

/** Erlang keeps what it has read of certificate files for two minutes; the distribution in a cache of its own. */
const forgetFiles = 'gen_server:call(ssl_pem_cache_dist, {unconditionally_clear_pem_cache, self()})'

/** The serial number that a node shows to an Erlang node, which has verified it. */
async function serialSeenBy(erl: ErlangNode, node: FolderNode): Promise<string> {
  const options = `[{certfile, Cert}, {keyfile, Key}, {cacertfile, Ca}, {verify, verify_peer}, {versions, ['tlsv1.3']}]`
  const bind = {
    Cert: `${cluster.folder}/${b}.pem`,
    Key: `${cluster.folder}/${b}.key`,
    Ca: `${cluster.folder}/ca.pem`,
  }
  const text = await erl.eval(
    `{ok, _} = application:ensure_all_started(ssl), ssl:clear_pem_cache(),
     {ok, Socket} = ssl:connect("127.0.0.1", ${node.endpoint?.port}, ${options}),
     {ok, Der} = ssl:peercert(Socket), ssl:close(Socket),
     Certificate = element(2, public_key:pkix_decode_cert(Der, plain)), integer_to_list(element(3, Certificate), 16)`,
    { bind },
  )
  return text.replaceAll('"', '')
}

describe('an Erlang node', () => {
  test('stays connected while certificates and authorities change, and finds the new ones good', async () => {
    const one = await cluster.start(a)
    await using erl = await erlang(b)
    expect(await erl.eval(`net_adm:ping('${a}')`)).toBe('pong')
    await sees(one, b)
    const connection = await carrier(erl)

    await cluster.reign('cert', a, '--renew')
    await renewed(one, 1)
    expect(await serialSeenBy(erl, one)).toBe(cluster.serialIn(`${a}.pem`))
    using younger = new Workplace()
    expect((await younger.reign(['init', a, b])).code).toBe(0)
    const of = (file: string) => readFileSync(younger.path('cluster', file), 'utf8')
    cluster.write('ca.pem', cluster.read('ca.pem') + of('ca.pem'))
    await renewed(one, 2)
    for (const kind of ['pem', 'key']) cluster.write(`${a}.${kind}`, of(`${a}.${kind}`))
    await renewed(one, 3)
    expect(await serialSeenBy(erl, one)).toBe(cluster.serialIn(`${a}.pem`))

    // All that while it was one connection.
    expect(await erl.eval(`net_adm:ping('${a}')`)).toBe('pong')
    expect(await carrier(erl)).toBe(connection)
    expect(one.events).toEqual([`up ${b}`])
    // And a new one, in each direction, with certificates of two authorities.
    await erl.eval(`${forgetFiles}, erlang:disconnect_node('${a}')`)
    await eventually(() => one.events.length > 1, deadlineMs)
    expect(await erl.eval(`net_adm:ping('${a}')`)).toBe('pong')
    expect(await carrier(erl)).not.toBe(connection)
    one.disconnect(b)
    expect(await one.ping(b)).toBe(true)
  })

  test('whose certificate ends is let go, and is not let in again', async () => {
    const one = await cluster.start(a, { dialMembers: false })
    await using erl = await erlang(b)
    // Its time runs from here: the start of Erlang is not to be a part of it.
    const lastsMs = 8_000
    const brief = await issueNodeCertificate(cluster.authority, b, {
      clock: { wallTime: () => Date.now() - 398 * day + 5 * 60_000 + lastsMs },
    })
    cluster.writePair(b, brief)
    await erl.eval(forgetFiles)
    expect(await erl.eval(`net_adm:ping('${a}')`)).toBe('pong')
    await eventually(() => one.events.at(-1) === `down ${b}: certificate_expired`, lastsMs + deadlineMs, 'the end')
    const lateMs = Date.now() - brief.notAfter
    expect(lateMs).toBeGreaterThan(0)
    expect(lateMs).toBeLessThan(60_000)
    expect(one.log.at('warn')).toContainEqual(
      expect.objectContaining({ message: "closed a connection: the peer's certificate has ended" }),
    )
    await erl.waitFor(`not lists:member('${a}', nodes(connected))`, deadlineMs)
    expect(await erl.eval(`net_adm:ping('${a}')`)).toBe('pang')
    expect(await one.connect(b)).toBe(false)
    const told = JSON.stringify(one.log.at('warn', 'debug'))
    expect(told).toContain('CERT_HAS_EXPIRED')
    expect(one.nodes()).toEqual([])
  })

  test('whose certificate is revoked is cut off, and is not let in again', async () => {
    const one = await cluster.start(a)
    await using erl = await erlang(b)
    expect(await erl.eval(`net_adm:ping('${a}')`)).toBe('pong')
    await sees(one, b)
    await cluster.reign('revoke', b)
    await eventually(() => one.events.at(-1) === `down ${b}: certificate_revoked`, deadlineMs, 'the end')
    await erl.waitFor(`not lists:member('${a}', nodes(connected))`, deadlineMs)
    expect(await erl.eval(`net_adm:ping('${a}')`)).toBe('pang')
    expect(await one.connect(b)).toBe(false)
    expect(JSON.stringify(one.log.at('warn', 'debug'))).toContain('CERT_REVOKED')
  })

  test('has a cookie of its own, which counts in both directions', async () => {
    const special = 'A-COOKIE-OF-ANOTHER-CLUSTER'
    cluster.write('cluster.json', { ...cluster.spec(), cookies: { [b]: special } })
    const one = await cluster.start(a, { dialMembers: false })
    await using erl = await erlang(b, special)
    expect(await erl.eval(`net_adm:ping('${a}')`)).toBe('pong')
    one.disconnect(b)
    await erl.waitFor(`not lists:member('${a}', nodes(connected))`, deadlineMs)
    expect(await one.ping(b)).toBe(true)
    // With the one that all others have it is a stranger.
    one.disconnect(b)
    await erl.waitFor(`not lists:member('${a}', nodes(connected))`, deadlineMs)
    await erl.eval(`erlang:set_cookie('${a}', '${cluster.read('cookie')}')`)
    expect(await erl.eval(`net_adm:ping('${a}')`)).toBe('pang')
    expect(await one.ping(b)).toBe(false)
  })
})

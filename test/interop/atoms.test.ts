/** Nodes of Erlang that bring ever new atoms: each uses up its own share, and the next one is not disturbed: S11. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Mailbox } from '../../src/index.js'
import { deadlineMs, sees } from '../cluster/cluster-kit.js'
import { FolderCluster } from '../cluster/folder-cluster.js'
import { eventually, within } from '../support/deadline.js'
import { type ErlangNode, startErlang } from './erl.js'

const here = 'here@127.0.0.1'
const flood = 'flood@127.0.0.1'
const calm = 'calm@127.0.0.1'

let cluster: FolderCluster
beforeEach(async () => {
  cluster = await FolderCluster.make(here, flood, calm)
})
afterEach(() => cluster[Symbol.asyncDispose]())

async function startPeer(name: string): Promise<ErlangNode> {
  const tls = `${cluster.folder}/${name}.erlang.conf`
  const peer = await startErlang({ name, cookie: cluster.read('cookie'), epmdPort: cluster.epmdPort, tls })
  await eventually(async () => (await peer.eval(`net_adm:ping('${here}')`)) === 'pong', 2 * deadlineMs, name)
  return peer
}

const next = (inbox: Mailbox<unknown>, what: string) => within(deadlineMs, inbox.receive(), what)

test('a flood of atoms ends that connection, again and again, and another node goes on with new atoms of its own', async () => {
  const limits = { atomCountPerPeerMax: 1_000, atomCountMax: 1_000_000 }
  const node = await cluster.start(here, { limits, dialMembers: false })
  const inboxes = { flood: node.mailbox<unknown>(), calm: node.mailbox<unknown>() }
  for (const [name, inbox] of Object.entries(inboxes)) node.register(name, inbox.address)
  await using flooder = await startPeer(flood)
  await using quiet = await startPeer(calm)
  await sees(node, flood)
  await sees(node, calm)

  const send = (peer: ErlangNode, to: string, from: number, count: number) =>
    peer.eval(
      `[erlang:send({${to}, '${here}'}, list_to_atom("${to}_" ++ integer_to_list(N))) || N <- lists:seq(${from}, ${from + count - 1})], ok`,
    )
  await send(quiet, 'calm', 0, 100)
  await send(flooder, 'flood', 0, 5_000)
  const losses = (name: string) => node.events.filter((event) => event === `down ${name}: protocol`).length
  await eventually(() => losses(flood) > 0, deadlineMs, 'the end of the flood')
  const refusals = () => node.log.at('warn').filter((line) => JSON.stringify(line).includes('ERR_REIGN_ATOM_LIMIT'))
  expect(JSON.stringify(refusals()[0])).toContain(`${flood} has brought 1000 atoms`)

  // What was sent before is there; with the atoms of the handshake and of its own services it was less than the limit.
  let first = 0
  for (; inboxes.flood.length > 0; first++) expect(await inboxes.flood.receive()).toBe(Symbol.for(`flood_${first}`))
  expect(first).toBeGreaterThan(900)
  expect(first).toBeLessThanOrEqual(1_000)

  // It is let in again, with atoms that are known. A new one ends that connection as well: another one is no fresh start.
  await eventually(async () => (await flooder.eval(`net_adm:ping('${here}')`)) === 'pong', deadlineMs, 'its return')
  await send(flooder, 'flood', 0, 10)
  for (let n = 0; n < 10; n++) expect(await next(inboxes.flood, `atom ${n} again`)).toBe(Symbol.for(`flood_${n}`))
  const before = losses(flood)
  await send(flooder, 'flood', 6_000, 1)
  await eventually(() => losses(flood) > before, deadlineMs, 'the end of the second connection')
  expect(inboxes.flood.length).toBe(0)

  await send(quiet, 'calm', 100, 100)
  for (let n = 0; n < 200; n++) expect(await next(inboxes.calm, `atom ${n}`)).toBe(Symbol.for(`calm_${n}`))
  expect(node.events.filter((event) => event.includes(calm))).toEqual([`up ${calm}`])
  expect(node.log.at('error')).toEqual([])
})

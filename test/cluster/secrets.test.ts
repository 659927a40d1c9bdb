/** P14: cookies and keys show in no log, no error and no look at a node, whatever goes wrong with them. */
import { inspect } from 'node:util'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Node } from '../../src/cluster/node.js'
import type { ClusterSpecInput } from '../../src/cluster/spec-schema.js'
import * as events from '../../src/events.js'
import type { Process } from '../../src/process/process.js'
import { eventually, within } from '../support/deadline.js'
import { Heard } from '../support/heard.js'
import { deadlineMs, KeptLog, sees } from './cluster-kit.js'
import { FolderCluster, type FolderNode } from './folder-cluster.js'

const a = 'a@127.0.0.1'
const b = 'b@127.0.0.1'

let cluster: FolderCluster
/** All that must not show: also in parts, so that no cut text hides it. */
let secrets: string[]
beforeEach(async () => {
  cluster = await FolderCluster.make(a, b)
  secrets = [parts(cluster.read('cookie')), keyOf(a), keyOf(b)].flat()
})
afterEach(() => cluster[Symbol.asyncDispose]())

/** The pieces of a secret that would still be one. */
function parts(secret: string): string[] {
  const text = secret.trim()
  return [text.slice(0, 12), text.slice(-12)]
}

/** The lines of a private key. */
function keyOf(name: string): string[] {
  return cluster
    .read(`${name}.key`)
    .split('\n')
    .filter((line) => line.length > 20 && !line.startsWith('-'))
}

/** Whatever can be made to show of a value. */
function shown(value: unknown): string {
  const error = value instanceof Error ? [value.message, value.stack, shown(value.cause)] : []
  return [String(value), inspect(value, { depth: 30, showHidden: true, getters: true }), jsonOf(value), ...error].join(
    '\n',
  )
}

function jsonOf(value: unknown): string {
  const seen = new Set()
  const once = (_: string, each: unknown) => {
    if (typeof each === 'bigint') return String(each)
    if (typeof each !== 'object' || each === null) return each
    if (seen.has(each)) return 'again'
    seen.add(each)
    return each
  }
  return JSON.stringify(value, once) ?? ''
}

function expectNone(text: string): void {
  expect(secrets.length).toBeGreaterThan(4)
  for (const secret of secrets) expect(text).not.toContain(secret)
}

const linesOf = (log: KeptLog) => log.lines.map(({ fields, message }) => `${message} ${shown(fields)}`).join('\n')

async function failureOf(cluster: string | ClusterSpecInput): Promise<unknown> {
  const log = new KeptLog()
  const failure = await Node.start(a, { cluster, logger: log }).then(
    (node) => node.stop().then(() => undefined),
    (error: unknown) => error,
  )
  expect(failure).toMatchObject({ code: expect.stringMatching(/^ERR_REIGN_/) })
  expectNone(linesOf(log))
  return failure
}

test('no specification that is refused shows them, whichever part of it is wrong', async () => {
  const cookie = cluster.read('cookie')
  const key = cluster.read(`${a}.key`)
  const cert = cluster.read(`${a}.pem`)
  const good: ClusterSpecInput = { nodes: { [a]: { cert, key } }, ca: cluster.read('ca.pem'), cookie }
  const wrong: unknown[] = [
    { ...good, tickTimeMs: 'soon' },
    { ...good, cookie: [cookie] },
    { ...good, cookie: { of: cookie } },
    { ...good, cookie: `${cookie}\u0000` },
    { ...good, cookies: { [b]: [cookie] } },
    { ...good, cookies: { 'no name': cookie } },
    { ...good, [cookie.slice(0, 40)]: 1, nodes: {} },
    { ...good, nodes: { [a]: { cert, key: key.replace('BEGIN', 'BEGUN') } } },
    { ...good, nodes: { [a]: { cert: key, key: cert } } },
    { ...good, nodes: { [a]: { cert, key: cluster.read(`${b}.key`) } } },
    { ...good, nodes: { [a]: { cert, key: [key] } } },
    { ...good, ca: key },
    `{ "cookie": "${cookie}", `,
    `{ "cookie": "${cookie}" oops }`,
    JSON.stringify(good).slice(0, -1),
  ]
  // Keys of an object are names, and no place for secrets: this one is to show.
  const asName = wrong.findIndex((each) => typeof each === 'object' && each !== null && cookie.slice(0, 40) in each)
  for (const [n, each] of wrong.entries()) {
    const failure = await failureOf(each as ClusterSpecInput)
    if (n !== asName) expectNone(shown(failure))
  }
})

/** Everything that can be heard on diagnostics channels. */
const channels = Object.values(events).flatMap((each) => ('hasSubscribers' in each ? [each.name] : []))

test('no log and no diagnostics channel does, when cookies differ, files are replaced by what cannot be used, or a process crashes with a node in hand', async () => {
  using heard = new Heard(...channels)
  const one = await cluster.start(a)
  const two = await cluster.start(b)
  await sees(one, b)
  const complaint = (node: FolderNode, part: string) =>
    eventually(() => node.log.at('error').some(({ message }) => message.includes(part)), deadlineMs, part)

  // Another cookie, for one of them alone.
  const other = 'another-cookie-of-this-very-test-0123456789'
  secrets.push(...parts(other))
  const log = new KeptLog()
  await two.stop()
  await using stranger = await Node.start(b, { cluster: { ...specOf(b), cookie: other }, logger: log })
  await within(deadlineMs, stranger.connect(a), 'the attempt')
  await eventually(() => one.log.codes('warn').includes('ERR_REIGN_COOKIE'), deadlineMs, 'the refusal')

  const whole = cluster.spec()
  cluster.write('cluster.json', `{ "cookie": "${other}" oops }`)
  await complaint(one, 'the members stay')
  cluster.write('cluster.json', whole)
  const key = cluster.read(`${a}.key`)
  cluster.write(`${a}.key`, `${key.slice(0, 100)}\nno key`)
  await complaint(one, 'the old ones stay in use')
  await expect(one.reloadCertificates()).rejects.toSatisfy((error) => {
    expectNone(shown(error))
    return true
  })

  one.spawn((_self: Process, node: unknown) => {
    throw Object.assign(new Error('a crash'), { node })
  }, one)
  await complaint(one, 'a process ended with an error')
  expectNone(linesOf(one.log))
  expectNone(linesOf(two.log))
  expectNone(linesOf(log))
  expectNone(shown(one))
  const refused = heard.of('reign:node:files-refused').map(({ what }) => what)
  expect(new Set(refused)).toEqual(new Set(['cluster file', 'certificates']))
  expect(heard.of('reign:connection:refused').map(({ error }) => error.code)).toContain('ERR_REIGN_COOKIE')
  for (const each of heard.all) expectNone(shown(each))

  function specOf(name: string): ClusterSpecInput {
    return {
      ...cluster.spec(),
      nodes: {
        [name]: { cert: cluster.read(`${name}.pem`), key: cluster.read(`${name}.key`) },
        [a]: { address: `127.0.0.1:${one.endpoint?.port}` },
      },
      ca: cluster.read('ca.pem'),
    }
  }
})

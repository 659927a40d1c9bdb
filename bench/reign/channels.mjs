/**
 * Work that passes places where something is published on diagnostics channels, and what listens to all of them.
 *
 * As a program, `node channels.mjs CASE never` and `node channels.mjs CASE once` print how much of that work is done in a second, in a program in which
 * nobody has ever listened, and in one in which somebody has, to everything, and does no more: what has been listened to once is not
 * again what it was, so that these are two programs.
 */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { fileURLToPath } from 'node:url'
import { freePorts } from '../free-ports.mjs'
import { amount, libraryModule, median, now, rate } from '../measure.mjs'

const { genServer } = await libraryModule('behaviour/index.js')
const { Node } = await libraryModule('index.js')

const channels = ['process:spawned', 'process:exited', 'message:dead-letter']
  .concat(['call:started', 'call:replied', 'call:failed', 'signal:sent', 'signal:received'])
  .map((name) => `reign:${name}`)
const nothing = () => {}

/** Listens to all of them; gives what ends that. */
export function listen() {
  for (const name of channels) subscribe(name, nothing)
  return () => {
    for (const name of channels) unsubscribe(name, nothing)
  }
}

/** Processes that are spawned, get a message, and end of it. */
async function spawns() {
  const node = await Node.local()
  return async () => {
    const n = amount(200_000)
    const start = now()
    await new Promise((resolve) => {
      let left = n
      const live = async (self) => {
        await self.receive()
        if (--left === 0) resolve()
      }
      for (let i = 0; i < n; i++) node.spawn(live).send(i)
    })
    return rate(n, now() - start)
  }
}

/** Calls of a gen_server, one after the other. */
async function calls() {
  const node = await Node.local()
  const server = await node.start(genServer({ init: () => ({}), calls: { get: () => 1 } }))
  return async () => {
    const n = amount(500_000)
    const start = now()
    for (let i = 0; i < n; i++) await server.call.get()
    return rate(n, now() - start)
  }
}

async function deadLetters() {
  const node = await Node.local()
  const gone = node.mailbox()
  gone.close()
  return () => {
    const n = amount(100_000_000)
    const start = now()
    for (let i = 0; i < n; i++) gone.address.send(i)
    return rate(n, now() - start)
  }
}

/** Messages one way between two nodes of this program, over plain TCP: all that both of them do. */
async function remote() {
  const [one, other] = await freePorts(2)
  const nodes = { 'a@127.0.0.1': { address: `127.0.0.1:${one}` }, 'b@127.0.0.1': { address: `127.0.0.1:${other}` } }
  const cluster = { nodes, cookie: 'benchmark-of-one-program', epmd: 'off', tls: false }
  const quiet = { logger: { trace: nothing, debug: nothing, info: nothing, warn: nothing, error: nothing } }
  const to = await Node.start('b@127.0.0.1', { cluster, ...quiet, dialMembers: false })
  const from = await Node.start('a@127.0.0.1', { cluster, ...quiet, dialMembers: false })
  await from.connect(to.name)
  let left = 0
  let over = nothing
  to.expose('sink', {
    sink: () =>
      to.spawn(async (self) => {
        for (;;) {
          await self.receive()
          if (--left === 0) over()
        }
      }),
  })
  const sink = await from.erpc(to.name).call('sink', 'sink', [])
  return async () => {
    const n = amount(500_000)
    left = n
    const done = new Promise((resolve) => {
      over = resolve
    })
    const start = now()
    for (let i = 0; i < n; i++) if (!sink.send({ seq: i, text: 'small' })) await sink.drained()
    await done
    return rate(n, now() - start)
  }
}

/** By name: the unit, and what makes the work. */
export const works = {
  spawns: ['procs/s', spawns],
  calls: ['calls/s', calls],
  dead_letters: ['msgs/s', deadLetters],
  remote: ['msgs/s', remote],
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [name, looked] = process.argv.slice(2)
  const [, make] = works[name]
  const work = await make()
  // As much before either, for the compiler.
  const stop = looked === 'once' ? listen() : nothing
  await work()
  stop()
  await work()
  await work()
  const runs = []
  for (let i = 0; i < 5; i++) {
    globalThis.gc?.()
    runs.push(await work())
  }
  process.stdout.write(`${median(runs)}\n`, () => process.exit(0))
}

/**
 * What it costs to be looked at, by whatever can be switched on and off: each case once with nobody looking and once with somebody, in
 * turn, so that whatever else the machine does befalls both. The cases of `_once` were looked at before, and are no more; `twice` is the same work
 * both times. Where nobody looks, the figures are those of the other suites; `--compare REV` shows what a new hook costs them.
 */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { amount, isWanted, libraryModule, now, rate, repetitions, report } from '../measure.mjs'
import { listen, works } from './channels.mjs'

const { genServer, sys } = await libraryModule('behaviour/index.js')
const { atom, Node } = await libraryModule('index.js')

const node = await Node.local()
const guarded = await Node.local({ guard: true })
const strict = await Node.local({ strict: true })
const nothing = () => {}
// Traces are written to the log, which is not what is measured.
const quiet = { trace: nothing, debug: nothing, info: nothing, warn: nothing, error: nothing }
const traced = await Node.local({ logger: quiet })

/** What takes the messages of one process: a ping-pong on that node, of messages as programs have them. */
function pingPong(on) {
  return new Promise((resolve) => {
    on.spawn(async (self) => {
      const n = amount(200_000)
      const echo = on.spawn(async (other) => {
        for (;;) {
          const { from, value } = await other.receive()
          from.send(value)
        }
      })
      const start = now()
      for (let value = 0; value < n; value++) {
        echo.send({ from: self.address, value })
        await self.receive()
      }
      on.exit(echo, atom('kill'))
      resolve(rate(n, now() - start))
    })
  })
}

/** A node with a mailbox that is closed, so that what is sent there is a dead letter. */
async function nodeOfTheDead() {
  const made = await Node.local()
  const gone = made.mailbox()
  gone.close()
  return {
    node: made,
    send() {
      const n = amount(20_000_000)
      const start = now()
      for (let i = 0; i < n; i++) gone.address.send(i)
      return rate(n, now() - start)
    },
  }
}

async function calls(server, n = amount(100_000)) {
  const start = now()
  for (let i = 0; i < n; i++) await server.call.get()
  return rate(n, now() - start)
}

const counter = genServer({ init: () => ({}), calls: { get: () => 1 } })
const plain = await node.start(counter)
const onStrict = await strict.start(counter)
const onTraced = await traced.start(counter)
// Looked at for a while, and no more: what is left of it is what it costs when nobody looks.
const onceTraced = await traced.start(counter)
await sys.trace(traced, onceTraced.address, true)
await calls(onceTraced, 100)
await sys.noDebug(traced, onceTraced.address)
const never = await nodeOfTheDead()
const listened = await nodeOfTheDead()
listened.node.deadLetters.subscribe(nothing)
const once = await nodeOfTheDead()
once.node.deadLetters.subscribe(nothing)()

async function whileDebugged(start) {
  await start()
  const result = await calls(onTraced)
  await sys.noDebug(traced, onTraced.address)
  return result
}

const program = fileURLToPath(new URL('./channels.mjs', import.meta.url))
/** The same in a program of its own, in which nobody has listened on a channel, or somebody has, once. */
async function inProgram(name, looked) {
  const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', program, name, looked])
  return Number(stdout)
}

async function whileListening(work) {
  const stop = listen()
  const result = await work()
  stop()
  return result
}

/** What is made only where it is wanted: the work of one case on channels. */
const lazily = (make) => {
  let made
  return async () => (await (made ??= make()))()
}
const channelCases = Object.entries(works).flatMap(([name, [unit, make]]) => {
  const work = lazily(make)
  return [
    [`channels_${name}_once`, unit, () => inProgram(name, 'never'), () => inProgram(name, 'once')],
    [`channels_${name}_listened`, unit, work, () => whileListening(work)],
  ]
})

/** Name, unit, the work when nobody looks, and the work while somebody does, or after somebody did. */
const cases = [
  // Twice the same: what can be told apart at all.
  ['pingpong_twice', 'roundtrips/s', () => pingPong(node), () => pingPong(node)],
  ['dead_letters_listened_once', 'msgs/s', never.send, once.send],
  ['calls_traced_once', 'calls/s', () => calls(plain), () => calls(onceTraced)],
  ['dead_letters_listened', 'msgs/s', never.send, listened.send],
  [
    'calls_with_statistics',
    'calls/s',
    () => calls(plain),
    () => whileDebugged(() => sys.statistics(traced, onTraced.address, true)),
  ],
  ['calls_traced', 'calls/s', () => calls(plain), () => whileDebugged(() => sys.trace(traced, onTraced.address, true))],
  ['pingpong_strict', 'roundtrips/s', () => pingPong(node), () => pingPong(strict)],
  ['calls_strict', 'calls/s', () => calls(plain), () => calls(onStrict)],
  ['pingpong_guarded', 'roundtrips/s', () => pingPong(node), () => pingPong(guarded)],
  ...channelCases,
]
for (const [name, unit, unseen, seen] of cases) {
  if (!isWanted(name)) continue
  const runs = { unseen: [], seen: [] }
  for (let i = 0; i <= repetitions; i++) {
    // Which goes first in turn as well.
    const pair = i % 2 === 0 ? ['unseen', 'seen'] : ['seen', 'unseen']
    for (const each of pair) {
      globalThis.gc?.()
      runs[each].push(await (each === 'unseen' ? unseen() : seen()))
    }
  }
  report(name, unit, runs.seen.slice(1))
  report(`${name}:plain`, unit, runs.unseen.slice(1))
}
process.exit(0)

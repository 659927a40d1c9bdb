/**
 * What it costs to be looked at: each case once with nobody looking and once with somebody, in turn, so that whatever else the machine
 * does befalls both. Where nobody looks, the figures are those of the other suites; `--compare REV` shows what a new hook costs them.
 */
import { amount, isWanted, libraryModule, now, rate, repetitions, report } from '../measure.mjs'

const { genServer, sys } = await libraryModule('behaviour/index.js')
const { atom, Node } = await libraryModule('index.js')

const node = await Node.local()
const guarded = await Node.local({ guard: true })

/** What takes the messages of one process: a ping-pong on that node. */
function pingPong(on) {
  return new Promise((resolve) => {
    on.spawn(async (self) => {
      const n = amount(200_000)
      const echo = on.spawn(async (other) => {
        for (;;) (await other.receive()).send(0)
      })
      const start = now()
      for (let i = 0; i < n; i++) {
        echo.send(self.address)
        await self.receive()
      }
      on.exit(echo, atom('kill'))
      resolve(rate(n, now() - start))
    })
  })
}

const gone = node.mailbox()
gone.close()
function deadLetters() {
  const n = amount(20_000_000)
  const start = now()
  for (let i = 0; i < n; i++) gone.address.send(i)
  return rate(n, now() - start)
}

const server = await node.start(genServer({ init: () => ({}), calls: { get: () => 1 } }))
async function calls() {
  const n = amount(100_000)
  const start = now()
  for (let i = 0; i < n; i++) await server.call.get()
  return rate(n, now() - start)
}

/** Name, unit, the work when nobody looks, and the work while somebody does. */
const cases = [
  [
    'dead_letters_listened',
    'msgs/s',
    deadLetters,
    () => {
      const unsubscribe = node.deadLetters.subscribe(() => {})
      const result = deadLetters()
      unsubscribe()
      return result
    },
  ],
  [
    'calls_with_statistics',
    'calls/s',
    calls,
    async () => {
      await sys.statistics(node, server.address, true)
      const result = await calls()
      await sys.noDebug(node, server.address)
      return result
    },
  ],
  ['pingpong_guarded', 'roundtrips/s', () => pingPong(node), () => pingPong(guarded)],
]
for (const [name, unit, plain, watched] of cases) {
  if (!isWanted(name)) continue
  const runs = { plain: [], watched: [] }
  for (let i = 0; i <= repetitions; i++) {
    const [unseen, seen] = [await plain(), await watched()]
    if (i === 0) continue
    runs.plain.push(unseen)
    runs.watched.push(seen)
  }
  report(name, unit, runs.watched)
  report(`${name}:plain`, unit, runs.plain)
}
process.exit(0)

/**
 * That processes which never rest leave timers and sockets their turn: with the event loop of Node.js, as that is to be shared; by the time
 * that the processor spends here, as the machine may have other work. The exact bounds are shown in scheduler.test.ts.
 */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { expect, test } from 'vitest'
import { type Address, Node, type Process } from '../../src/index.js'
import { deadlineMs, within } from '../support/deadline.js'
import { spentMs } from '../support/quickest.js'

const loadMs = 1_200

/** How late a timer of 10 ms was at most, each time, while `load` was at work; and how many answers came over a socket. */
async function measure(node: Node, load: () => void): Promise<{ latenessMs: number[]; answers: number }> {
  const server = createServer((socket) => {
    socket.on('error', () => {}) // It is cut at the end, with an answer under way.
    socket.pipe(socket)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1').setNoDelay()
  await once(socket, 'connect')
  socket.on('error', () => {})
  let answers = 0
  socket.on('data', () => {
    answers++
    socket.write('x')
  })
  const latenessMs: number[] = []
  const over = new Promise<void>((resolve) => {
    const end = spentMs() + loadMs
    const tick = () => {
      // The load spends all of the time that there is: so it is due when 10 ms are spent, or before.
      const due = spentMs() + 10
      setTimeout(() => {
        latenessMs.push(spentMs() - due)
        if (spentMs() < end) tick()
        else resolve()
      }, 10)
    }
    tick()
  })
  socket.write('x')
  load()
  await within(deadlineMs, over, 'the ticks')
  await node.stop()
  socket.destroy()
  server.close()
  return { latenessMs: latenessMs.sort((a, b) => a - b), answers }
}

function expectFair({ latenessMs, answers }: { latenessMs: number[]; answers: number }): void {
  const median = latenessMs[latenessMs.length >> 1]
  // Bare promises would make it a single tick, a second late, and no answer.
  expect(latenessMs.length).toBeGreaterThan(10)
  expect(median).toBeLessThan(60)
  expect(answers).toBeGreaterThan(10)
}

test('two processes that answer each other for ever starve neither a timer nor a socket', async () => {
  const node = await Node.local()
  let rounds = 0
  const fair = await measure(node, () => {
    const player = async (self: Process<Address<unknown>>) => {
      for await (const other of self) {
        rounds++
        other.send(self.address)
      }
    }
    const one: Address<Address<unknown>> = node.spawn(player)
    one.send(node.spawn(player) as Address<unknown>)
  })
  expectFair(fair)
  expect(rounds).toBeGreaterThan(10_000)
})

test('a crowd of pairs, each message of which costs half a millisecond, neither', async () => {
  const node = await Node.local()
  const fair = await measure(node, () => {
    const player = async (self: Process<Address<unknown>>) => {
      for (;;) {
        const other = await self.receive()
        const until = performance.now() + 0.5
        while (performance.now() < until);
        other.send(self.address)
      }
    }
    for (let i = 0; i < 50; i++) {
      const one: Address<Address<unknown>> = node.spawn(player)
      one.send(node.spawn(player) as Address<unknown>)
    }
  })
  expectFair(fair)
})

test.each<[string, (node: Node, self: Process) => Promise<unknown>]>([
  ['receives with a time-out of 0', (_, self) => self.receive({ timeout: 0 })],
  ['calls a server that is not there', (node) => node.call('nobody', 'request')],
  ['calls, as itself, a server that is not there', (_, self) => self.call('nobody', 'request')],
  ['calls the node itself, which answers at once', (node) => node.call(node.system.self, 'request')],
  ['spawns', async (node) => node.spawn(() => {})],
])('a process that for ever %s, and catches what it throws, starves neither', async (_, act) => {
  const node = await Node.local()
  let rounds = 0
  const fair = await measure(node, () => {
    node.spawn(async (self) => {
      while (self.signal.aborted === false) {
        rounds++
        await act(node, self).catch(() => {})
        if (_ === 'spawns') await self.receive({ timeout: 0 }).catch(() => {})
      }
    })
  })
  expectFair(fair)
  expect(rounds).toBeGreaterThan(1_000)
})

test('a process whose loop swallows its own end is left waiting: the program goes on, and the function is collected', async () => {
  const node = await Node.local()
  let refused = 0
  let collected: WeakRef<object> | undefined
  const victim = node.spawn(async (self) => {
    const held = {}
    collected = new WeakRef(held)
    for (;;) {
      try {
        await self.receive()
      } catch {
        refused++
      }
      if (held === undefined) return
    }
  })
  await new Promise(setImmediate)
  node.exit(victim, Symbol.for('kill'))
  const counts: number[] = []
  for (let i = 0; i < 20; i++) {
    await new Promise(setImmediate)
    counts.push(refused)
  }
  expect(refused).toBeGreaterThan(1)
  expect(refused).toBeLessThan(1_000)
  expect(counts.at(-1)).toBe(counts.at(-2))
  await node.stop()
  const { gc } = globalThis as { gc?: () => void }
  if (gc !== undefined) {
    gc()
    expect(collected?.deref()).toBe(undefined)
  }
})

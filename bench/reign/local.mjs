/** One node: the cases of bench/erlang/local.erl. */
import { amount, isWanted, libraryModule, measure, now, rate, repetitions, report } from '../measure.mjs'

const { atom, callIn, Node, tuple } = await libraryModule('index.js')
const { dynamicSupervisor, genServer, supervisor } = await libraryModule('behaviour/index.js')

const node = await Node.local()
const kill = atom('kill')
const ok = atom('ok')

/** Runs `body` as a process and gives what it returns. */
const inProcess = (body) =>
  new Promise((resolve, reject) => {
    node.spawn(async (self) => {
      try {
        resolve(await body(self))
      } catch (error) {
        reject(error)
      }
    })
  })

await measure('pingpong', 'roundtrips/s', () =>
  inProcess(async (self) => {
    const n = amount(500_000)
    const echo = node.spawn(async (other) => {
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
    const result = rate(n, now() - start)
    node.exit(echo, kill)
    return result
  }),
)

for (const producers of [1, 10]) {
  await measure(`fanin_${producers}to1`, 'msgs/s', () =>
    inProcess(async (self) => {
      const each = Math.floor(amount(1_000_000) / producers)
      const start = now()
      for (let p = 0; p < producers; p++) {
        node.spawn(async () => {
          for (let seq = 0; seq < each; seq++) self.address.send({ seq })
        })
      }
      for (let i = 0; i < each * producers; i++) await self.receive()
      return rate(each * producers, now() - start)
    }),
  )
}

await measure('ring_1000', 'hops/s', () =>
  inProcess(async (self) => {
    const size = 1_000
    const hops = amount(1_000_000)
    const member = async (me, next) => {
      for (;;) {
        const n = await me.receive()
        if (n === 0) self.address.send('done')
        else next.send(n - 1)
      }
    }
    const first = node.spawn(async (me) => member(me, await me.receive()))
    const members = [first]
    for (let i = 1; i < size; i++) members.push(node.spawn(member, members[i - 1]))
    first.send(members[size - 1])
    const start = now()
    first.send(hops)
    await self.receive()
    const result = rate(hops, now() - start)
    for (const address of members) node.exit(address, kill)
    return result
  }),
)

const spawning = async (count) => {
  globalThis.gc?.()
  const before = process.memoryUsage().heapUsed
  return new Promise((resolve) => {
    let left = count
    const addresses = new Array(count)
    const start = now()
    for (let i = 0; i < count; i++) {
      addresses[i] = node.spawn(async (self) => {
        await self.receive()
        if (--left === 0) resolve({ spawned, lived: spawned + (now() - resumed), bytes })
      })
    }
    let spawned = 0
    let bytes = 0
    let resumed = 0
    // Only when the last of them waits are all of them idle.
    const idle = () => {
      if (node.processInfo(addresses[count - 1]).status !== 'waiting') return setImmediate(idle)
      spawned = now() - start
      globalThis.gc?.()
      bytes = (process.memoryUsage().heapUsed - before) / count
      resumed = now()
      for (const address of addresses) address.send('go')
    }
    setImmediate(idle)
  })
}
for (const [count, tag] of [
  [amount(100_000), '100k'],
  [amount(1_000_000), '1M'],
]) {
  if (!isWanted(`spawn_${tag}`)) continue
  await spawning(count)
  const runs = []
  for (let i = 0; i < (tag === '1M' ? Math.min(2, repetitions) : repetitions); i++) runs.push(await spawning(count))
  report(
    `spawn_${tag}_spawn`,
    'spawns/s',
    runs.map(({ spawned }) => rate(count, spawned)),
  )
  report(
    `spawn_${tag}_live_and_exit`,
    'procs/s',
    runs.map(({ lived }) => rate(count, lived)),
  )
  report(
    `spawn_${tag}_idle_bytes`,
    'bytes',
    runs.map(({ bytes }) => bytes),
  )
}

// A server that answers by key, by reference, and calls: with messages in the way that nobody wants.
const server = node.spawn(async (self) => {
  for (;;) {
    const message = await self.receive()
    if (message.from !== undefined) message.from.send({ type: 'reply', key: message.key })
    else self.reply(callIn(message).from, ok)
  }
})
const request = tuple(atom('get'), 1)
const calls = async (self, n) => {
  for (let i = 0; i < n; i++) await self.call(server, request)
}
// Long enough for the compiler to have done its part; Erlang, whose code is compiled before, does fewer where they take long.
const operations = 100_000
for (const [queued, tag] of [
  [0, '0'],
  [1_000, '1k'],
  [100_000, '100k'],
]) {
  const withNoise = (body) => () =>
    inProcess(async (self) => {
      for (let i = 0; i < queued; i++) self.address.send({ type: 'noise', key: -i - 1 })
      return body(self)
    })
  await measure(
    `selective_pattern_q${tag}`,
    'ops/s',
    withNoise(async (self) => {
      const n = amount(operations)
      const start = now()
      for (let key = 0; key < n; key++) {
        server.send({ from: self.address, key })
        await self.receive({ type: 'reply', key })
      }
      return rate(n, now() - start)
    }),
  )
  await measure(
    `selective_ref_q${tag}`,
    'ops/s',
    withNoise(async (self) => {
      const n = amount(operations)
      const start = now()
      for (let i = 0; i < n; i++) {
        const key = self.makeRef()
        server.send({ from: self.address, key })
        await self.receive({ type: 'reply', key })
      }
      return rate(n, now() - start)
    }),
  )
  await measure(
    `call_q${tag}`,
    'ops/s',
    withNoise(async (self) => {
      const n = amount(operations)
      const start = now()
      await calls(self, n)
      return rate(n, now() - start)
    }),
  )
}

await measure('call_1', 'calls/s', () =>
  inProcess(async (self) => {
    const n = amount(300_000)
    const start = now()
    await calls(self, n)
    return rate(n, now() - start)
  }),
)
await measure('call_50', 'calls/s', async () => {
  const each = amount(10_000)
  const start = now()
  await Promise.all(Array.from({ length: 50 }, () => inProcess((self) => calls(self, each))))
  return rate(50 * each, now() - start)
})
// A hundred thousand timers that are pending at once: set, taken back, and fired.
const timers = amount(100_000)
const timing = {
  set: (self) => {
    const refs = new Array(timers)
    const start = now()
    for (let i = 0; i < timers; i++) refs[i] = node.sendAfter(60_000 + (i % 1_000), self.address, i)
    const took = now() - start
    for (const ref of refs) node.cancelTimer(ref)
    return took
  },
  cancel: (self) => {
    const refs = Array.from({ length: timers }, (_, i) => node.sendAfter(60_000 + (i % 1_000), self.address, i))
    const start = now()
    for (const ref of refs) node.cancelTimer(ref)
    return now() - start
  },
  fire: async (self) => {
    const start = now()
    for (let i = 0; i < timers; i++) node.sendAfter(1 + (i % 10), self.address, i)
    for (let i = 0; i < timers; i++) await self.receive()
    return now() - start
  },
}
for (const [what, once] of Object.entries(timing)) {
  await measure(`timers_100k_${what}`, 'timers/s', () => inProcess(async (self) => rate(timers, await once(self))))
}

// The same as a gen_server, through a typed handle: what a program would write.
const table = genServer({ init: () => ({ found: ok }), calls: { get: (state, _key) => state.found } })
const started = await node.start(table)
const genServerCalls = async (self, n) => {
  const handle = self.server(started)
  for (let i = 0; i < n; i++) await handle.call.get(i)
}
await measure('genserver_call_1', 'calls/s', () =>
  inProcess(async (self) => {
    const n = amount(300_000)
    const start = now()
    await genServerCalls(self, n)
    return rate(n, now() - start)
  }),
)
await measure('genserver_call_50', 'calls/s', async () => {
  const each = amount(10_000)
  const start = now()
  await Promise.all(Array.from({ length: 50 }, () => inProcess((self) => genServerCalls(self, each))))
  return rate(50 * each, now() - start)
})
await measure('genserver_call_q100k', 'calls/s', () =>
  inProcess(async (self) => {
    for (let i = 0; i < 100_000; i++) self.address.send({ type: 'noise' })
    const n = amount(100_000)
    const start = now()
    await genServerCalls(self, n)
    return rate(n, now() - start)
  }),
)

// Ten thousand gen_servers under one supervisor, in order; and one after the other, as they are asked for.
const children = amount(10_000)
const specs = Array.from({ length: children }, (_, id) => ({ id: `${id}`, start: table }))
const supervising = {
  start: async () => {
    const start = now()
    const top = await node.start(supervisor({ children: specs }))
    const taken = now() - start
    await top.stop()
    return taken
  },
  stop: async () => {
    const top = await node.start(supervisor({ children: specs }))
    const start = now()
    await top.stop()
    return now() - start
  },
  dynamic: async () => {
    const top = await node.start(dynamicSupervisor({ start: table }))
    const start = now()
    for (let i = 0; i < children; i++) await top.startChild()
    const taken = now() - start
    await top.stop()
    return taken
  },
}
for (const [what, once] of Object.entries(supervising)) {
  await measure(`supervised_10k_${what}`, 'children/s', async () => rate(children, await once()))
}
process.exit(0)

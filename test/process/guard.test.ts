/** Stray errors, in programs of their own: they end the program that they are in, where nobody guards it. */
import { describe, expect, test } from 'vitest'
import { type ChildNode, startNode } from '../support/child-node.js'
import { deadlineMs } from '../support/deadline.js'

/** A program with a node and a `report`, that runs `body` and tells what became of it. */
const program = (body: string, options = '{ guard: true }') => `
  import { Node } from 'reign'
  const logged = []
  const error = (fields, message) => logged.push({ ...fields, stack: undefined, message })
  const quiet = () => {}
  const logger = { error, warn: quiet, info: quiet, debug: quiet, trace: quiet }
  const node = await Node.local({ logger, ...${options} })
  const show = (reason) => reason instanceof Error ? String(reason) : typeof reason === 'symbol' ? String(reason) : reason
  const report = (what) => process.send({ ...what, logged })
  const turns = async (count) => { for (let i = 0; i < count; i++) await new Promise(setImmediate) }
  ${body}
`

type Report = { logged: { message: string; error?: string; reason?: string }[] } & Record<string, unknown>

const nextReport = (child: ChildNode) =>
  child.expect((message): message is Report => 'logged' in (message as object), deadlineMs)

async function run(body: string, options?: string): Promise<Report> {
  await using child = await startNode({ source: program(body, options) })
  const report = await nextReport(child)
  expect(await child.exit(deadlineMs)).toBe(0)
  return report
}

const strays: [string, string][] = [
  ['a rejected promise that nobody awaits', `void Promise.reject(new Error('stray'))`],
  ['an async function that nobody awaits', `void (async () => { await 1; throw new Error('stray') })()`],
  ['a promise that is rejected later', `void new Promise((_, no) => setTimeout(() => no(new Error('stray')), 5))`],
  ['a throw in a timer', `setTimeout(() => { throw new Error('stray') }, 1)`],
  ['a throw in an interval', `const i = setInterval(() => { clearInterval(i); throw new Error('stray') }, 1)`],
  ['a throw in setImmediate', `setImmediate(() => { throw new Error('stray') })`],
  ['a throw in nextTick', `process.nextTick(() => { throw new Error('stray') })`],
  ['a throw in a timer inside a timer', `setTimeout(() => setTimeout(() => { throw new Error('stray') }, 1), 1)`],
  ['a rejection in a timer', `setTimeout(() => Promise.reject(new Error('stray')), 1)`],
  [
    'a throw in a socket callback',
    `const { connect, createServer } = await import('node:net')
     const server = createServer((socket) => socket.end('x')).listen(0, '127.0.0.1', () => {
       connect(server.address().port, '127.0.0.1').on('data', () => { server.close(); throw new Error('stray') })
     })`,
  ],
  [
    'a throw in a listener of an emitter',
    `const { EventEmitter } = await import('node:events')
     const emitter = new EventEmitter().on('x', () => { throw new Error('stray') })
     setTimeout(() => emitter.emit('x'), 1)`,
  ],
]

describe('with the guard, ends the process that made it, and nothing else:', () => {
  test.each(strays)('%s', async (_, stray) => {
    const {
      reason,
      sibling,
      function: name,
      logged,
    } = await run(`
      const sibling = node.spawn((self) => self.receive())
      const mailbox = node.mailbox()
      const culprit = async (self) => {
        await self.receive()
        ${stray}
        await self.receive()
      }
      const address = node.spawn(culprit)
      mailbox.monitor(address)
      address.send('go')
      const down = await mailbox.receive({ type: 'DOWN' }, { timeout: ${deadlineMs} })
      report({ reason: show(down.reason), sibling: node.isAlive(sibling) })
      await node.stop()
    `)
    expect(reason).toBe('Error: stray')
    expect(sibling).toBe(true)
    expect(logged).toEqual([
      expect.objectContaining({
        reason: 'Error: stray',
        function: 'culprit',
        message: expect.stringContaining('process ended'),
      }),
    ])
    expect(name).toBe(undefined)
  })

  test('of many processes, each with its own', async () => {
    const { reasons } = await run(`
      const mailbox = node.mailbox()
      const expected = []
      for (let i = 0; i < 50; i++) {
        const address = node.spawn(async (self) => {
          await self.receive()
          if (i % 2 === 0) setTimeout(() => { throw i }, i % 7)
          else void (async () => { await new Promise((go) => setTimeout(go, i % 5)); throw i })()
          await self.receive()
        })
        mailbox.monitor(address)
        expected.push(address)
        address.send('go')
      }
      const reasons = []
      for (let i = 0; i < 50; i++) {
        const down = await mailbox.receive({ timeout: ${deadlineMs} })
        if (expected[down.reason] === down.address) reasons.push(down.reason)
      }
      report({ reasons: reasons.sort((a, b) => a - b) })
      await node.stop()
    `)
    expect(reasons).toEqual(Array.from({ length: 50 }, (_, i) => i))
  })
})

test('a throw in queueMicrotask: the program lives; charged to the process where Node.js can tell, else said to be nobody’s', async () => {
  const { alive, logged } = await run(`
    const address = node.spawn(async (self) => {
      queueMicrotask(() => { throw new Error('stray') })
      await self.receive()
    })
    await turns(5)
    report({ alive: node.isAlive(address) })
    await node.stop()
  `)
  expect(logged).toHaveLength(1)
  if (alive)
    expect(logged[0]).toMatchObject({ error: 'Error: stray', message: expect.stringContaining('cannot be attributed') })
  else expect(logged[0]).toMatchObject({ reason: 'Error: stray' })
  expect(alive).toBe(Number(process.versions.node.split('.')[0]) < 24)
})

test('errors of ordinary code are said to be nobody’s, and no process ends of them', async () => {
  const { alive, logged } = await run(`
    const address = node.spawn((self) => self.receive())
    await turns(2)
    address.send // Touched, as ordinary code would.
    void Promise.reject(new Error('one'))
    setTimeout(() => { throw new Error('two') }, 1)
    await new Promise((go) => setTimeout(go, 20))
    report({ alive: node.isAlive(address) })
    await node.stop()
  `)
  expect(alive).toBe(true)
  expect(logged.map(({ error }) => error).sort()).toEqual(['Error: one', 'Error: two'])
})

test('waits that a process left unawaited end with it, without a word', async () => {
  const { reason, logged } = await run(`
    const mailbox = node.mailbox()
    mailbox.monitor(node.spawn(async (self) => {
      void self.receive()
      void self.receive({ type: 'x' }, { timeout: 60_000 })
      void self.call(mailbox.address, 'never answered')
      void (async () => { for await (const message of self); })()
      await turns(2)
    }))
    const down = await mailbox.receive({ type: 'DOWN' })
    await turns(5)
    report({ reason: show(down.reason) })
    await node.stop()
  `)
  expect(reason).toBe('Symbol(normal)')
  expect(logged).toEqual([])
})

test('an unawaited wait that fails is charged to the process that waits, not to whoever made it fail', async () => {
  const { waiter, sender, logged } = await run(`
    const waiter = node.spawn(async (self) => {
      void self.receive(() => { throw new Error('in the guard') })
      await new Promise(() => {})
    })
    const sender = node.spawn(async (self) => {
      await turns(2)
      waiter.send('look at me')
      await self.receive()
    })
    await turns(6)
    report({ waiter: node.isAlive(waiter), sender: node.isAlive(sender) })
    await node.stop()
  `)
  expect([waiter, sender]).toEqual([false, true])
  expect(logged).toEqual([expect.objectContaining({ reason: 'Error: in the guard' })])
})

test('what listeners of its signal throw is charged to the ended process, not to whoever ended it', async () => {
  const { alive, logged } = await run(`
    const victim = node.spawn(async (self) => {
      self.signal.addEventListener('abort', () => { throw new Error('in the listener') })
      await self.receive()
    })
    const killer = node.spawn(async (self) => {
      await turns(2)
      node.exit(victim, 'x')
      await self.receive()
    })
    await turns(6)
    report({ alive: node.isAlive(killer) })
    await node.stop()
  `)
  expect(alive).toBe(true)
  expect(logged).toEqual([
    expect.objectContaining({ error: 'Error: in the listener', message: 'an error after the end of its process' }),
  ])
})

test('two guarded nodes in one program: each error goes to the node of its process, once', async () => {
  const { logged, others, alive } = await run(`
    const others = []
    const other = await Node.local({ guard: true, logger: { ...logger, error: (fields) => others.push(fields.reason) } })
    const here = node.spawn(() => { setTimeout(() => { throw new Error('here') }, 1); return new Promise(() => {}) })
    const there = other.spawn(() => { setTimeout(() => { throw new Error('there') }, 1); return new Promise(() => {}) })
    while (node.isAlive(here) || other.isAlive(there)) await new Promise((go) => setTimeout(go, 5))
    await other.stop()
    const last = node.spawn(() => { setTimeout(() => { throw new Error('last') }, 1); return new Promise(() => {}) })
    while (node.isAlive(last)) await new Promise((go) => setTimeout(go, 5))
    report({ others, alive: [node.isAlive(here), node.isAlive(last)] })
    await node.stop()
  `)
  expect(logged.map(({ reason }) => reason)).toEqual(['Error: here', 'Error: last'])
  expect(others).toEqual(['Error: there'])
  expect(alive).toEqual([false, false])
})

test('the guard ends with its node: then stray errors are the host program’s again', async () => {
  await using child = await startNode({
    source: program(`
      const counts = () => ['uncaughtException', 'unhandledRejection'].map((event) => process.listenerCount(event))
      const during = counts()
      await node.stop()
      report({ during, after: counts() })
      setTimeout(() => { throw new Error('mine again') }, 1)
    `),
  })
  const { during, after } = await nextReport(child)
  expect([during, after]).toEqual([
    [1, 1],
    [0, 0],
  ])
  expect(await child.exit(deadlineMs)).toBe(1)
  expect(child.process.output).toContain('mine again')
})

test('a logger that throws does not end the program', async () => {
  const { alive } = await run(
    `
    void Promise.reject(new Error('x'))
    await turns(3)
    report({ alive: true })
    await node.stop()
  `,
    `{ guard: true, logger: { ...logger, error: () => { throw new Error('disk full') } } }`,
  )
  expect(alive).toBe(true)
})

describe('without the guard', () => {
  test('nothing is listened to, and nothing is tracked', async () => {
    const { counts, tracked } = await run(
      `
      // Where promises are tracked, each bears a mark (Node.js 20 and 22) or the tracking costs nothing (24 and later).
      const seen = []
      node.spawn(async (self) => {
        seen.push(Object.getOwnPropertySymbols((async () => {})()).map(String))
        await self.receive()
      })
      await turns(3)
      report({
        counts: ['uncaughtException', 'unhandledRejection'].map((event) => process.listenerCount(event)),
        tracked: seen.flat(),
      })
      await node.stop()
    `,
      '{}',
    )
    expect(counts).toEqual([0, 0])
    expect(tracked).toEqual([])
  })

  test('a throw in a process function is that process’s alone all the same', async () => {
    const { reason } = await run(
      `
      const mailbox = node.mailbox()
      mailbox.monitor(node.spawn(async () => { throw new Error('fault') }))
      report({ reason: show((await mailbox.receive()).reason) })
      await node.stop()
    `,
      '{}',
    )
    expect(reason).toBe('Error: fault')
  })

  test('a stray error ends the program, as in any program', async () => {
    await using child = await startNode({
      source: program(
        `node.spawn(() => { void Promise.reject(new Error('stray')); return new Promise(() => {}) })`,
        '{}',
      ),
    })
    expect(await child.exit(deadlineMs)).toBe(1)
    expect(child.process.output).toContain('stray')
  })
})

/** What mailboxes and processes accept. */
import { type } from 'arktype'
import * as v from 'valibot'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { startable } from '../../src/behaviour/index.js'
import {
  type Address,
  atom,
  type DeadLetter,
  type Down,
  type Exit,
  Node,
  type RefusedError,
  type Schema,
  tuple,
} from '../../src/index.js'
import { silent } from '../../src/logger.js'
import type { LocalOptions } from '../../src/node/local-options.js'
import { KeptLog } from '../cluster/cluster-kit.js'
import { Stage } from './puppet.js'

let stage: Stage
let log: KeptLog
let letters: DeadLetter[]
beforeEach(async () => {
  log = new KeptLog()
  letters = []
  stage = await Stage.open({ logger: log })
  stage.node.deadLetters.subscribe((letter) => letters.push(letter))
})
afterEach(() => stage.node.stop())

const text = '{"name":"ann","age":"41"}'
const good = JSON.parse(text)
/** The same schema, from three libraries: what is sent as a text is received as a number. */
const schemas: Record<string, Schema<{ name: string; age: string }, { name: string; age: number }>> = {
  zod: z.object({ name: z.string(), age: z.string().regex(/^\d+$/).transform(Number) }),
  valibot: v.object({ name: v.string(), age: v.pipe(v.string(), v.regex(/^\d+$/), v.transform(Number)) }),
  arktype: type({ name: 'string', age: 'string.integer.parse' }),
}
const number = z.number()

/** A schema by hand. */
function byHand(validate: (value: unknown) => unknown): Schema {
  return { '~standard': { version: 1, vendor: 'hand', validate: validate as Schema['~standard']['validate'] } }
}

/** Any address, as a sender that does not know what is accepted has it. */
const send = (to: Address<never>, message: unknown) => (to as Address<unknown>).send(message)

describe('a mailbox', () => {
  test.each(Object.entries(schemas))('receives what a schema of %s makes of a message', (_, accepts) => {
    const mailbox = stage.node.mailbox({ accepts })
    expect(mailbox.address.send(good)).toBe(true)
    expect(mailbox.poll()).toEqual({ name: 'ann', age: 41 })
    expect(letters).toEqual([])
  })

  test.each(Object.entries(schemas))('never sees what does not fit a schema of %s', (_, accepts) => {
    const mailbox = stage.node.mailbox({ accepts })
    for (const bad of [{ ...good, age: 'old' }, { name: 'ann' }, 'ann', undefined, tuple(atom('ok'), 1)]) {
      expect(send(mailbox.address, bad)).toBe(true)
    }
    expect(mailbox.length).toBe(0)
    expect(stage.node.deadLetters.counts.refused).toBe(5)
    expect(letters[0]).toMatchObject({ cause: 'refused', to: mailbox.address, message: { ...good, age: 'old' } })
    expect(letters[0]?.issues?.[0]).toMatchObject({ path: ['age'], message: expect.any(String) })
  })

  test('keeps the order of what fits, and selects among it alone', async () => {
    const mailbox = stage.node.mailbox({ accepts: number })
    for (const message of [1, 'a', 2, 'b', 3]) send(mailbox.address, message)
    expect(await mailbox.receive((n) => n > 1)).toBe(2)
    const seen: unknown[] = []
    const fourth = mailbox.receive((n) => {
      seen.push(n)
      return n === 4
    })
    send(mailbox.address, 'c')
    send(mailbox.address, 4)
    expect(await fourth).toBe(4)
    expect(seen).toEqual([1, 3, 4])
    expect([mailbox.poll(), mailbox.poll()]).toEqual([1, 3])
  })

  test('goes on waiting when a message is refused', async () => {
    const mailbox = stage.node.mailbox({ accepts: number })
    const [plain, timed] = [mailbox.receive(), mailbox.receive({ timeout: 1_000 })]
    for (const message of ['a', 1, 'b', 2]) send(mailbox.address, message)
    expect(await Promise.all([plain, timed])).toEqual([1, 2])
  })

  test('is told of its monitors, links and timers, whatever it accepts', async () => {
    const a = await stage.puppet()
    const mailbox = stage.node.mailbox<typeof number, Down | Exit | { type: 'timeout' }>({ accepts: number })
    mailbox.link(a.self.address)
    const ref = mailbox.monitor(a.self.address)
    a.throw('gone')
    expect(await mailbox.receive({ type: 'DOWN', ref })).toMatchObject({ reason: 'gone' })
    expect(await mailbox.receive({ type: 'EXIT' })).toMatchObject({ from: a.self.address })
    const timer = stage.node.startTimer(10, mailbox.address as Address<unknown>, 'late')
    await stage.clock.advance(10)
    expect(mailbox.poll()).toEqual({ type: 'timeout', ref: timer, message: 'late' })
    // What somebody sends himself is no notice, however much it looks like one.
    send(mailbox.address, { type: 'DOWN', ref, address: a.self.address, reason: 'forged' })
    stage.node.sendAfter(10, mailbox.address, 'late' as never)
    await stage.clock.advance(10)
    expect(mailbox.length).toBe(0)
    expect(stage.node.deadLetters.counts.refused).toBe(2)
  })

  test('checks what comes by its name and by an alias too', () => {
    const mailbox = stage.node.mailbox({ accepts: number })
    stage.node.register('numbers', mailbox.address)
    const alias = mailbox.alias()
    for (const message of ['a', 1]) {
      stage.node.send('numbers', message)
      stage.node.send(alias, message)
    }
    expect([mailbox.poll(), mailbox.poll(), mailbox.poll()]).toEqual([1, 1, undefined])
    expect(letters.map(({ from }) => from)).toEqual([stage.node.system.self, stage.node.system.self])
  })

  test('counts what it refuses for no place in a bounded queue', () => {
    const mailbox = stage.node.mailbox({ accepts: number, limit: { messages: 1, policy: 'refuse_newest' } })
    for (const message of ['a', 'b', 1, 'c', 2]) send(mailbox.address, message)
    expect(stage.node.deadLetters.counts).toMatchObject({ refused: 3, full: 1 })
    expect(mailbox.poll()).toBe(1)
  })
})

describe('a process', () => {
  test('gets what fits, from its first message on', async () => {
    const got: unknown[] = []
    const address = stage.node.spawn({ accepts: schemas.zod as (typeof schemas)[string] }, async (self) => {
      for await (const { age } of self) got.push(age)
    })
    send(address, 'too early')
    address.send(good)
    await stage.settle()
    expect(got).toEqual([41])
    expect(stage.node.deadLetters.counts.refused).toBe(1)
  })

  test('is told what it accepts by spawnLink, spawnMonitor and startable alike', async () => {
    const got: unknown[] = []
    const take = async (self: { receive(): Promise<number> }) => {
      got.push(await self.receive())
    }
    const addresses: Address<number>[] = []
    stage.node.spawn(async (self) => {
      addresses.push(self.spawn({ accepts: number }, take), self.spawnLink({ accepts: number }, take))
      addresses.push(self.spawnMonitor({ accepts: number }, take).address)
      await self.receive()
    })
    await stage.settle()
    const plain = startable({ accepts: number }, async (self, starting) => {
      starting.ack()
      await take(self)
    })
    addresses.push(await stage.node.start(plain))
    for (const address of addresses) {
      send(address, 'a')
      address.send(1)
    }
    await stage.settle()
    expect(got).toEqual([1, 1, 1, 1])
    expect(stage.node.deadLetters.counts.refused).toBe(4)
  })

  test('that is called with what it does not accept fails the call, and goes on', async () => {
    const address = stage.node.spawn({ accepts: number }, async (self) => {
      for await (const n of self) if (n === 0) return
    })
    const error = (await stage.node.call(address, 'hello').catch((e) => e)) as RefusedError
    expect(error).toMatchObject({ name: 'RefusedError', code: 'ERR_REIGN_REFUSED' })
    expect(error.message).toContain(`the call to ${address} was refused: `)
    expect(error.issues).toEqual([{ message: expect.any(String), path: [] }])
    expect(stage.node.isAlive(address)).toBe(true)
    expect(letters[0]?.from).toBe(stage.node.system.self)
  })

  test('in strict mode gets what the schema made, which need not be a term', async () => {
    // What the schema makes is for the receiver alone: it is not encoded any more.
    const accepts = z.object({ n: z.number() }).transform(
      ({ n }) =>
        () =>
          n,
    )
    const strict = await Stage.open({ copy: (message: unknown) => structuredClone(message) } as LocalOptions)
    try {
      const mailbox = strict.node.mailbox({ accepts })
      mailbox.address.send({ n: 3 })
      expect(mailbox.poll()?.()).toBe(3)
    } finally {
      await strict.node.stop()
    }
  })
})

describe('a refusal', () => {
  test('says in the log of whom and why, never what, and once a second', async () => {
    const mailbox = stage.node.mailbox({ accepts: schemas.zod as (typeof schemas)[string] })
    const lines = () => log.lines.filter(({ message }) => message === 'refused a message that does not fit')
    for (let i = 0; i < 1_000; i++) send(mailbox.address, { name: 'a secret', age: 'none' })
    expect(lines()).toHaveLength(1)
    expect(lines()[0]?.fields).toMatchObject({
      process: mailbox.address.toString(),
      issues: [expect.stringMatching(/^age: /)],
    })
    expect(JSON.stringify(lines())).not.toContain('a secret')
    await stage.clock.advance(1_000)
    send(mailbox.address, 1)
    expect(lines()[0]?.fields).not.toHaveProperty('untold')
    expect(lines()[1]?.fields).toMatchObject({ untold: 999 })
  })

  test('names the process that sends, where a guard keeps track of who does what', async () => {
    const node = await Node.local({ logger: silent, guard: true })
    try {
      const mailbox = node.mailbox({ accepts: number })
      const refused = new Promise<DeadLetter>((resolve) => node.deadLetters.subscribe(resolve))
      const sender = node.spawn(() => send(mailbox.address, 'a'))
      expect((await refused).from).toBe(sender)
    } finally {
      await node.stop()
    }
  })

  test('tells a bounded amount, however much is wrong', () => {
    const endless = byHand(() => ({
      issues: Array.from({ length: 1_000 }, () => ({
        message: '\ud800'.repeat(10_000),
        path: [{ key: atom('a') }, 1, 1.5, 'k'.repeat(10_000), ...new Array(100).fill(0)],
      })),
    }))
    const mailbox = stage.node.mailbox({ accepts: endless })
    send(mailbox.address, 1)
    const issues = letters[0]?.issues ?? []
    expect(issues).toHaveLength(10)
    expect(issues[0]?.message).toBe(`${'\ufffd'.repeat(200)}…`)
    expect(issues[0]?.path.slice(0, 4)).toEqual(['a', 1, '1.5', `${'k'.repeat(200)}…`])
    expect(issues[0]?.path).toHaveLength(20)
  })
})

describe('a schema', () => {
  test.each([undefined, null, 3, 'zod', {}, { '~standard': { version: 2, validate() {} } }, { '~standard': null }])(
    'is none: %s',
    (accepts) => {
      if (accepts === undefined) return expect(stage.node.mailbox({ accepts }).poll()).toBeUndefined()
      const node = stage.node as unknown as {
        mailbox(options: object): void
        spawn(options: object, run: unknown): void
      }
      const before = stage.node.processes().length
      for (const attempt of [() => node.mailbox({ accepts }), () => node.spawn({ accepts }, () => {})]) {
        expect(attempt).toThrow(expect.objectContaining({ code: 'ERR_REIGN_SCHEMA' }))
      }
      expect(stage.node.processes()).toHaveLength(before)
    },
  )

  test('that throws refuses', () => {
    const accepts = byHand(() => {
      throw new Error('no idea')
    })
    const mailbox = stage.node.mailbox({ accepts })
    expect(send(mailbox.address, 1)).toBe(true)
    expect(letters[0]?.issues).toEqual([{ message: 'the schema threw: Error: no idea', path: [] }])
  })

  test.each([
    ['resolves', () => Promise.resolve({ value: 1 })],
    ['rejects', () => Promise.reject(new Error('late'))],
    // biome-ignore lint/suspicious/noThenProperty: what a promise of another library is
    ['is a promise of another library', () => ({ then: (done: (result: unknown) => void) => done({ value: 1 }) })],
  ])('that gives a promise, which %s, ends the receiver with its first message', async (_, promise) => {
    const accepts = byHand(promise)
    const watcher = stage.node.mailbox<Down>()
    const address = stage.node.spawn({ accepts }, async (self) => {
      await self.receive()
    })
    watcher.monitor(address)
    const called = stage.node.call(address, 'hello').catch((e) => e)
    expect(await watcher.receive()).toMatchObject({ reason: { code: 'ERR_REIGN_SCHEMA' } })
    expect(await called).toMatchObject({ code: 'ERR_REIGN_CALL', reason: { code: 'ERR_REIGN_SCHEMA' } })
    expect(stage.node.deadLetters.counts.refused).toBe(1)
    expect(log.lines.filter(({ level }) => level === 'error')).toHaveLength(1)
  })

  test('of zod that is asynchronous is found out by the first message that it does not refuse', async () => {
    const mailbox = stage.node.mailbox({ accepts: z.string().refine(async () => true) })
    mailbox.address.send('hello')
    await expect(mailbox.receive()).rejects.toMatchObject({
      code: 'ERR_REIGN_CLOSED',
      reason: { code: 'ERR_REIGN_SCHEMA' },
    })
  })
})

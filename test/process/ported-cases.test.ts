/**
 * Cases of Erlang/OTP's suites that no other test here has, in our own words. docs/ported-cases.md says for every case where it
 * went.
 */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  type Address,
  atom,
  type Down,
  type Exit,
  type Mailbox,
  named,
  type Process,
  type Ref,
} from '../../src/index.js'
import { callIn, reply } from '../../src/process/call.js'
import { Stage } from './puppet.js'

const kill = atom('kill')
const killed = atom('killed')

let stage: Stage
let mailbox: Mailbox<unknown>
beforeEach(async () => {
  stage = await Stage.open()
  mailbox = stage.node.mailbox()
})
afterEach(() => stage.node.stop())

describe('signals', () => {
  test('what was sent before an exit may be seen, what was sent after never is', async () => {
    for (let round = 0; round < 300; round++) {
      const address = stage.node.spawn(async (self: Process<string>) => {
        for (;;) {
          const message = await self.receive({ timeout: 0 }).catch((error) => {
            if (error.code !== 'ERR_REIGN_TIMEOUT') throw error
            return 'none'
          })
          if (message === 'may not reach') self.exit('bad order')
        }
      })
      mailbox.monitor(address)
      for (let i = 0; i < round % 10; i++) await Promise.resolve() // It may have begun, and looked already.
      for (let i = 0; i < 3; i++) address.send('may reach')
      stage.node.exit(address, 'good order')
      for (let i = 0; i < 3; i++) address.send('may not reach')
      expect(await mailbox.receive({ type: 'DOWN' })).toMatchObject({ reason: 'good order' })
    }
  })

  test.each([1, 2, 9, 10])(
    'a kill becomes killed, an exit with kill stays kill, through a line of %d',
    async (length) => {
      const waits = async (self: Process) => self.receive(() => false)
      const line =
        (left: number, end: (self: Process) => unknown) =>
        async (self: Process): Promise<unknown> => {
          if (left === 0) return end(self)
          self.spawnLink(line(left - 1, end))
          return waits(self)
        }
      const watcher = await stage.puppet({ trapExit: true })
      const reasonOf = async (end: (self: Process) => unknown, meanwhile?: () => void) => {
        const first = watcher.self.spawnLink(line(length, end))
        await stage.settle()
        meanwhile?.()
        await stage.settle()
        return ((await watcher.self.receive({ type: 'EXIT', from: first })) as Exit).reason
      }
      let last: Address<unknown> | undefined
      const remembered = (self: Process) => {
        last = self.address
        return waits(self)
      }
      expect(await reasonOf(remembered, () => stage.node.exit(last as Address<unknown>, kill))).toBe(killed)
      expect(await reasonOf((self) => self.exit(self.address, kill))).toBe(killed)
      expect(await reasonOf((self) => self.exit(kill))).toBe(kill)
    },
  )

  test('a notice comes after all messages of the other side, when both go by name, too', async () => {
    stage.node.register('tester', mailbox.address)
    const talker = stage.node.spawn({ name: 'talker' }, async (self: Process) => {
      await self.receive()
      for (let i = 0; i < 1_000; i++) stage.node.send(i % 2 === 0 ? 'tester' : named('tester', stage.node.name), i)
    })
    const ref = mailbox.monitor(named('talker', stage.node.name))
    talker.send('go')
    await stage.settle()
    expect(mailbox.peek()).toEqual([
      ...Array.from({ length: 1_000 }, (_, i) => i),
      expect.objectContaining({ type: 'DOWN', ref }),
    ])
  })

  test('sixteen thousand sends to a registered name all arrive, those to a missing one do nothing', () => {
    stage.node.register('tester', mailbox.address)
    for (let i = 0; i < 16_384; i++) {
      stage.node.send('tester', i)
      stage.node.send('nobody', i)
    }
    expect(mailbox.peek()).toEqual(Array.from({ length: 16_384 }, (_, i) => i))
    expect(stage.node.deadLetters.counts.noname).toBe(16_384)
  })
})

describe('monitors', () => {
  test.each(['monitor', 'spawnMonitor'] as const)('the watched ends its watcher, and then itself (%s)', async (how) => {
    const watched = (parent: Address<unknown>) => async (self: Process) => {
      await self.receive()
      self.exit(parent, 'foo')
    }
    const a = await stage.puppet()
    mailbox.link(a.self.address)
    let b: Address<unknown>
    if (how === 'monitor') {
      b = stage.node.spawn(watched(a.self.address))
      a.self.monitor(b)
    } else b = a.self.spawnMonitor(watched(a.self.address)).address
    b.send('go')
    await stage.settle()
    expect(mailbox.peek()).toEqual([{ type: 'EXIT', from: a.self.address, reason: 'foo' }])
    expect(stage.node.isAlive(b)).toBe(false)
  })

  test('the watched tries to take its watcher’s monitor back: it is not its own, and the notice comes', async () => {
    const b = stage.node.spawn(async (self: Process<Ref>) => self.demonitor(await self.receive()))
    const ref = mailbox.monitor(b)
    b.send(ref)
    await stage.settle()
    expect(mailbox.peek()).toEqual([{ type: 'DOWN', ref, address: b, reason: atom('normal') }])
  })

  test('of four on one process: taken back before, kept, taken back with the notice queued, and kept', async () => {
    const a = await stage.puppet()
    const refs = [1, 2, 3, 4].map(() => mailbox.monitor(a.self.address)) as [Ref, Ref, Ref, Ref]
    mailbox.demonitor(refs[0])
    stage.node.exit(a.self.address, 'bang')
    expect(await mailbox.receive({ ref: refs[1] })).toMatchObject({ reason: 'bang' })
    mailbox.demonitor(refs[2])
    expect(mailbox.peek()).toEqual([{ type: 'DOWN', ref: refs[3], address: a.self.address, reason: 'bang' }])
  })

  test('both ends know of a monitor while it is there, by address and by name, and neither afterwards', async () => {
    const [a, b] = [await stage.puppet({ name: 'jeeves' }), await stage.puppet()]
    const ties = () =>
      [a, b].map(({ self }) => {
        const info = stage.node.processInfo(self.address)
        return [info?.monitors, info?.monitored_by]
      })
    const free = [
      [[], []],
      [[], []],
    ]
    expect(ties()).toEqual(free)
    b.self.demonitor(b.self.monitor(a.self.address))
    expect(ties()).toEqual(free)
    const byName = named('jeeves', stage.node.name)
    const ref = b.self.monitor(byName)
    expect(ties()).toEqual([
      [[], [b.self.address]],
      [[byName], []],
    ])
    b.self.demonitor(ref)
    expect(ties()).toEqual(free)
    a.self.monitor(b.self.address)
    a.throw('frop')
    await stage.settle()
    expect(stage.node.processInfo(b.self.address)).toMatchObject({ monitors: [], monitored_by: [] })
  })
})

describe('receive', () => {
  const echo = async (self: Process) => {
    for await (const message of self) {
      const called = callIn(message)
      if (called !== undefined) reply(self, called.from, called.request)
      else {
        const { ref, from, what } = message as { ref: Ref; from: Address<unknown>; what: unknown }
        from.send({ ref, what })
      }
    }
  }

  test('another message is taken between a question and the search for its answer', async () => {
    const server = stage.node.spawn(echo)
    for (let i = 0; i < 1_000; i++) {
      mailbox.address.send('dummy')
      const ref = mailbox.monitor(server)
      server.send({ ref, from: mailbox.address, what: i })
      expect(await mailbox.receive('dummy')).toBe('dummy')
      expect(await mailbox.receive({ ref })).toEqual({ ref, what: i })
      mailbox.demonitor(ref)
    }
    expect(mailbox.length).toBe(0)
  })

  test('a search that was given up by a throw does not spoil those around it', async () => {
    mailbox.address.send('filling')
    const askMyself = async (disturb: () => Promise<void> | void) => {
      const ref = mailbox.makeRef()
      mailbox.address.send({ ref })
      await disturb()
      expect(await mailbox.receive({ ref }, { timeout: 0 })).toEqual({ ref })
    }
    await askMyself(async () => {
      const thrown = askMyself(() => {
        throw new Error('aborted')
      })
      await expect(thrown).rejects.toThrow('aborted')
    })
    expect(mailbox.length).toBe(2)
    expect(await mailbox.receive()).toBe('filling')
    expect(await mailbox.receive()).toMatchObject({ ref: expect.anything() })
  })

  test('a search inside a search, that finds nothing, does not spoil the outer one', async () => {
    mailbox.address.send('filling')
    const nobody = stage.node.mailbox()
    const ask = async (receiver: Mailbox<unknown>, disturb: () => Promise<void>) => {
      const ref = mailbox.makeRef()
      receiver.address.send({ ref })
      await disturb()
      return mailbox.receive({ ref }, { timeout: 0 }).catch((error) => error.code)
    }
    expect(
      await ask(mailbox, async () => {
        expect(await ask(nobody, async () => {})).toBe('ERR_REIGN_TIMEOUT')
      }),
    ).toMatchObject({ ref: expect.anything() })
  })

  test('answers to many questions that are open at once are found in whatever order they come and are asked for', async () => {
    let seed = 1
    const random = (bound: number) => {
      seed = (seed * 48_271) % 2_147_483_647
      return seed % bound
    }
    const shuffled = <T>(list: readonly T[]): T[] => {
      const left = [...list]
      return list.map(() => left.splice(random(left.length), 1)[0] as T)
    }
    for (let round = 0; round < 50; round++) {
      for (let i = 0; i < random(100); i++) mailbox.address.send({ junk: i })
      const refs = Array.from({ length: 20 }, () => {
        const ref = mailbox.makeRef()
        for (let i = 0; i < random(4); i++) mailbox.address.send({ junk: ref })
        return ref
      })
      for (const ref of shuffled(refs)) mailbox.address.send({ ref })
      for (const ref of shuffled(refs)) expect(mailbox.poll({ ref })).toEqual({ ref })
      // Taking junk from all over closes gaps under the marks.
      while (random(4) > 0) mailbox.poll((message) => 'junk' in (message as object) && random(2) === 0)
    }
    expect(mailbox.peek().every((message) => 'junk' in (message as object))).toBe(true)
  })

  test('a call costs no look at a mailbox of half a million, nor does an answer that is found by its reference', async () => {
    const server = stage.node.spawn(echo)
    let looks = 0
    const junk = {
      get ref() {
        looks++
        return undefined
      },
    }
    for (let i = 0; i < 500_000; i++) mailbox.address.send(junk)
    for (let i = 0; i < 100; i++) {
      expect(await mailbox.call(server, i)).toBe(i)
      const ref = mailbox.makeRef()
      server.send({ ref, from: mailbox.address, what: i })
      expect(await mailbox.receive({ ref })).toEqual({ ref, what: i })
    }
    expect(looks).toBe(0)
    expect(mailbox.length).toBe(500_000)
  })

  test('a process goes on answering while requests, exits without fault and junk rain on it', async () => {
    const client = stage.node.spawn(async (self: Process) => {
      for (;;) {
        const ref = self.makeRef()
        self.address.send({ blipp: true })
        self.address.send({ ref })
        await self.receive({ ref })
        while (self.poll({ blipp: true }) !== undefined);
        const check = self.poll({ type: 'check' }) as { from: Address<unknown> } | undefined
        check?.from.send('responsive')
        await self.receive({ type: 'never' }, { timeout: 1 }).catch((error) => {
          if (error.code !== 'ERR_REIGN_TIMEOUT') throw error
        })
      }
    })
    for (let i = 0; i < 100; i++) {
      for (let n = 0; n < 50; n++) {
        client.send({ blipp: true })
        stage.node.exit(client, atom('normal'))
      }
      await stage.clock.run(1)
    }
    client.send({ type: 'check', from: mailbox.address })
    await stage.clock.run(5)
    expect(mailbox.peek()).toEqual(['responsive'])
  })

  test('a million queued messages are all there, in order', async () => {
    const count = 1_000_000
    for (let i = 0; i < count; i++) mailbox.address.send(i)
    expect(mailbox.length).toBe(count)
    let sound = true
    for (let i = 0; i < count; i++) sound &&= mailbox.poll() === i
    expect(sound).toBe(true)
    expect(mailbox.length).toBe(0)
  })
})

describe('exits', () => {
  test('an exit and the time-out of a receive at the same instant: whichever comes first, the process ends once', async () => {
    for (const exitFirst of [true, false]) {
      const seen: unknown[] = []
      const address = stage.node.spawn(async (self) => {
        await self.receive({ timeout: 50 }).catch((error) => {
          seen.push(error.code)
          throw error
        })
      })
      mailbox.monitor(address)
      await stage.settle()
      if (exitFirst) stage.node.exit(address, 'kill me')
      stage.clock.advance(50)
      if (!exitFirst) stage.node.exit(address, 'kill me')
      await stage.settle()
      expect(((await mailbox.receive()) as Down).reason).toBe('kill me')
      expect(seen).toEqual([exitFirst ? 'ERR_REIGN_EXIT' : 'ERR_REIGN_TIMEOUT'])
      expect(mailbox.length).toBe(0)
    }
  })

  test('one that traps exits can still end of a fault of its own', async () => {
    const a = await stage.puppet({ trapExit: true })
    mailbox.link(a.self.address)
    a.self.link(mailbox.address)
    a.throw(new TypeError('badarg'))
    await stage.settle()
    expect(mailbox.peek()).toEqual([{ type: 'EXIT', from: a.self.address, reason: new TypeError('badarg') }])
  })

  test('names that come and go with their processes are never found dead', async () => {
    for (let round = 0; round < 200; round++) {
      const address = stage.node.spawn({ name: 'ephemeral' }, async (self) => self.receive())
      expect(stage.node.whereis('ephemeral')).toBe(address)
      if (round % 2 === 0) stage.node.exit(address, kill)
      else {
        address.send('end')
        await stage.settle()
      }
      expect(stage.node.whereis('ephemeral')).toBe(undefined)
    }
  })
})

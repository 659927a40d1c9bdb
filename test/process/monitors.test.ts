import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Address, atom, type Down, type Mailbox, named, type Process, type Ref } from '../../src/index.js'
import { type Puppet, Stage } from './puppet.js'

const normal = atom('normal')
const noproc = atom('noproc')
const killed = atom('killed')

let stage: Stage
let watcher: Mailbox<Down>
beforeEach(async () => {
  stage = await Stage.open()
  watcher = stage.node.mailbox<Down>()
})
afterEach(() => stage.node.stop())

const here = (name: string) => named(name, stage.node.name)
const info = (address: Address<never>) => stage.node.processInfo(address)

describe('a monitor', () => {
  test.each([
    ['returns', (a: Puppet) => a.return(), normal],
    ['throws', (a: Puppet) => a.throw('fault'), 'fault'],
    ['is asked to exit', (a: Puppet) => stage.node.exit(a.self.address, 'asked'), 'asked'],
    ['is killed', (a: Puppet) => stage.node.exit(a.self.address, atom('kill')), killed],
  ])('tells once, with the reason, when the other side %s', async (_, act, reason) => {
    const a = await stage.puppet()
    const ref = watcher.monitor(a.self.address)
    act(a)
    await stage.settle()
    expect(watcher.peek()).toEqual([{ type: 'DOWN', ref, address: a.self.address, reason }])
    expect(info(watcher.address)?.monitors).toEqual([])
  })

  test('tells when a mailbox is closed, with the reason it was closed with', () => {
    const [a, b] = [stage.node.mailbox(), stage.node.mailbox()]
    const refs = [watcher.monitor(a.address), watcher.monitor(b.address)]
    a.close()
    b.close('reason')
    expect(watcher.peek()).toEqual([
      { type: 'DOWN', ref: refs[0], address: a.address, reason: normal },
      { type: 'DOWN', ref: refs[1], address: b.address, reason: 'reason' },
    ])
  })

  test('says noproc at once of one who is not there', async () => {
    const a = await stage.puppet()
    stage.node.exit(a.self.address, 'x')
    const ref = watcher.monitor(a.self.address)
    expect(watcher.peek()).toEqual([{ type: 'DOWN', ref, address: a.self.address, reason: noproc }])
  })

  test('is one way: the end of the watcher does nothing to the watched', async () => {
    const [a, b] = (await stage.puppets(2)) as [Puppet, Puppet]
    a.self.monitor(b.self.address)
    expect(info(b.self.address)?.monitored_by).toEqual([a.self.address])
    a.throw('x')
    await stage.settle()
    expect(stage.alive(b)).toBe(true)
    expect(info(b.self.address)?.monitored_by).toEqual([])
  })

  test('is one of many: each set tells once', async () => {
    const a = await stage.puppet()
    const refs = Array.from({ length: 5 }, () => watcher.monitor(a.self.address))
    expect(new Set(refs).size).toBe(5)
    a.return()
    await stage.settle()
    expect(watcher.peek().map((down) => (down as Down).ref)).toEqual(refs)
  })

  test('of oneself can be set, and never tells', async () => {
    const a = await stage.puppet()
    const ref = a.self.monitor(a.self.address)
    a.self.demonitor(ref)
    a.self.monitor(a.self.address)
    a.throw('x')
    await stage.settle()
    expect(stage.reason(a)).toBe('x')
  })

  test('is set on an address or on named(name, node), and on nothing else', () => {
    for (const wrong of [undefined, 'name', 1, [], { name: 'x', node: 'y' }, stage.node]) {
      expect(() => watcher.monitor(wrong as never)).toThrow(expect.objectContaining({ code: 'ERR_REIGN_ARGUMENT' }))
    }
    expect(info(watcher.address)?.monitors).toEqual([])
  })

  test('and a link to the same process are two things', async () => {
    const a = await stage.puppet()
    const both = stage.node.mailbox()
    both.link(a.self.address)
    both.monitor(a.self.address)
    a.throw('x')
    await stage.settle()
    expect(both.peek()).toEqual([
      expect.objectContaining({ type: 'EXIT', reason: 'x' }),
      expect.objectContaining({ type: 'DOWN', reason: 'x' }),
    ])
  })

  test('tells any reason as it is, however big', async () => {
    const reason = { big: Array.from({ length: 10_000 }, (_, i) => ({ i })) }
    const a = await stage.puppet()
    watcher.monitor(a.self.address)
    a.throw(reason)
    await stage.settle()
    expect((await watcher.receive()).reason).toBe(reason)
  })

  test('set by both ends on each other: the first to end is told of by the other alone', async () => {
    const [a, b] = (await stage.puppets(2)) as [Puppet, Puppet]
    a.self.monitor(b.self.address)
    b.self.monitor(a.self.address)
    a.self.exit(b.self.address, 'x')
    expect(stage.inbox(a)).toEqual([expect.objectContaining({ type: 'DOWN', reason: 'x' })])
    a.return()
    await stage.settle()
    expect(stage.reason(a)).toBe(normal)
  })
})

describe('the notice comes', () => {
  test('after every message that the other side sent before its end', async () => {
    const got: unknown[] = []
    const all = stage.node.mailbox()
    const talker = stage.node.spawn(async (self: Process) => {
      await self.receive()
      for (let i = 0; i < 1_000; i++) {
        all.address.send(i)
        if (i % 100 === 0) await Promise.resolve()
      }
    })
    all.monitor(talker)
    talker.send('go')
    for (;;) {
      const message = await all.receive()
      got.push(message)
      if (typeof message === 'object') break
    }
    expect(got).toHaveLength(1_001)
    expect(got.slice(0, -1)).toEqual(Array.from({ length: 1_000 }, (_, i) => i))
    expect(all.length).toBe(0)
  })

  test('when the name is free: who learns of the end can take it', async () => {
    const a = await stage.puppet({ name: 'clerk' })
    const heir = stage.node.spawn(async (self: Process<Down>) => {
      self.monitor(here('clerk'))
      const down = await self.receive()
      expect(down.reason).toBe('x')
      stage.node.register('clerk', self.address)
      await self.receive()
    })
    await stage.settle()
    stage.node.exit(a.self.address, 'x')
    await stage.settle()
    expect(stage.node.whereis('clerk')).toBe(heir)
  })
})

describe('by name', () => {
  test('who has the name now is watched, and the notice names the name', async () => {
    const a = await stage.puppet({ name: 'clerk' })
    const ref = watcher.monitor(here('clerk'))
    expect(info(watcher.address)?.monitors).toEqual([here('clerk')])
    a.return()
    await stage.settle()
    expect(watcher.peek()).toEqual([{ type: 'DOWN', ref, address: here('clerk'), reason: normal }])
  })

  test('nobody has: noproc, at once', () => {
    const ref = watcher.monitor(here('nobody'))
    expect(watcher.peek()).toEqual([{ type: 'DOWN', ref, address: here('nobody'), reason: noproc }])
  })

  test('a name that is given to another leaves the monitor with the first', async () => {
    const [a, b] = (await stage.puppets(2)) as [Puppet, Puppet]
    stage.node.register('clerk', a.self.address)
    watcher.monitor(here('clerk'))
    stage.node.unregister('clerk')
    stage.node.register('clerk', b.self.address)
    b.return()
    await stage.settle()
    expect(watcher.length).toBe(0)
    a.throw('x')
    await stage.settle()
    expect(watcher.peek()).toEqual([expect.objectContaining({ address: here('clerk'), reason: 'x' })])
  })

  test('and is taken back from who was watched, whoever has the name then', async () => {
    const [a, b] = (await stage.puppets(2)) as [Puppet, Puppet]
    stage.node.register('clerk', a.self.address)
    const ref = watcher.monitor(here('clerk'))
    stage.node.unregister('clerk')
    stage.node.register('clerk', b.self.address)
    watcher.demonitor(ref)
    expect(info(a.self.address)?.monitored_by).toEqual([])
    expect(info(b.self.address)?.monitored_by).toEqual([])
    stage.node.unregister('clerk')
    const other = watcher.monitor(a.self.address)
    watcher.demonitor(other)
    expect(info(a.self.address)?.monitored_by).toEqual([])
  })

  test('on a node that is out of reach: noconnection', () => {
    const ref = watcher.monitor(named('clerk', 'far@away'))
    expect(watcher.peek()).toEqual([
      { type: 'DOWN', ref, address: named('clerk', 'far@away'), reason: atom('noconnection') },
    ])
  })
})

describe('demonitor', () => {
  test('before the end: no notice comes', async () => {
    const a = await stage.puppet()
    const ref = watcher.monitor(a.self.address)
    watcher.demonitor(ref)
    expect(info(a.self.address)?.monitored_by).toEqual([])
    a.return()
    await stage.settle()
    expect(watcher.length).toBe(0)
  })

  test('after the end: the notice that is queued is removed, and nothing else', async () => {
    const a = await stage.puppet()
    const all = stage.node.mailbox()
    all.address.send('before')
    const refs = [all.monitor(a.self.address), all.monitor(a.self.address), all.monitor(a.self.address)] as const
    a.return()
    await stage.settle()
    all.address.send({ type: 'DOWN', ref: 'not a reference' })
    all.address.send(null)
    all.demonitor(refs[1])
    expect(all.peek()).toEqual([
      'before',
      expect.objectContaining({ ref: refs[0] }),
      expect.objectContaining({ ref: refs[2] }),
      { type: 'DOWN', ref: 'not a reference' },
      null,
    ])
  })

  test('twice, or of a reference that is no monitor, or of another’s monitor, does nothing', async () => {
    const a = await stage.puppet()
    const ref = watcher.monitor(a.self.address)
    const other = stage.node.mailbox()
    other.demonitor(ref)
    other.demonitor(other.makeRef())
    const own = watcher.monitor(a.self.address)
    watcher.demonitor(own)
    watcher.demonitor(own)
    a.return()
    await stage.settle()
    expect(watcher.peek()).toEqual([expect.objectContaining({ ref })])
  })

  test('does not disturb who waits', async () => {
    const a = await stage.puppet()
    const ref = watcher.monitor(a.self.address)
    const waiting = watcher.receive()
    watcher.demonitor(ref)
    const other = watcher.monitor(a.self.address)
    a.return()
    expect((await waiting).ref).toBe(other)
  })
})

describe('monitors leave nothing behind', () => {
  test('set and taken back a hundred thousand times', async () => {
    const a = await stage.puppet()
    for (let i = 0; i < 100_000; i++) watcher.demonitor(watcher.monitor(a.self.address))
    expect(info(a.self.address)?.monitored_by).toEqual([])
    expect(info(watcher.address)?.monitors).toEqual([])
  })

  test('mixed, set and fired and taken back from both ends, in every order', async () => {
    // Three processes; each step is one of: monitor, demonitor the newest, by each of them on the next.
    for (let program = 0; program < 6 ** 4; program++) {
      const boxes = [0, 1, 2].map(() => stage.node.mailbox())
      const refs: Ref[][] = [[], [], []]
      for (let step = 0, code = program; step < 4; step++, code = Math.floor(code / 6)) {
        const i = code % 3
        const [box, next] = [boxes[i], boxes[(i + 1) % 3]] as [Mailbox, Mailbox]
        if (code % 6 < 3) refs[i]?.push(box.monitor(next.address))
        else {
          const ref = refs[i]?.pop()
          if (ref !== undefined) box.demonitor(ref)
        }
      }
      for (const [i, box] of boxes.entries()) {
        expect(info(box.address)?.monitors).toHaveLength(refs[i]?.length as number)
        expect(info(box.address)?.monitored_by).toHaveLength(refs[(i + 2) % 3]?.length as number)
      }
      const [first, , last] = boxes as [Mailbox, Mailbox, Mailbox]
      const due = refs[2]?.length as number
      first.close('x')
      expect(last.length).toBe(due)
      for (const box of boxes) box.close()
    }
  })
})

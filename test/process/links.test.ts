import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Address, atom, type Exit, type Process } from '../../src/index.js'
import { type Puppet, Stage } from './puppet.js'

const normal = atom('normal')
const noproc = atom('noproc')
const kill = atom('kill')

let stage: Stage
beforeEach(async () => {
  stage = await Stage.open()
})
afterEach(() => stage.node.stop())

const links = ({ self }: Puppet) => stage.node.processInfo(self.address)?.links

describe('a link', () => {
  test('is seen from both ends, however often and from whichever end it was made', async () => {
    const [a, b] = (await stage.puppets(2)) as [Puppet, Puppet]
    a.self.link(b.self.address)
    a.self.link(b.self.address)
    b.self.link(a.self.address)
    expect(links(a)).toEqual([b.self.address])
    expect(links(b)).toEqual([a.self.address])
    a.self.unlink(b.self.address)
    expect([links(a), links(b)]).toEqual([[], []])
  })

  test('with oneself is none', async () => {
    const a = await stage.puppet()
    a.self.link(a.self.address)
    expect(links(a)).toEqual([])
  })

  test.each([
    ['returns', (a: Puppet) => a.return(), normal],
    ['throws', (a: Puppet) => a.throw('reason'), 'reason'],
    ['is ended by another', (a: Puppet) => stage.node.exit(a.self.address, 'asked'), 'asked'],
    ['is killed', (a: Puppet) => stage.node.exit(a.self.address, kill), atom('killed')],
    ['ends itself with kill', (a: Puppet) => () => a.self.exit(kill), kill],
  ])('when one end %s, the one that traps exits is told once, with the reason', async (_, act, reason) => {
    const a = await stage.puppet()
    const b = await stage.puppet({ trapExit: true })
    b.self.link(a.self.address)
    b.self.link(a.self.address)
    const left = act(a)
    if (typeof left === 'function') expect(left).toThrow(expect.objectContaining({ code: 'ERR_REIGN_EXIT' }))
    await stage.settle()
    expect(stage.inbox(b)).toEqual([{ type: 'EXIT', from: a.self.address, reason }])
    expect(links(b)).toEqual([])
  })

  test('when one end ends without fault, the other goes on, unlinked; with a fault, it ends likewise', async () => {
    const [a, b, c] = (await stage.puppets(3)) as [Puppet, Puppet, Puppet]
    b.self.link(a.self.address)
    b.self.link(c.self.address)
    a.return()
    await stage.settle()
    expect(stage.alive(b)).toBe(true)
    expect(links(b)).toEqual([c.self.address])
    const fault = new Error('fault')
    c.throw(fault)
    await stage.settle()
    expect(stage.reason(b)).toBe(fault)
  })

  test('with one who is not there gives the exit noproc: a message to who traps exits, the end of who does not', async () => {
    const dead = await stage.puppet()
    stage.node.exit(dead.self.address, 'x')
    const a = await stage.puppet({ trapExit: true })
    const b = await stage.puppet()
    a.self.link(dead.self.address)
    b.self.link(dead.self.address)
    expect(stage.inbox(a)).toEqual([{ type: 'EXIT', from: dead.self.address, reason: noproc }])
    expect(stage.reason(b)).toBe(noproc)
    expect(links(a)).toEqual([])
  })

  test('is made to an address, and to nothing else', async () => {
    const a = await stage.puppet()
    for (const wrong of [undefined, 'name', a.self]) {
      expect(() => a.self.link(wrong as never)).toThrow(expect.objectContaining({ code: 'ERR_REIGN_ARGUMENT' }))
    }
  })
})

describe('unlink', () => {
  test('ends the link for both ends: no exit of it arrives', async () => {
    const [a, b] = (await stage.puppets(2)) as [Puppet, Puppet]
    a.self.link(b.self.address)
    b.self.unlink(a.self.address)
    a.throw('x')
    await stage.settle()
    expect(stage.alive(b)).toBe(true)
    expect(stage.inbox(b)).toEqual([])
  })

  test('leaves an exit that has arrived where it is', async () => {
    const a = await stage.puppet()
    const b = await stage.puppet({ trapExit: true })
    b.self.link(a.self.address)
    stage.node.exit(a.self.address, 'x')
    b.self.unlink(a.self.address)
    expect(stage.inbox(b)).toEqual([{ type: 'EXIT', from: a.self.address, reason: 'x' }])
  })

  test('of no link, or of one with the dead, is no error', async () => {
    const [a, b] = (await stage.puppets(2)) as [Puppet, Puppet]
    a.self.unlink(b.self.address)
    stage.node.exit(b.self.address, 'x')
    a.self.unlink(b.self.address)
    expect(stage.alive(a)).toBe(true)
  })

  test('and link again: a new link, whose exit arrives', async () => {
    const a = await stage.puppet()
    const b = await stage.puppet({ trapExit: true })
    for (let i = 0; i < 3; i++) {
      b.self.link(a.self.address)
      b.self.unlink(a.self.address)
    }
    b.self.link(a.self.address)
    a.throw('x')
    await stage.settle()
    expect(stage.inbox(b)).toEqual([{ type: 'EXIT', from: a.self.address, reason: 'x' }])
  })

  test('from both ends, in any order with link, leaves both ends of one mind', async () => {
    for (let program = 0; program < 4 ** 5; program++) {
      const [a, b] = [stage.node.mailbox(), stage.node.mailbox()]
      for (let step = 0, code = program; step < 5; step++, code = Math.floor(code / 4)) {
        const [from, to] = code % 2 === 0 ? [a, b] : [b, a]
        if (code % 4 < 2) from.link(to.address)
        else from.unlink(to.address)
      }
      const seen = [a, b].map((box) => stage.node.processInfo(box.address)?.links.length)
      expect(seen[0]).toBe(seen[1])
      a.close('x')
      expect(b.length).toBe(seen[0])
      b.close()
    }
  })
})

describe('whole crowds', () => {
  const waiting = async (self: Process) => {
    await self.receive()
  }

  test('a chain of a hundred thousand linked processes ends from one end to the other, on no deep stack', async () => {
    let previous: Address<unknown> | undefined
    const chain: Address<unknown>[] = []
    for (let i = 0; i < 100_000; i++) {
      const before: Address<unknown> | undefined = previous
      previous = stage.node.spawn(async (self: Process) => {
        if (before !== undefined) self.link(before)
        await waiting(self)
      })
      chain.push(previous)
    }
    await stage.settle()
    const last = stage.node.mailbox<Exit>()
    last.link(previous as Address<unknown>)
    stage.node.exit(chain[0] as Address<unknown>, 'all of you')
    expect(await last.receive()).toEqual({ type: 'EXIT', from: previous, reason: 'all of you' })
    expect(chain.filter((address) => stage.node.isAlive(address))).toEqual([])
  })

  test('twenty thousand that are linked with one end with it', async () => {
    const hub = await stage.puppet()
    const crowd: Address<unknown>[] = []
    for (let i = 0; i < 20_000; i++) crowd.push(hub.self.spawnLink(waiting))
    await stage.settle()
    hub.throw('x')
    await stage.settle()
    expect(crowd.filter((address) => stage.node.isAlive(address))).toEqual([])
  })

  test('a ring, each linked with the next, ends whole; each end is announced once', async () => {
    const ring = await stage.puppets(50)
    const watcher = stage.node.mailbox<{ reason: unknown }>()
    for (const [i, puppet] of ring.entries()) {
      puppet.self.link((ring[(i + 1) % ring.length] as Puppet).self.address)
      watcher.monitor(puppet.self.address)
    }
    ;(ring[7] as Puppet).throw('x')
    await stage.settle()
    expect(watcher.length).toBe(50)
    while (watcher.length > 0) expect((await watcher.receive()).reason).toBe('x')
  })

  test('one that traps exits stops the fall', async () => {
    const [a, b, c] = (await stage.puppets(3)) as [Puppet, Puppet, Puppet]
    b.self.trapExit = true
    a.self.link(b.self.address)
    b.self.link(c.self.address)
    a.throw('x')
    await stage.settle()
    expect(stage.alive(b)).toBe(true)
    expect(stage.alive(c)).toBe(true)
  })
})

describe('mailboxes', () => {
  test('trap exits, unless told otherwise: then the exit closes them', async () => {
    const a = await stage.puppet()
    const trapping = stage.node.mailbox<Exit>()
    const closing = stage.node.mailbox()
    closing.trapExit = false
    trapping.link(a.self.address)
    closing.link(a.self.address)
    const wait = closing.receive().catch((error) => error)
    a.throw('x')
    expect(await trapping.receive()).toEqual({ type: 'EXIT', from: a.self.address, reason: 'x' })
    expect(await wait).toMatchObject({ code: 'ERR_REIGN_CLOSED', reason: 'x' })
  })

  test('close with a reason, which those linked with them get', async () => {
    const a = await stage.puppet()
    const b = await stage.puppet({ trapExit: true })
    const mailbox = stage.node.mailbox()
    mailbox.link(a.self.address)
    mailbox.link(b.self.address)
    mailbox.close()
    expect(stage.alive(a)).toBe(true)
    expect(stage.inbox(b)).toEqual([{ type: 'EXIT', from: mailbox.address, reason: normal }])
    const other = stage.node.mailbox()
    other.link(a.self.address)
    other.close('fault')
    expect(stage.reason(a)).toBe('fault')
  })
})

test('a trapped exit comes after what the other sent before it ended', async () => {
  const b = await stage.puppet({ trapExit: true })
  const a = b.self.spawnLink(async () => {
    b.self.address.send(1)
    await Promise.resolve()
    b.self.address.send(2)
    throw new Error('x')
  })
  await stage.settle()
  expect(stage.inbox(b)?.map((message) => (typeof message === 'number' ? message : 'exit'))).toEqual([1, 2, 'exit'])
  expect(stage.node.isAlive(a)).toBe(false)
})

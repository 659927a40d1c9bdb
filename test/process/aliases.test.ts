import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Mailbox, named } from '../../src/index.js'
import { type Puppet, Stage } from './puppet.js'

let stage: Stage
let mailbox: Mailbox<unknown>
beforeEach(async () => {
  stage = await Stage.open()
  mailbox = stage.node.mailbox()
})
afterEach(() => stage.node.stop())

const lost = () => stage.node.deadLetters.counts.noalias

describe('an alias', () => {
  test('is an address of its mailbox, until it is taken back', () => {
    const alias = mailbox.alias()
    stage.node.send(alias, 1)
    stage.node.send(alias, 2)
    expect(mailbox.unalias(alias)).toBe(true)
    expect(mailbox.unalias(alias)).toBe(false)
    stage.node.send(alias, 3)
    expect(mailbox.peek()).toEqual([1, 2])
    expect(lost()).toBe(1)
  })

  test('for a reply ends with the first message', () => {
    const alias = mailbox.alias('reply')
    stage.node.send(alias, 1)
    stage.node.send(alias, 2)
    expect(mailbox.peek()).toEqual([1])
    expect(lost()).toBe(1)
    expect(mailbox.unalias(alias)).toBe(false)
  })

  test('ends with its owner', async () => {
    const alias = mailbox.alias()
    const { self } = await stage.puppet()
    const of = [self.alias(), self.alias('reply'), self.monitor(mailbox.address, { alias: 'reply_demonitor' })]
    mailbox.close()
    stage.node.exit(self.address, 'x')
    for (const ref of [alias, ...of]) stage.node.send(ref, 'x')
    expect(lost()).toBe(4)
  })

  test('can be taken back by its owner alone', () => {
    const alias = mailbox.alias()
    expect(stage.node.mailbox().unalias(alias)).toBe(false)
    expect(mailbox.unalias(mailbox.makeRef())).toBe(false)
    stage.node.send(alias, 1)
    expect(mailbox.length).toBe(1)
  })

  test('wakes who waits, in order with what comes by address', async () => {
    const alias = mailbox.alias()
    const waiting = mailbox.receive()
    stage.node.send(alias, 1)
    mailbox.address.send(2)
    stage.node.send(alias, 3)
    expect([await waiting, await mailbox.receive(), await mailbox.receive()]).toEqual([1, 2, 3])
  })
})

describe('a monitor whose reference is an alias', () => {
  const downs = () => mailbox.peek().filter((message) => (message as { type?: unknown })?.type === 'DOWN').length
  const letters = () => mailbox.peek().filter((message) => (message as { type?: unknown })?.type !== 'DOWN').length

  // What becomes of the alias, and of the monitor, after each of the things that can happen to either.
  test.each([
    // mode, what happens, whether a message then still arrives, whether the notice still comes
    ['explicit_unalias', 'message', true, true],
    ['explicit_unalias', 'demonitor', true, false],
    ['explicit_unalias', 'down', true, false],
    ['explicit_unalias', 'unalias', false, true],
    ['demonitor', 'message', true, true],
    ['demonitor', 'demonitor', false, false],
    ['demonitor', 'down', false, false],
    ['demonitor', 'unalias', false, true],
    ['reply_demonitor', 'message', false, false],
    ['reply_demonitor', 'demonitor', false, false],
    ['reply_demonitor', 'down', false, false],
    ['reply_demonitor', 'unalias', false, true],
  ] as const)('%s, after %s: alias %s, monitor %s', async (mode, event, aliased, monitored) => {
    const a = await stage.puppet()
    const ref = mailbox.monitor(a.self.address, { alias: mode })
    if (event === 'message') {
      stage.node.send(ref, 'through the alias')
      expect(mailbox.poll('through the alias')).toBe('through the alias')
    } else if (event === 'demonitor') {
      mailbox.demonitor(ref)
    } else if (event === 'unalias') {
      expect(mailbox.unalias(ref)).toBe(true)
    } else {
      stage.node.exit(a.self.address, 'x')
      expect(mailbox.poll({ type: 'DOWN', ref })).toMatchObject({ reason: 'x' })
    }
    stage.node.send(ref, 'afterwards')
    expect(letters()).toBe(aliased ? 1 : 0)
    expect(lost()).toBe(aliased ? 0 : 1)
    expect(stage.node.processInfo(mailbox.address)?.monitors).toHaveLength(monitored ? 1 : 0)
    stage.node.exit(a.self.address, 'x')
    expect(downs()).toBe(monitored ? 1 : 0)
    expect(mailbox.unalias(ref)).toBe(mode === 'explicit_unalias' && event !== 'unalias')
    stage.node.send(ref, 'at last')
    expect(letters()).toBe(aliased ? 1 : 0)
  })

  test.each(['explicit_unalias', 'demonitor', 'reply_demonitor'] as const)(
    '%s, on one who is not there: the notice comes at once, and the alias is as after it',
    async (mode) => {
      const a = await stage.puppet()
      stage.node.exit(a.self.address, 'x')
      const ref = mailbox.monitor(a.self.address, { alias: mode })
      expect(downs()).toBe(1)
      stage.node.send(ref, 'x')
      expect(letters()).toBe(mode === 'explicit_unalias' ? 1 : 0)
    },
  )

  test('without the option it is none', async () => {
    const a = await stage.puppet()
    const ref = mailbox.monitor(a.self.address)
    stage.node.send(ref, 'x')
    expect(lost()).toBe(1)
    expect(mailbox.unalias(ref)).toBe(false)
  })

  test('a reply that comes too late goes nowhere: the caller has given up', async () => {
    const server = await stage.puppet()
    const ref = mailbox.monitor(server.self.address, { alias: 'reply_demonitor' })
    mailbox.demonitor(ref)
    stage.node.send(ref, 'late')
    expect(mailbox.length).toBe(0)
    expect(lost()).toBe(1)
  })

  test('a reply and the end of the server, in either order: the first of them is all that comes', async () => {
    const [a, b] = (await stage.puppets(2)) as [Puppet, Puppet]
    const first = mailbox.monitor(a.self.address, { alias: 'reply_demonitor' })
    stage.node.send(first, 'reply')
    a.throw('x')
    const second = mailbox.monitor(b.self.address, { alias: 'reply_demonitor' })
    stage.node.exit(b.self.address, 'y')
    stage.node.send(second, 'reply')
    await stage.settle()
    expect(mailbox.peek()).toEqual(['reply', expect.objectContaining({ type: 'DOWN', ref: second, reason: 'y' })])
  })

  test('set by name works alike', async () => {
    const a = await stage.puppet({ name: 'clerk' })
    const ref = mailbox.monitor(named('clerk', stage.node.name), { alias: 'reply_demonitor' })
    stage.node.send(ref, 'reply')
    expect(mailbox.peek()).toEqual(['reply'])
    expect(stage.node.processInfo(a.self.address)?.monitored_by).toEqual([])
  })
})

test('a message to the alias of a node that is out of reach is a dead letter', () => {
  const far = stage.node.addressBook.ref('far@away', 7, [1, 2, 3])
  stage.node.send(far, 'x')
  expect(stage.node.deadLetters.counts).toMatchObject({ noconnection: 1, noalias: 0 })
})

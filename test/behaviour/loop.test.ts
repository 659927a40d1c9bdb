import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { startable } from '../../src/behaviour/index.js'
import { type Address, atom, type Down, type Process, tuple } from '../../src/index.js'
import type { Logger } from '../../src/logger.js'
import { silent } from '../../src/logger.js'
import { Stage } from '../process/puppet.js'
import { cell } from './cell.js'

let stage: Stage
let logged: Record<string, unknown>[]
beforeEach(async () => {
  logged = []
  const logger: Logger = { ...silent, error: (fields) => logged.push(fields as Record<string, unknown>) }
  stage = await Stage.open({ logger })
})
afterEach(() => stage.node.stop())

const shutdown = atom('shutdown')

async function endOf(address: Address<never>, act: () => unknown): Promise<unknown> {
  using mailbox = stage.node.mailbox<Down>()
  const ref = mailbox.monitor(address)
  act()
  return (await mailbox.receive({ type: 'DOWN', ref })).reason
}

describe('the loop of a behaviour', () => {
  test('takes messages one at a time: the next waits for the promise of the one before', async () => {
    const seen: string[] = []
    const turns: (() => void)[] = []
    const handle = (message: unknown) => {
      seen.push(`begins ${message}`)
      return new Promise<void>((resolve) => turns.push(resolve)).then(() => void seen.push(`ends ${message}`))
    }
    const address = await stage.node.start(cell({ handle }), 0)
    address.send('a')
    address.send('b')
    await stage.settle()
    expect(seen).toEqual(['begins a'])
    turns[0]?.()
    await stage.settle()
    expect(seen).toEqual(['begins a', 'ends a', 'begins b'])
  })

  test.each([
    ['stops itself', 'stop', 'stopped'],
    ['throws', 'crash', new Error('crashed')],
  ])('that %s: its terminate gets the reason, and its monitors after that', async (_, request, reason) => {
    const ends: unknown[] = []
    const address = await stage.node.start(cell({ ends }), 0)
    const asked = stage.node.call(address, request)
    expect(await endOf(address, () => {})).toEqual(reason)
    expect(ends).toEqual([reason])
    await expect(asked).rejects.toMatchObject({ code: 'ERR_REIGN_CALL', reason })
  })

  test('what terminate itself throws is the reason', async () => {
    const terminate = () => {
      throw new Error('worse')
    }
    const address = await stage.node.start(cell({ terminate }), 0)
    expect(await endOf(address, () => void stage.node.call(address, 'crash').catch(() => {}))).toEqual(
      new Error('worse'),
    )
  })

  test('a kill, or an exit that it does not trap, ends it without a word', async () => {
    const ends: unknown[] = []
    const trapping = await stage.node.start(cell({ ends, trapExit: true }), 0)
    expect(await endOf(trapping, () => stage.node.exit(trapping, atom('kill')))).toBe(atom('killed'))
    const other = await stage.node.start(cell({ ends }), 0)
    expect(await endOf(other, () => stage.node.exit(other, shutdown))).toBe(shutdown)
    expect(ends).toEqual([])
  })

  test('the exit of its parent ends one that traps exits, in order; that of anybody else is a message', async () => {
    const ends: unknown[] = []
    const messages: unknown[] = []
    const parent = await stage.puppet({ trapExit: true })
    const stranger = await stage.puppet()
    const handle = (message: unknown) => void messages.push(message)
    const address = await parent.self.start(cell({ ends, handle, trapExit: true }), 0)
    stranger.self.exit(address, 'hello')
    await stage.settle()
    expect(messages).toEqual([{ type: 'EXIT', from: stranger.self.address, reason: 'hello' }])
    expect(await endOf(address, () => parent.throw(shutdown))).toBe(shutdown)
    expect(ends).toEqual([shutdown])
  })
})

describe('the report of a crash', () => {
  test('says who, why, what it was about, and in which state', async () => {
    const address = await stage.node.start({ name: 'box' }, cell(), { key: 'value' })
    await endOf(address, () => void stage.node.call(address, 'crash').catch(() => {}))
    expect(logged).toHaveLength(1)
    expect(logged[0]).toMatchObject({
      name: 'box',
      behaviour: 'cell',
      reason: 'Error: crashed',
      state: "{ key: 'value' }",
    })
    expect(logged[0]?.lastMessage).toContain("'crash'")
    expect(logged[0]?.stack).toContain('crashed')
  })

  test('does not come of an orderly end', async () => {
    for (const reason of [atom('normal'), shutdown, tuple(shutdown, 'for tonight')]) {
      const address = await stage.node.start(cell(), 0)
      await endOf(address, () =>
        address.send(tuple(atom('system'), tuple(address, 1), tuple(atom('terminate'), reason))),
      )
    }
    expect(logged).toEqual([])
  })

  test('shows a state as it is to be shown, and is bounded whatever the state holds', async () => {
    const huge = Array.from({ length: 100_000 }, () => 'x'.repeat(1_000))
    const address = await stage.node.start(cell(), huge)
    await endOf(address, () => void stage.node.call(address, 'crash').catch(() => {}))
    expect(String(logged[0]?.state).length).toBeLessThan(5_000)
    const secretive = await stage.node.start(cell({ format: () => 'nothing to see' }), 'secret')
    await endOf(secretive, () => void stage.node.call(secretive, 'crash').catch(() => {}))
    expect(logged[1]?.state).toBe("'nothing to see'")
    const broken = await stage.node.start(
      cell({
        format: () => {
          throw new Error('cannot')
        },
      }),
      'state',
    )
    await endOf(broken, () => void stage.node.call(broken, 'crash').catch(() => {}))
    expect(logged[2]).toMatchObject({ reason: 'Error: crashed', state: expect.stringContaining('Error: cannot') })
  })
})

describe('startable', () => {
  test('makes a behaviour of a function that says itself when it has started', async () => {
    const echo = startable(async (self: Process<Address<string>>, starting, word: string) => {
      starting.ack()
      for await (const from of self) from.send(word)
    })
    const address = await stage.node.start({ name: 'echo' }, echo, 'hello')
    using mailbox = stage.node.mailbox<string>()
    address.send(mailbox.address)
    expect(await mailbox.receive()).toBe('hello')
    expect(stage.node.processInfo(address)).toMatchObject({ registered_name: 'echo' })
  })
})

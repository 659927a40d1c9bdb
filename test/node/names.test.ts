import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { atom, type Mailbox, named } from '../../src/index.js'
import { Stage } from '../process/puppet.js'

let stage: Stage
let mailbox: Mailbox
let names: string[]
beforeEach(async () => {
  stage = await Stage.open()
  mailbox = stage.node.mailbox()
  names = stage.node.registered()
})
afterEach(() => stage.node.stop())

const taken = expect.objectContaining({ code: 'ERR_REIGN_NAME_TAKEN' })
const wrong = expect.objectContaining({ code: 'ERR_REIGN_ARGUMENT' })

describe('a registered name', () => {
  test('finds its process, and is sent to', () => {
    stage.node.register('clerk', mailbox.address)
    expect(stage.node.whereis('clerk')).toBe(mailbox.address)
    expect(stage.node.registered()).toEqual([...names, 'clerk'])
    stage.node.send('clerk', 1)
    stage.node.send(named('clerk', stage.node.name), 2)
    expect(mailbox.peek()).toEqual([1, 2])
  })

  test('is free again when it is taken back, once', () => {
    stage.node.register('clerk', mailbox.address)
    expect(stage.node.unregister('clerk')).toBe(true)
    expect(stage.node.unregister('clerk')).toBe(false)
    expect(stage.node.whereis('clerk')).toBe(undefined)
    stage.node.register('teller', mailbox.address)
    expect(stage.node.registered()).toEqual([...names, 'teller'])
  })

  test('is free again when its process ends, whichever way', async () => {
    for (const end of ['return', 'throw', 'kill'] as const) {
      const puppet = await stage.puppet({ name: 'clerk' })
      if (end === 'return') puppet.return()
      else if (end === 'throw') puppet.throw('x')
      else stage.node.exit(puppet.self.address, atom('kill'))
      await stage.settle()
      expect(stage.node.whereis('clerk')).toBe(undefined)
    }
    // As soon as it has it: before it has begun, and in the instant in which it is given.
    const unborn = stage.node.spawn({ name: 'clerk' }, () => {})
    stage.node.exit(unborn, 'x')
    expect(stage.node.whereis('clerk')).toBe(undefined)
    stage.node.spawn((self) => {
      stage.node.register('clerk', self.address)
      throw 'x'
    })
    await stage.settle()
    stage.node.register('clerk', mailbox.address)
    mailbox.close()
    expect(stage.node.registered()).toEqual(names)
  })

  test('belongs to one process, and a process has one name', () => {
    const other = stage.node.mailbox()
    stage.node.register('clerk', mailbox.address)
    expect(() => stage.node.register('clerk', other.address)).toThrow(taken)
    expect(() => stage.node.register('clerk', mailbox.address)).toThrow(taken)
    expect(() => stage.node.register('teller', mailbox.address)).toThrow(taken)
    expect(stage.node.whereis('clerk')).toBe(mailbox.address)
    expect(stage.node.registered()).toEqual([...names, 'clerk'])
    stage.node.register('teller', other.address)
  })

  test('is given to live processes of this node alone', () => {
    const gone = stage.node.mailbox()
    gone.close()
    const far = stage.node.addressBook.address('far@away', 1, 0, 7)
    for (const address of [gone.address, far, undefined as never]) {
      expect(() => stage.node.register('clerk', address)).toThrow(wrong)
    }
    expect(stage.node.registered()).toEqual(names)
  })

  test.each([
    ['empty', ''],
    ['undefined, which Erlang keeps for nobody', 'undefined'],
    ['no text', 5],
    ['a symbol', atom('clerk')],
    ['longer than an atom can be', 'x'.repeat(256)],
    ['no text that can be written down', '\ud800'],
  ])('is not %s', (_, name) => {
    expect(() => stage.node.register(name as string, mailbox.address)).toThrow(wrong)
    expect(stage.node.registered()).toEqual(names)
  })

  test('may hold anything else', () => {
    for (const name of ['x'.repeat(255), 'é', '__proto__', 'constructor', 'with space', 'null', 'true']) {
      const box = stage.node.mailbox()
      stage.node.register(name, box.address)
      stage.node.send(name, 'hello')
      expect(box.length).toBe(1)
      box.close()
      expect(stage.node.whereis(name)).toBe(undefined)
    }
  })

  test('that nobody has: what is sent to it is a dead letter', () => {
    stage.node.send('nobody', 1)
    stage.node.send('__proto__', 2)
    expect(stage.node.deadLetters.counts.noname).toBe(2)
    expect(stage.node.whereis('toString')).toBe(undefined)
  })

  test('given to another in between: each message goes to who has it then', () => {
    const other = stage.node.mailbox()
    stage.node.register('clerk', mailbox.address)
    stage.node.send('clerk', 1)
    stage.node.unregister('clerk')
    stage.node.register('clerk', other.address)
    stage.node.send('clerk', 2)
    expect([mailbox.peek(), other.peek()]).toEqual([[1], [2]])
  })
})

import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Address, atom, type DeadLetter, named } from '../../src/index.js'
import { Stage } from './puppet.js'

let stage: Stage
beforeEach(async () => {
  stage = await Stage.open()
})
afterEach(() => stage.node.stop())

const none = { noproc: 0, noname: 0, noalias: 0, noconnection: 0, full: 0, refused: 0 }
const counts = () => stage.node.deadLetters.counts

test('each is counted by its cause, and shown to who listens', () => {
  const seen: DeadLetter[] = []
  const gone = stage.node.mailbox()
  gone.address.send('queued')
  const far = stage.node.addressBook.address('far@away', 1, 0, 7) as Address<unknown>
  const alias = gone.alias()
  stage.node.deadLetters.subscribe((letter) => seen.push(letter))
  expect(counts()).toEqual(none)
  gone.close()
  gone.address.send('sent')
  stage.node.send('nobody', 1)
  stage.node.send(named('nobody', stage.node.name), 2)
  stage.node.send(alias, 3)
  far.send(4)
  stage.node.send(named('x', 'far@away'), 5)
  expect(counts()).toEqual({ noproc: 2, noname: 2, noalias: 1, noconnection: 2, full: 0, refused: 0 })
  expect(seen).toEqual([
    { cause: 'noproc', to: gone.address, message: 'queued' },
    { cause: 'noproc', to: gone.address, message: 'sent' },
    { cause: 'noname', to: atom('nobody'), message: 1 },
    { cause: 'noname', to: atom('nobody'), message: 2 },
    { cause: 'noalias', to: alias, message: 3 },
    { cause: 'noconnection', to: far, message: 4 },
    { cause: 'noconnection', to: atom('x'), message: 5 },
  ])
})

test('the messages of a process that ends come out oldest first, and what it had taken does not', async () => {
  const seen: unknown[] = []
  const { self } = await stage.puppet()
  for (let i = 0; i < 5; i++) self.address.send(i)
  self.poll(2)
  self.poll(0)
  stage.node.deadLetters.subscribe(({ message }) => seen.push(message))
  stage.node.exit(self.address, atom('kill'))
  expect(seen).toEqual([1, 3, 4])
})

describe('a listener', () => {
  test('hears until it is taken back; others go on', () => {
    const seen: string[] = []
    const one = stage.node.deadLetters.subscribe(() => seen.push('one'))
    stage.node.deadLetters.subscribe(() => seen.push('two'))
    stage.node.send('nobody', 1)
    one()
    one()
    stage.node.send('nobody', 2)
    expect(seen).toEqual(['one', 'two', 'two'])
  })

  test('that throws disturbs neither the sender nor the other listeners', () => {
    let heard = 0
    stage.node.deadLetters.subscribe(() => {
      throw new Error('x')
    })
    stage.node.deadLetters.subscribe(() => heard++)
    expect(() => stage.node.send('nobody', 1)).not.toThrow()
    expect(heard).toBe(1)
    expect(counts().noname).toBe(1)
  })
})

test('signals that find nobody are no dead letters: they are answered, or of no consequence', async () => {
  const a = await stage.puppet()
  const mailbox = stage.node.mailbox()
  stage.node.exit(a.self.address, 'x')
  mailbox.link(a.self.address)
  mailbox.monitor(a.self.address)
  mailbox.unlink(a.self.address)
  stage.node.exit(a.self.address, 'y')
  expect(counts()).toEqual(none)
})

test('counts are a copy', () => {
  const seen = counts() as { noproc: number }
  seen.noproc = 100
  expect(counts()).toEqual(none)
})

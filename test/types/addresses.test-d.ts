/** What can be sent where, and which address is good for which. */
import {
  type Address,
  type Down,
  type Mailbox,
  type Node,
  named,
  type Process,
  type TimeoutNotice,
} from '../../src/index.js'
import { expectType } from './expect.js'

type Cat = { type: 'cat'; lives: number }
type Dog = { type: 'dog'; name: string }

declare const node: Node
declare const cats: Address<Cat>
declare const pets: Address<Cat | Dog>
declare const anything: Address<unknown>
declare const nothing: Address<never>

// --- sending ----------------------------------------------------------------------------------------------------------

expectType<boolean>()(pets.send({ type: 'dog', name: 'Rex' }))
// @ts-expect-error: it does not take dogs
cats.send({ type: 'dog', name: 'Rex' })
// @ts-expect-error: a cat has lives
cats.send({ type: 'cat' })
// @ts-expect-error: nothing is known of what it takes
nothing.send('x')
anything.send('x')

// --- who takes more can stand for who takes less, never the other way --------------------------------------------------

const some: Address<Cat> = pets
const few: Address<Cat> = anything
const none: Address<never> = cats
// @ts-expect-error: it takes cats alone
const more: Address<Cat | Dog> = cats
// @ts-expect-error: it takes cats alone
const all: Address<unknown> = cats
// @ts-expect-error: nothing is known of what it takes
const known: Address<Cat> = nothing
void [some, few, none, more, all, known]

// --- addresses inside messages keep their type ---------------------------------------------------------------------------

type Ask = { question: string; from: Address<string> }
declare const oracle: Address<Ask>
declare const listener: Mailbox<string>
declare const counter: Mailbox<number>
oracle.send({ question: '?', from: listener.address })
// @ts-expect-error: the answer is a text
oracle.send({ question: '?', from: counter.address })

// --- where an address comes from ----------------------------------------------------------------------------------------

expectType<Address<Cat>>()(node.mailbox<Cat>().address)
expectType<Address<unknown>>()(node.mailbox().address)
expectType<Address<Cat> | undefined>()(node.whereis<Cat>('cat'))
declare const self: Process<Cat>
expectType<Address<Cat>>()(self.address)
expectType<Address<never>[]>()(node.processes())

// --- what takes any address ---------------------------------------------------------------------------------------------

self.link(cats)
self.unlink(anything)
self.monitor(cats)
self.monitor(named('x', 'y@z'))
self.exit(cats, 'reason')
node.exit(cats, 'reason')
node.register('cat', cats)
// @ts-expect-error: a name is not enough: whose?
self.monitor('x')
// @ts-expect-error: a process is not its address
self.link(self)

// --- timers ---------------------------------------------------------------------------------------------------------------

node.sendAfter(5, cats, { type: 'cat', lives: 9 })
// @ts-expect-error: it does not take dogs
node.sendAfter(5, cats, { type: 'dog', name: 'Rex' })
declare const timed: Address<TimeoutNotice<'ding'> | Down>
node.startTimer(5, timed, 'ding')
// @ts-expect-error: not what it is to be told
node.startTimer(5, timed, 'dong')
// @ts-expect-error: it takes no notices
node.startTimer(5, cats, 'ding')

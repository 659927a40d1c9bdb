/** What spawning makes of a function: an address for its messages, and arguments that fit. */
import type { Address, Node, Process, Ref } from '../../src/index.js'
import { expectType } from './expect.js'

type Ping = { type: 'ping'; from: Address<'pong'> }

declare const node: Node
declare const self: Process<unknown>

const player = async (own: Process<Ping>, times: number, name?: string) => {
  for (let i = 0; i < times; i++) (await own.receive()).from.send('pong')
  return name
}

// --- the address takes what the function receives -----------------------------------------------------------------------

expectType<Address<Ping>>()(node.spawn(player, 3))
expectType<Address<Ping>>()(node.spawn(player, 3, 'a'))
expectType<Address<Ping>>()(node.spawn({ name: 'player' }, player, 3))
expectType<Address<Ping>>()(self.spawn(player, 3))
expectType<Address<Ping>>()(self.spawnLink(player, 3))
expectType<Address<Ping>>()(self.spawnLink({ name: 'player' }, player, 3))
expectType<{ address: Address<Ping>; ref: Ref }>()(self.spawnMonitor(player, 3))
expectType<{ address: Address<Ping>; ref: Ref }>()(self.spawnMonitor({ name: 'player' }, player, 3))
expectType<Address<'die'>>()(node.spawn(async (own: Process<'die'>) => own.receive()))
expectType<Address<unknown>>()(node.spawn(() => {}))
expectType<Address<unknown>>()(node.spawn(async () => 5))

// --- where nothing is said of its messages, they are unknown --------------------------------------------------------------

node.spawn(async (own) => expectType<unknown>()(await own.receive()))
self.spawnLink(async (own) => expectType<Process<unknown>>()(own))
node.spawn({ name: 'x' }, async (own, a: number, b: string) => [own, a, b], 1, 'b')
node.spawn((own, word: string) => own.exit(word), 'bye')

// --- arguments fit --------------------------------------------------------------------------------------------------------

// @ts-expect-error: an argument is missing
node.spawn(player)
// @ts-expect-error: not a number
node.spawn(player, '3')
// @ts-expect-error: one too many
node.spawn(player, 3, 'a', true)
// @ts-expect-error: not a number
self.spawnLink(player, '3')
// @ts-expect-error: not a number
self.spawnMonitor({ name: 'x' }, player, '3')

// --- and nothing else is spawned --------------------------------------------------------------------------------------------

// @ts-expect-error: no function
node.spawn('player')
// @ts-expect-error: no function behind the options
node.spawn({ name: 'x' })
// @ts-expect-error: no such option
node.spawn({ nam: 'x' }, player, 3)
// @ts-expect-error: a name is a text
node.spawn({ name: Symbol.for('x') }, player, 3)

// --- exit does not come back ----------------------------------------------------------------------------------------------

const stops = (own: Process): number => own.exit('x')
expectType<(own: Process) => number>()(stops)

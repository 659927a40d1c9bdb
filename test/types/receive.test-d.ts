/** What receive and poll give, for each form of asking. */
import { type Any, any, type Down, type Exit, type Mailbox, type Matched, named, type Ref } from '../../src/index.js'
import { expectType } from './expect.js'

type Said = { type: 'said'; text: string; by?: string }
type Left = { type: 'left'; by: string }
type Numbered = { type: 'numbered'; n: 1 | 2 | 3; data: string | readonly [number, number] }
type Message = Said | Left | Numbered

declare const box: Mailbox<Message>

// --- everything -----------------------------------------------------------------------------------------------------

expectType<Message>()(await box.receive())
expectType<Message>()(await box.receive({ timeout: 5 }))
expectType<Message>()(await box.receive({ signal: AbortSignal.abort() }))
expectType<Message>()(await box.receive({}))
expectType<Message | undefined>()(box.poll())
for await (const message of box) expectType<Message>()(message)
expectType<number>()(box.length)

// --- patterns of objects narrow unions --------------------------------------------------------------------------------

expectType<Said>()(await box.receive({ type: 'said' }))
expectType<Left>()(await box.receive({ type: 'left' }, { timeout: 5 }))
expectType<Said | undefined>()(box.poll({ type: 'said' }))
expectType<Said>()(await box.receive({ text: 'a' }))
// What is optional may be there, and what has a key of that name may match.
expectType<Said | Left>()(await box.receive({ by: 'x' }))
expectType<Numbered>()(await box.receive({ n: 2 }))
expectType<Said>()(await box.receive({ type: 'said', text: 'a' }))
expectType<Message>()(await box.receive({ type: any }))
expectType<Message>()(await box.receive(any))
expectType<Numbered>()(await box.receive({ data: any }))

// Values that are only known to be one of several rule out what none of them matches.
declare const text: string
declare const either: 'said' | 'left'
declare const oneOf: 1 | 2
expectType<Said>()(await box.receive({ text }))
expectType<Numbered>()(await box.receive({ n: oneOf }))
expectType<Said | Left>()({} as Matched<Message, { type: typeof either }>)
// @ts-expect-error: which of the messages is to be known where the pattern is written; a function can ask for either
await box.receive({ type: either })
expectType<Said | Left>()(await box.receive((message) => message.type === 'said' || message.type === 'left'))

// Properties that are unions themselves: any of their members may be what matches.
expectType<Numbered>()(await box.receive({ data: [1, any] }))
expectType<Numbered>()(await box.receive({ data: 'text' }))

// --- functions --------------------------------------------------------------------------------------------------------

declare function isLeft(message: Message): message is Left
expectType<Left>()(await box.receive(isLeft))
expectType<Left>()(await box.receive(isLeft, { timeout: 5 }))
expectType<Left | undefined>()(box.poll(isLeft))
expectType<Left>()(await box.receive((message) => message.type === 'left'))
expectType<Message>()(await box.receive((message): boolean => message.type === 'left'))
// @ts-expect-error: a function must say yes or no
await box.receive((message) => message.type)
// @ts-expect-error: a guard of something that is never sent here
await box.receive((message): message is { type: 'other' } => message.type === 'other')

// --- tuples -----------------------------------------------------------------------------------------------------------

const ok = Symbol.for('ok')
const error = Symbol.for('error')
type Result = readonly [typeof ok, number] | readonly [typeof error, string] | readonly [typeof ok, number, string]
declare const results: Mailbox<Result>

expectType<readonly [typeof ok, number]>()(await results.receive([ok, any]))
expectType<readonly [typeof ok, number]>()(await results.receive([ok, 42]))
expectType<readonly [typeof error, string]>()(await results.receive([error, any], { timeout: 5 }))
expectType<readonly [typeof ok, number] | readonly [typeof error, string]>()(await results.receive([any, any]))
expectType<readonly [typeof ok, number, string]>()(await results.receive([ok, any, any]))
for await (const [tag, value] of results) {
  expectType<typeof ok | typeof error>()(tag)
  expectType<number | string>()(value)
}

// --- structures in structures -------------------------------------------------------------------------------------------

type Nested = { kind: 'a'; inner: { type: 'x'; n: number } } | { kind: 'b'; inner: { type: 'y'; s: string } }
declare const nested: Mailbox<Nested>
expectType<Nested & { kind: 'a' }>()((await nested.receive({ inner: { type: 'x' } })) as Nested & { kind: 'a' })
expectType<'a'>()((await nested.receive({ inner: { type: 'x' } })).kind)
expectType<string>()((await nested.receive({ kind: 'b' })).inner.s)

// --- the runtime's own messages -----------------------------------------------------------------------------------------

declare const ref: Ref
declare const notices: Mailbox<Down | Exit | Said>
expectType<Down>()(await notices.receive({ type: 'DOWN', ref }))
expectType<Exit>()(await notices.receive({ type: 'EXIT' }))
expectType<Down>()(await notices.receive({ type: 'DOWN', address: named('x', 'y@z') }))

// --- where nothing is known ---------------------------------------------------------------------------------------------

declare const anything: Mailbox
expectType<unknown>()(await anything.receive())
expectType<unknown>()(await anything.receive({ type: 'whatever', n: [1, { deep: any }] }))
expectType<Down>()(await anything.receive({ type: 'DOWN', ref }))
expectType<Exit>()(await anything.receive({ type: 'EXIT' }))
expectType<string>()(await anything.receive((message) => typeof message === 'string'))

// --- values that are no structures --------------------------------------------------------------------------------------

declare const words: Mailbox<'die' | 'live' | 42 | undefined | null>
expectType<'die'>()(await words.receive('die'))
expectType<42>()(await words.receive(42))
expectType<null>()(await words.receive(null))

// --- what is never sent here cannot be asked for ------------------------------------------------------------------------

// @ts-expect-error: no such type
await box.receive({ type: 'other' })
// @ts-expect-error: no such property
await box.receive({ typo: 'said' })
// @ts-expect-error: not that kind of value
await box.receive({ type: 'said', text: 5 })
// @ts-expect-error: no pair among the messages
await box.receive([ok, any])
// @ts-expect-error: no such option
await box.receive({ type: 'said' }, { timeOut: 5 })
// @ts-expect-error: a time is a number
await box.receive({ timeout: '5' })
// @ts-expect-error: poll takes no options
box.poll({ type: 'said' }, { timeout: 5 })
// @ts-expect-error: no such word
await words.receive('dye')

expectType<Said>()({} as Matched<Message, { type: 'said' }>)
expectType<Any>()(any)

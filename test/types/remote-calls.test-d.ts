/** What calls of functions on other nodes give, and what they take. */
import type {
  Address,
  Erpc,
  ErpcError,
  ErpcResult,
  Io,
  IoServer,
  MultiErpc,
  Node,
  Process,
  RemoteStream,
} from '../../src/index.js'
import { expectType } from './expect.js'

declare const node: Node
declare const self: Process<unknown>
declare const result: ErpcResult
declare const error: ErpcError

expectType<Erpc>()(node.erpc('a@h'))
expectType<MultiErpc>()(node.erpc(['a@h', 'b@h']))
expectType<Erpc>()(self.erpc('a@h'))
expectType<MultiErpc>()(self.erpc(['a@h']))

// --- nobody knows what a function of another node gives -----------------------------------------------------------------

expectType<Promise<unknown>>()(node.erpc('a@h').call('m', 'f', [1, 'two'], { timeout: 5, signal: self.signal }))
expectType<void>()(node.erpc('a@h').cast('m', 'f', []))
expectType<Promise<ErpcResult[]>>()(node.erpc(['a@h']).call('m', 'f', []))
if (result.ok) expectType<unknown>()(result.value)
else expectType<unknown>()(result.error)
expectType<'exception' | 'signal' | 'erpc'>()(error.origin)
expectType<'error' | 'exit' | 'throw'>()(error.class)

// @ts-expect-error names are text
node.erpc('a@h').call(Symbol.for('m'), 'f', [])
// @ts-expect-error arguments are an array
node.erpc('a@h').call('m', 'f', 1)
// @ts-expect-error a node is given by its name
node.erpc(1)

// --- the functions of a module ------------------------------------------------------------------------------------------

const prices = {
  quote: (currency: string, cents: number) => `${currency} ${cents}`,
  later: async () => 5,
  async *ticks(this: Process, upTo: number): AsyncGenerator<number, 'closed'> {
    yield upTo
    return 'closed'
  },
  *plain(): Generator<string, undefined> {
    yield 'a'
  },
  laterStill: async () => prices.ticks.call(self, 1),
  list: () => [1, 2],
}
const { call, cast, stream } = node.erpc('a@h').module<typeof prices>('prices')
expectType<Promise<string>>()(call.quote('EUR', 42))
expectType<Promise<number>>()(call.later())
expectType<Promise<number[]>>()(call.ticks(5))
expectType<Promise<string[]>>()(call.plain())
expectType<Promise<number[]>>()(call.laterStill())
expectType<Promise<number[]>>()(call.list())
expectType<void>()(cast.quote('EUR', 42))
expectType<RemoteStream<number, 'closed'>>()(stream.ticks(5))
expectType<RemoteStream<string, undefined>>()(
  node.erpc('a@h').module<typeof prices>('prices', { credit: 5 }).stream.plain(),
)
for await (const price of stream.ticks(5)) expectType<number>()(price)
for await (const price of node.erpc('a@h').stream('prices', 'ticks', [5], { credit: 5, timeout: 5 }))
  expectType<unknown>()(price)
// @ts-expect-error: it yields nothing
stream.quote('EUR', 42)
// @ts-expect-error: no such function
call.quotes('EUR', 42)
// @ts-expect-error: another argument
call.quote(42, 'EUR')
// @ts-expect-error: another argument
stream.ticks('5')
// @ts-expect-error: of several nodes nothing is read one by one
node.erpc(['a@h']).stream('prices', 'ticks', [5])

// --- output -------------------------------------------------------------------------------------------------------------

expectType<Io>()(self.io)
expectType<Io>()(node.io())
expectType<IoServer>()(node.ioServer((text, from) => [text.length, from.node]))
expectType<Address<never>>()(self.groupLeader)
expectType<Promise<string | undefined>>()(self.io.getLine('? '))
// @ts-expect-error text, not terms
self.io.putChars(5)

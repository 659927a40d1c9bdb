/** What calls of functions on other nodes give, and what they take. */
import type { Address, Erpc, ErpcError, ErpcResult, Io, IoServer, MultiErpc, Node, Process } from '../../src/index.js'
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

// --- output -------------------------------------------------------------------------------------------------------------

expectType<Io>()(self.io)
expectType<Io>()(node.io())
expectType<IoServer>()(node.ioServer((text, from) => [text.length, from.node]))
expectType<Address<never>>()(self.groupLeader)
expectType<Promise<string | undefined>>()(self.io.getLine('? '))
// @ts-expect-error text, not terms
self.io.putChars(5)

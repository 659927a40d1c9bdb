/** What is heard on a diagnostics channel has the type of that channel. */
import {
  type Address,
  type DeadLetterCause,
  type DiagnosticEvents,
  observe,
  type Ref,
  type Signal,
} from '../../src/index.js'
import { expectType } from './expect.js'

const stop = observe('reign:node:stopped', ({ node }) => expectType<string>()(node))
expectType<() => void>()(stop)

observe('reign:call:failed', ({ caller, ref, error }, name) => {
  expectType<Address<never>>()(caller)
  expectType<Ref>()(ref)
  expectType<unknown>()(error)
  expectType<'reign:call:failed'>()(name)
})
observe('reign:message:dead-letter', ({ cause, node }) => {
  expectType<DeadLetterCause>()(cause)
  expectType<string>()(node)
})
observe('reign:signal:sent', ({ signal }) => expectType<Signal>()(signal))

// @ts-expect-error there is no such channel
observe('reign:process:born', () => {})
// @ts-expect-error nor such a field
observe('reign:process:spawned', ({ reason }) => reason)
// @ts-expect-error events are not to be changed
observe('reign:node:memory', (event) => (event.short = false))

// For who subscribes by `node:diagnostics_channel`.
declare const event: DiagnosticEvents['reign:connection:opened']
expectType<boolean>()(event.tls)
expectType<bigint>()(event.flags)

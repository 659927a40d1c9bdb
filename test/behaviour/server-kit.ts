/** What the tests of servers share: a server that counts, and how things end. */
import { expect } from 'vitest'
import { genServer } from '../../src/behaviour/index.js'
import { type Address, atom, type Down, type Exit } from '../../src/index.js'
import type { Puppet, Stage } from '../process/puppet.js'

export const normal = atom('normal')
export const shutdown = atom('shutdown')
export const timeout = atom('timeout')

export const counter = genServer({
  module: 'counter',
  init: (start: number) => ({ value: start }),
  calls: {
    add: (state, by: number) => (state.value += by),
    value: (state) => state.value,
    fail: (): number => {
      throw new Error('asked to fail')
    },
  },
  casts: {
    reset: (state) => {
      state.value = 0
    },
  },
})

export const failure = (promise: Promise<unknown>): Promise<{ code?: string; reason?: unknown; name?: string }> =>
  promise.then(
    (value) => expect.unreachable(`it gave ${String(value)}`),
    (error) => error,
  )

/** Why a process that was started by its parent has ended: it may have before whoever started it goes on, as in Erlang. */
export async function exitOf(parent: Puppet, from: Address<never>): Promise<unknown> {
  return ((await parent.self.receive({ type: 'EXIT', from })) as Exit).reason
}

export async function endOf(stage: Stage, address: Address<never>, act: () => unknown): Promise<unknown> {
  using mailbox = stage.node.mailbox<Down>()
  const ref = mailbox.monitor(address)
  act()
  return (await mailbox.receive({ type: 'DOWN', ref })).reason
}

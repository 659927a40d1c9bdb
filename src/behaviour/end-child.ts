/** How a supervisor ends a child: asks, waits, kills. Source: OTP's supervisor (shutdown, unlink_flush). */
import { kill, killed, shutdown } from '../exit-reason.js'
import { type Exit, isExitOf } from '../process/notices.js'
import type { Process } from '../process/process.js'
import { resume } from '../process/scheduler.js'
import type { Address } from '../term/address.js'
import type { Timer } from '../timers.js'
import type { CheckedSpec } from './child-spec.js'
import { isOrderly } from './loop.js'

/**
 * Ends a child. The link is kept meanwhile: should the supervisor be killed, the child goes too.
 *
 * @returns The reason that it ended with, at once if it has nothing to do before its end, else a promise of that; no `Exit` message of it
 *   is left.
 */
export function endChild(
  self: Process<unknown>,
  child: Address<never>,
  how: CheckedSpec['shutdown'],
): unknown | Promise<unknown> {
  ask(self, child, how === 'brutal_kill' ? kill : shutdown)
  const exit = self.alive ? exitOf(self, child) : undefined
  return exit === undefined ? waitUntilEnded(self, child, how) : exit.reason
}

function ask(self: Process<unknown>, child: Address<never>, reason: unknown): void {
  self.host.signal(child.node, { op: 'exit', from: self.self, to: child, reason })
}

function exitOf(self: Process<unknown>, child: Address<never>): Exit | undefined {
  return self.poll((message) => isExitOf(message, child)) as Exit | undefined
}

async function waitUntilEnded(
  self: Process<unknown>,
  child: Address<never>,
  how: CheckedSpec['shutdown'],
): Promise<unknown> {
  const { host } = self
  const reason = await new Promise((resolve) => {
    let timer: Timer | undefined
    // One that was gone already says so by `noproc`, and its Exit message knows the reason.
    self.startMonitor(child, {
      take: (why) => {
        if (timer !== undefined) host.timers.cancel(timer)
        resume(host.scheduler, resolve as (value: never) => void, why)
      },
    })
    if (typeof how === 'number' && how !== Number.POSITIVE_INFINITY) {
      timer = host.timers.after(how, () => ask(self, child, kill))
    }
  })
  if (!self.alive) throw self.endError(self.exitReason)
  const exit = exitOf(self, child)
  return exit === undefined ? reason : exit.reason
}

/** Whether a child that was to end has ended as it should, for what it is. */
export function endedAsAsked(
  reason: unknown,
  { restart, shutdown: how }: Pick<CheckedSpec, 'restart' | 'shutdown'>,
): boolean {
  if (how === 'brutal_kill' ? reason === killed : reason === shutdown) return true
  return restart !== 'permanent' && isOrderly(reason)
}

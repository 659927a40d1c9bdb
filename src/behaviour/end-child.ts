/** How a supervisor ends a child: asks, waits, kills. Source: OTP's supervisor (shutdown, unlink_flush). */
import { kill, killed, shutdown } from '../exit-reason.js'
import { type Exit, isExitOf } from '../process/notices.js'
import type { Process } from '../process/process.js'
import { resume } from '../process/scheduler.js'
import type { Address } from '../term/address.js'
import type { CheckedSpec } from './child-spec.js'
import { isOrderly } from './loop.js'

/**
 * Ends a child and waits until it has ended. The link is kept meanwhile: should the supervisor be killed, the child goes too.
 *
 * @returns The reason that it ended with; no `Exit` message of it is left.
 */
export async function endChild(
  self: Process<unknown>,
  child: Address<never>,
  how: CheckedSpec['shutdown'],
): Promise<unknown> {
  const { host } = self
  const reason = await new Promise((resolve) => {
    let timer: ReturnType<typeof host.timers.after> | undefined
    // Monitored before it is asked: one that is gone already says so by `noproc`, and its Exit message knows the reason.
    self.startMonitor(child, {
      take: (why) => {
        if (timer !== undefined) host.timers.cancel(timer)
        resume(host.scheduler, resolve as (value: never) => void, why)
      },
    })
    const ask = (why: unknown) => host.signal(child.node, { op: 'exit', from: self.self, to: child, reason: why })
    if (how === 'brutal_kill') return ask(kill)
    if (how !== Number.POSITIVE_INFINITY) timer = host.timers.after(how, () => ask(kill))
    ask(shutdown)
  })
  if (!self.alive) throw self.endError(self.exitReason)
  const exit = self.poll((message) => isExitOf(message, child)) as Exit | undefined
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

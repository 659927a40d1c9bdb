/** What a behaviour brings to its loop: see `loop.ts`. */
import type { Sys } from './sys.js'

/** Who is told what happens in a process, for `sys:trace`, `sys:log` and their like. */
export type SysEvents = Pick<Sys, 'watched' | 'saw'>

/** What a behaviour does; called by its loop, never two at a time. */
export interface Engine {
  /** The loop begins: called once, before any message. What happens beyond taking messages is told to `sys.saw`. */
  begin?(sys: SysEvents): unknown
  /**
   * Handles a message that is no system message: calls, casts, notices, anything. When it returns a promise, the next message waits
   * for it. What it throws ends the process, an `ExitError` with its reason, anything else with itself, after {@link terminate}.
   */
  handle(message: unknown): unknown
  /** The process is about to end with a reason: everything but a kill, or an exit that it does not trap. May return a promise. */
  terminate(reason: unknown): unknown
  /** What `sys:get_state` gives. */
  getState(): unknown
  /** Sets the state to what a function makes of it, and gives that: `sys:replace_state`. What it throws is the answer. */
  replaceState(change: (state: unknown) => unknown): unknown
  /** The state as `sys:get_status` and crash reports show it, where that is not the state as it is. What it throws is shown instead. */
  formatState?(): unknown
  /** What `sys:get_status` shows in place of the state, as OTP's behaviour of that kind formats it. */
  statusItem?(): unknown
  /** Milliseconds: when nothing comes for so long after a message, {@link handle} gets the atom `timeout`. Looked at after each message. */
  readonly idleTimeoutMs?: number | undefined
  /** Whether it tells `sys` itself of what comes in, in words of its own; the loop does otherwise. */
  readonly tellsWhatComesIn?: boolean
  /** Messages are taken again, after `sys:suspend` and `sys:resume`. */
  resumed?(): void
}

/** Who runs the loop, for reports and `get_status`. */
export interface LoopIdentity {
  /** `gen_server`, `supervisor`, … */
  readonly behaviour: string
  /** The name of the callback module, as Erlang would have it. */
  readonly module: string
}

/** The state as it is to be shown. */
export function shownState(engine: Engine): unknown {
  if (engine.formatState === undefined) return engine.getState()
  try {
    return engine.formatState()
  } catch (error) {
    return error
  }
}

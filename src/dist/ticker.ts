/**
 * Keep-alive arithmetic: when to send a tick, and when a peer has been silent for too long. Protocol: "Distribution
 * protocol", ticks; Erlang: `net_ticktime` and `net_tickintensity`.
 *
 * Pure: the owner runs one step each {@link tickIntervalMs}, from a timer. Nothing is judged by a clock, only by
 * counting steps. A program that was blocked for a minute finds one step due, not four, and so takes its own sleep for
 * one silent interval at most. And a suspicion is no verdict: bytes may wait unread behind the very timer that raised
 * it, so the owner lets the sockets have a turn and then asks {@link isSilent}.
 */
import { ReignError } from '../errors.js'

/** How patient a node is. All nodes of a cluster should have the same; it is not negotiated. */
export interface TickOptions {
  /** Milliseconds of silence after which a peer is given up. Erlang: `net_ticktime`, which is in seconds. */
  readonly tickTimeMs: number
  /** Ticks in that time. More notice sooner and are less easily lost. From 4 to 1000. */
  readonly tickIntensity: number
}

/** Erlang's defaults: a tick each 15 s, a silent peer is dropped after 60 to 75 s. */
export const defaultTicks: TickOptions = { tickTimeMs: 60_000, tickIntensity: 4 }

/** What a connection has done so far, when a step is run. */
export interface TickCounts {
  /** All bytes ever read. Any byte is a sign of life, be it a part of a frame. */
  readonly bytesRead: number
  /** Bytes of frames ever written; ticks do not count, or each would excuse the next. */
  readonly bytesWritten: number
  /** Bytes that wait to be written. They are as good as a tick, and a tick would only wait behind them. */
  readonly bytesWaiting: number
  /** We ourselves have stopped reading: the peer cannot help being silent. */
  readonly readingPaused: boolean
}

/** What the step before has seen. */
export interface TickState {
  readonly bytesRead: number
  readonly bytesWritten: number
  /** How many intervals in a row brought nothing. */
  readonly silentIntervals: number
}

/** What a step asks for. */
export interface TickStep {
  readonly state: TickState
  /** Send a tick now. */
  readonly sendTick: boolean
  /** The peer has been silent for the whole time: let the sockets have a turn, then ask {@link isSilent}. */
  readonly suspect: boolean
}

/** Before the first step. */
export const tickStart: TickState = { bytesRead: 0, bytesWritten: 0, silentIntervals: 0 }

/**
 * Milliseconds between two steps.
 *
 * @throws `ERR_REIGN_ARGUMENT` for a time that is not positive or an intensity that Erlang would not take.
 */
export function tickIntervalMs({ tickTimeMs, tickIntensity }: TickOptions): number {
  if (!(tickTimeMs > 0 && Number.isFinite(tickTimeMs))) {
    throw new ReignError('ERR_REIGN_ARGUMENT', `tickTimeMs is ${tickTimeMs}; it must be more than 0`)
  }
  if (!(Number.isInteger(tickIntensity) && tickIntensity >= 4 && tickIntensity <= 1000)) {
    throw new ReignError('ERR_REIGN_ARGUMENT', `tickIntensity is ${tickIntensity}; it must be from 4 to 1000`)
  }
  return tickTimeMs / tickIntensity
}

/**
 * One step. A peer whose last byte came just after one step is suspect `tickIntensity` + 1 steps later, one that
 * fell silent just before a step after `tickIntensity` of them: from T to T + T/I after its last byte. As a peer that
 * is well ticks each T/I, that is from T - T/I to T + T/I after whatever happened to it.
 */
export function tickStep(state: TickState, counts: TickCounts, options: TickOptions): TickStep {
  const heard = counts.bytesRead !== state.bytesRead || counts.readingPaused
  const silentIntervals = heard ? 0 : state.silentIntervals + 1
  return {
    state: { bytesRead: counts.bytesRead, bytesWritten: counts.bytesWritten, silentIntervals },
    sendTick: counts.bytesWritten === state.bytesWritten && counts.bytesWaiting === 0,
    suspect: silentIntervals >= options.tickIntensity,
  }
}

/** Whether a suspect has still sent nothing, now that what had come in the meantime is read. */
export function isSilent(state: TickState, counts: TickCounts): boolean {
  return counts.bytesRead === state.bytesRead && !counts.readingPaused
}

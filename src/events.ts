/**
 * What happens on nodes, for whoever wants to watch: channels of `node:diagnostics_channel`, each with what is published on it.
 *
 * They belong to the program, not to one node, as whoever watches need not know the library: so each event says on which node it was.
 * Whoever has an event asks `hasSubscribers` before it is made, and nothing here depends on whether anybody listens. What is published is
 * to be looked at and not to be changed, and nothing secret is in it: no cookie, no key.
 */
import { channel, subscribe, unsubscribe } from 'node:diagnostics_channel'
import { check, checkFunction } from './arguments.js'
import type { ReignError } from './errors.js'
import type { Issue } from './schema.js'
import type { Signal } from './signal.js'
import type { Address } from './term/address.js'
import type { Named } from './term/named.js'
import type { Ref } from './term/ref.js'

/**
 * Why a message found no receiver: its mailbox is closed or never was (`noproc`), nobody has that name (`noname`), its
 * alias is over (`noalias`), there is no way to its node (`noconnection`), its mailbox has a bound (`full`), or accepts no such message (`refused`).
 */
export type DeadLetterCause = 'noproc' | 'noname' | 'noalias' | 'noconnection' | 'full' | 'refused'

/** A message that found no receiver. */
export interface DeadLetter {
  readonly cause: DeadLetterCause
  readonly to: Address<never> | Ref | symbol
  readonly message: unknown
  /** Who sent it, where that is known; told of what was refused alone. */
  readonly from?: Address<never> | undefined
  /** What is wrong with it, when it was refused. */
  readonly issues?: readonly Issue[] | undefined
}

/**
 * What is published, by the names of the channels: those of `node:diagnostics_channel`, and of {@link observe}.
 *
 * `node` is always the name of the node on which it happened. See `docs/diagnostics.md`.
 */
export interface DiagnosticEvents {
  // --- processes ----------------------------------------------------------------------------------------------------

  /** There is a new process; it has not begun. */
  'reign:process:spawned': {
    readonly node: string
    readonly address: Address<never>
    /** Its registered name. */
    readonly name: string | undefined
    /** The name of the function or behaviour that it runs. */
    readonly function: string | undefined
    /** Who spawned it, or started it linked; `undefined` for the node itself, and for another node. */
    readonly parent: Address<never> | undefined
  }
  /** A process has ended: nobody finds it any more, and those that are linked with it or monitor it are told next. */
  'reign:process:exited': {
    readonly node: string
    readonly address: Address<never>
    readonly name: string | undefined
    readonly function: string | undefined
    /** Why: an atom (`normal`, `shutdown`, `killed`, …), the error that it threw, or any other value. */
    readonly reason: unknown
  }
  /** A process has thrown what it did not handle, and ends of it. */
  'reign:process:crashed': {
    readonly node: string
    readonly address: Address<never>
    readonly name: string | undefined
    readonly function: string | undefined
    readonly error: unknown
    /** What else its behaviour has in the log, as texts: `behaviour`, `module`, `lastMessage`, `state`. */
    readonly details: object | undefined
  }
  /** A handler of an event manager has crashed, and is removed; the manager goes on. */
  'reign:handler:crashed': {
    readonly node: string
    /** The manager. */
    readonly address: Address<never>
    /** Its name, as Erlang has it: an atom, the module, or `{Module, Id}`. */
    readonly handler: unknown
    readonly error: unknown
  }
  /** A mailbox with a bound is full; once, until half of it is empty again. */
  'reign:mailbox:full': {
    readonly node: string
    readonly address: Address<never>
    /** Its bound. */
    readonly messages: number
    readonly policy: 'refuse_newest' | 'drop_oldest' | 'exit'
  }
  /** A message has found no receiver. */
  'reign:message:dead-letter': DeadLetter & { readonly node: string }

  // --- supervisors --------------------------------------------------------------------------------------------------

  /** A child has ended that was not asked to. */
  'reign:supervisor:child-ended': {
    readonly node: string
    readonly supervisor: Address<never>
    /** Its id, as a text. */
    readonly child: string
    readonly address: Address<never>
    readonly reason: unknown
    /** Whether it is to be started again. */
    readonly again: boolean
  }
  /** It runs again; with it, as its supervisor's strategy has it, others. */
  'reign:supervisor:child-restarted': {
    readonly node: string
    readonly supervisor: Address<never>
    readonly child: string
    /** Who it is now. */
    readonly address: Address<never>
  }
  /** A child was not started: with its supervisor, when it was added, or again. */
  'reign:supervisor:child-not-started': {
    readonly node: string
    readonly supervisor: Address<never>
    readonly child: string
    readonly reason: unknown
  }
  /** There were too many restarts, and the supervisor ends with all its children. */
  'reign:supervisor:gave-up': {
    readonly node: string
    readonly supervisor: Address<never>
    /** Whose end was one too many. */
    readonly child: string
    /** How many restarts are borne, in how many milliseconds. */
    readonly restarts: number
    readonly within: number
  }

  // --- calls --------------------------------------------------------------------------------------------------------

  /** Somebody asks a server, and waits. */
  'reign:call:started': {
    readonly node: string
    readonly caller: Address<never>
    readonly target: Address<never> | Named
    readonly request: unknown
    /** The same object when the call ends. */
    readonly ref: Ref
  }
  /** The reply has come. */
  'reign:call:replied': {
    readonly node: string
    readonly caller: Address<never>
    readonly target: Address<never> | Named
    readonly reply: unknown
    readonly ref: Ref
  }
  /** There is no reply, and will be none. */
  'reign:call:failed': {
    readonly node: string
    readonly caller: Address<never>
    readonly target: Address<never> | Named
    /** What the caller gets: a `CallError`, a `TimeoutError`, the reason of its abort signal, … */
    readonly error: unknown
    readonly ref: Ref
  }

  // --- nodes --------------------------------------------------------------------------------------------------------

  /** A node runs. */
  'reign:node:started': {
    readonly node: string
    /** The number of this run. */
    readonly creation: number
    /** Where it listens for other nodes, if it does. */
    readonly endpoint: { readonly host: string; readonly port: number } | undefined
  }
  /** Nothing of it runs any more. */
  'reign:node:stopped': { readonly node: string }
  /** The event loop of the program has stood still. */
  'reign:node:stalled': {
    readonly node: string
    /** How long, in milliseconds: up to a second less than it was. */
    readonly stalledMs: number
    /** After how long a silence peers take a node for dead. */
    readonly tickTimeMs: number
  }
  /** Memory is short, and no other node is let in; or it is no longer. */
  'reign:node:memory': {
    readonly node: string
    readonly short: boolean
    /** How much of the heap is in use. */
    readonly heapPercent: number
  }
  /** The cluster file, read anew, has other members or addresses. */
  'reign:node:members-changed': {
    readonly node: string
    readonly added: readonly string[]
    readonly removed: readonly string[]
    readonly moved: readonly string[]
  }
  /** Other certificates are in use. */
  'reign:node:certificates-renewed': {
    readonly node: string
    /** What differs: some of `cert`, `key`, `ca`, `crl`, `ciphers`. */
    readonly changed: readonly string[]
    /** When the node's own certificate ends, in milliseconds since 1970. */
    readonly endsAt: number
  }
  /** A certificate or revocation list ends soon, or has ended: from 14 days before, once a day. */
  'reign:node:certificates-ending': {
    readonly node: string
    /** What ends, when, and what to do, for people. */
    readonly message: string
    /** Milliseconds since 1970. */
    readonly endsAt: number
    /** Whether the node cannot go on without it, and has two days at most. */
    readonly urgent: boolean
  }
  /** Certificates or the cluster file have changed and cannot be used: the old ones stay in use. */
  'reign:node:files-refused': {
    readonly node: string
    readonly what: 'certificates' | 'cluster file'
    readonly code: string | undefined
    /** All that is wrong. */
    readonly error: string
  }

  // --- connections --------------------------------------------------------------------------------------------------

  /** There is a connection with another node. */
  'reign:connection:opened': {
    readonly node: string
    readonly peer: string
    /** The number of the other node's run. */
    readonly creation: number
    /** Its address and port. */
    readonly remote: string
    /** Whether this node has dialled. */
    readonly outgoing: boolean
    readonly tls: boolean
    /** In what form messages go: `js`, `etf`, or a codec of the program's own. */
    readonly codec: string
    /** The capabilities that the other node has offered: `DFLAG_…` of the distribution protocol. */
    readonly flags: bigint
  }
  /** It is gone. */
  'reign:connection:lost': {
    readonly node: string
    readonly peer: string
    readonly remote: string
    readonly outgoing: boolean
    /** As `onNodeDown` has it: `connection_closed`, `net_tick_timeout`, `overload`, … */
    readonly reason: string
    /** More about it, where there is more. */
    readonly error: Error | undefined
    /** How long it lasted, in milliseconds. */
    readonly upMs: number
    /** Bytes of frames, in either direction; those that were written may not all have left. */
    readonly bytesRead: number
    readonly bytesWritten: number
  }
  /** An attempt at another node has failed; a member is tried again. */
  'reign:connection:failed': {
    readonly node: string
    readonly peer: string
    readonly error: ReignError
  }
  /** Somebody who wanted in was refused. */
  'reign:connection:refused': {
    readonly node: string
    readonly remote: string
    readonly error: ReignError
  }
  /** So much waits to be written to a peer that `send` returns `false`. */
  'reign:connection:busy': {
    readonly node: string
    readonly peer: string
    readonly bytesWaiting: number
  }
  /** It is no longer so much. */
  'reign:connection:drained': {
    readonly node: string
    readonly peer: string
  }

  // --- what crosses -------------------------------------------------------------------------------------------------

  /** A signal (a message, a link, an exit, …) was given to the connection with another node, or waits for there to be one. */
  'reign:signal:sent': {
    readonly node: string
    readonly peer: string
    readonly signal: Signal
  }
  /** A signal of another node has come. */
  'reign:signal:received': {
    readonly node: string
    readonly peer: string
    readonly signal: Signal
  }
}

/** A channel, as seen by who publishes on it. */
export interface EventChannel<E, N extends string = string> {
  readonly name: N
  /** Whether anybody listens. Cost when nobody does: next to nothing, as compiled code has the answer. */
  readonly hasSubscribers: boolean
  /** Shows an event to all who listen, before this returns. What they throw goes to `uncaughtException`, in a later turn. */
  publish(event: E): void
}

type Channel<N extends keyof DiagnosticEvents> = EventChannel<DiagnosticEvents[N], N>

// Held here for good: what only `node:diagnostics_channel` knows is collected when nobody listens.
const names = new Set<string>()

function channelOf<N extends keyof DiagnosticEvents>(name: N): Channel<N> {
  names.add(name)
  return channel(name) as object as Channel<N>
}

export const processSpawned: Channel<'reign:process:spawned'> = channelOf('reign:process:spawned')
export const processExited: Channel<'reign:process:exited'> = channelOf('reign:process:exited')
export const processCrashed: Channel<'reign:process:crashed'> = channelOf('reign:process:crashed')
export const handlerCrashed: Channel<'reign:handler:crashed'> = channelOf('reign:handler:crashed')
export const mailboxFull: Channel<'reign:mailbox:full'> = channelOf('reign:mailbox:full')
export const deadLetter: Channel<'reign:message:dead-letter'> = channelOf('reign:message:dead-letter')
export const childEnded: Channel<'reign:supervisor:child-ended'> = channelOf('reign:supervisor:child-ended')
export const childRestarted: Channel<'reign:supervisor:child-restarted'> = channelOf('reign:supervisor:child-restarted')
export const childNotStarted: Channel<'reign:supervisor:child-not-started'> = channelOf(
  'reign:supervisor:child-not-started',
)
export const supervisorGaveUp: Channel<'reign:supervisor:gave-up'> = channelOf('reign:supervisor:gave-up')
export const callStarted: Channel<'reign:call:started'> = channelOf('reign:call:started')
export const callReplied: Channel<'reign:call:replied'> = channelOf('reign:call:replied')
export const callFailed: Channel<'reign:call:failed'> = channelOf('reign:call:failed')
export const nodeStarted: Channel<'reign:node:started'> = channelOf('reign:node:started')
export const nodeStopped: Channel<'reign:node:stopped'> = channelOf('reign:node:stopped')
export const nodeStalled: Channel<'reign:node:stalled'> = channelOf('reign:node:stalled')
export const nodeMemory: Channel<'reign:node:memory'> = channelOf('reign:node:memory')
export const membersChanged: Channel<'reign:node:members-changed'> = channelOf('reign:node:members-changed')
export const certificatesRenewed: Channel<'reign:node:certificates-renewed'> = channelOf(
  'reign:node:certificates-renewed',
)
export const certificatesEnding: Channel<'reign:node:certificates-ending'> = channelOf('reign:node:certificates-ending')
export const filesRefused: Channel<'reign:node:files-refused'> = channelOf('reign:node:files-refused')
export const connectionOpened: Channel<'reign:connection:opened'> = channelOf('reign:connection:opened')
export const connectionLost: Channel<'reign:connection:lost'> = channelOf('reign:connection:lost')
export const connectionFailed: Channel<'reign:connection:failed'> = channelOf('reign:connection:failed')
export const connectionRefused: Channel<'reign:connection:refused'> = channelOf('reign:connection:refused')
export const connectionBusy: Channel<'reign:connection:busy'> = channelOf('reign:connection:busy')
export const connectionDrained: Channel<'reign:connection:drained'> = channelOf('reign:connection:drained')
export const signalSent: Channel<'reign:signal:sent'> = channelOf('reign:signal:sent')
export const signalReceived: Channel<'reign:signal:received'> = channelOf('reign:signal:received')

/**
 * Listens on a channel: `subscribe` of `node:diagnostics_channel`, with the type of what comes.
 *
 * @param listener Called in the midst of what happens: it is to look, and not to act on the node. What it throws goes to
 *   `uncaughtException`, in a later turn.
 * @returns what stops listening.
 * @throws `ERR_REIGN_ARGUMENT` for a name that no channel has.
 */
export function observe<N extends keyof DiagnosticEvents>(
  name: N,
  listener: (event: DiagnosticEvents[N], name: N) => void,
): () => void {
  check(names.has(name), 'what is observed is a channel of docs/diagnostics.md', name)
  checkFunction(listener, 'who listens')
  const heard = listener as (event: unknown, name: string | symbol) => void
  subscribe(name, heard)
  return () => {
    unsubscribe(name, heard)
  }
}

/** Connecting with another node, as the side that dials. */
import type { HandshakeFailureReason } from '../dist/handshake.js'
import { initiatorStep, startInitiator } from '../dist/handshake-initiator.js'
import { describe, ReignError } from '../errors.js'
import { quoteRemote } from '../remote-text.js'
import type { Connection } from './connection.js'
import { type Handshaking, handshakeEnv, shakeHands } from './handshaking.js'
import type { LocalEnd } from './local-end.js'
import type { ByteStream, Endpoint } from './transport.js'

/** Whom to dial, and where. */
export interface DialTarget {
  /** The node that must answer. */
  readonly node: string
  readonly endpoint: Endpoint
  /**
   * Asked when the peer believes that it is connected with us: whether this connection shall replace the one that the
   * peer knows. Yes, exactly when we have no connection with it.
   */
  takesOver(): boolean
}

/** Why there is no connection: a small union that does not change between releases. */
export type DialFailureReason =
  | HandshakeFailureReason
  /** Nobody answers there. */
  | 'unreachable'
  /** The two could not prove to each other who they are (TLS), or our own credentials cannot be used. */
  | 'tls'
  /** It took longer than `limits.handshakeMs`, all in all. */
  | 'timeout'

/** How an attempt failed. */
export interface DialFailure {
  /** `nok` means: the peer's own attempt at us goes on, and will arrive or fail there. */
  readonly reason: DialFailureReason
  readonly error: ReignError
}

/** What came of an attempt. One of the two is called, once, never before {@link dialConnection} has returned. */
export interface DialOutcome {
  /** To set `onFrame` and `onClose` is the first thing to be done here: frames may lie ready behind the handshake. */
  up(connection: Connection): void
  failed(failure: DialFailure): void
}

/** An attempt under way. */
export interface DialAttempt {
  /** Gives up; neither outcome is called any more. */
  cancel(): void
}

/** Connects with a node: a stream, the proof of who is there, the handshake; all within `limits.handshakeMs`. */
export function dialConnection(end: LocalEnd, target: DialTarget, outcome: DialOutcome): DialAttempt {
  const { node, endpoint } = target
  const abort = new AbortController()
  let handshaking: Handshaking | undefined
  let told = false
  const env = handshakeEnv(end)

  const over = () => {
    end.clock.clearTimer(timer)
    env.retire()
  }
  const fail = (failure: DialFailure) => {
    if (told) return
    told = true
    env.retire()
    outcome.failed(failure)
  }
  const timer = end.clock.setTimer(() => {
    const { handshakeMs } = end.limits
    const text = `${quoteRemote(node)}: no connection within ${handshakeMs} ms (limits.handshakeMs)`
    const error = new ReignError('ERR_REIGN_HANDSHAKE_TIMEOUT', text)
    handshaking?.abandon()
    abort.abort(error)
    fail({ reason: 'timeout', error })
  }, end.limits.handshakeMs)

  const shake = (stream: ByteStream) => {
    if (told) return stream.destroy()
    const stranger = mismatch(end, stream, node)
    if (stranger !== undefined) {
      stream.destroy()
      over()
      return fail({ reason: 'identity', error: stranger })
    }
    const initiator = { ...env, dialled: node, takesOver: () => target.takesOver() }
    handshaking = shakeHands(
      end,
      stream,
      { start: startInitiator(initiator), step: (state, input) => initiatorStep(state, input, initiator) },
      true,
      {
        up: (connection) => {
          told = true
          over()
          outcome.up(connection)
        },
        failed: fail,
        gone: over,
      },
    )
  }

  // A refusal that comes when the attempt is over already is no news: the deadline may be due at the same instant.
  const refused = (error: unknown) => {
    over()
    fail(unopened(error))
  }
  end.transport
    .dial(endpoint, { node, alpn: end.alpn, signal: abort.signal })
    .then(shake, refused)
    .catch((error: unknown) => {
      over()
      if (told) end.logger.error({ err: error }, 'the owner of an attempt failed')
      else fail(unopened(error))
    })

  return {
    cancel: () => {
      // Once told, what is left is a last word on its way; it has its deadline.
      if (told) return
      told = true
      over()
      handshaking?.abandon()
      abort.abort(new ReignError('ERR_REIGN_UNREACHABLE', `${quoteRemote(node)}: the attempt was given up`))
    },
  }
}

/** What is wrong with the other end's certificate as that of the dialled node; `undefined` when nothing is. */
function mismatch(end: LocalEnd, stream: ByteStream, node: string): ReignError | undefined {
  if (!stream.secure || end.identity === 'ca') return undefined
  const names = stream.identity?.nodeNames ?? []
  if (names.includes(node)) return undefined
  const shown = names.length === 0 ? 'no node' : names.map(quoteRemote).join(', ')
  const text = `dialled ${quoteRemote(node)}, but the certificate there names ${shown}`
  return new ReignError('ERR_REIGN_IDENTITY', text)
}

function unopened(error: unknown): DialFailure {
  if (!(error instanceof ReignError)) {
    const coded = new ReignError('ERR_REIGN_UNREACHABLE', `cannot dial: ${describe(error)}`, { cause: error })
    return { reason: 'unreachable', error: coded }
  }
  const reason = error.code === 'ERR_REIGN_TLS' || error.code === 'ERR_REIGN_CERTIFICATE' ? 'tls' : 'unreachable'
  return { reason, error }
}

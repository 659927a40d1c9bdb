/** Runs one handshake over one stream: feeds a machine of `dist/` with messages until it is done, or has failed. */
import { Framer } from '../dist/framer.js'
import type { HandshakeEnv, HandshakeFailure, HandshakeInput, Step } from '../dist/handshake.js'
import type { AcceptorState } from '../dist/handshake-acceptor.js'
import type { InitiatorState } from '../dist/handshake-initiator.js'
import { describe, ReignError } from '../errors.js'
import { Connection } from './connection.js'
import type { LocalEnd } from './local-end.js'
import type { ByteStream } from './transport.js'

/** One of the two machines, with its environment. */
export interface Machine<S extends InitiatorState | AcceptorState, I = HandshakeInput> {
  readonly start: Step<S>
  step(state: S, input: HandshakeInput | I): Step<S>
}

/** What came of a handshake. */
export interface HandshakeOutcome {
  /** Called within the event that completed it: bytes behind the last message are handed to the connection after it. */
  up(connection: Connection): void
  failed(failure: HandshakeFailure): void
  /** After `failed`, when the stream is gone: a last word may have had to go out. */
  gone(): void
}

/** A handshake under way. */
export interface Handshaking<I = HandshakeInput> {
  /** Something has happened that no message tells of. */
  tell(input: I): void
  /** Ends it and the stream at once; nothing is called any more. */
  abandon(): void
}

/** The environment that both machines share, and what is to be done when the handshake is over. */
export function handshakeEnv(end: LocalEnd): HandshakeEnv & { retire(): void } {
  const issued: number[] = []
  return {
    local: end.node,
    cookie: end.cookie,
    challenge: (unlike) => {
      const challenge = end.challenges.issue(unlike)
      issued.push(challenge)
      return challenge
    },
    isOurChallenge: (challenge) => end.challenges.isOurs(challenge),
    retire: () => {
      for (const challenge of issued) end.challenges.retire(challenge)
    },
  }
}

/** Begins. The stream must not have been started; it belongs to the handshake from now on, and then to the connection. */
export function shakeHands<S extends InitiatorState | AcceptorState, I = HandshakeInput>(
  end: LocalEnd,
  stream: ByteStream,
  machine: Machine<S, I>,
  outgoing: boolean,
  outcome: HandshakeOutcome,
): Handshaking<I> {
  // Erlang over TLS has long lengths from the first message on; over TCP short ones until the handshake is done.
  const lengthBytes = stream.secure ? 4 : 2
  const framer = new Framer(lengthBytes, end.limits.handshakeBytesMax)
  let state: S = machine.start.state
  let connection: Connection | undefined
  let phase: 'shaking' | 'up' | 'failed' | 'abandoned' = 'shaking'

  const send = (messages: readonly Uint8Array[]) => {
    for (const message of messages) stream.write(withLength(message, lengthBytes))
  }
  const fail = (failure: HandshakeFailure, lastWords: boolean) => {
    phase = 'failed'
    framer.stop()
    if (lastWords) stream.close()
    else stream.destroy()
    outcome.failed(failure)
    if (!lastWords) outcome.gone()
  }
  const take = (input: HandshakeInput | I) => {
    const step = machine.step(state, input)
    state = step.state
    send(step.send)
    if (state.at === 'refused') fail(state.failure, step.send.length > 0)
    if (state.at !== 'done') return
    phase = 'up'
    framer.switchTo(4, end.limits.frameBytesMax)
    connection = new Connection(end, stream, framer, state.peer, outgoing)
    outcome.up(connection)
  }
  /** What is thrown here is a fault of ours or of the owner; it must not end the host program. */
  const guarded = (run: () => void) => {
    try {
      run()
    } catch (error) {
      if (connection !== undefined) connection.broken(error)
      else if (phase === 'shaking') fail({ reason: 'protocol', error: coded(error) }, false)
      else end.logger.error({ err: error }, 'the owner of a handshake failed')
    }
  }

  stream.start({
    data: (bytes) => {
      if (connection !== undefined) connection.received(bytes)
      else if (phase === 'shaking') {
        guarded(() => {
          framer.push(bytes, (from, start, stop) => {
            if (connection !== undefined) connection.frame(from, start, stop)
            else take({ input: 'message', bytes: from.subarray(start, stop) })
          })
        })
      }
    },
    drain: () => connection?.streamDrained(),
    closed: (error) => {
      if (connection !== undefined) connection.streamClosed(error)
      else if (phase === 'shaking') guarded(() => take({ input: 'closed', error }))
      else if (phase === 'failed') outcome.gone()
    },
  })
  send(machine.start.send)

  return {
    tell: (input) => {
      if (phase === 'shaking') guarded(() => take(input))
    },
    abandon: () => {
      if (phase === 'up' || phase === 'abandoned') return
      phase = 'abandoned'
      framer.stop()
      stream.destroy()
    },
  }
}

function withLength(message: Uint8Array, lengthBytes: 2 | 4): Uint8Array {
  const bytes = Buffer.alloc(lengthBytes + message.length)
  bytes.writeUIntBE(message.length, 0, lengthBytes)
  bytes.set(message, lengthBytes)
  return bytes
}

function coded(error: unknown): ReignError {
  if (error instanceof ReignError) return error
  return new ReignError('ERR_REIGN_HANDSHAKE', `the handshake failed here: ${describe(error)}`, { cause: error })
}

/** The handshake of the side that dialled (A). Pure steps; see `handshake.ts` for the whole and the numbers of the steps. */
import { quoteRemote } from '../remote-text.js'
import { digest, sameDigest } from './digest.js'
import {
  failure,
  goTo,
  guarded,
  type HandshakeEnv,
  type HandshakeFailure,
  type HandshakeInput,
  type HandshakePeer,
  isFailure,
  peerOf,
  type Step,
} from './handshake.js'
import { type ChallengeMessage, readToInitiator, type StatusMessage, type ToInitiator } from './handshake-messages.js'

/** What the initiator knows, step by step. */
export type InitiatorState =
  /** 2 is sent; waiting for 3. */
  | { readonly at: 'awaitStatus' }
  /** 3 is done; waiting for 4. */
  | { readonly at: 'awaitChallenge' }
  /** 3 was `alive`, and 3B is sent; waiting for 4, or for 3 once more. */
  | { readonly at: 'awaitJudgement' }
  /** 5 is sent; waiting for 6. */
  | { readonly at: 'awaitAck'; readonly peer: HandshakePeer; readonly expectedDigest: Uint8Array }
  | { readonly at: 'done'; readonly peer: HandshakePeer }
  | { readonly at: 'refused'; readonly failure: HandshakeFailure }

/** What the initiator asks. */
export interface InitiatorEnv extends HandshakeEnv {
  /** The node that was dialled: the one that must answer. */
  readonly dialled: string
  /**
   * The peer says that it has a connection with us already. Whether this one shall replace it: yes, exactly when we have no
   * connection with the peer that works (it has not noticed that an older one, or an older run of ours, is gone).
   */
  takesOver(): boolean
}

/** Step 2: says who we are. */
export function startInitiator(env: InitiatorEnv): Step<InitiatorState> {
  const { name, creation, flags } = env.local
  return goTo<InitiatorState>({ at: 'awaitStatus' }, { tag: 'name', flags, creation, name })
}

/** One step. `done` and `refused` are final: the bytes after them are not the handshake's. */
export function initiatorStep(state: InitiatorState, input: HandshakeInput, env: InitiatorEnv): Step<InitiatorState> {
  if (state.at === 'done' || state.at === 'refused') return { state, send: [] }
  return guarded<InitiatorState>(refuse, () => {
    if (input.input === 'closed') return closed(state, env, input.error)
    const message = readToInitiator(input.bytes)
    if (state.at === 'awaitStatus' && message.tag === 'status') return onStatus(message, env)
    if (state.at === 'awaitJudgement' && message.tag === 'status') return onJudgement(message, env)
    const challenged = state.at === 'awaitChallenge' || state.at === 'awaitJudgement'
    if (challenged && message.tag === 'challenge') return onChallenge(message, env)
    if (state.at === 'awaitAck' && message.tag === 'ack') return onAck(state, message.digest)
    return unexpected(state, message, env)
  })
}

function onStatus(message: StatusMessage, env: InitiatorEnv): Step<InitiatorState> {
  const peer = quoteRemote(env.dialled)
  switch (message.status) {
    case 'ok':
    // The acceptor has dropped its own attempt at us in favour of this one.
    case 'ok_simultaneous':
      return goTo<InitiatorState>({ at: 'awaitChallenge' })
    case 'alive':
      if (env.takesOver()) {
        return goTo<InitiatorState>({ at: 'awaitJudgement' }, { tag: 'status', status: 'true' })
      }
      return goTo<InitiatorState>(
        refuse(failure('alive', 'ERR_REIGN_HANDSHAKE', `${peer} is connected with us already`)),
        { tag: 'status', status: 'false' },
      )
    case 'nok':
      // Both dialled at once; the acceptor's name is the greater one, so its attempt stays and will reach us.
      return goTo(refuse(failure('nok', 'ERR_REIGN_HANDSHAKE', `${peer} is dialling us, and keeps that attempt`)))
    default:
      return goTo(
        refuse(
          failure('not_allowed', 'ERR_REIGN_HANDSHAKE', `${peer} refuses us: not_allowed (our name or abilities)`),
        ),
      )
  }
}

/** Nodes of reign look whether the run that they are connected with is alive, and say that it is; Erlang's let us in. */
function onJudgement(message: StatusMessage, env: InitiatorEnv): Step<InitiatorState> {
  if (message.status !== 'not_allowed') return unexpected({ at: 'awaitJudgement' }, message, env)
  const text = `another run of ${env.local.name} is alive, and connected with ${quoteRemote(env.dialled)}`
  return goTo(refuse(failure('in_use', 'ERR_REIGN_NAME_IN_USE', text)))
}

function onChallenge(message: ChallengeMessage, env: InitiatorEnv): Step<InitiatorState> {
  // A stale entry of a port mapper leads to whoever has the port now.
  if (message.name !== env.dialled) {
    const text = `dialled ${quoteRemote(env.dialled)}, but ${quoteRemote(message.name)} answers there`
    return goTo(refuse(failure('identity', 'ERR_REIGN_IDENTITY', text)))
  }
  const peer = peerOf(env.local, message)
  if (isFailure(peer)) return goTo(refuse(peer))
  if (env.isOurChallenge(message.challenge)) {
    const text = `${quoteRemote(message.name)} gave us a challenge of our own to answer`
    return goTo(refuse(failure('cookie', 'ERR_REIGN_COOKIE', text)))
  }
  const cookie = env.cookie(peer.name)
  const proof = digest(cookie, message.challenge)
  // Unlike the one just answered, or the peer could hand our own proof back to us as its.
  const challenge = env.challenge(message.challenge)
  return goTo<InitiatorState>(
    { at: 'awaitAck', peer, expectedDigest: digest(cookie, challenge) },
    { tag: 'reply', challenge, digest: proof },
  )
}

function onAck(state: InitiatorState & { at: 'awaitAck' }, proof: Uint8Array): Step<InitiatorState> {
  if (sameDigest(proof, state.expectedDigest)) return goTo<InitiatorState>({ at: 'done', peer: state.peer })
  const text = `${quoteRemote(state.peer.name)} does not know our cookie: its digest is wrong`
  return goTo(refuse(failure('cookie', 'ERR_REIGN_COOKIE', text)))
}

/** What a peer that closes is most likely to mean by it; the protocol has no words for either. */
const closedHints = {
  awaitStatus: 'status: perhaps it does not accept our certificate, or has too many connections',
  awaitChallenge: 'challenge',
  awaitJudgement: 'challenge',
  awaitAck: 'challenge_ack, probably a cookie mismatch',
}

function closed(
  state: Exclude<InitiatorState, { at: 'done' | 'refused' }>,
  env: InitiatorEnv,
  error: Error | undefined,
): Step<InitiatorState> {
  const text = `${quoteRemote(env.dialled)}: closed while waiting for ${closedHints[state.at]}`
  return goTo(refuse(failure('closed', 'ERR_REIGN_HANDSHAKE', text, error)))
}

function unexpected(state: InitiatorState, message: ToInitiator, env: InitiatorEnv): Step<InitiatorState> {
  const text = `${quoteRemote(env.dialled)} sent '${message.tag}' at '${state.at}'`
  return goTo(refuse(failure('protocol', 'ERR_REIGN_HANDSHAKE', text)))
}

function refuse(why: HandshakeFailure): InitiatorState {
  return { at: 'refused', failure: why }
}

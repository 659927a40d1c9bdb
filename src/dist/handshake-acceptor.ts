/** The handshake of the side that was dialled (B). Pure steps; see `handshake.ts` for the whole and the numbers of the steps. */
import { quoteRemote } from '../remote-text.js'
import type { Secret } from '../secret.js'
import { nodeNameProblem } from '../term/node-name.js'
import { digest, sameDigest } from './digest.js'
import { flags } from './flags.js'
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
import { type NameMessage, type ReplyMessage, readToAcceptor, type ToAcceptor } from './handshake-messages.js'

/** What the owner of the connections says to a node that knocks; also what the node is told, word by word. */
export type Verdict =
  /** Come in. */
  | 'ok'
  /** Come in; we have dropped our own attempt at you. */
  | 'ok_simultaneous'
  /** Go away; our own attempt at you goes on. */
  | 'nok'
  /** We think that we are connected; insist, and the new connection replaces the old one. */
  | 'alive'
  /** Go away. */
  | 'not_allowed'

/** What the acceptor knows, step by step. */
export type AcceptorState =
  /** Waiting for 2. */
  | { readonly at: 'awaitName' }
  /** 3 was `alive`; waiting for 3B. */
  | { readonly at: 'awaitStatus'; readonly peer: HandshakePeer }
  /** 3B was `true`; waiting for the owner to find out whether the run that is connected is alive. */
  | { readonly at: 'awaitJudgement'; readonly peer: HandshakePeer }
  /** 3 and 4 are sent; waiting for 5. */
  | {
      readonly at: 'awaitReply'
      readonly peer: HandshakePeer
      readonly verdict: Verdict
      readonly cookie: Secret
      readonly expectedDigest: Uint8Array
    }
  /** 6 is sent. After the verdict `alive` the old connection is to be replaced now, and not before. */
  | { readonly at: 'done'; readonly peer: HandshakePeer; readonly verdict: Verdict }
  | { readonly at: 'refused'; readonly failure: HandshakeFailure }

/** What the acceptor asks. */
export interface AcceptorEnv extends HandshakeEnv {
  /** Whether the transport has proved that the other end may call itself so. Always asked before the owner is. */
  identifies(name: string): boolean
  /** What to say to that node. Its name is proved by the transport if that can, by the cookie only later. */
  decide(peer: HandshakePeer): Verdict
  /**
   * A node that was told `alive` insists: whether it may have the place of the connection that there is. `undefined`: that has to
   * be found out first, and will be told by the input `judged`.
   */
  mayReplace(peer: HandshakePeer): boolean | undefined
}

/** What can happen to an acceptor. */
export type AcceptorInput = HandshakeInput | { readonly input: 'judged'; readonly mayReplace: boolean }

/** Where an acceptor begins: it speaks second. */
export const acceptorStart: AcceptorState = { at: 'awaitName' }

/** One step. `done` and `refused` are final: the bytes after them are not the handshake's. */
export function acceptorStep(state: AcceptorState, input: AcceptorInput, env: AcceptorEnv): Step<AcceptorState> {
  if (state.at === 'done' || state.at === 'refused') return { state, send: [] }
  return guarded<AcceptorState>(refuse, () => {
    if (input.input === 'judged') {
      return state.at === 'awaitJudgement' ? judged(state.peer, input.mayReplace, env) : { state, send: [] }
    }
    if (input.input === 'closed') return closed(state, input.error)
    const message = readToAcceptor(input.bytes)
    if (state.at === 'awaitName' && message.tag === 'name') return onName(message, env)
    if (state.at === 'awaitStatus' && message.tag === 'status') return onStatus(state.peer, message.status, env)
    if (state.at === 'awaitReply' && message.tag === 'reply') return onReply(state, message)
    return unexpected(state, message)
  })
}

function onName(message: NameMessage, env: AcceptorEnv): Step<AcceptorState> {
  const name = quoteRemote(message.name)
  if ((message.flags & flags.NAME_ME) !== 0n) {
    return turnAway(failure('not_allowed', 'ERR_REIGN_HANDSHAKE', `a node on ${name} asked to be given a name`))
  }
  const problem = nodeNameProblem(message.name)
  if (problem !== undefined) {
    return turnAway(failure('identity', 'ERR_REIGN_NODE_NAME', `a node calls itself ${name}, which ${problem}`))
  }
  // Not a connection with ourselves: nobody needs one, and its two ends would share one entry in every table.
  if (message.name === env.local.name) {
    return turnAway(failure('identity', 'ERR_REIGN_NAME_IN_USE', `another node calls itself ${name}, as we do`))
  }
  if (!env.identifies(message.name)) {
    return turnAway(failure('identity', 'ERR_REIGN_IDENTITY', `a node calls itself ${name}; its certificate does not`))
  }
  const peer = peerOf(env.local, message)
  if (isFailure(peer)) return turnAway(peer)

  const verdict = env.decide(peer)
  switch (verdict) {
    case 'ok':
    case 'ok_simultaneous':
      return challenge(peer, verdict, env)
    case 'alive':
      return goTo<AcceptorState>({ at: 'awaitStatus', peer }, { tag: 'status', status: 'alive' })
    case 'nok': {
      const why = failure('nok', 'ERR_REIGN_HANDSHAKE', `our own attempt at ${name} goes on`)
      return goTo(refuse(why), { tag: 'status', status: 'nok' })
    }
    default:
      return turnAway(failure('not_allowed', 'ERR_REIGN_HANDSHAKE', `${name} is not allowed to connect`))
  }
}

/** Step 4, behind its status unless that has gone before. */
function challenge(peer: HandshakePeer, verdict: Verdict, env: AcceptorEnv): Step<AcceptorState> {
  const cookie = env.cookie(peer.name)
  const own = env.challenge()
  const { name, creation, flags: offered } = env.local
  const message = { tag: 'challenge', flags: offered, challenge: own, creation, name } as const
  const state: AcceptorState = { at: 'awaitReply', peer, verdict, cookie, expectedDigest: digest(cookie, own) }
  if (verdict !== 'ok' && verdict !== 'ok_simultaneous') return goTo(state, message)
  return goTo(state, { tag: 'status', status: verdict }, message)
}

function onStatus(peer: HandshakePeer, status: string, env: AcceptorEnv): Step<AcceptorState> {
  if (status === 'true') {
    const mayReplace = env.mayReplace(peer)
    return mayReplace === undefined ? goTo({ at: 'awaitJudgement', peer }) : judged(peer, mayReplace, env)
  }
  const text = `${quoteRemote(peer.name)} keeps the connection that there is`
  return goTo(refuse(failure('alive', 'ERR_REIGN_HANDSHAKE', text)))
}

/** A second run of a node that is there is told so as far as the protocol has words: after `alive`, that can be no other reason. */
function judged(peer: HandshakePeer, mayReplace: boolean, env: AcceptorEnv): Step<AcceptorState> {
  if (mayReplace) return challenge(peer, 'alive', env)
  const text = `another run of ${quoteRemote(peer.name)} is connected with us, and alive`
  return turnAway(failure('in_use', 'ERR_REIGN_NAME_IN_USE', text))
}

function onReply(state: AcceptorState & { at: 'awaitReply' }, message: ReplyMessage): Step<AcceptorState> {
  const { peer, verdict, cookie } = state
  if (!sameDigest(message.digest, state.expectedDigest)) {
    // Without a word: an answer would only tell a guesser how far he got.
    const text = `${quoteRemote(peer.name)} does not know our cookie: its digest is wrong`
    return goTo(refuse(failure('cookie', 'ERR_REIGN_COOKIE', text)))
  }
  return goTo<AcceptorState>({ at: 'done', peer, verdict }, { tag: 'ack', digest: digest(cookie, message.challenge) })
}

const meanwhile = {
  awaitName: 'waiting for its name',
  awaitStatus: 'waiting for its status',
  awaitJudgement: 'another run of it was looked for',
  awaitReply: 'waiting for its challenge_reply',
}

function closed(
  state: Exclude<AcceptorState, { at: 'done' | 'refused' }>,
  error: Error | undefined,
): Step<AcceptorState> {
  const who = state.at === 'awaitName' ? 'a node' : quoteRemote(state.peer.name)
  return goTo(refuse(failure('closed', 'ERR_REIGN_HANDSHAKE', `${who}: closed while ${meanwhile[state.at]}`, error)))
}

function unexpected(state: AcceptorState, message: ToAcceptor): Step<AcceptorState> {
  const text = `a node sent '${message.tag}' at '${state.at}'`
  return goTo(refuse(failure('protocol', 'ERR_REIGN_HANDSHAKE', text)))
}

/** `not_allowed`, and the end: all that a stranger is told, whatever the reason. */
function turnAway(why: HandshakeFailure): Step<AcceptorState> {
  return goTo(refuse(why), { tag: 'status', status: 'not_allowed' })
}

function refuse(why: HandshakeFailure): AcceptorState {
  return { at: 'refused', failure: why }
}

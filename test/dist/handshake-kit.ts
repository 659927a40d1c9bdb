/** Environments for the handshake's machines, with everything fixed that a real one draws or decides. */
import { digest } from '../../src/dist/digest.js'
import { hiddenFlags, mandatoryFlags26 } from '../../src/dist/flags.js'
import type { HandshakeInput, LocalNode } from '../../src/dist/handshake.js'
import type { AcceptorEnv, Verdict } from '../../src/dist/handshake-acceptor.js'
import type { InitiatorEnv } from '../../src/dist/handshake-initiator.js'
import { Secret } from '../../src/secret.js'

interface Fixed {
  readonly local?: Partial<LocalNode>
  readonly cookie?: string
  /** Given out in this order; the last one again and again. */
  readonly challenges?: readonly number[]
  readonly ours?: readonly number[]
}

function common(fixed: Fixed) {
  const challenges = [...(fixed.challenges ?? [1])]
  const local: LocalNode = {
    name: 'me@127.0.0.1',
    creation: 1_705_095_875,
    flags: hiddenFlags,
    requiredFlags: mandatoryFlags26,
    ...fixed.local,
  }
  return {
    local,
    cookie: () => new Secret(fixed.cookie ?? 'secret'),
    challenge: () => (challenges.length > 1 ? challenges.shift() : challenges[0]) as number,
    isOurChallenge: (challenge: number) => fixed.ours?.includes(challenge) ?? false,
  }
}

export function initiatorEnv(fixed: Fixed & { dialled?: string; takesOver?: boolean } = {}): InitiatorEnv {
  return { ...common(fixed), dialled: fixed.dialled ?? 'x@127.0.0.1', takesOver: () => fixed.takesOver ?? true }
}

export function acceptorEnv(
  fixed: Fixed & {
    verdict?: Verdict
    identities?: readonly string[]
    asked?: string[]
    judgement?: boolean | 'later'
  } = {},
): AcceptorEnv {
  return {
    ...common(fixed),
    identifies: (name) => {
      fixed.asked?.push(`identifies ${name}`)
      return fixed.identities?.includes(name) ?? true
    },
    decide: (peer) => {
      fixed.asked?.push(`decide ${peer.name}`)
      return fixed.verdict ?? 'ok'
    },
    mayReplace: (peer) => {
      fixed.asked?.push(`mayReplace ${peer.name}`)
      return fixed.judgement === 'later' ? undefined : (fixed.judgement ?? true)
    },
  }
}

export function message(hexText: string): HandshakeInput {
  return { input: 'message', bytes: Buffer.from(hexText, 'hex') }
}

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

export function text(hexText: string): string {
  return Buffer.from(hexText, 'hex').toString('latin1')
}

export function proofOf(cookie: string, challenge: number): Uint8Array {
  return digest(new Secret(cookie), challenge)
}

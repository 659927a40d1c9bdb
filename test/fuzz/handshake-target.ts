/**
 * The handshake, both roles: whatever the other side says, step by step, nobody gets in who has not shown that it knows the cookie.
 *
 * An input begins with two bytes: the role, and what the owner of the connections decides; then come the messages, as over TCP each
 * with two bytes of length.
 */
import { readFileSync } from 'node:fs'
import { hiddenFlags } from '../../src/dist/flags.js'
import { Framer } from '../../src/dist/framer.js'
import type { HandshakePeer, Step } from '../../src/dist/handshake.js'
import { type AcceptorInput, acceptorStart, acceptorStep, type Verdict } from '../../src/dist/handshake-acceptor.js'
import { initiatorStep, startInitiator } from '../../src/dist/handshake-initiator.js'
import { readToAcceptor, readToInitiator, writeHandshakeMessage } from '../../src/dist/handshake-messages.js'
import { nodeNameProblem } from '../../src/term/node-name.js'
import { acceptorEnv, initiatorEnv, proofOf } from '../dist/handshake-kit.js'
import { captures } from './captures.js'
import type { Chance } from './chance.js'
import { mutate } from './mutate.js'
import { holds, outcomeOf, type Target } from './target.js'

const codes = ['ERR_REIGN_FRAME_TOO_LARGE']
const cookie = 'secret'
const verdicts: readonly Verdict[] = ['ok', 'ok_simultaneous', 'nok', 'alive', 'not_allowed']
const identities = ['x@127.0.0.1', 'hs1@127.0.0.1', 'js1@127.0.0.1']
const handshakeBytesMax = 1_024

interface Ended {
  readonly at: string
  readonly peer?: HandshakePeer
  readonly failure?: { readonly error: Error }
}

export class HandshakeTarget implements Target {
  readonly name = 'handshake'
  readonly #proof = Buffer.from(proofOf(cookie, 1))

  seeds(): readonly Uint8Array[] {
    const file = new URL('../vectors/handshake-vectors.json', import.meta.url)
    const vectors: { handshakes: { steps: { dir: string; hex: string }[] }[] } = JSON.parse(readFileSync(file, 'utf8'))
    const said = (dir: string) =>
      vectors.handshakes.map(({ steps }) =>
        steps.filter((step) => step.dir === dir).map(({ hex }) => Buffer.from(hex, 'hex')),
      )
    const [byInitiators, byAcceptors] = [said('A>B'), said('B>A')]
    const good = { creation: 5, flags: hiddenFlags, challenge: 9 }
    const name = writeHandshakeMessage({ tag: 'name', ...good, name: 'x@127.0.0.1' })
    const challenge = writeHandshakeMessage({ tag: 'challenge', ...good, name: 'x@127.0.0.1' })
    const [alive, insists, ok] = (['alive', 'true', 'ok'] as const).map((status) =>
      writeHandshakeMessage({ tag: 'status', status }),
    ) as [Uint8Array, Uint8Array, Uint8Array]
    const reply = writeHandshakeMessage({ tag: 'reply', challenge: 9, digest: this.#proof })
    const ack = writeHandshakeMessage({ tag: 'ack', digest: this.#proof })
    const recorded = captures.map(({ title, handshake }) =>
      inputOf(
        title.includes('dialled') ? 1 : 0,
        0,
        handshake.map((hex) => Buffer.from(hex, 'hex')),
      ),
    )
    return [
      ...recorded,
      ...byInitiators.flatMap((messages) => [0, 6].map((decided) => inputOf(0, decided, messages))),
      ...byAcceptors.map((messages) => inputOf(1, 0, messages)),
      inputOf(0, 0, [name, reply]),
      inputOf(0, 3, [name, insists, reply]),
      inputOf(0, 13, [name, insists, reply]),
      inputOf(1, 0, [ok, challenge, ack]),
      inputOf(1, 0, [alive, challenge, ack]),
      inputOf(1, 0, [writeHandshakeMessage({ tag: 'named', name: 'given@h', creation: 3 }), challenge, ack]),
    ]
  }

  mutate(original: Uint8Array, others: ArrayLike<Uint8Array>, chance: Chance): Uint8Array | undefined {
    if (original.length < 4 || chance.oneIn(5)) return undefined
    const messages: Uint8Array[] = messagesOf(original)
    const other = messagesOf(chance.pick(others))
    const at = chance.below(messages.length)
    const kind = chance.below(6)
    if (kind === 0) messages.splice(at, 1)
    else if (kind === 1) messages.splice(chance.below(messages.length), 0, messages[at] as Uint8Array)
    else if (kind === 2 && other.length > 0) messages.splice(at, chance.below(2), chance.pick(other))
    else messages[at] = Buffer.from(mutate(messages[at] as Uint8Array, other.length > 0 ? other : messages, chance))
    const decided = chance.oneIn(4) ? chance.below(256) : (original[1] as number)
    return inputOf((original[0] as number) ^ (chance.oneIn(20) ? 1 : 0), decided, messages)
  }

  frames(input: Uint8Array): number {
    return Math.max(1, messagesOf(input).length)
  }

  run(input: Uint8Array): string {
    if (input.length < 2) return 'empty'
    const decided = input[1] as number
    const verdict = verdicts[decided % verdicts.length] as Verdict
    const judgement = [true, false, 'later'][Math.floor(decided / 5) % 3] as boolean | 'later'
    const asked: string[] = []
    const dialling = ((input[0] as number) & 1) === 1
    const a = initiatorEnv({ cookie, takesOver: decided % 2 === 0, ours: [77] })
    const b = acceptorEnv({ cookie, verdict, judgement, asked, ours: [77], identities })
    const heard: Uint8Array[] = []
    let state: Ended = dialling ? startInitiator(a).state : acceptorStart
    const framed = outcomeOf(() => {
      new Framer(2, handshakeBytesMax).push(Buffer.from(input.subarray(2)), (bytes, start, end) => {
        if (state.at === 'done' || state.at === 'refused') return
        heard.push(bytes.subarray(start, end))
        const step = (input: AcceptorInput): Step<Ended> =>
          dialling ? initiatorStep(state as never, input as never, a) : acceptorStep(state as never, input, b)
        state = this.#said(step({ input: 'message', bytes: bytes.subarray(start, end) }), dialling)
        if (state.at === 'awaitJudgement' && !dialling) {
          state = this.#said(step({ input: 'judged', mayReplace: decided >= 128 }), dialling)
        }
      })
    }, codes)
    if (state.at === 'refused') this.#isShown(state.failure?.error)
    if (state.at === 'done') this.#hasProved(dialling, heard, state.peer as HandshakePeer, asked)
    return framed.code ?? state.at
  }

  /** What is sent is a message of the handshake, too. */
  #said(step: Step<Ended>, dialling: boolean): Ended {
    for (const bytes of step.send) dialling ? readToAcceptor(bytes) : readToInitiator(bytes)
    return step.state
  }

  #isShown(error: Error | undefined): void {
    holds(error !== undefined, () => 'refused without a reason')
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not get through
    holds(!/[\u0000-\u001f\u007f-\u009f]/.test(error.message) && error.message.length < 1_500, () => error.message)
  }

  #hasProved(dialling: boolean, heard: readonly Uint8Array[], peer: HandshakePeer, asked: readonly string[]): void {
    const last = heard.at(-1) as Uint8Array
    const proof = dialling ? last.subarray(1) : last.subarray(5)
    const code = dialling ? 0x61 : 0x72
    // The challenge of an initiator is 1, too, unless that is what it was just given.
    holds(last[0] === code && this.#proof.equals(proof), () => 'connected without the proof')
    holds(nodeNameProblem(peer.name) === undefined, () => `connected with ${peer.name}`)
    holds((peer.flags & ~hiddenFlags) === 0n, () => 'abilities that were not offered')
    if (dialling) holds(peer.name === 'x@127.0.0.1', () => `dialled x, got ${peer.name}`)
    else {
      holds(identities.includes(peer.name) && asked.includes(`identifies ${peer.name}`), () => `let ${peer.name} in`)
      holds(asked.includes(`decide ${peer.name}`), () => 'nobody was asked')
    }
  }
}

function inputOf(role: number, decided: number, messages: readonly Uint8Array[]): Buffer {
  const parts = messages.flatMap((message) => {
    const length = Buffer.alloc(2)
    length.writeUInt16BE(Math.min(message.length, 0xffff))
    return [length, message]
  })
  return Buffer.concat([Uint8Array.of(role & 1, decided), ...parts])
}

function messagesOf(input: Uint8Array): Buffer[] {
  const bytes = Buffer.from(input.buffer, input.byteOffset, input.byteLength)
  const messages: Buffer[] = []
  for (let at = 2; at + 2 <= bytes.length; ) {
    const end = at + 2 + bytes.readUInt16BE(at)
    messages.push(bytes.subarray(at + 2, Math.min(end, bytes.length)))
    at = end
  }
  return messages.length > 0 ? messages : [Buffer.alloc(0)]
}

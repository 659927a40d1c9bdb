/** The handshakes that were captured from a live OTP 25, replayed byte for byte in both roles. */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { mandatoryFlags25 } from '../../src/dist/flags.js'
import { type AcceptorState, acceptorStart, acceptorStep, type Verdict } from '../../src/dist/handshake-acceptor.js'
import { type InitiatorState, initiatorStep, startInitiator } from '../../src/dist/handshake-initiator.js'
import { acceptorEnv, hex, initiatorEnv, message, proofOf, text } from './handshake-kit.js'

interface Captured {
  readonly name: string
  readonly role: string
  readonly initiator_cookie?: string
  readonly outcome: string
  readonly steps: readonly {
    readonly dir: 'A>B' | 'B>A'
    readonly hex: string
    readonly fields?: {
      readonly tag: string
      readonly flags?: string
      readonly creation?: number
      readonly challenge?: number
      readonly name?: string
      readonly status?: string
    }
  }[]
}

const vectors = JSON.parse(readFileSync(new URL('../vectors/handshake-vectors.json', import.meta.url), 'utf8')) as {
  handshakes: Captured[]
  digest: { cookie: string; challenge: number; md5: string }[]
}

test('there are fifteen captured handshakes, and five digests', () => {
  expect(vectors.handshakes).toHaveLength(15)
  expect(vectors.digest).toHaveLength(5)
})

test.each(vectors.digest)('digest of $cookie and $challenge', ({ cookie, challenge, md5 }) => {
  expect(hex(proofOf(cookie, challenge))).toBe(md5)
})

/** What the captures do not show, because it was not captured: A's answer to `alive`. */
function completed(captured: Captured): { dir: 'A>B' | 'B>A'; hex: string }[] {
  return captured.steps.flatMap((step) => {
    if (text(step.hex) !== 'salive') return [step]
    const answer = captured.outcome === 'connected' ? 'strue' : 'sfalse'
    return [step, { dir: 'A>B' as const, hex: Buffer.from(answer).toString('hex') }]
  })
}

function fieldsOf(captured: Captured) {
  const find = (dir: string, tag: string) =>
    captured.steps.find((each) => each.dir === dir && each.fields?.tag === tag)?.fields
  return { name: find('A>B', 'N'), status: find('B>A', 's'), challenge: find('B>A', 'N'), reply: find('A>B', 'r') }
}

// A name that is asked for is neither asked for nor given here; those two captures have tests of their own below.
const ordinary = vectors.handshakes.filter(
  (each) => fieldsOf(each).name !== undefined && !/NAME_ME|dynamic/.test(each.name),
)
const asked = vectors.handshakes.filter((each) => /NAME_ME|dynamic/.test(each.name))
const simultaneous = vectors.handshakes.filter((each) => fieldsOf(each).name === undefined)

test('each capture is in one of the groups below', () => {
  expect([ordinary.length, asked.length, simultaneous.length]).toEqual([11, 2, 2])
})

describe('as the initiator, our bytes are those of the capture', () => {
  test.each(ordinary)('$name', (captured) => {
    const { name, status, challenge, reply } = fieldsOf(captured)
    const dialled = challenge?.name ?? 'x@127.0.0.1'
    const env = initiatorEnv({
      local: {
        name: name?.name ?? '',
        creation: name?.creation ?? 0,
        flags: BigInt(name?.flags ?? 0),
        requiredFlags: mandatoryFlags25,
      },
      dialled,
      cookie: captured.initiator_cookie ?? '',
      challenges: [reply?.challenge ?? 0],
      takesOver: captured.outcome === 'connected',
    })
    let { state, send } = startInitiator(env)
    const ours = [...send]
    for (const step of completed(captured)) {
      if (step.dir === 'A>B') {
        expect(hex(ours.shift() ?? new Uint8Array())).toBe(step.hex)
        continue
      }
      ;({ state, send } = initiatorStep(state, message(step.hex), env))
      ours.push(...send)
    }
    expect(ours).toEqual([])
    if (captured.outcome === 'connected') {
      const flags = BigInt(name?.flags ?? 0) & (BigInt(challenge?.flags ?? 0) | mandatoryFlags25)
      expect(state).toEqual({ at: 'done', peer: { name: dialled, creation: challenge?.creation, flags } })
      return
    }
    if (captured.initiator_cookie === 'wrong') {
      // OTP closes without a word, and that is all that we can know.
      state = initiatorStep(state, { input: 'closed' }, env).state
      expect(failureOf(state)).toMatchObject({ reason: 'closed', error: { code: 'ERR_REIGN_HANDSHAKE' } })
      expect(failureOf(state)?.error.message).toMatch(/waiting for challenge_ack, probably a cookie mismatch/)
      return
    }
    expect(failureOf(state)).toMatchObject({ reason: status?.status, error: { code: 'ERR_REIGN_HANDSHAKE' } })
  })
})

describe('as the acceptor, our bytes are those of the capture', () => {
  test.each(ordinary)('$name', (captured) => {
    const { name, status, challenge } = fieldsOf(captured)
    const env = acceptorEnv({
      local: {
        name: challenge?.name ?? 'x@127.0.0.1',
        creation: challenge?.creation ?? 0,
        flags: BigInt(challenge?.flags ?? '0xd07df7fbd'),
        requiredFlags: mandatoryFlags25,
      },
      cookie: 'secret',
      challenges: [challenge?.challenge ?? 0],
      verdict: (status?.status === 'not_allowed' ? 'ok' : status?.status) as Verdict,
    })
    let state: AcceptorState = acceptorStart
    const ours: Uint8Array[] = []
    for (const step of completed(captured)) {
      if (step.dir === 'B>A') {
        expect(hex(ours.shift() ?? new Uint8Array())).toBe(step.hex)
        continue
      }
      const next = acceptorStep(state, message(step.hex), env)
      state = next.state
      ours.push(...next.send)
    }
    expect(ours).toEqual([])
    if (captured.outcome === 'connected') {
      const flags = BigInt(challenge?.flags ?? 0) & (BigInt(name?.flags ?? 0) | digestExpansion(name?.flags))
      const peer = { name: name?.name, creation: name?.creation, flags }
      expect(state).toEqual({ at: 'done', peer, verdict: status?.status })
      return
    }
    const reason = captured.initiator_cookie === 'wrong' ? 'cookie' : status?.status === 'alive' ? 'alive' : 'flags'
    expect(failureOf(state)?.reason).toBe(reason)
    if (reason === 'cookie') expect(failureOf(state)?.error.code).toBe('ERR_REIGN_COOKIE')
    if (reason === 'flags') {
      const missing = /lacks mandatory abilities: (.*)/.exec(failureOf(state)?.error.message ?? '')?.[1]
      expect(captured.name).toContain(`${missing} missing`)
    }
  })
})

describe('dynamic names', () => {
  test('a name that we did not ask for is refused', () => {
    const captured = asked.find((each) => each.role === 'OTP accepts (B)')
    const env = initiatorEnv({ dialled: 'x@127.0.0.1' })
    const given = captured?.steps.find((each) => each.fields?.status === 'named:')
    const { state, send } = initiatorStep(startInitiator(env).state, message(given?.hex ?? ''), env)
    expect(send).toEqual([])
    expect(failureOf(state)).toMatchObject({ reason: 'protocol', error: { code: 'ERR_REIGN_HANDSHAKE' } })
    expect(failureOf(state)?.error.message).toContain("'named' at 'awaitStatus'")
  })

  test('a node that asks for a name is turned away', () => {
    const captured = asked.find((each) => each.role === 'OTP initiates (A)')
    const env = acceptorEnv({ verdict: 'ok' })
    const { state, send } = acceptorStep(acceptorStart, message(captured?.steps[0]?.hex ?? ''), env)
    expect(send.map((each) => text(hex(each)))).toEqual(['snot_allowed'])
    expect(failureOf(state)).toMatchObject({ reason: 'not_allowed', error: { code: 'ERR_REIGN_HANDSHAKE' } })
  })
})

describe('simultaneous connect', () => {
  test.each(simultaneous)('$name', (captured) => {
    const status = captured.steps[0]
    // The rule is the owner's; here it is x that has an attempt of its own under way.
    const name = /foreign name (\S+) /.exec(captured.name)?.[1] ?? ''
    const local = { name: 'x@127.0.0.1' }
    const dialler = initiatorEnv({ local: { name }, dialled: 'x@127.0.0.1' })
    const env = acceptorEnv({ local, verdict: name < local.name ? 'nok' : 'ok_simultaneous' })

    const hello = startInitiator(dialler)
    const answered = acceptorStep(acceptorStart, { input: 'message', bytes: hello.send[0] ?? new Uint8Array() }, env)
    expect(hex(answered.send[0] ?? new Uint8Array())).toBe(status?.hex)
    const heard = initiatorStep(hello.state, message(status?.hex ?? ''), dialler)
    if (text(status?.hex ?? '') === 'snok') {
      expect(failureOf(answered.state)?.reason).toBe('nok')
      expect(failureOf(heard.state)?.reason).toBe('nok')
    } else {
      expect(answered.state.at).toBe('awaitReply')
      expect(heard.state).toEqual({ at: 'awaitChallenge' })
    }
  })
})

function failureOf(state: InitiatorState | AcceptorState) {
  return state.at === 'refused' ? state.failure : undefined
}

function digestExpansion(flags: string | undefined): bigint {
  return (BigInt(flags ?? 0) & 0x4000000n) === 0n ? 0n : mandatoryFlags25
}

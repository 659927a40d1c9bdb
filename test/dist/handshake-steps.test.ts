/** The handshake's machines against everything that is not as it should be. */
import { describe, expect, test } from 'vitest'
import { flags, hiddenFlags, mandatoryFlags25, mandatoryFlags26, publishedFlags } from '../../src/dist/flags.js'
import { Framer } from '../../src/dist/framer.js'
import { type AcceptorState, acceptorStart, acceptorStep } from '../../src/dist/handshake-acceptor.js'
import { type InitiatorState, initiatorStep, startInitiator } from '../../src/dist/handshake-initiator.js'
import {
  type HandshakeMessage,
  readToAcceptor,
  readToInitiator,
  writeHandshakeMessage,
} from '../../src/dist/handshake-messages.js'
import { Secret } from '../../src/secret.js'
import { acceptorEnv, hex, initiatorEnv, proofOf } from './handshake-kit.js'

const a = { name: 'a@127.0.0.1', creation: 11, flags: hiddenFlags, requiredFlags: mandatoryFlags26 }
const b = { name: 'b@127.0.0.1', creation: 22, flags: publishedFlags, requiredFlags: mandatoryFlags26 }
const challengeA = 0x8000_0001
const challengeB = 0xffff_ffff

const messages = {
  name: { tag: 'name', flags: a.flags, creation: a.creation, name: a.name },
  ok: { tag: 'status', status: 'ok' },
  ok_simultaneous: { tag: 'status', status: 'ok_simultaneous' },
  nok: { tag: 'status', status: 'nok' },
  not_allowed: { tag: 'status', status: 'not_allowed' },
  alive: { tag: 'status', status: 'alive' },
  true: { tag: 'status', status: 'true' },
  false: { tag: 'status', status: 'false' },
  named: { tag: 'named', name: a.name, creation: 1 },
  challenge: { tag: 'challenge', flags: b.flags, challenge: challengeB, creation: b.creation, name: b.name },
  reply: { tag: 'reply', challenge: challengeA, digest: proofOf('secret', challengeB) },
  ack: { tag: 'ack', digest: proofOf('secret', challengeA) },
} satisfies Record<string, HandshakeMessage>

type MessageName = keyof typeof messages
const names = Object.keys(messages) as MessageName[]

const envA = initiatorEnv({ local: a, dialled: b.name, challenges: [challengeA] })
const envB = acceptorEnv({ local: b, challenges: [challengeB] })

function given(name: MessageName) {
  return { input: 'message', bytes: writeHandshakeMessage(messages[name]) } as const
}

/** The initiator after these messages. */
function initiatorAfter(...before: MessageName[]): InitiatorState {
  return before.reduce((state, name) => initiatorStep(state, given(name), envA).state, startInitiator(envA).state)
}

function acceptorAfter(env = envB, ...before: MessageName[]): AcceptorState {
  return before.reduce((state, name) => acceptorStep(state, given(name), env).state, acceptorStart)
}

const aliveB = acceptorEnv({ local: b, challenges: [challengeB], verdict: 'alive' })
const judgingB = acceptorEnv({ local: b, challenges: [challengeB], verdict: 'alive', judgement: 'later' })
const initiatorStates: Record<string, [InitiatorState, MessageName[]]> = {
  awaitStatus: [initiatorAfter(), ['ok', 'ok_simultaneous', 'nok', 'not_allowed', 'alive']],
  awaitChallenge: [initiatorAfter('ok'), ['challenge']],
  awaitJudgement: [initiatorAfter('alive'), ['challenge', 'not_allowed']],
  awaitAck: [initiatorAfter('ok', 'challenge'), ['ack']],
}
const acceptorStates: Record<string, [AcceptorState, MessageName[]]> = {
  // A challenge has the tag of a name: see the test of its own below.
  awaitName: [acceptorAfter(), ['name', 'challenge']],
  awaitStatus: [acceptorAfter(aliveB, 'name'), ['true', 'false']],
  awaitJudgement: [acceptorAfter(judgingB, 'name', 'true'), []],
  awaitReply: [acceptorAfter(envB, 'name'), ['reply']],
}

describe('every state with every message that does not belong there', () => {
  for (const [at, [state, expected]] of Object.entries(initiatorStates)) {
    test.each(names.filter((name) => !expected.includes(name)))(`initiator at ${at}: %s`, (name) => {
      expect(state.at).toBe(at)
      const { state: next, send } = initiatorStep(state, given(name), envA)
      expect(send).toEqual([])
      expect(next).toMatchObject({
        at: 'refused',
        failure: { reason: 'protocol', error: { code: 'ERR_REIGN_HANDSHAKE' } },
      })
    })
  }
  for (const [at, [state, expected]] of Object.entries(acceptorStates)) {
    test.each(names.filter((name) => !expected.includes(name)))(`acceptor at ${at}: %s`, (name) => {
      expect(state.at).toBe(at)
      const { state: next, send } = acceptorStep(state, given(name), envB)
      expect(send).toEqual([])
      expect(next).toMatchObject({
        at: 'refused',
        failure: { reason: 'protocol', error: { code: 'ERR_REIGN_HANDSHAKE' } },
      })
    })
  }

  test('a challenge, read as the name that its tag says it is, names nobody', () => {
    const { state, send } = acceptorStep(acceptorStart, given('challenge'), envB)
    expect(state).toMatchObject({ at: 'refused', failure: { reason: 'identity' } })
    expect(send.map((each) => Buffer.from(each).toString())).toEqual(['snot_allowed'])
  })

  test.each(names)('what is over stays over: %s', (name) => {
    const done = initiatorAfter('ok', 'challenge', 'ack')
    const refused = initiatorAfter('nok')
    expect([done.at, refused.at]).toEqual(['done', 'refused'])
    for (const state of [done, refused]) expect(initiatorStep(state, given(name), envA)).toEqual({ state, send: [] })
    const welcome = acceptorAfter(envB, 'name', 'reply')
    const turnedAway = acceptorAfter(acceptorEnv({ local: b, verdict: 'nok' }), 'name')
    expect([welcome.at, turnedAway.at]).toEqual(['done', 'refused'])
    for (const state of [welcome, turnedAway])
      expect(acceptorStep(state, given(name), envB)).toEqual({ state, send: [] })
  })

  test.each(['', '00', '7a', '6e0005075f5fbc6162', 'ff'.repeat(40)])('and with what is no message: %j', (bytes) => {
    const input = { input: 'message', bytes: Buffer.from(bytes, 'hex') } as const
    for (const [state] of Object.values(initiatorStates))
      expect(initiatorStep(state, input, envA).state.at).toBe('refused')
    for (const [state] of Object.values(acceptorStates))
      expect(acceptorStep(state, input, envB).state.at).toBe('refused')
  })

  test('the other side closes, in every state', () => {
    const cause = new Error('read ECONNRESET')
    for (const [state] of Object.values(initiatorStates)) {
      const { state: next } = initiatorStep(state, { input: 'closed', error: cause }, envA)
      expect(next).toMatchObject({ at: 'refused', failure: { reason: 'closed', error: { cause } } })
    }
    for (const [state] of Object.values(acceptorStates)) {
      const { state: next } = acceptorStep(state, { input: 'closed' }, envB)
      expect(next).toMatchObject({
        at: 'refused',
        failure: { reason: 'closed', error: { code: 'ERR_REIGN_HANDSHAKE' } },
      })
    }
  })
})

describe('every message cut short at every byte is refused, and so is one byte more where the length is fixed', () => {
  test.each(names)('%s', (name) => {
    const bytes = writeHandshakeMessage(messages[name])
    const readers = { name: readToAcceptor, true: readToAcceptor, false: readToAcceptor, reply: readToAcceptor }
    const read = readers[name as keyof typeof readers] ?? readToInitiator
    expect(hex(writeHandshakeMessage(read(bytes)))).toBe(hex(bytes))
    for (let length = 0; length < bytes.length; length++) {
      // 'ok' is the beginning of 'ok_simultaneous': the only one that is whole before its end.
      if (name === 'ok_simultaneous' && length === 3) continue
      expect(() => read(bytes.subarray(0, length))).toThrow(expect.objectContaining({ code: 'ERR_REIGN_HANDSHAKE' }))
    }
    const longer = Buffer.concat([bytes, Buffer.of(0)])
    // After a name there may be more, in later versions of the protocol.
    if (name === 'name' || name === 'challenge') expect(read(longer)).toEqual(messages[name])
    else expect(() => read(longer)).toThrow(expect.objectContaining({ code: 'ERR_REIGN_HANDSHAKE' }))
  })
})

describe('split at every byte', () => {
  test.each([2, 4] as const)('with %d-byte lengths, and a frame behind the last message', (lengthBytes) => {
    const stream = Buffer.concat([
      ...(['ok', 'challenge', 'ack'] as const).map((name) =>
        prefixed(writeHandshakeMessage(messages[name]), lengthBytes),
      ),
      prefixed(Buffer.from('p frame'), 4),
    ])
    for (let at = 0; at <= stream.length; at++) {
      const framer = new Framer(lengthBytes, 1_024)
      let state = startInitiator(envA).state
      const frames: string[] = []
      for (const piece of [stream.subarray(0, at), stream.subarray(at)]) {
        framer.push(piece, (bytes, start, end) => {
          if (state.at === 'done') {
            frames.push(Buffer.from(bytes.slice(start, end)).toString())
            return
          }
          state = initiatorStep(state, { input: 'message', bytes: bytes.subarray(start, end) }, envA).state
          if (state.at === 'done') framer.switchTo(4, 1_000_000)
        })
      }
      expect(state.at).toBe('done')
      expect(frames).toEqual(['p frame'])
    }
  })
})

describe('the acceptor', () => {
  function knock(over: Partial<typeof messages.name>, env = envB) {
    return acceptorStep(
      acceptorStart,
      { input: 'message', bytes: writeHandshakeMessage({ ...messages.name, ...over }) },
      env,
    )
  }

  test.each([
    ['no @', 'ab', 'ERR_REIGN_NODE_NAME'],
    ['no alive part', '@h', 'ERR_REIGN_NODE_NAME'],
    ['no host', 'a@', 'ERR_REIGN_NODE_NAME'],
    ['two of them', 'a@b@c', 'ERR_REIGN_NODE_NAME'],
    ['empty', '', 'ERR_REIGN_NODE_NAME'],
    ['a path', '../a@h', 'ERR_REIGN_NODE_NAME'],
    ['a terminal escape', 'a\u001b[2J@h', 'ERR_REIGN_NODE_NAME'],
    ['too long', `${'a'.repeat(260)}@h`, 'ERR_REIGN_NODE_NAME'],
    ['our own', b.name, 'ERR_REIGN_NAME_IN_USE'],
  ])('turns away a name that is %s', (_, name, code) => {
    const asked: string[] = []
    const { state, send } = knock({ name }, acceptorEnv({ local: b, asked }))
    expect(state).toMatchObject({ at: 'refused', failure: { reason: 'identity', error: { code } } })
    expect(send.map((each) => Buffer.from(each).toString())).toEqual(['snot_allowed'])
    expect(asked).toEqual([])
    if (state.at === 'refused') expect(state.failure.error.message).toMatch(/^[\x20-\x7e…]+$/)
  })

  test('asks for the identity before it asks its owner, and before any status is answered', () => {
    const asked: string[] = []
    const { state, send } = knock({}, acceptorEnv({ local: b, asked, identities: ['c@127.0.0.1'] }))
    expect(asked).toEqual([`identifies ${a.name}`])
    expect(state).toMatchObject({
      at: 'refused',
      failure: { reason: 'identity', error: { code: 'ERR_REIGN_IDENTITY' } },
    })
    expect(send.map((each) => Buffer.from(each).toString())).toEqual(['snot_allowed'])
  })

  test('checks the abilities before it asks its owner', () => {
    const asked: string[] = []
    const { state } = knock({ flags: hiddenFlags & ~flags.V4_NC }, acceptorEnv({ local: b, asked }))
    expect(asked).toEqual([`identifies ${a.name}`])
    expect(state).toMatchObject({ at: 'refused', failure: { reason: 'flags' } })
    if (state.at === 'refused') expect(state.failure.error.message).toMatch(/lacks mandatory abilities: V4_NC$/)
  })

  test('knows what the digest bit stands for', () => {
    const { state } = knock({ flags: flags.MANDATORY_25_DIGEST | flags.UNLINK_ID | flags.V4_NC })
    expect(state).toMatchObject({ at: 'awaitReply', peer: { flags: mandatoryFlags26 | flags.MANDATORY_25_DIGEST } })
  })

  test('after alive and true, tells its owner only when the digest is right', () => {
    const alive = acceptorAfter(aliveB, 'name')
    const asked = acceptorStep(alive, given('true'), aliveB)
    expect(asked.send.map((each) => each[0])).toEqual([0x4e]) // the challenge, and no second status
    const wrong = writeHandshakeMessage({ ...messages.reply, digest: proofOf('wrong', challengeB) })
    expect(acceptorStep(asked.state, { input: 'message', bytes: wrong }, aliveB)).toMatchObject({
      state: { at: 'refused', failure: { reason: 'cookie', error: { code: 'ERR_REIGN_COOKIE' } } },
      send: [],
    })
    expect(acceptorStep(asked.state, given('reply'), aliveB).state).toMatchObject({ at: 'done', verdict: 'alive' })
  })

  test.each([
    ['at once', false, false],
    ['when that is found out', 'later', false],
    ['at once, that it may', true, true],
    ['when that is found out, that it may', 'later', true],
  ] as const)('tells a node that insists whether another run of it is alive: %s', (_, judgement, mayReplace) => {
    const asked: string[] = []
    const env = acceptorEnv({ local: b, challenges: [challengeB], verdict: 'alive', judgement, asked })
    let step = acceptorStep(acceptorAfter(env, 'name'), given('true'), env)
    expect(asked.at(-1)).toBe(`mayReplace ${a.name}`)
    if (judgement === 'later') {
      expect(step).toMatchObject({ state: { at: 'awaitJudgement' }, send: [] })
      step = acceptorStep(step.state, { input: 'judged', mayReplace }, env)
    }
    if (mayReplace) {
      expect(step.send.map((each) => each[0])).toEqual([0x4e])
      expect(acceptorStep(step.state, given('reply'), env).state).toMatchObject({ at: 'done', verdict: 'alive' })
    } else {
      expect(step.send.map((each) => Buffer.from(each).toString())).toEqual(['snot_allowed'])
      expect(step.state).toMatchObject({ failure: { reason: 'in_use', error: { code: 'ERR_REIGN_NAME_IN_USE' } } })
    }
  })

  test('a judgement that nobody waits for changes nothing', () => {
    for (const [at, [state]] of Object.entries(acceptorStates)) {
      if (at === 'awaitJudgement') continue
      expect(acceptorStep(state, { input: 'judged', mayReplace: true }, envB)).toEqual({ state, send: [] })
    }
  })

  test.each([
    ['wrong', proofOf('wrong', challengeB)],
    ['for another challenge', proofOf('secret', challengeA)],
    ['all zero', new Uint8Array(16)],
  ])('says nothing to a digest that is %s', (_, proof) => {
    const bytes = writeHandshakeMessage({ ...messages.reply, digest: proof })
    const { state, send } = acceptorStep(acceptorAfter(envB, 'name'), { input: 'message', bytes }, envB)
    expect(state).toMatchObject({ at: 'refused', failure: { reason: 'cookie', error: { code: 'ERR_REIGN_COOKIE' } } })
    expect(send).toEqual([])
  })

  test('takes the cookie for the name of the peer', () => {
    const env = { ...envB, cookie: (name: string) => new Secret(`for ${name}`) }
    const state = acceptorAfter(env, 'name')
    const proof = proofOf(`for ${a.name}`, challengeB)
    const bytes = writeHandshakeMessage({ ...messages.reply, digest: proof })
    expect(acceptorStep(state, { input: 'message', bytes }, env).state.at).toBe('done')
  })
})

describe('the initiator', () => {
  function onChallenge(over: Partial<typeof messages.challenge>, env = envA) {
    const bytes = writeHandshakeMessage({ ...messages.challenge, ...over })
    return initiatorStep(initiatorAfter('ok'), { input: 'message', bytes }, env)
  }

  test('goes no further with another node than the dialled one', () => {
    const { state, send } = onChallenge({ name: 'c@127.0.0.1' })
    expect(send).toEqual([])
    expect(state).toMatchObject({
      at: 'refused',
      failure: { reason: 'identity', error: { code: 'ERR_REIGN_IDENTITY' } },
    })
  })

  test('goes no further with a node that lacks something', () => {
    const { state, send } = onChallenge({ flags: mandatoryFlags25 })
    expect(send).toEqual([])
    expect(state).toMatchObject({ at: 'refused', failure: { reason: 'flags' } })
    if (state.at === 'refused') expect(state.failure.error.message).toMatch(/UNLINK_ID, V4_NC$/)
  })

  test('never answers a challenge of its own', () => {
    const { state, send } = onChallenge({}, { ...envA, isOurChallenge: (challenge) => challenge === challengeB })
    expect(send).toEqual([])
    expect(state).toMatchObject({ at: 'refused', failure: { reason: 'cookie', error: { code: 'ERR_REIGN_COOKIE' } } })
  })

  test('asks for a challenge unlike the one it was given', () => {
    const unlike: (number | undefined)[] = []
    onChallenge({}, { ...envA, challenge: (not) => (unlike.push(not) > 0 ? challengeA : 0) })
    expect(unlike).toEqual([challengeB])
  })

  test('is not content with a wrong ack', () => {
    const bytes = writeHandshakeMessage({ tag: 'ack', digest: proofOf('secret', challengeB) })
    const { state } = initiatorStep(initiatorAfter('ok', 'challenge'), { input: 'message', bytes }, envA)
    expect(state).toMatchObject({ at: 'refused', failure: { reason: 'cookie', error: { code: 'ERR_REIGN_COOKIE' } } })
  })

  test.each([
    [true, 'strue', 'awaitJudgement'],
    [false, 'sfalse', 'refused'],
  ])('answers alive by whether it wants to take over: %s', (takesOver, answer, at) => {
    const env = { ...envA, takesOver: () => takesOver }
    const { state, send } = initiatorStep(startInitiator(env).state, given('alive'), env)
    expect(send.map((each) => Buffer.from(each).toString())).toEqual([answer])
    expect(state.at).toBe(at)
  })

  test('knows what not_allowed means after it has insisted: another run of its own name is there', () => {
    const insisted = initiatorAfter('alive')
    const { state, send } = initiatorStep(insisted, given('not_allowed'), envA)
    expect(send).toEqual([])
    expect(state).toMatchObject({
      failure: {
        reason: 'in_use',
        error: { code: 'ERR_REIGN_NAME_IN_USE', message: expect.stringContaining(`another run of ${a.name} is alive`) },
      },
    })
    expect(initiatorStep(insisted, given('challenge'), envA).state.at).toBe('awaitAck')
  })
})

test('the two machines, joined, agree: each knows the other, and what both can do', () => {
  for (const verdict of ['ok', 'ok_simultaneous', 'alive'] as const) {
    const env = acceptorEnv({ local: b, challenges: [challengeB], verdict })
    let accepting = acceptorStart
    let { state: dialling, send: toB } = startInitiator(envA)
    for (let rounds = 0; rounds < 5; rounds++) {
      const toA: Uint8Array[] = []
      for (const bytes of toB) {
        const step = acceptorStep(accepting, { input: 'message', bytes }, env)
        accepting = step.state
        toA.push(...step.send)
      }
      toB = []
      for (const bytes of toA) {
        const step = initiatorStep(dialling, { input: 'message', bytes }, envA)
        dialling = step.state
        toB = [...toB, ...step.send]
      }
    }
    expect(dialling).toEqual({ at: 'done', peer: { name: b.name, creation: 22, flags: hiddenFlags } })
    expect(accepting).toEqual({ at: 'done', verdict, peer: { name: a.name, creation: 11, flags: hiddenFlags } })
  }
})

describe('cookies', () => {
  test('an empty one proves nothing and is refused, on both sides', () => {
    const dialling = initiatorStep(initiatorAfter('ok'), given('challenge'), { ...envA, cookie: () => new Secret('') })
    const accepting = acceptorStep(acceptorStart, given('name'), { ...envB, cookie: () => new Secret('') })
    for (const { state, send } of [dialling, accepting]) {
      expect(send).toEqual([])
      expect(state).toMatchObject({ at: 'refused', failure: { reason: 'cookie', error: { code: 'ERR_REIGN_COOKIE' } } })
    }
  })

  test('one that Erlang could not digest is refused', () => {
    expect(() => proofOf('Ω', 1)).toThrow(expect.objectContaining({ code: 'ERR_REIGN_COOKIE' }))
  })

  test('its characters are bytes, and the challenge is unsigned', () => {
    // erlang:md5([atom_to_list('é') | "4294967295"])
    expect(hex(proofOf('é', 0xffff_ffff))).toBe(hex(proofOf('é', -1)))
    expect(hex(proofOf('é', 0xffff_ffff))).toBe('2a511b3c6f5dbda63347583168008d3e')
  })
})

function prefixed(body: Uint8Array, lengthBytes: 2 | 4): Buffer {
  const bytes = Buffer.alloc(lengthBytes + body.length)
  bytes.writeUIntBE(body.length, 0, lengthBytes)
  bytes.set(body, lengthBytes)
  return bytes
}

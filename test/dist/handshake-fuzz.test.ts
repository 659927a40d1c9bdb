/** Seeded noise against the handshake and the framer: nothing is thrown but coded errors, and nobody gets in by luck. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { Framer } from '../../src/dist/framer.js'
import { acceptorStart, acceptorStep } from '../../src/dist/handshake-acceptor.js'
import { initiatorStep, startInitiator } from '../../src/dist/handshake-initiator.js'
import { acceptorEnv, initiatorEnv } from './handshake-kit.js'

/** A small generator of its own, so that a failure can be played again. */
function seeded(seed: number): (below: number) => number {
  let state = seed >>> 0
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 0x1_0000_0000) * below)
  }
}

const vectors = JSON.parse(readFileSync(new URL('../vectors/handshake-vectors.json', import.meta.url), 'utf8')) as {
  handshakes: { steps: { hex: string }[] }[]
}
const captured = vectors.handshakes.flatMap(({ steps }) => steps.map(({ hex }) => Buffer.from(hex, 'hex')))

function mutated(random: (below: number) => number): Buffer {
  const bytes = Buffer.from(captured[random(captured.length)] as Buffer)
  for (let changes = random(4) + 1; changes > 0; changes--) {
    if (bytes.length > 0) bytes[random(bytes.length)] = random(256)
  }
  const cut = random(4) === 0 ? bytes.subarray(0, random(bytes.length + 1)) : bytes
  return random(8) === 0 ? Buffer.concat([cut, Buffer.alloc(random(50), random(256))]) : cut
}

function status(word: string) {
  return { input: 'message', bytes: Buffer.from(`s${word}`) } as const
}

test('60,000 mutated messages, in every state: each step gives a state, and none a connection', () => {
  const random = seeded(20_240_611)
  const [a, b] = [initiatorEnv(), acceptorEnv()]
  const alive = acceptorEnv({ verdict: 'alive', judgement: 'later' })
  const [name, ok, challenge] = captured.map((bytes) => ({ input: 'message', bytes }) as const)
  if (name === undefined || ok === undefined || challenge === undefined) throw new Error('no captures')
  const awaitChallenge = initiatorStep(startInitiator(a).state, ok, a).state
  const insisted = initiatorStep(startInitiator(a).state, status('alive'), a).state
  const dialling = [
    startInitiator(a).state,
    awaitChallenge,
    insisted,
    initiatorStep(awaitChallenge, challenge, a).state,
  ]
  const knocked = acceptorStep(acceptorStart, name, alive).state
  const accepting = [
    acceptorStart,
    knocked,
    acceptorStep(knocked, status('true'), alive).state,
    acceptorStep(acceptorStart, name, b).state,
  ]
  expect(dialling.map(({ at }) => at)).toEqual(['awaitStatus', 'awaitChallenge', 'awaitJudgement', 'awaitAck'])
  expect(accepting.map(({ at }) => at)).toEqual(['awaitName', 'awaitStatus', 'awaitJudgement', 'awaitReply'])

  const reached = new Set<string>()
  for (let round = 0; round < 7_500; round++) {
    const input = { input: 'message', bytes: mutated(random) } as const
    for (const state of dialling) reached.add(initiatorStep(state, input, a).state.at)
    for (const state of accepting) reached.add(acceptorStep(state, input, b).state.at)
  }
  expect([...reached].sort()).toEqual(['awaitAck', 'awaitChallenge', 'awaitJudgement', 'awaitReply', 'refused'])
})

test('frames cut at random places are the same frames', () => {
  const random = seeded(7)
  for (let round = 0; round < 300; round++) {
    const bodies = Array.from({ length: random(30) }, () =>
      Buffer.alloc(random(random(4) === 0 ? 200_000 : 60), random(256)),
    )
    const stream = Buffer.concat(
      bodies.flatMap((body) => {
        const length = Buffer.alloc(4)
        length.writeUInt32BE(body.length)
        return [length, body]
      }),
    )
    const framer = new Framer(4, 1 << 20)
    let frames = 0
    let same = true
    for (let at = 0; at < stream.length; ) {
      const end = Math.min(stream.length, at + 1 + random(random(3) === 0 ? 70_000 : 9_000))
      framer.push(stream.subarray(at, end), (from, start, stop) => {
        same &&= Buffer.compare(from.subarray(start, stop), bodies[frames++] as Buffer) === 0
      })
      at = end
    }
    expect([frames, same, framer.bytesHeld]).toEqual([bodies.length, true, 0])
  }
})

/**
 * A node that is let in, as it has the cookie and a certificate of its own, and then says whatever it likes: the steps of the handshake
 * are those of reign, what comes after is written byte by byte.
 */
import { encodeTerm } from '../../src/codec/encode.js'
import { Writer } from '../../src/codec/writer.js'
import { type ControlContext, controlContext, controlOps, encodeSignal } from '../../src/dist/control.js'
import { headerFlags, hiddenFlags, mandatoryFlags26 } from '../../src/dist/flags.js'
import { Framer } from '../../src/dist/framer.js'
import type { Step } from '../../src/dist/handshake.js'
import {
  type InitiatorEnv,
  type InitiatorState,
  initiatorStep,
  startInitiator,
} from '../../src/dist/handshake-initiator.js'
import type { ByteStream } from '../../src/net/transport.js'
import { Secret } from '../../src/secret.js'
import type { Signal } from '../../src/signal.js'
import type { Address, Entrance } from '../../src/term/address.js'
import { AddressBook } from '../../src/term/address-book.js'
import { Incarnation } from '../../src/term/incarnation.js'
import type { Ref } from '../../src/term/ref.js'
import { Tuple } from '../../src/term/tuple.js'
import { Random, seededEntropy } from '../../src/testing/random.js'
import type { Simulation } from '../../src/testing/simulation.js'

const nowhere: Entrance = { deliver: () => true, drained: () => Promise.resolve(), leaves: () => {} }
const frameBytesMax = 1024 * 1024

/** See the head of this file. */
export class Guest {
  readonly name: string
  readonly door: string
  readonly random: Random
  /** The addresses and references that it has made up or heard of. */
  readonly book: AddressBook
  /** Whether it is in: after the handshake, until the stream ends. */
  isIn = false
  /** How its visit has ended, if it has: by itself, or by its host. */
  end: 'left' | 'put out' | undefined
  /** Whether it reads nothing any more, and so does not even see its connection end. */
  isDeaf = false
  /** Whether frames have a distribution header. */
  readonly headers: boolean
  readonly #simulation: Simulation
  readonly #context: ControlContext
  readonly #env: InitiatorEnv
  #stream: ByteStream | undefined

  constructor(simulation: Simulation, name: string, door: string, seed: number, headers = false) {
    this.#simulation = simulation
    this.name = name
    this.door = door
    this.headers = headers
    this.random = new Random(seed)
    const entropy = seededEntropy(this.random.int(2 ** 32))
    const creation = 1 + this.random.int(2 ** 31)
    this.book = new AddressBook(
      new Incarnation(name, creation),
      { local: () => undefined, gone: nowhere, route: () => nowhere },
      entropy,
    )
    const flags = headers ? hiddenFlags | headerFlags : hiddenFlags
    this.#context = controlContext(this.book, flags)
    this.#env = {
      local: { name, creation, flags, requiredFlags: mandatoryFlags26 },
      cookie: () => new Secret(simulation.spec.cookie as string),
      challenge: () => entropy.uint32(),
      isOurChallenge: () => false,
      dialled: door,
      takesOver: () => true,
    }
  }

  /** Dials its host; `entered` is called when it is in, which may be never. */
  enter(entered: () => void): void {
    const { network } = this.#simulation
    const endpoint = { host: '127.0.0.1', port: this.#simulation.port(this.door) }
    const { signal } = new AbortController()
    network
      .transport(this.name)
      .dial(endpoint, { node: this.door, alpn: [], signal })
      .then((stream) => this.#shakeHands(stream, entered))
      .catch(() => this.#out('put out'))
  }

  #shakeHands(stream: ByteStream, entered: () => void): void {
    this.#stream = stream
    if (this.end !== undefined) return stream.destroy()
    const framer = new Framer(4, 1_024)
    let state: InitiatorState
    const take = (step: Step<InitiatorState>) => {
      state = step.state
      for (const message of step.send) this.frame(message)
      if (state.at === 'refused') this.hangUp()
      if (state.at !== 'done') return
      framer.switchTo(4, frameBytesMax)
      this.isIn = true
    }
    stream.start({
      data: (bytes) => {
        const wasIn = this.isIn
        framer.push(bytes, (from, start, end) => {
          // It does not care what it is told: whatever it says was decided before.
          if (!this.isIn && this.end === undefined) {
            take(initiatorStep(state, { input: 'message', bytes: from.slice(start, end) }, this.#env))
          }
        })
        if (this.isIn && !wasIn) entered()
      },
      drain: () => {},
      closed: () => this.#out('put out'),
    })
    take(startInitiator(this.#env))
  }

  // --- what it says -------------------------------------------------------------------------------------------------

  /** A frame with that in it. */
  frame(body: Uint8Array): void {
    const bytes = Buffer.alloc(4 + body.length)
    bytes.writeUInt32BE(body.length)
    bytes.set(body, 4)
    this.raw(bytes)
  }

  raw(bytes: Uint8Array): void {
    if (this.end === undefined) this.#stream?.write(bytes)
  }

  /** A signal in the form that is right on this connection. What cannot be encoded is a mistake of ours. */
  signal(signal: Signal): void {
    const writer = new Writer(64)
    encodeSignal(writer, signal, this.#context)
    this.frame(writer.buffer.slice(0, writer.length))
  }

  /** A control message of these elements, made without any knowledge of what they should be. */
  control(op: number, elements: readonly unknown[], ...payloads: readonly unknown[]): void {
    const writer = new Writer(64)
    if (this.headers) writer.raw(Uint8Array.of(131, 68, 0))
    else writer.u8(112)
    const whole = Tuple.ofLength(1 + elements.length)
    for (const [i, element] of [op, ...elements].entries()) whole[i] = element
    for (const term of [whole, ...payloads]) {
      if (!this.headers) writer.u8(131)
      encodeTerm(writer, term, this.#context)
    }
    this.frame(writer.buffer.slice(0, writer.length))
  }

  /** A message in the name of anybody. */
  send(from: Address<never>, to: Address<never>, message: unknown): void {
    this.control(controlOps.SEND_SENDER, [from, to], message)
  }

  /** To a registered name of its host. */
  sendNamed(to: string, message: unknown, from: Address<never> = this.pid(1)): void {
    this.control(controlOps.REG_SEND, [from, Symbol.for(''), Symbol.for(to)], message)
  }

  tick(): void {
    this.raw(new Uint8Array(4))
  }

  // --- whom it knows ------------------------------------------------------------------------------------------------

  /** One of its own processes. */
  pid(number: number): Address<never> {
    const { node, creation } = this.book.self
    return this.book.address(node, number, 0, creation)
  }

  /** The address of somebody, as it has heard of it. */
  known({ node, id, serial, creation }: Address<never>): Address<never> {
    return this.book.address(node, id, serial, creation)
  }

  knownRef(ref: Ref): Ref {
    return this.book.ref(ref.node, ref.creation, ref.words)
  }

  // --- how it goes --------------------------------------------------------------------------------------------------

  /** Reads nothing any more. */
  stopReading(): void {
    this.isDeaf = true
    this.#stream?.pause()
  }

  /** Closes its connection, in good order or not. */
  leave(politely: boolean): void {
    if (politely) this.#stream?.close()
    else this.#stream?.destroy()
    this.#out('left')
  }

  hangUp(): void {
    this.leave(false)
  }

  #out(end: 'left' | 'put out'): void {
    this.isIn = false
    this.end ??= end
  }
}

/**
 * Numbered messages between all pairs of nodes: two senders for each other node, and one sink, which checks what it hears.
 *
 * `{soak, Sender, Stream, Way, N, Total, Payload}`: see StreamOracle. Senders learn the address of the sink of the other node by
 * `{hello, Sender, Stream}`, which is answered with `{here, Sink}`, and use that and the name in turn.
 */
import { type Address, atom, type Down, isTuple, type NodeDown, type NodeUp, named, type Process, tuple } from 'reign'
import { StreamOracle } from './stream-oracle.js'
import { streamsPerPair, textOf, type Workplace } from './work.js'

/** Between two rounds of a sender, in milliseconds. */
const beatMs = 50
/** How often a sender asks for the address of its sink. */
const helloMs = 1_000

const [soak, hello, here] = [atom('soak'), atom('hello'), atom('here')]

/** How long the payload of a message is: 1 KiB on the average, and some are sent in fragments. */
export const sizeOf = (n: number): number => (n % 500 === 0 ? 200_000 : n % 50 === 0 ? 16_384 : 16 + ((n * 37) % 400))
/** No text, so that it comes as bytes. */
const payloadOf = (n: number): Uint8Array => new Uint8Array(sizeOf(n)).fill(128 + (n % 64))

function isPayload(payload: unknown, n: number): boolean {
  return payload instanceof Uint8Array && Buffer.compare(payload, payloadOf(n)) === 0
}

/** The first message that what is planted befalls: soon, as a fault may hide it. */
const plantedAt = 50

/** What a test may plant, to see that it is found. */
export type Plant = 'drop' | 'duplicate' | 'swap'

interface Sender {
  readonly other: string
  readonly address: Address<never>
  total: number
  /** Whether it is to say something although all is still. */
  mark: boolean
}

/** See the head of this file. */
export class Streams {
  readonly oracle: StreamOracle
  readonly #at: Workplace
  readonly #senders: Sender[] = []
  readonly #plant: Plant | undefined
  #planted = 0

  constructor(at: Workplace, plant: Plant | undefined) {
    this.#at = at
    this.#plant = plant
    this.oracle = new StreamOracle(at.fail, at.node.nodes())
    at.node.spawn({ name: 'sink' }, (self: Process) => this.#sink(self))
    for (const other of at.others) {
      for (let stream = 0; stream < streamsPerPair; stream++) {
        at.node.spawn((self: Process) => this.#send(self, other, stream))
      }
    }
  }

  get sentCount(): number {
    return this.#senders.reduce((sum, { total }) => sum + total, 0)
  }

  /** Each sender says one more, once, each way. */
  mark(): void {
    for (const sender of this.#senders) sender.mark = true
  }

  /** What each sender has said last, and to which node. */
  saidLast(): { readonly other: string; readonly sender: string; readonly total: number }[] {
    return this.#senders.map(({ other, address, total }) => ({ other, sender: textOf(address), total }))
  }

  // --- the sink -----------------------------------------------------------------------------------------------------

  async #sink(self: Process): Promise<void> {
    this.#at.node.monitorNodes(self)
    for await (const message of self) {
      if (isTuple(message) && message[0] === soak) this.#take(message as unknown[])
      else if (isTuple(message) && message[0] === hello)
        (message[1] as Address<unknown>).send(tuple(here, self.address))
      else if ((message as NodeUp).type === 'nodeup') this.oracle.nodeUp((message as NodeUp).node)
      else if ((message as NodeDown).type === 'nodedown') this.oracle.nodeDown((message as NodeDown).node)
      else this.#at.fail(`the sink gets what nobody has sent: ${String(message)}`)
    }
  }

  #held: unknown[] | undefined

  /** Hears a message, unless a test has planted that it is lost, doubled or held back on its way. */
  #take(message: unknown[]): void {
    const due = this.#plant !== undefined && ++this.#planted === plantedAt
    if (due && this.#plant === 'drop') return
    if (due && this.#plant === 'swap') {
      this.#held = message
      return
    }
    this.#hear(message)
    if (due && this.#plant === 'duplicate') this.#hear(message)
    const held = this.#held
    if (held === undefined || held[1] !== message[1]) return
    this.#held = undefined
    this.#hear(held)
  }

  #hear([, from, stream, way, n, total, payload]: unknown[]): void {
    const sender = from as Address<never>
    const numbers = { stream: Number(stream), way: Number(way), n: Number(n), total: Number(total) }
    this.oracle.heard({ node: sender.node, sender: textOf(sender), ...numbers })
    if (!isPayload(payload, numbers.total)) this.#at.fail(`altered: what ${textOf(sender)} says with ${total}`)
  }

  // --- the senders --------------------------------------------------------------------------------------------------

  async #send(self: Process, other: string, stream: number): Promise<void> {
    const me: Sender = { other, address: self.address, total: 0, mark: false }
    this.#senders.push(me)
    const { random, perSecond } = this.#at
    const byName = { to: named('sink', other), way: 0, n: 0 }
    let byAddress: { to: Address<unknown>; way: number; n: number } | undefined
    let learnt = 0
    let askedAt = 0
    const take = (message: unknown) => {
      if (isTuple(message) && message[0] === here) {
        if (byAddress !== undefined) return
        byAddress = { to: message[1] as Address<unknown>, way: ++learnt, n: 0 }
        self.monitor(byAddress.to)
      } else if ((message as Down).type === 'DOWN') byAddress = undefined
      else this.#at.fail(`a sender gets what nobody has sent: ${String(message)}`)
    }
    const say = (way: { to: typeof byName.to | Address<unknown>; way: number; n: number }) => {
      const total = ++me.total
      return this.#at.node.send(way.to, tuple(soak, self.address, stream, way.way, ++way.n, total, payloadOf(total)))
    }
    // What is too little for a beat is not lost, but said later.
    for (let due = random.next(); ; ) {
      await new Promise((resolve) => setTimeout(resolve, beatMs))
      for (let message = self.poll(); message !== undefined; message = self.poll()) take(message)
      if (!this.#at.still) due += (perSecond * beatMs) / 1_000
      if (byAddress === undefined && performance.now() - askedAt > helloMs) {
        askedAt = performance.now()
        this.#at.node.send(byName.to, tuple(hello, self.address, stream))
      }
      let room = true
      for (; due >= 1 && room; due--) room = say(byAddress !== undefined && random.chance(0.5) ? byAddress : byName)
      if (!room) await byAddress?.to.drained().catch(() => {})
      if (!me.mark) continue
      me.mark = false
      say(byName)
      if (byAddress !== undefined) say(byAddress)
    }
  }
}

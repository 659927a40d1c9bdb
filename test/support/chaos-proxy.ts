/**
 * A TCP proxy that does to connections what bad networks do: delays, jitter, bytes one by one or a million at once, a slow
 * line, a pulled cable in one direction or both, resets. What is random comes from a seed.
 *
 *   await using proxy = await ChaosProxy.start({ target: node.endpoint, seed: 1 })
 *   // … nodes are told that proxy.endpoint is the address of the node
 *   proxy.impair({ delayMs: 200, jitterMs: 150 })
 *   proxy.impair({ passes: 'nothing' }, 'there')       // from who dialled to the target
 *   proxy.heal()
 *
 * TCP hides loss, duplication and reordering from programs, so there is none of these here: bytes arrive in order, or not
 * at all.
 */
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import type { Endpoint } from '../../src/net/transport.js'
import { seeded } from '../../src/testing/random.js'

const { setTimeout, clearTimeout, setImmediate, performance } = globalThis

/** What happens to bytes on their way in one direction. Nothing given: they pass as they come. */
export interface Conditions {
  /** Every byte is so long under way, in milliseconds. */
  readonly delayMs?: number
  /** And up to so much longer or shorter, at random; never out of order. */
  readonly jitterMs?: number
  /** Bytes are handed on at most so many at a time, each time in a turn of the event loop of its own. */
  readonly pieceBytes?: number
  /** Bytes are gathered until there are so many, or none came for {@link gatherMs}; then handed on as one. */
  readonly gatherBytes?: number
  readonly bytesPerSecond?: number
  /**
   * `everything`, by default. `later`: bytes and ends wait, and pass once it is healed. `nothing`: bytes and ends are lost, and
   * neither side hears of it, as when a cable is pulled; whatever lost anything is reset when it is healed.
   */
  readonly passes?: 'everything' | 'later' | 'nothing'
}

/** `there`: from who dialled to the target; `back`: the other way. */
export type Direction = 'there' | 'back'

/** How long {@link Conditions.gatherBytes} waits for more, in milliseconds. */
export const gatherMs = 20

/** What waits in one direction before the sender is slowed down, as the buffers of a network would. */
const bufferBytes = 1_048_576

/** What a {@link ChaosProxy} is started with. */
export interface ChaosProxyOptions {
  /** Where the connections lead. */
  readonly target?: Endpoint | undefined
  readonly seed?: number
  /** In both directions, from the first byte on. */
  readonly conditions?: Conditions
}

/** See the head of this file. */
export class ChaosProxy implements AsyncDisposable {
  /** Where the next connections lead; those that stand stay. `undefined`: nowhere, and they are reset. */
  target: Endpoint | undefined
  /** Whether new connections are reset at once. */
  refusing = false
  /** How many connections have come, the refused ones too. */
  accepted = 0
  readonly #server: Server
  readonly #random: () => number
  readonly #links = new Set<Link>()
  #conditions: Record<Direction, Conditions>

  private constructor(server: Server, { target, seed = 1, conditions = {} }: ChaosProxyOptions) {
    this.target = target
    this.#server = server
    this.#random = seeded(seed)
    this.#conditions = { there: conditions, back: conditions }
    server.on('connection', (socket) => this.#accept(socket))
  }

  static async start(options: ChaosProxyOptions = {}): Promise<ChaosProxy> {
    const server = createServer({ allowHalfOpen: true, noDelay: true })
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(0, '127.0.0.1', resolve)
    })
    return new ChaosProxy(server, options)
  }

  /** Where to dial instead of the target. */
  get endpoint(): Endpoint & { readonly text: string } {
    const { port } = this.#server.address() as AddressInfo
    return { host: '127.0.0.1', port, text: `127.0.0.1:${port}` }
  }

  /** How many connections stand, as far as either side can tell. */
  get links(): number {
    return this.#links.size
  }

  /** Sets the conditions of a direction, or of both, from now on; those before are over. */
  impair(conditions: Conditions, direction?: Direction): void {
    for (const each of ['there', 'back'] as const) {
      if (direction === undefined || direction === each) this.#conditions[each] = conditions
    }
    for (const link of this.#links) link.changed()
  }

  /** All is well again. What was kept back passes; what has lost bytes or an end is reset. */
  heal(): void {
    this.refusing = false
    for (const link of [...this.#links]) if (link.hasLost) link.reset()
    this.impair({})
  }

  /** Resets every connection: both sides see it break, and what is under way is lost. */
  reset(): void {
    for (const link of [...this.#links]) link.reset()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.reset()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #accept(socket: Socket): void {
    this.accepted++
    socket.on('error', () => {})
    if (this.refusing || this.target === undefined) return void socket.resetAndDestroy()
    const further = connect({ ...this.target, allowHalfOpen: true, noDelay: true })
    const link = new Link(socket, further, this.#random, (direction) => this.#conditions[direction])
    this.#links.add(link)
    link.onOver = () => this.#links.delete(link)
  }
}

/** One connection: two flows. */
class Link {
  onOver: () => void = () => {}
  readonly #sockets: readonly [Socket, Socket]
  readonly #there: Flow
  readonly #back: Flow

  constructor(near: Socket, far: Socket, random: () => number, conditions: (direction: Direction) => Conditions) {
    this.#sockets = [near, far]
    this.#there = new Flow(near, far, random, () => conditions('there'))
    this.#back = new Flow(far, near, random, () => conditions('back'))
    for (const socket of this.#sockets) {
      socket.on('error', () => {})
      socket.on('close', () => this.#sockets.every(({ closed }) => closed) && this.onOver())
    }
  }

  /** Whether bytes or an end have been lost, so that what would follow makes no sense. */
  get hasLost(): boolean {
    return this.#there.hasLost || this.#back.hasLost
  }

  changed(): void {
    this.#there.pump()
    this.#back.pump()
  }

  reset(): void {
    this.#there.stop()
    this.#back.stop()
    for (const socket of this.#sockets) reset(socket)
    this.onOver()
  }
}

type Item = { readonly due: number } & ({ bytes: Buffer } | { readonly ending: 'end' | 'reset' })

/** The bytes of one direction. */
class Flow {
  hasLost = false
  readonly #from: Socket
  readonly #to: Socket
  readonly #random: () => number
  readonly #conditions: () => Conditions
  #items: Item[] = []
  #bytes = 0
  #lastCameAt = 0
  #lastDue = 0
  #lineFreeAt = 0
  #wakeUp: { cancel: () => void } | undefined
  #blocked = false
  #stopped = false

  constructor(from: Socket, to: Socket, random: () => number, conditions: () => Conditions) {
    this.#from = from
    this.#to = to
    this.#random = random
    this.#conditions = conditions
    from.on('data', (bytes: Buffer) => {
      this.#bytes += bytes.length
      this.#push({ bytes, due: this.#due() })
    })
    // An end is followed by a close without an error; a reset is an error, with or without an end before it.
    from.on('end', () => this.#push({ ending: 'end', due: this.#due() }))
    from.on('error', () => this.#push({ ending: 'reset', due: this.#due() }))
    to.on('drain', () => {
      this.#blocked = false
      this.pump()
    })
  }

  /** No more comes through. */
  stop(): void {
    this.#stopped = true
    this.#wakeUp?.cancel()
    this.#items = []
  }

  #due(): number {
    const { delayMs = 0, jitterMs = 0 } = this.#conditions()
    const now = performance.now()
    this.#lastCameAt = now
    this.#lastDue = Math.max(this.#lastDue, now + delayMs + jitterMs * (2 * this.#random() - 1))
    return this.#lastDue
  }

  #push(item: Item): void {
    this.#items.push(item)
    if (this.#bytes > bufferBytes) this.#from.pause()
    this.pump()
  }

  /** Hands on what may pass now, and comes back for the rest. */
  readonly pump = (): void => {
    this.#wakeUp?.cancel()
    this.#wakeUp = undefined
    while (!this.#stopped && !this.#blocked && this.#items.length > 0) {
      const { passes = 'everything' } = this.#conditions()
      if (passes === 'later') return
      if (passes === 'nothing') this.#lose()
      else if (!this.#handOn()) return
    }
  }

  #lose(): void {
    this.hasLost = true
    this.#items = []
    this.#took(this.#bytes)
  }

  /** Hands on one piece; `false` when it is not the time yet, or the next has to wait: it has seen to being called again. */
  #handOn(): boolean {
    const [head] = this.#items as [Item]
    const { pieceBytes, gatherBytes, bytesPerSecond } = this.#conditions()
    const now = performance.now()
    const gathering = gatherBytes !== undefined && this.#bytes < gatherBytes ? this.#lastCameAt + gatherMs : 0
    const due = Math.max(head.due, gathering, bytesPerSecond === undefined ? 0 : this.#lineFreeAt)
    if (due > now) {
      const timer = setTimeout(this.pump, due - now)
      this.#wakeUp = { cancel: () => clearTimeout(timer) }
      return false
    }
    if ('ending' in head) {
      this.#items.shift()
      if (head.ending === 'end') this.#to.end()
      else reset(this.#to)
      return true
    }
    // A slow line is slow for every part of what comes, not only on average.
    const most = Math.min(pieceBytes ?? Infinity, bytesPerSecond === undefined ? Infinity : bytesPerSecond / 50)
    const piece = this.#take(now, Math.max(1, Math.floor(most)), gatherBytes !== undefined)
    if (bytesPerSecond !== undefined) {
      this.#lineFreeAt = Math.max(now, this.#lineFreeAt) + (piece.length / bytesPerSecond) * 1_000
    }
    this.#blocked = !this.#to.write(piece)
    if (pieceBytes === undefined || this.#items.length === 0) return true
    const turn = setImmediate(this.pump)
    this.#wakeUp = { cancel: () => clearImmediate(turn) }
    return false
  }

  /** Takes bytes of the first item, or, to gather, of all that are due. */
  #take(now: number, most: number, gather: boolean): Buffer {
    const taken: Buffer[] = []
    let left = most
    while (left > 0) {
      const [head] = this.#items
      if (head === undefined || !('bytes' in head) || head.due > now || (taken.length > 0 && !gather)) break
      const bytes = head.bytes.subarray(0, left)
      taken.push(bytes)
      left -= bytes.length
      if (bytes.length === head.bytes.length) this.#items.shift()
      else head.bytes = head.bytes.subarray(bytes.length)
    }
    const piece = taken.length === 1 ? (taken[0] as Buffer) : Buffer.concat(taken)
    this.#took(piece.length)
    return piece
  }

  #took(bytes: number): void {
    this.#bytes -= bytes
    if (this.#bytes <= bufferBytes && this.#from.isPaused()) this.#from.resume()
  }
}

/** Ends a socket as a broken connection does; one that is not connected yet, as one that nobody answers. */
function reset(socket: Socket): void {
  if (socket.connecting) socket.destroy()
  else socket.resetAndDestroy()
}

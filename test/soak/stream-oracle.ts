/**
 * What one process may hear of the senders of other nodes: in order, nothing twice, nothing missing inside a connection, nothing from an
 * earlier run once a later one has been heard. The process feeds it all that it gets, in the order in which it gets it.
 */

/** A message of a stream, as it was heard. */
export interface Heard {
  readonly node: string
  /** Which of the senders on that node it is. */
  readonly stream: number
  /** The address of the sender, as text. */
  readonly sender: string
  /** How it was addressed: 0 by the name of the receiver; else by its address, and which time it is that the sender has learnt that. */
  readonly way: number
  /** Counts what the sender has sent that way. */
  readonly n: number
  /** Counts what the sender has sent in all ways. */
  readonly total: number
}

/** The last that came one way. */
interface Last {
  readonly way: number
  readonly n: number
  /** The connection over which that came. */
  readonly epoch: number
}

interface Stream {
  readonly sender: string
  lastTotal: number
  byName: Last | undefined
  byAddress: Last | undefined
}

/** See the head of this file. */
export class StreamOracle {
  heardCount = 0
  /** How many are known to be lost, each with its connection. */
  lostCount = 0
  readonly #fail: (violation: string) => void
  /** The number of the connection with a node: positive while it stands. */
  readonly #epochs = new Map<string, number>()
  readonly #streams = new Map<string, Stream>()
  readonly #retired = new Set<string>()

  /** @param up The nodes that are connected already. */
  constructor(fail: (violation: string) => void, up: Iterable<string> = []) {
    this.#fail = fail
    for (const node of up) this.nodeUp(node)
  }

  nodeUp(node: string): void {
    const epoch = this.#epochs.get(node) ?? 0
    if (epoch > 0) this.#fail(`node up: ${node} is up already`)
    this.#epochs.set(node, Math.abs(epoch) + 1)
  }

  nodeDown(node: string): void {
    const epoch = this.#epochs.get(node) ?? 0
    if (epoch <= 0) this.#fail(`node down: ${node} is not up`)
    this.#epochs.set(node, -Math.abs(epoch))
  }

  heard({ node, stream, sender, way, n, total }: Heard): void {
    this.heardCount++
    const epoch = this.#epochs.get(node) ?? 0
    if (epoch <= 0) this.#fail(`order: ${sender} is heard of while its node is down`)
    const known = this.#stream(`${node} ${stream}`, sender)
    if (known === undefined) return
    if (total <= known.lastTotal) {
      this.#fail(
        `${total === known.lastTotal ? 'duplicate' : 'order'}: ${sender} says ${total} after ${known.lastTotal}`,
      )
    }
    known.lastTotal = Math.max(known.lastTotal, total)
    const before = way === 0 ? known.byName : known.byAddress
    const last = { way, n, epoch }
    if (way === 0) known.byName = last
    else known.byAddress = last
    if (before === undefined || before.way !== way) return
    if (n <= before.n) return this.#fail(`duplicate: ${sender} says ${n} after ${before.n} (way ${way})`)
    const missing = n - before.n - 1
    if (missing > 0 && before.epoch === epoch) {
      this.#fail(`hole: ${sender} says ${n} after ${before.n} (way ${way}), over one connection`)
    } else this.lostCount += missing
  }

  /** The last that was heard of each sender. */
  tails(): { readonly sender: string; readonly total: number }[] {
    return Array.from(this.#streams.values(), ({ sender, lastTotal }) => ({ sender, total: lastTotal }))
  }

  /** The stream of a sender; `undefined` when another run of its node has been heard since. */
  #stream(key: string, sender: string): Stream | undefined {
    const known = this.#streams.get(key)
    if (known?.sender === sender) return known
    if (this.#retired.has(sender)) {
      this.#fail(`runs: ${sender} is heard of after ${known?.sender}, which came later`)
      return undefined
    }
    if (known !== undefined) this.#retired.add(known.sender)
    const made: Stream = { sender, lastTotal: 0, byName: undefined, byAddress: undefined }
    this.#streams.set(key, made)
    return made
  }
}

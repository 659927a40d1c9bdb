/** Log lines about peers that were refused: enough to find out why, never as many as somebody outside would like. */
import type { Clock } from '../clock.js'
import type { ReignError } from '../errors.js'
import type { Logger } from '../logger.js'
import type { RemoteAddress } from './transport.js'

/** One line for each remote address in this time. */
const quietMs = 1_000
/** And from all addresses together: whoever has one network has many addresses. */
const linesPerSecondMax = 10
/** Addresses that are remembered. */
const addressesMax = 1_024

/** See the head of this file. One for a node. */
export class RefusalLog {
  readonly #clock: Pick<Clock, 'now'>
  readonly #logger: Logger
  readonly #each: (remote: RemoteAddress, error: ReignError) => void
  /** By address: since when it is quiet, and how many refusals were not told. In order of the last line. */
  readonly #addresses = new Map<string, { since: number; untold: number }>()
  #second = Number.NEGATIVE_INFINITY
  #lines = 0
  #untold = 0

  /** @param each Is told of each of them. */
  constructor(
    clock: Pick<Clock, 'now'>,
    logger: Logger,
    each: (remote: RemoteAddress, error: ReignError) => void = () => {},
  ) {
    this.#each = each
    this.#clock = clock
    this.#logger = logger
  }

  /** How many refusals have gone untold, of addresses that are still remembered and in all. */
  get untold(): number {
    return this.#untold
  }

  /** Tells that a peer was refused, or counts it: the next line about the address says how many were not told. */
  refused(remote: RemoteAddress, error: ReignError): void {
    this.#each(remote, error)
    const now = this.#clock.now()
    const known = this.#addresses.get(remote.address)
    if ((known !== undefined && now - known.since < quietMs) || !this.#mayTell(now)) {
      this.#untold++
      if (known !== undefined) known.untold++
      else this.#remember(remote.address, Number.NEGATIVE_INFINITY, 1)
      return
    }
    this.#remember(remote.address, now, 0)
    const untold = known?.untold ?? 0
    const fields = { remote: remote.text, code: error.code, error: error.message, ...(untold > 0 && { untold }) }
    this.#logger.warn(fields, 'refused a connection')
  }

  #mayTell(now: number): boolean {
    if (now - this.#second >= 1_000) {
      this.#second = now
      this.#lines = 0
    }
    return this.#lines++ < linesPerSecondMax
  }

  #remember(address: string, since: number, untold: number): void {
    this.#addresses.delete(address)
    this.#addresses.set(address, { since, untold })
    if (this.#addresses.size <= addressesMax) return
    const [oldest] = this.#addresses.keys()
    this.#addresses.delete(oldest as string)
  }
}

/** Follows one discovery for as long as a node runs: hands on what it finds, begins anew when it fails, says so once. */
import type { Clock } from '../clock.js'
import type { Entropy } from '../entropy.js'
import { describe, ReignError } from '../errors.js'
import type { Logger } from '../logger.js'
import { quoteRemote } from '../remote-text.js'
import { nodeNameProblem } from '../term/node-name.js'
import { Backoff } from './backoff.js'
import { type Discovery, type FoundNode, pause } from './discovery.js'
import { type Endpoint, parseEndpoint } from './endpoint.js'
import type { Named } from './members.js'

/** After a failure, in milliseconds: soon at first, then as seldom as what is asked regularly. */
const againBackoff = { firstMs: 1_000, maxMs: 30_000 }

/** What a {@link DiscoveryRun} needs. */
export interface DiscoveryRunParts {
  readonly node: string
  readonly discovery: Discovery
  /** Called with all that it finds, as often as it says so. */
  readonly found: (named: Named) => void
  readonly clock: Clock
  readonly entropy: Entropy
  readonly logger: Logger
}

/** See the head of this file. */
export class DiscoveryRun {
  readonly #parts: DiscoveryRunParts
  readonly #abort = new AbortController()
  /** What was complained about last: what stays wrong is said once. */
  #complaint: string | undefined

  constructor(parts: DiscoveryRunParts) {
    this.#parts = parts
  }

  /** Begins. Never throws: what the discovery does wrong is logged. */
  start(): void {
    void this.#run()
  }

  stop(): void {
    this.#abort.abort(new ReignError('ERR_REIGN_NODE_STOPPED', 'the node has stopped'))
  }

  async #run(): Promise<void> {
    const { node, discovery, clock, entropy } = this.#parts
    const { signal } = this.#abort
    const backoff = new Backoff(entropy, againBackoff)
    while (!signal.aborted) {
      try {
        for await (const nodes of discovery.members({ node, clock, signal })) {
          if (signal.aborted) return
          backoff.reset()
          this.#found(nodes)
        }
        // It has had its last word.
        return
      } catch (error) {
        if (signal.aborted) return
        const told =
          error instanceof ReignError ? { code: error.code, error: error.message } : { error: describe(error) }
        this.#complain(told.error, told, 'a discovery failed: what it found before holds')
      }
      await pause({ clock, signal }, backoff.next())
    }
  }

  #found(nodes: readonly FoundNode[]): void {
    const named = new Map<string, Endpoint | undefined>()
    const problems: string[] = []
    for (const each of nodes) {
      const { name, address } = each
      const problem = nodeNameProblem(name)
      const endpoint = address === undefined ? undefined : parseEndpoint(String(address), 1)
      if (problem !== undefined) problems.push(`${quoteRemote(String(name))} ${problem}`)
      else if (typeof endpoint === 'string') problems.push(`${quoteRemote(String(address))} ${endpoint}`)
      // Of several addresses the first: as a discovery lists them, so they are preferred.
      else if (named.get(name) === undefined) named.set(name, endpoint)
    }
    if (problems.length === 0) this.#complaint = undefined
    else {
      const error = problems.slice(0, 5).join('; ')
      this.#complain(error, { error, problems: problems.length }, 'a discovery found what cannot be a node: left out')
    }
    this.#parts.found(named)
  }

  #complain(what: string, fields: object, message: string): void {
    if (what === this.#complaint) return
    this.#complaint = what
    this.#parts.logger.warn({ discovery: this.#parts.discovery.title, ...fields }, message)
  }
}

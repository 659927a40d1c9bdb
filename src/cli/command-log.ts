/**
 * What a node has to say to whoever runs a command: warnings as lines of text, and why a node could not be reached.
 *
 * A node tells why an attempt failed to its log alone, at the level `debug`, before it says that it failed.
 */
import { ReignError, type ReignErrorCode } from '../errors.js'
import type { Logger, LogMethod } from '../logger.js'

/** See the head of this file. */
export class CommandLog implements Logger {
  readonly #print: (line: string) => void
  readonly #failures = new Map<string, ReignError>()
  readonly error: LogMethod = (fields, message) => this.#tell(fields, message)
  readonly warn: LogMethod = (fields, message) => this.#tell(fields, message)
  readonly info: LogMethod = () => {}
  readonly debug: LogMethod = (fields) => this.#remember(fields)
  readonly trace: LogMethod = () => {}

  /** @param print Gets each warning, as one line without its end. */
  constructor(print: (line: string) => void) {
    this.#print = print
  }

  /** Why the last attempt at that node failed; `undefined` when none has. */
  failure(node: string): ReignError | undefined {
    return this.#failures.get(node)
  }

  #tell(fields: object, message: string): void {
    const { error, err } = fields as { error?: unknown; err?: unknown }
    const cause = typeof error === 'string' ? error : err instanceof Error ? err.message : undefined
    this.#print(cause === undefined ? message : `${message}: ${cause}`)
  }

  #remember(fields: object): void {
    const { peer, code, error } = fields as { peer?: unknown; code?: unknown; error?: unknown }
    if (typeof peer !== 'string' || typeof code !== 'string' || !code.startsWith('ERR_REIGN_')) return
    this.#failures.set(peer, new ReignError(code as ReignErrorCode, String(error)))
  }
}

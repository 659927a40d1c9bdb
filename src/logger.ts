/**
 * Where the library writes what an operator should know: a sink in the shape of pino's, passed in, never global.
 *
 * The object carries the fields (`peer`, `remote`, `code`, `error`, …), the message is for people. Nothing secret is ever
 * in either: no cookie, no key, no challenge.
 */

/** One level of a {@link Logger}. */
export type LogMethod = (fields: object, message: string) => void

/** What the library needs of a logger. Any pino logger is one. */
export interface Logger {
  /** Something that somebody must repair. */
  readonly error: LogMethod
  /** Something was refused or lost; the node goes on. */
  readonly warn: LogMethod
  /** A change of state that an operator would ask about: a node came, a node went. */
  readonly info: LogMethod
  /** Why something happened. */
  readonly debug: LogMethod
  /** Each signal that crosses a connection. There may be a million a second, so only a logger that says it wants them gets any. */
  readonly trace: LogMethod
}

const nothing: LogMethod = () => {}

/** Whether lines of that level may go somewhere: for fields that cost something, of what there may be thousands of. */
export function isHeard(logger: Logger, level: keyof Logger): boolean {
  if (logger[level] === nothing) return false
  // As pino says it.
  const { isLevelEnabled } = logger as { isLevelEnabled?: (level: string) => boolean }
  return isLevelEnabled === undefined ? level !== 'trace' : isLevelEnabled.call(logger, level)
}

/** Writes nothing. */
export const silent: Logger = { error: nothing, warn: nothing, info: nothing, debug: nothing, trace: nothing }

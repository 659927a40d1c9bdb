/** The logger of nodes that are given none: warnings and crash reports as JSON lines on standard error. */
import { createRequire } from 'node:module'
import { type Logger, type LogMethod, silent } from '../logger.js'
import { StandardError } from './standard-error.js'

/**
 * Loads pino with the first line that is to be written: most nodes write none for a long time, and loading takes a tenth of the time
 * that a node takes to start. At once, not in a later turn: the line may be about why the program is about to end.
 */
export function defaultLogger(): Logger {
  let made: Logger | undefined
  const write =
    (level: 'error' | 'warn'): LogMethod =>
    (fields, message) => {
      made ??= pinoLogger()
      made[level](fields, message)
    }
  return { ...silent, error: write('error'), warn: write('warn') }
}

function pinoLogger(): Logger {
  // Not an import: that would give it in a later turn.
  const { pino }: typeof import('pino') = createRequire(import.meta.url)('pino')
  return pino({ level: 'warn' }, new StandardError()) as Logger
}

/** What a command needs of the world around it, so that tests can run one without a terminal or a process of its own. */
import { type Clock, systemClock } from '../clock.js'
import { type Entropy, systemEntropy } from '../entropy.js'
import { endingSignals, Interrupted } from './interrupted.js'
import { type Style, styleFor } from './style.js'

/** The world of a command. */
export interface CommandContext {
  /** What relative paths are relative to. */
  readonly cwd: string
  /** Writes to standard output: what was asked for. */
  out(text: string): void
  /** Writes to standard error: what went wrong. */
  err(text: string): void
  /** Emphasis for what is written to standard output. */
  readonly style: Style
  /** Aborted, with an {@link Interrupted}, when the command is to end now and in good order. */
  readonly stop: AbortSignal
  readonly clock: Clock
  readonly entropy: Entropy
}

/**
 * The context of this operating-system process.
 *
 * From now on SIGINT and SIGTERM abort its `stop`; the second one ends the process at once. A reader that leaves (`| head`) ends
 * it too, without a word: there is nobody left to tell.
 */
export function processContext(): CommandContext {
  const stop = new AbortController()
  for (const signal of endingSignals) {
    process.on(signal, () => {
      const interrupted = new Interrupted(signal)
      if (stop.signal.aborted) process.exit(interrupted.exitCodeAtOnce)
      stop.abort(interrupted)
    })
  }
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error
      process.exit(process.exitCode ?? 0)
    })
  }
  return {
    cwd: process.cwd(),
    out: (text) => {
      process.stdout.write(text)
    },
    err: (text) => {
      process.stderr.write(text)
    },
    style: styleFor(process.stdout, process.env),
    stop: stop.signal,
    clock: systemClock,
    entropy: systemEntropy,
  }
}

/** What a command needs of the world around it, so that tests can run one without a terminal or a process of its own. */
import { type Clock, systemClock } from '../clock.js'
import { type Entropy, systemEntropy } from '../entropy.js'
import { endingSignals, Interrupted } from './interrupted.js'
import { exitCodes } from './program.js'
import { type Style, styleFor } from './style.js'

/** The world of a command. */
export interface CommandContext {
  /** What relative paths are relative to. */
  readonly cwd: string
  /** Writes to standard output: what was asked for. */
  out(text: string): void
  /** Writes to standard error: what went wrong. */
  err(text: string): void
  /**
   * From now on the command is there for others than whoever reads what it writes: it goes on when nobody does, or when nothing can be written.
   */
  outliveReaders(): void
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
 * it too, without a word: there is nobody left to tell. So does a disk that is full, with a word and the code of a failure. Unless
 * the command outlives its readers.
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
  let outlives = false
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', ({ code, message }: NodeJS.ErrnoException) => {
      if (outlives) return
      if (code === 'EPIPE') process.exit(process.exitCode ?? 0)
      if (stream === process.stdout) process.stderr.write(`reign: cannot write: ${message}\n`)
      process.exit(exitCodes.failed)
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
    outliveReaders: () => {
      outlives = true
    },
    style: styleFor(process.stdout, process.env),
    stop: stop.signal,
    clock: systemClock,
    entropy: systemEntropy,
  }
}

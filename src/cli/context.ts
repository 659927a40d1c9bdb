/** What a command needs of the world around it, so that tests can run one without a terminal or a process of its own. */
import { type Clock, systemClock } from '../clock.js'
import { type Entropy, systemEntropy } from '../entropy.js'

/** The world of a command. */
export interface CommandContext {
  /** What relative paths are relative to. */
  readonly cwd: string
  /** Writes to standard output: what was asked for. */
  out(text: string): void
  /** Writes to standard error: what went wrong. */
  err(text: string): void
  readonly clock: Clock
  readonly entropy: Entropy
}

/** The context of this operating-system process. */
export const processContext: CommandContext = {
  cwd: process.cwd(),
  out: (text) => {
    process.stdout.write(text)
  },
  err: (text) => {
    process.stderr.write(text)
  },
  clock: systemClock,
  entropy: systemEntropy,
}

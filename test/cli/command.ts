/** Runs `reign` commands inside the test's own process, in a folder of their own, and keeps what they print. */
import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { CommandContext } from '../../src/cli/context.js'
import { run } from '../../src/cli/program.js'
import { plainStyle } from '../../src/cli/style.js'
import { type Clock, systemClock } from '../../src/clock.js'
import { systemEntropy } from '../../src/entropy.js'

/** What a command came to. */
export interface CommandResult {
  readonly code: number
  readonly out: string
  readonly err: string
}

/** A working directory that is gone after the test. */
export class Workplace implements Disposable {
  readonly cwd: string

  /** @param prefix Begins the name of the folder: for paths that need quoting. */
  constructor(prefix = 'reign-cli-') {
    this.cwd = realpathSync(mkdtempSync(join(tmpdir(), prefix)))
  }

  /** A path in it. */
  path(...parts: readonly string[]): string {
    return join(this.cwd, ...parts)
  }

  /** Runs `reign` with these arguments, on a day of the test's choice; until it ends, or is told to. */
  async reign(
    line: readonly string[],
    wallTime: () => number = systemClock.wallTime,
    stop: AbortSignal = new AbortController().signal,
  ): Promise<CommandResult> {
    let out = ''
    let err = ''
    const clock: Clock = { ...systemClock, wallTime }
    const context: CommandContext = {
      cwd: this.cwd,
      out: (text) => {
        out += text
      },
      err: (text) => {
        err += text
      },
      outliveReaders: () => {},
      style: plainStyle,
      stop,
      clock,
      entropy: systemEntropy,
    }
    const code = await run(line, context)
    return { code, out, err }
  }

  [Symbol.dispose](): void {
    rmSync(this.cwd, { recursive: true, force: true })
  }
}

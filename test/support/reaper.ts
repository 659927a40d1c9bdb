/** Ends what a worker of the test run has started, when the worker itself can no longer do it. */
import { spawn } from 'node:child_process'
import type { Writable } from 'node:stream'

/**
 * A shell that outlives this worker by an instant, and kills what it has left behind.
 *
 * A worker that is killed runs no exit hooks, and epmd or a suspended node would then stay for ever. The shell notices by
 * the end of its standard input. It is a session of its own, so that an interrupt from the keyboard does not reach it.
 * Does nothing on Windows.
 */
export class Reaper {
  #input: Writable | undefined

  /** From now on, kill this process at the end. */
  watch(pid: number): void {
    this.#tell(`+ ${pid}`)
  }

  /** The process has ended, and its number may come to belong to another. */
  forget(pid: number): void {
    this.#tell(`- ${pid}`)
  }

  /** Lets the shell do now what it would do when this worker is gone. */
  end(): void {
    this.#input?.end()
    this.#input = undefined
  }

  #tell(line: string): void {
    if (process.platform === 'win32') return
    this.#input ??= this.#start()
    this.#input?.write(`${line}\n`)
  }

  #start(): Writable {
    const program = `
      pids=' '
      while read -r op pid; do
        case $op in
          +) pids="$pids$pid " ;;
          -) case $pids in *" $pid "*) pids="\${pids%% $pid *} \${pids#* $pid }" ;; esac ;;
        esac
      done
      for pid in $pids; do kill -9 "$pid"; done`
    const shell = spawn('/bin/sh', ['-c', program], { stdio: ['pipe', 'ignore', 'ignore'], detached: true })
    shell.unref()
    shell.stdin.on('error', () => {})
    ;(shell.stdin as Writable & { unref(): void }).unref()
    return shell.stdin
  }
}

/**
 * Operating-system processes that tests start: their output kept, their end certain.
 *
 * A process started here ends with the test file that started it, in whichever way that file ends: after its last test, by
 * the exit of its worker, or by the worker being killed outright, which only another process can notice (see `reaper`).
 */
import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import type { Writable } from 'node:stream'
import { eventually, within } from './deadline.js'
import { Reaper } from './reaper.js'

/** How a process ended: `code` when it exited, `signal` when it was killed. */
export interface Ending {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** What {@link OsProcess} is started with. */
export interface OsProcessOptions {
  readonly args?: readonly string[]
  readonly cwd?: string
  /** Added to the environment of the test run; `undefined` takes a variable away. */
  readonly env?: Readonly<Record<string, string | undefined>>
  /** Standard input, and what lies beyond standard error (descriptors 3 and up). Default: no input, nothing beyond. */
  readonly stdin?: 'ignore' | 'pipe'
  readonly beyond?: readonly ('pipe' | 'ipc')[]
}

/** How much output is kept: enough to see why something failed, not enough to fill the memory. */
const outputCharactersMax = 1_000_000

/** How long a process that was sent SIGKILL may take to be gone. It is generous: nothing should ever need it. */
const killDeadlineMs = 10_000

const running = new Set<OsProcess>()

/** See the head of this file. */
export class OsProcess implements AsyncDisposable {
  /** The process as Node.js sees it: for its pipes. */
  readonly child: ChildProcess
  /** Resolves when the process has ended and all of its output has been read. Never rejects. */
  readonly ended: Promise<Ending>
  readonly #title: string
  #output = ''
  #stdout = ''
  #onOutput = new Set<() => void>()
  #ending: Ending | undefined
  #suspended = false

  /** Starts `command`. That it cannot be started is an `ended` with code 127, and the reason in `output`. */
  constructor(command: string, options: OsProcessOptions = {}) {
    this.#title = [command, ...(options.args ?? [])].join(' ').slice(0, 200)
    const stdio: StdioOptions = [options.stdin ?? 'ignore', 'pipe', 'pipe', ...(options.beyond ?? [])]
    const env = Object.fromEntries(
      Object.entries({ ...process.env, ...options.env }).filter(([, value]) => value !== undefined),
    )
    this.child = spawn(command, options.args ?? [], { stdio, env, ...(options.cwd && { cwd: options.cwd }) })
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.setEncoding('utf8')
      stream?.on('data', (text: string) => this.#gather(text, stream === this.child.stdout))
    }
    // A pipe breaks when the process dies with our writes under way. Its end is reported by `ended`, not by the pipe.
    for (const stream of this.child.stdio) stream?.on('error', () => {})
    running.add(this)
    if (this.child.pid !== undefined) reaper.watch(this.child.pid)
    this.ended = new Promise((resolve) => {
      this.child.on('error', (error) => {
        if (this.child.pid !== undefined) return // Such as a failed kill, or a message to what has just ended: its end is still to come.
        this.#gather(`${error.message}\n`)
        this.#end({ code: 127, signal: null }, resolve)
      })
      this.child.once('exit', () => this.child.pid !== undefined && reaper.forget(this.child.pid))
      this.child.once('close', (code, signal) => this.#end({ code, signal }, resolve))
    })
  }

  /** The process id of the operating system. */
  get pid(): number {
    if (this.child.pid === undefined) throw new Error(`was not started: ${this.#title}`)
    return this.child.pid
  }

  /** Standard output and standard error so far, in the order in which they were read. */
  get output(): string {
    return this.#output
  }

  /** Standard output alone: what a program says, without what it logs. */
  get stdout(): string {
    return this.#stdout
  }

  /** How it ended; `undefined` while it runs. */
  get ending(): Ending | undefined {
    return this.#ending
  }

  /** Standard input, if it was asked for. */
  get stdin(): Writable {
    if (this.child.stdin === null) throw new Error(`was started without standard input: ${this.#title}`)
    return this.child.stdin
  }

  /** Waits until the output matches; gives the match. Fails when the process ends without it. */
  async expectOutput(pattern: RegExp, deadlineMs: number): Promise<RegExpExecArray> {
    const look = new Promise<RegExpExecArray>((resolve, reject) => {
      const tryOnce = () => {
        const match = new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, '')).exec(this.#output)
        if (match === null && this.#ending === undefined) return
        this.#onOutput.delete(tryOnce)
        if (match !== null) resolve(match)
        else reject(new Error(this.report(`ended without ${pattern} in its output`)))
      }
      this.#onOutput.add(tryOnce)
      tryOnce()
    })
    return within(deadlineMs, look, `${pattern} in the output`).catch((error: Error) => {
      throw error.name === 'DeadlineError' ? new Error(this.report(error.message)) : error
    })
  }

  /** Kills it (SIGKILL), also when it is suspended; resolves when it is gone. To kill what is gone is no error. */
  async kill(): Promise<Ending> {
    this.signal('SIGKILL')
    return within(killDeadlineMs, this.ended, `the end of the killed ${this.#title}`)
  }

  /** Stops it in its tracks (SIGSTOP): its sockets stay open, and nothing answers. Resolves when it has stopped. */
  async suspend(): Promise<void> {
    this.signal('SIGSTOP')
    this.#suspended = true
    // The signal is on its way when kill(2) returns; other threads may still run. Only Linux lets us see it cheaply.
    if (process.platform === 'linux') await eventually(() => isStopped(this.pid), 5_000, `${this.#title} to stop`)
  }

  /** Lets a suspended process go on (SIGCONT). */
  resume(): void {
    this.#suspended = false
    this.signal('SIGCONT')
  }

  /** Whether it is suspended. */
  get suspended(): boolean {
    return this.#suspended
  }

  /** Sends a signal; nothing happens when the process has ended. */
  signal(signal: NodeJS.Signals): void {
    if (this.#ending === undefined) this.child.kill(signal)
  }

  /** `what` with the command and the last lines of its output: the text of an error that can be acted on. */
  report(what: string): string {
    const ending = this.#ending && `exit code ${this.#ending.code}, signal ${this.#ending.signal}`
    return `${what}\n  command: ${this.#title}\n  state: ${ending ?? 'running'}\n  output: ${this.#output.slice(-2_000).trim() || '(none)'}`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill()
  }

  #gather(text: string, isStdout = false): void {
    this.#output = (this.#output + text).slice(-outputCharactersMax)
    if (isStdout) this.#stdout = (this.#stdout + text).slice(-outputCharactersMax)
    for (const tryOnce of [...this.#onOutput]) tryOnce()
  }

  #end(ending: Ending, resolve: (ending: Ending) => void): void {
    if (this.#ending !== undefined) return
    this.#ending = ending
    running.delete(this)
    this.#gather('')
    resolve(ending)
  }
}

/** A program in a process of its own: what all harnesses have in common. */
export abstract class RunningProgram implements AsyncDisposable {
  /** The operating-system process: its output, `expectOutput`, `stdin`, `pid`. */
  readonly process: OsProcess
  /** Resolves when it has ended, in whichever way. */
  readonly ended: Promise<Ending>

  constructor(process: OsProcess) {
    this.process = process
    this.ended = process.ended
  }

  /** Kills it outright (SIGKILL): its sockets close, and nobody says goodbye. Resolves when it is gone. */
  kill(): Promise<Ending> {
    return this.process.kill()
  }

  /** Freezes it (SIGSTOP): its sockets stay open, and nothing answers. */
  suspend(): Promise<void> {
    return this.process.suspend()
  }

  /** Lets it go on. */
  resume(): void {
    this.process.resume()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.process.kill()
  }
}

/** Whether the operating system has stopped it. */
function isStopped(pid: number): boolean {
  // The state follows the command name, which is in parentheses and may itself hold any character.
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  return stat.slice(stat.lastIndexOf(')') + 2).startsWith('T')
}

const reaper = new Reaper()

process.on('exit', () => {
  for (const each of running) each.signal('SIGKILL')
})
// Registered when a test file imports this module, so before the file's own hooks, and therefore run after them. The soak starts processes,
// too, and has no test runner.
if (process.env.VITEST !== undefined) {
  const { afterAll } = await import('vitest')
  afterAll(async () => {
    await Promise.all([...running].map((each) => each.kill()))
  })
}

/** What the demo starts, hears and clears away: nodes in processes of their own, and programs that print lines. */
import { type ChildProcess, fork, spawn } from 'node:child_process'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { ReignError } from '../errors.js'
import { quoteRemote } from '../remote-text.js'
import type { CommandContext } from './context.js'
import type { DemoOrder, DemoReport } from './demo-node.js'

/** How long any one step may take before the demo calls itself failed, in milliseconds. */
const stepMs = 20_000

/**
 * Not in the process group of the terminal: Ctrl-C reaches the conductor alone, which then ends the others in good order.
 * Windows would open a window for it.
 */
const apart = { detached: process.platform !== 'win32' }

/** See the head of this file. */
export class Stage {
  readonly #context: CommandContext
  readonly #environment: NodeJS.ProcessEnv
  readonly #children: ChildProcess[] = []
  readonly #from: number

  constructor(context: CommandContext, environment: NodeJS.ProcessEnv) {
    this.#context = context
    this.#environment = environment
    this.#from = context.clock.now()
  }

  title(text: string): void {
    this.#context.out(`${this.#context.style.bold(text)}\n`)
  }

  /** A line, with the seconds since the beginning. */
  say(text: string): void {
    const seconds = ((this.#context.clock.now() - this.#from) / 1_000).toFixed(2).padStart(6)
    this.#context.out(`${this.#context.style.dim(`${seconds} s`)}  ${text}\n`)
  }

  /** A line for afterwards: what to do next. */
  hint(text: string): void {
    this.#context.out(`${text}\n`)
  }

  /** What one said in the chat, and who has heard it. */
  quote(by: string, text: string, hearers: readonly string[]): void {
    const { bold, dim } = this.#context.style
    this.say(`${bold(by)}: ${text}  ${dim(`(heard by ${hearers.join(', ')})`)}`)
  }

  /** @throws the reason, when the command is to end. */
  stopped(): void {
    this.#context.stop.throwIfAborted()
  }

  /** Starts a node of the demo. */
  start(name: string, cluster: string): DemoNode {
    const program = fileURLToPath(new URL('demo-node.js', import.meta.url))
    const child = fork(program, [name, cluster], {
      ...apart,
      env: this.#environment,
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    })
    return new DemoNode(name, this.#add(child), this.#context)
  }

  /** Starts another program. Its input stays open, and ends when this process does, in whichever way. */
  startProgram(command: string, args: readonly string[]): DemoProgram {
    const child = spawn(command, args, { ...apart, env: this.#environment, stdio: ['pipe', 'pipe', 'pipe'] })
    return new DemoProgram(command, this.#add(child), this.#context)
  }

  /** Ends all that was started; resolves when it is gone. */
  async clear(): Promise<void> {
    const running = this.#children.filter((child) => child.exitCode === null && child.signalCode === null)
    const gone = running.map((child) => new Promise((resolve) => child.once('exit', resolve)))
    for (const child of running) child.kill('SIGKILL')
    await Promise.all(gone)
  }

  #add<C extends ChildProcess>(child: C): C {
    // One that could not be started has no end to be waited for.
    if (child.pid !== undefined) this.#children.push(child)
    return child
  }
}

/** Waits for what a child process makes true; ends with the child, the step, or the command. */
class Watch {
  readonly #name: string
  readonly #context: CommandContext
  readonly #looks = new Set<() => void>()
  #ended: ReignError | undefined

  constructor(name: string, child: ChildProcess, context: CommandContext) {
    this.#name = name
    this.#context = context
    let errors = ''
    const stderr: Readable | null = child.stderr
    stderr?.setEncoding('utf8').on('data', (text: string) => {
      errors = (errors + text).slice(-2_000)
    })
    const ended = (how: string) => {
      const last = errors.trim() === '' ? '' : `: ${quoteRemote(errors.trim())}`
      this.#ended ??= new ReignError('ERR_REIGN_CONNECTION_LOST', `${name} ${how}${last}`)
      this.look()
    }
    child.once('error', (error) => ended(`could not be started: ${error.message}`))
    child.once('close', (code, signal) => ended(signal === null ? `ended with code ${code}` : `was ended by ${signal}`))
  }

  /** Something has changed. */
  look(): void {
    for (const look of [...this.#looks]) look()
  }

  /** Resolves when `reached` gives `true`. */
  until(reached: () => boolean, what: () => string): Promise<void> {
    const { clock, stop } = this.#context
    return new Promise((resolve, reject) => {
      const settle = (outcome: () => void) => {
        clock.clearTimer(timer)
        stop.removeEventListener('abort', look)
        this.#looks.delete(look)
        outcome()
      }
      const look = () => {
        if (stop.aborted) settle(() => reject(stop.reason))
        else if (reached()) settle(resolve)
        else if (this.#ended !== undefined) settle(() => reject(this.#ended))
      }
      const late = () => {
        const text = `${this.#name} has not come so far within ${stepMs} ms that ${what()}`
        settle(() => reject(new ReignError('ERR_REIGN_TIMEOUT', text)))
      }
      const timer = clock.setTimer(late, stepMs)
      stop.addEventListener('abort', look)
      this.#looks.add(look)
      look()
    })
  }
}

/** One node of the demo, as the conductor sees it. */
export class DemoNode {
  readonly name: string
  readonly #child: ChildProcess
  readonly #reports: DemoReport[] = []
  readonly #watch: Watch
  #present = 0

  /** @internal */
  constructor(name: string, child: ChildProcess, context: CommandContext) {
    this.name = name
    this.#child = child
    this.#watch = new Watch(name, child, context)
    child.on('message', (report: DemoReport) => {
      if (report.kind === 'present') this.#present = report.count
      else this.#reports.push(report)
      this.#watch.look()
    })
  }

  order(order: DemoOrder): void {
    this.#child.send(order)
  }

  kill(): void {
    this.#child.kill('SIGKILL')
  }

  /** Resolves when it has heard that. */
  hears(by: string, text: string): Promise<void> {
    const wanted = (report: DemoReport) => report.kind === 'heard' && report.by === by && report.text === text
    return this.#takes(wanted, `it hears ${by}`)
  }

  /** Resolves when it has lost that node. */
  loses(node: string): Promise<void> {
    return this.#takes((report) => report.kind === 'down' && report.node === node, `it misses ${node}`)
  }

  /** Resolves when it sees so many in the chat. */
  counts(present: number): Promise<void> {
    const reached = () => this.#present === present
    return this.#watch.until(reached, () => `it sees ${present} in the chat; it sees ${this.#present}`)
  }

  /** Resolves with the first report, past or to come, that is wanted; the others stay. */
  #takes(wanted: (report: DemoReport) => boolean, what: string): Promise<void> {
    const reached = () => {
      const at = this.#reports.findIndex(wanted)
      if (at >= 0) this.#reports.splice(at, 1)
      return at >= 0
    }
    return this.#watch.until(reached, () => what)
  }
}

/** A program that prints lines. */
export class DemoProgram {
  readonly #watch: Watch
  readonly #lines: string[] = []

  /** @internal */
  constructor(command: string, child: ChildProcess, context: CommandContext) {
    this.#watch = new Watch(command, child, context)
    let rest = ''
    const stdout: Readable | null = child.stdout
    stdout?.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split(/\r?\n/)
      rest = lines.pop() ?? ''
      this.#lines.push(...lines)
      this.#watch.look()
    })
    // It may end before its input does.
    child.stdin?.on('error', () => {})
  }

  /** Resolves when it has printed that line. */
  line(text: string): Promise<void> {
    return this.#watch.until(
      () => this.#lines.includes(text),
      () => `it prints "${text}"`,
    )
  }
}

/** What the demo starts, hears and clears away: nodes in processes of their own, and programs that print lines. */
import { type ChildProcess, fork, spawn } from 'node:child_process'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import type { CommandContext } from './context.js'
import { DemoCables } from './demo-cables.js'
import type { DemoOrder, DemoReport } from './demo-node.js'
import { DemoWatch } from './demo-watch.js'

/**
 * Not in the process group of the terminal: Ctrl-C reaches the conductor alone, which then ends the others in good order.
 * Windows would open a window for it.
 */
const apart = { detached: process.platform !== 'win32' }

/** See the head of this file. */
export class Stage {
  readonly cables: DemoCables
  readonly #context: CommandContext
  readonly #environment: NodeJS.ProcessEnv
  readonly #children: ChildProcess[] = []
  readonly #from: number

  constructor(context: CommandContext, environment: NodeJS.ProcessEnv) {
    this.#context = context
    this.#environment = environment
    this.#from = context.clock.now()
    this.cables = new DemoCables(context)
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
    await this.cables.remove()
  }

  #add<C extends ChildProcess>(child: C): C {
    // One that could not be started has no end to be waited for.
    if (child.pid !== undefined) this.#children.push(child)
    return child
  }
}

/** One node of the demo, as the conductor sees it. */
export class DemoNode {
  readonly name: string
  readonly #child: ChildProcess
  readonly #reports: DemoReport[] = []
  readonly #watch: DemoWatch
  #present: readonly string[] = []

  /** @internal */
  constructor(name: string, child: ChildProcess, context: CommandContext) {
    this.name = name
    this.#child = child
    this.#watch = new DemoWatch(name, child, context)
    child.on('message', (report: DemoReport) => {
      if (report.kind === 'present') this.#present = report.names
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

  /** Resolves when those are in the chat as it sees it, and nobody else; the names are sorted. */
  sees(names: readonly string[]): Promise<void> {
    const [wanted, list] = [String(names), (of: readonly string[]) => (of.length === 0 ? 'nobody' : of.join(', '))]
    const reached = () => String(this.#present) === wanted
    return this.#watch.until(reached, () => `it sees ${list(names)} in the chat; it sees ${list(this.#present)}`)
  }

  /** Whether it has told that it heard that, and nobody has asked {@link hears} for it. */
  hasHeard(by: string, text: string): boolean {
    return this.#reports.some((report) => report.kind === 'heard' && report.by === by && report.text === text)
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
  readonly #watch: DemoWatch
  readonly #lines: string[] = []

  /** @internal */
  constructor(command: string, child: ChildProcess, context: CommandContext) {
    this.#watch = new DemoWatch(command, child, context)
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

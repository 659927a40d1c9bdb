/**
 * Programs in a Node.js process of their own, on the built library: what is to be killed, frozen, or met over real sockets.
 *
 * The program says and hears JSON over the channel that Node.js gives it (`process.send`, `process.on('message')`):
 *
 *   await using child = await startNode({ source: `
 *     import { Node } from 'reign'
 *     const node = await Node.local()
 *     process.on('message', async (text) => process.send({ echo: text, by: node.name }))
 *     process.send('ready')
 *   ` })
 *   await child.expect((message) => message === 'ready', 5_000)
 *   child.send('hello')
 *   const { echo } = await child.expect(isEcho, 5_000)
 */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { DeadlineError, within } from './deadline.js'
import { freshBuild, projectFolder } from './fresh-build.js'
import { OsProcess, RunningProgram } from './os-process.js'

/** What a child is started with: a program, as a file or as its text, and what surrounds it. */
export interface ChildOptions {
  /** The path of an ES module, in JavaScript or TypeScript. */
  readonly file?: string
  /** The text of an ES module. It may import `reign` and its entry points by name. */
  readonly source?: string
  readonly args?: readonly string[]
  /** Options of Node.js itself, such as `['--max-old-space-size=64']`. */
  readonly nodeArgs?: readonly string[]
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string | undefined>>
  /** With `pipe`, `child.process.stdin` can be written to. Default: no input. */
  readonly stdin?: 'ignore' | 'pipe'
  /** A command that runs the one behind it in other surroundings, as `['nice', '-n', '5']` does: the process becomes it. */
  readonly via?: readonly string[]
}

let programs = 0

/** A running child. Made by {@link startNode}. */
export class ChildNode extends RunningProgram {
  readonly #messages: unknown[] = []
  readonly #looks = new Set<() => void>()

  /** @internal Use {@link startNode}. */
  constructor(process: OsProcess) {
    super(process)
    process.child.on('message', (message) => {
      this.#messages.push(message)
      this.#look()
    })
    void process.ended.then(() => this.#look())
  }

  /** Sends JSON to the program: its `process.on('message')`. */
  send(message: unknown): void {
    if (!this.process.child.connected) throw new Error(this.process.report('the child listens no more'))
    this.process.child.send(message as object)
  }

  /**
   * Takes the first message that matches, of those that have come or are to come; the others stay, in order.
   *
   * @throws DeadlineError after `deadlineMs`; an `Error` when the child ends first. Both show its messages and output.
   */
  expect<T>(match: (message: unknown) => message is T, deadlineMs: number): Promise<T>
  expect<T = unknown>(match: (message: T) => boolean, deadlineMs: number): Promise<T>
  async expect(match: (message: never) => boolean, deadlineMs: number): Promise<unknown> {
    const forget: { look?: () => void } = {}
    const taken = new Promise<unknown>((resolve, reject) => {
      const look = () => {
        const index = this.#messages.findIndex((message) => match(message as never))
        if (index >= 0) resolve(this.#messages.splice(index, 1)[0])
        else if (this.process.ending !== undefined) reject(new Error(this.#report('the child ended without it')))
        else return
        this.#looks.delete(look)
      }
      forget.look = look
      this.#looks.add(look)
      look()
    })
    try {
      return await within(deadlineMs, taken, `a message that ${match} accepts`)
    } catch (error) {
      throw error instanceof DeadlineError ? new DeadlineError(this.#report(error.message)) : error
    } finally {
      if (forget.look) this.#looks.delete(forget.look)
    }
  }

  /** Waits until the program has ended by itself; gives its exit code. Fails when it was killed, or at the deadline. */
  async exit(deadlineMs: number): Promise<number> {
    const { code, signal } = await within(deadlineMs, this.ended, 'the end of the child').catch((error: Error) => {
      throw new DeadlineError(this.#report(error.message))
    })
    if (code === null) throw new Error(this.#report(`the child was ended by ${signal}`))
    return code
  }

  #look(): void {
    for (const look of [...this.#looks]) look()
  }

  #report(what: string): string {
    const waiting = this.#messages.map((message) => JSON.stringify(message)).join(' ')
    return this.process.report(`${what}\n  messages not taken: ${waiting.slice(0, 1_000) || '(none)'}`)
  }
}

/** Starts a program in a Node.js process of its own. Resolves when it is started, not when it is ready: let it say so. */
export async function startNode(options: ChildOptions): Promise<ChildNode> {
  await freshBuild()
  const own = options.file?.endsWith('.ts') === false
  const file = own ? String(options.file) : await written(options.source ?? (await withoutTypes(String(options.file))))
  const [command = process.execPath, ...before] = [...(options.via ?? []), process.execPath]
  const child = new ChildNode(
    new OsProcess(command, {
      args: [...before, ...(options.nodeArgs ?? []), file, ...(options.args ?? [])],
      beyond: ['ipc'],
      ...(options.cwd !== undefined && { cwd: options.cwd }),
      ...(options.stdin !== undefined && { stdin: options.stdin }),
      // Those of the test runner are not for programs: they would load its hooks, or colour what is compared.
      env: { NODE_OPTIONS: undefined, VITEST: undefined, NODE_ENV: undefined, FORCE_COLOR: undefined, ...options.env },
    }),
  )
  if (!own) void child.ended.then(() => rm(file, { force: true }))
  return child
}

const transpiled = new Map<string, Promise<string>>()

/** A program as Node.js can run it. Once for each file, as the compiler takes longer to load than all it then does. */
function withoutTypes(file: string): Promise<string> {
  const known = transpiled.get(file)
  if (known !== undefined) return known
  const made = Promise.all([import('typescript'), readFile(file, 'utf8')]).then(([{ default: ts }, source]) => {
    const compilerOptions = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext }
    return ts.transpileModule(source, { compilerOptions, fileName: file }).outputText
  })
  transpiled.set(file, made)
  return made
}

/** Writes a program to a file inside the project, as that is where `reign` can be imported by its name. */
async function written(source: string): Promise<string> {
  const folder = join(projectFolder, '.cache', 'programs')
  await mkdir(folder, { recursive: true })
  const file = join(folder, `${process.pid}-${++programs}.mjs`)
  await writeFile(file, source)
  return file
}

/** The URL of a built module, for programs that look inside the library: `import { Mailbox } from '${builtUrl('process/mailbox.js')}'`. */
export function builtUrl(module: string): string {
  return pathToFileURL(join(projectFolder, 'lib', module)).href
}

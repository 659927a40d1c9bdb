/**
 * Live Erlang nodes for tests.
 *
 * Each is a real `erl`, told what to do over a pipe of its own (see `reign_agent.erl`) and never over distribution, so that it
 * can be asked about a connection that is broken, refused or not yet there. Starting one takes about a quarter of a
 * second: share one within a file where the tests leave no trace in it.
 *
 *   const epmd = await startEpmd()
 *   const erl = await startErlang({ name: 'b@127.0.0.1', cookie: 'secret', epmdPort: epmd.port })
 *   await erl.eval('net_adm:ping(A)', { bind: … })      // 'pong'
 *   await erl.waitFor("nodes() =:= ['a@127.0.0.1']", 5_000)
 *   const shell = erl.shell()                           // one process, which keeps its variables
 *   await shell.eval("Ref = monitor(process, {echo, 'a@127.0.0.1'})")
 *   await shell.eval("receive {'DOWN', Ref, _, _, Reason} -> Reason after 60000 -> exit(late) end") // 'noproc'
 *
 * All nodes end with the test file, at the latest.
 */
import { execFile } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { copyFile, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import type { Duplex } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { DeadlineError, deadlineMs as deadlineOfTests, patient, within } from '../support/deadline.js'
import { projectFolder } from '../support/fresh-build.js'
import { type Ending, OsProcess, RunningProgram } from '../support/os-process.js'

/** What a node is started with. With none of `name`, `cookie`, `epmdPort` and `tls` it is not distributed. */
export interface ErlangOptions {
  /** A long name, `x@127.0.0.1`. Default: one that no other node has. */
  readonly name?: string
  /** Default: `cookie`. */
  readonly cookie?: string
  /** Where its port mapper listens: {@link startEpmd}. Without one, `args` must say how the node does without. */
  readonly epmdPort?: number
  /** The path of an `-ssl_dist_optfile`: distribution is over TLS then. */
  readonly tls?: string
  /** Starts it as a hidden node. */
  readonly hidden?: boolean
  /** Further arguments of `erl`, such as `['-kernel', 'net_ticktime', '4']`. */
  readonly args?: readonly string[]
  /** Modules to load at the start, by name: see {@link ErlangNode.load}. */
  readonly code?: Readonly<Record<string, string>>
  /** Added to the environment. */
  readonly env?: Readonly<Record<string, string | undefined>>
  /** How long the start may take, in milliseconds. Default: {@link deadlineOfTests}. */
  readonly deadlineMs?: number
  /** A command that runs the one behind it in other surroundings, as `['nice', '-n', '5']` does: the process becomes it. */
  readonly via?: readonly string[]
}

/** Options of one evaluation. */
export interface EvalOptions {
  /** Variables of the expression, each a binary: text is given as UTF-8. */
  readonly bind?: Readonly<Record<string, string | Uint8Array>>
  /** How long it may take, in milliseconds; then its process is killed. Default: {@link deadlineOfTests}. */
  readonly deadlineMs?: number
}

/** An expression raised an exception, or its process was killed. */
export class ErlangError extends Error {
  override readonly name = 'ErlangError'
  /** `error`, `exit` or `throw`. */
  readonly class: string
  /** The reason as Erlang prints it. */
  readonly reason: string
  /** The topmost stack frames as Erlang prints them. */
  readonly erlangStack: string

  constructor(expression: string, class_: string, reason: string, erlangStack: string) {
    super(`${class_}:${reason}\n  in: ${expression}\n  at: ${erlangStack}`)
    this.class = class_
    this.reason = reason
    this.erlangStack = erlangStack
  }
}

const evalDeadlineMs = deadlineOfTests
const agentFile = fileURLToPath(new URL('./reign_agent.erl', import.meta.url))
const cacheFolder = join(projectFolder, '.cache', 'erlang')

type Reply = { readonly fields: readonly Buffer[] }

/** One process inside the node that evaluates one expression after the other and keeps its variables, as Erlang's shell does. */
export interface ErlangShell {
  /** As {@link ErlangNode.eval}; in the one process of this shell, after the expressions before it. */
  eval(expression: string, options?: EvalOptions): Promise<string>
  /** As {@link ErlangNode.bytes}; likewise. */
  bytes(expression: string, options?: EvalOptions): Promise<Buffer>
}

/** A running Erlang node. Made by {@link startErlang}. */
export class ErlangNode extends RunningProgram {
  /** The node name; `nonode@nohost` when it is not distributed. */
  readonly name: string
  readonly cookie: string
  readonly #pipe: Duplex
  readonly #waiting = new Map<number, (reply: Reply | Error) => void>()
  #requests = 0
  #shells = 0
  #received: Buffer = Buffer.alloc(0)

  /** @internal Use {@link startErlang}. */
  constructor(name: string, cookie: string, process: OsProcess) {
    super(process)
    this.name = name
    this.cookie = cookie
    this.#pipe = process.child.stdio[3] as Duplex
    this.#pipe.on('data', (chunk: Buffer) => this.#gather(chunk))
    void process.ended.then(() => {
      for (const settle of this.#waiting.values()) settle(new Error(process.report(`${name} ended`)))
      this.#waiting.clear()
    })
  }

  /** The Erlang/OTP release, such as 25. Known once the node is ready. */
  otpRelease = 0

  /** @internal Resolves when the node answers. */
  async ready(deadlineMs: number): Promise<void> {
    const { fields } = await this.#reply(0, deadlineMs, `${this.name} to start`)
    this.otpRelease = Number(fields[1])
  }

  /**
   * Evaluates expressions in a fresh process of the node; gives the value of the last as `io_lib:format("~0tp")` prints it.
   *
   * Several may be under way at once. The process ends, as `normal`, when the evaluation does, and its links, monitors and
   * registered names with it: for what must live on, `spawn` inside the expression, or use a {@link shell}.
   *
   * @throws ErlangError when it raises; an `Error` with the output of the node when the node ends, or at the deadline.
   */
  async eval(expression: string, options: EvalOptions = {}): Promise<string> {
    return (await this.#evaluate('', 'text', expression, options)).toString()
  }

  /** As {@link eval}, for an expression that gives iodata, which comes back as it is: `term_to_binary(T)`. */
  async bytes(expression: string, options: EvalOptions = {}): Promise<Buffer> {
    return this.#evaluate('', 'bytes', expression, options)
  }

  /**
   * Waits until the expression gives `true`, evaluating it again every 10 ms inside the node.
   *
   * Anything else, exceptions too, is "not yet", and is shown by the error when the deadline passes.
   */
  async waitFor(expression: string, deadlineMs: number): Promise<void> {
    try {
      await this.eval(`reign_agent:wait_until(Expression, ${Math.ceil(patient(deadlineMs))})`, {
        bind: { Expression: withoutFullStop(expression) },
        deadlineMs: deadlineMs + evalDeadlineMs,
      })
    } catch (error) {
      const still = error instanceof ErlangError ? /^\{still,(.*)\}$/s.exec(error.reason) : null
      if (still === null) throw error
      throw new DeadlineError(`not within ${deadlineMs} ms on ${this.name}: ${expression}; at last: ${still[1]}`)
    }
  }

  /**
   * Compiles a module from its source and loads it. A source without `-module` is only its functions, all exported.
   *
   * @throws ErlangError with the compiler's messages in its reason.
   */
  async load(module: string, source: string): Promise<void> {
    const folder = await mkdtemp(join(tmpdir(), 'reign-erl-'))
    try {
      const File = join(folder, `${module}.erl`)
      const head = `-module(${module}).\n-compile([export_all, nowarn_export_all]).\n-file("${module}.erl", 0).\n`
      await writeFile(File, /^\s*-\s*module\b/m.test(source) ? source : head + source)
      await this.eval('reign_agent:compile(File)', { bind: { File } })
    } finally {
      await rm(folder, { recursive: true })
    }
  }

  /** A process that lives on from one expression to the next, with its variables, links, monitors and mailbox. */
  shell(): ErlangShell {
    const where = String(++this.#shells)
    let last: Promise<unknown> = Promise.resolve()
    const inTurn = (form: 'text' | 'bytes', expression: string, options: EvalOptions = {}): Promise<Buffer> => {
      // One at a time: a queued request would lie in the mailbox that the expression before it may read.
      const turn = last.then(() => this.#evaluate(where, form, expression, options))
      last = turn.catch(() => {})
      return turn
    }
    return {
      eval: async (expression, options) => (await inTurn('text', expression, options)).toString(),
      bytes: async (expression, options) => inTurn('bytes', expression, options),
    }
  }

  /** Stops it in an orderly way (`init:stop()`); resolves when it is gone. */
  async stop(): Promise<Ending> {
    if (this.process.suspended) this.process.resume()
    if (this.process.ending === undefined) await this.eval('init:stop()').catch(() => {})
    return within(15_000, this.ended, `${this.name} to stop`).catch(() => this.process.kill())
  }

  async #evaluate(where: string, form: string, expression: string, options: EvalOptions): Promise<Buffer> {
    const id = ++this.#requests
    const fields = [where, form, withoutFullStop(expression), ...Object.entries(options.bind ?? {}).flat()]
    if (this.process.ending !== undefined) throw new Error(this.process.report(`${this.name} has ended`))
    this.#pipe.write(frame(id, fields))
    const reply = await this.#reply(id, options.deadlineMs ?? evalDeadlineMs, expression)
    const [kind, ...rest] = reply.fields.map((field, index) => (index === 0 ? field.toString() : field))
    if (kind === 'value') return rest[0] as Buffer
    throw new ErlangError(expression, String(rest[0]), String(rest[1]), String(rest[2]))
  }

  async #reply(id: number, deadlineMs: number, what: string): Promise<Reply> {
    const reply = new Promise<Reply>((resolve, reject) => {
      this.#waiting.set(id, (settled) => (settled instanceof Error ? reject(settled) : resolve(settled)))
    })
    try {
      return await within(deadlineMs, reply, what)
    } catch (error) {
      if (!(error instanceof DeadlineError)) throw error
      this.#waiting.delete(id)
      if (this.process.ending === undefined) this.#pipe.write(frame(id, ['cancel']))
      throw new DeadlineError(this.process.report(`${this.name}: ${error.message}`))
    }
  }

  #gather(chunk: Buffer): void {
    this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk])
    while (this.#received.length >= 4 && this.#received.length >= 4 + this.#received.readUInt32BE(0)) {
      const end = 4 + this.#received.readUInt32BE(0)
      const id = this.#received.readUInt32BE(4)
      const fields: Buffer[] = []
      for (let at = 8; at < end; ) {
        const length = this.#received.readUInt32BE(at)
        fields.push(this.#received.subarray(at + 4, at + 4 + length))
        at += 4 + length
      }
      this.#received = this.#received.subarray(end)
      // A reply that nobody waits for any more is that of a request that was given up.
      this.#waiting.get(id)?.({ fields })
      this.#waiting.delete(id)
    }
  }
}

/**
 * Starts an Erlang node on this machine; it is ready, and registered with its port mapper, when this resolves.
 *
 * @throws an `Error` with what `erl` printed, when it does not start.
 */
export async function startErlang(options: ErlangOptions = {}): Promise<ErlangNode> {
  const { epmdPort, tls, cookie = 'cookie' } = options
  const distributed = [options.name, options.cookie, epmdPort, tls].some((given) => given !== undefined)
  const name = distributed ? (options.name ?? `erl-${randomBytes(4).toString('hex')}@127.0.0.1`) : 'nonode@nohost'
  const args = ['-noinput', '-boot', 'no_dot_erlang', '-pa', await agentFolder(), '-s', 'reign_agent']
  // Waiting schedulers would otherwise spin for a while, and take the processors from the tests.
  args.push('+sbwt', 'none', '+sbwtdcpu', 'none', '+sbwtdio', 'none')
  if (distributed) args.push('-name', name, '-setcookie', cookie, '-start_epmd', 'false')
  if (tls !== undefined) args.push('-proto_dist', 'inet_tls', '-ssl_dist_optfile', tls)
  if (options.hidden) args.push('-hidden')
  const [command = 'erl', ...before] = [...(options.via ?? []), 'erl']
  const process = new OsProcess(command, {
    args: [...before, ...args, ...(options.args ?? [])],
    beyond: ['pipe'],
    cwd: tmpdir(),
    env: {
      ...Object.fromEntries(['ERL_FLAGS', 'ERL_AFLAGS', 'ERL_ZFLAGS', 'ERL_LIBS'].map((each) => [each, undefined])),
      ERL_CRASH_DUMP_SECONDS: '0',
      // Without a port mapper of the test's own there is to be none: not the one of the machine.
      ERL_EPMD_PORT: String(epmdPort ?? 1),
      ...options.env,
    },
  })
  const node = new ErlangNode(name, cookie, process)
  try {
    await node.ready(options.deadlineMs ?? deadlineOfTests)
    for (const [module, source] of Object.entries(options.code ?? {})) await node.load(module, source)
    return node
  } catch (error) {
    await node.kill()
    throw error
  }
}

/** The folder with the compiled agent. Compiled once for each version of its source and of Erlang, as that takes longer than a start. */
let agentFolderOnce: Promise<string> | undefined
function agentFolder(): Promise<string> {
  agentFolderOnce ??= compileAgent()
  return agentFolderOnce
}

async function compileAgent(): Promise<string> {
  const run = promisify(execFile)
  const source = await readFile(agentFile)
  // The PATH stands for which Erlang compiles it.
  const hash = createHash('sha256').update(source).update(String(process.env.PATH)).digest('hex').slice(0, 16)
  const folder = join(cacheFolder, hash)
  const beam = join(folder, 'reign_agent.beam')
  if (await readFile(beam).catch(() => undefined)) return folder
  await mkdir(folder, { recursive: true })
  // Other workers may be doing the same: each compiles aside, and moves what it made into place in one step.
  const aside = await mkdtemp(join(cacheFolder, 'compile-'))
  await copyFile(agentFile, join(aside, basename(agentFile)))
  await run('erlc', ['-o', aside, join(aside, basename(agentFile))])
  await rename(join(aside, 'reign_agent.beam'), beam)
  await rm(aside, { recursive: true })
  return folder
}

/** A request as the agent reads it. */
function frame(id: number, fields: readonly (string | Uint8Array)[]): Buffer {
  const parts = fields.flatMap((field) => {
    const bytes = Buffer.from(field as Uint8Array)
    const length = Buffer.alloc(4)
    length.writeUInt32BE(bytes.length)
    return [length, bytes]
  })
  const head = Buffer.alloc(8)
  head.writeUInt32BE(4 + parts.reduce((sum, part) => sum + part.length, 0))
  head.writeUInt32BE(id, 4)
  return Buffer.concat([head, ...parts])
}

function withoutFullStop(expression: string): string {
  return expression.trim().replace(/\.$/, '')
}

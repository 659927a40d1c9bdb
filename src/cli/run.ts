/** `reign run`: an application as a program, with a node, signals and an exit code. Erlang: `erl -eval 'application:start(…)'`, a release. */
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Command, InvalidArgumentError, Option } from 'commander'
import type { Application, Config } from '../application/application.js'
import type { RunningApplication } from '../application/start-application.js'
import type { Node } from '../cluster/node.js'
import { describe, ReignError } from '../errors.js'
import { normal } from '../exit-reason.js'
import type { CommandContext } from './context.js'
import { wholeNumber } from './visit.js'

/** What `reign run` is told. */
export interface RunOptions {
  /** The node to be; none: a node without a network. */
  readonly name?: string
  /** The folder of the cluster, or its `cluster.json`. */
  readonly dir: string
  readonly visible?: boolean
  readonly listen: boolean
  readonly guard: boolean
  /** A JSON file. */
  readonly config?: string
  readonly set: Config
  /** Milliseconds for the stop. */
  readonly deadline: number
}

/** The program did not get as far as to run: it is broken, or cannot be what it was told to be. */
export class NotStarted extends Error {
  override readonly name = 'NotStarted'
}

const deadlineMsDefault = 10_000

/** The command. */
export function runCommand(context: CommandContext): Command {
  return new Command('run')
    .summary('run an application')
    .description(
      'Run the application that a module exports by default (`export default defineApplication({ … })`), on a node of its ' +
        'own. SIGTERM and Ctrl-C stop it in order, and it ends with 0; a second one ends it at once. It ends with 1 when ' +
        'the application ends though it was to run, with 3 when it does not start.',
    )
    .argument('<file>', 'the module: JavaScript, or TypeScript where Node.js strips types')
    .argument('[args...]', 'what is for the application itself (after `--`)')
    .option('-n, --name <name>', 'the node to be: alive@host, one of cluster.json (default: a node without a network)')
    .option('-d, --dir <folder>', 'the folder of the cluster', 'cluster')
    .option('--visible', 'let Erlang see the node')
    .option('--no-listen', 'dial others only')
    .option('--no-guard', 'leave stray errors to Node.js: faster, and one of them ends the program')
    .option('-c, --config <file>', 'the configuration: a JSON file')
    .option('-s, --set <key=value>', 'one value of it, JSON or text; can be repeated', setting, {})
    .addOption(
      new Option('--deadline <ms>', 'how long the stop may take')
        .default(deadlineMsDefault)
        .argParser(wholeNumber(0, 3_600_000)),
    )
    .addHelpText('after', '\nExample:\n  reign run ./shop.js --name shop@127.0.0.1 --set port=8080')
    .action((file: string, args: string[], options: RunOptions) => run(file, args, options, context))
}

/** One more `--set`. */
function setting(text: string, before: Config): Config {
  const [, key, value = ''] = /^([^=]+)=(.*)$/s.exec(text) ?? []
  if (key === undefined) throw new InvalidArgumentError(`${JSON.stringify(text)} is not key=value.`)
  return { ...before, [key]: jsonOr(value) }
}

function jsonOr(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

/**
 * Runs an application until it ends, or is told to.
 *
 * @throws a {@link NotStarted} with the reason; `ERR_REIGN_APPLICATION` when it has ended though it was to run.
 */
export async function run(
  file: string,
  args: readonly string[],
  options: RunOptions,
  context: CommandContext,
): Promise<void> {
  const { clock, stop } = context
  context.outliveReaders()
  // A node without a network holds no program, nor does a tree that waits.
  const hold = clock.setTimer(() => {}, 2 ** 31 - 1)
  const told = new Promise<'told'>((resolve) => {
    if (stop.aborted) resolve('told')
    else stop.addEventListener('abort', () => resolve('told'), { once: true })
  })
  let node: Node | undefined
  try {
    const application = await Promise.race([started(load(file, context)), told])
    if (application === 'told') return
    node = await started(startNode(options))
    const starting = startIt(node, application, args, options, context)
    const running = await Promise.race([started(starting), told])
    // Told to stop before it has started: so it is with a service that hangs.
    if (running === 'told') return
    const end = await Promise.race([running.ended, told])
    if (end !== 'told' && !end.asked) failIfAtFault(application, end.reason)
  } finally {
    await node?.stop({ deadlineMs: options.deadline })
    clock.clearTimer(hold)
  }
}

async function load(file: string, { cwd }: CommandContext): Promise<Application<unknown>> {
  const path = resolve(cwd, file)
  if (!existsSync(path)) throw new ReignError('ERR_REIGN_ARGUMENT', `there is no ${path}`)
  const module: { default?: unknown } = await import(pathToFileURL(path).href).catch((error: unknown) => {
    if ((error as { code?: unknown }).code !== 'ERR_UNKNOWN_FILE_EXTENSION') throw error
    throw new ReignError('ERR_REIGN_ARGUMENT', `this Node.js (${process.version}) cannot run ${file}: compile it first`)
  })
  const { checkApplication } = await import('../application/application.js')
  return checkApplication(module.default, `the default export of ${file}`)
}

async function startNode({ name, dir, visible = false, listen, guard }: RunOptions): Promise<Node> {
  const { Node } = await import('../cluster/node.js')
  if (name === undefined) return Node.local({ guard })
  // What it says nothing of is as the cluster file has it: a visitor does not listen.
  return Node.start(name, { cluster: dir, visible, guard, ...(!listen && { listen }) })
}

async function startIt(
  node: Node,
  application: Application<unknown>,
  args: readonly string[],
  { config: file, set }: RunOptions,
  { cwd }: CommandContext,
): Promise<RunningApplication> {
  const { startApplication } = await import('../application/start-application.js')
  const read = file === undefined ? {} : await readConfig(resolve(cwd, file))
  return startApplication(node, application, { config: { ...read, ...set }, args })
}

async function readConfig(path: string): Promise<Config> {
  const text = await readFile(path, 'utf8')
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Config
  } catch (error) {
    throw new ReignError('ERR_REIGN_ARGUMENT', `${path} is no JSON: ${describe(error)}`)
  }
  throw new ReignError('ERR_REIGN_ARGUMENT', `${path} holds no object`)
}

/** Whatever keeps it from starting is told as such. */
async function started<T>(starting: Promise<T>): Promise<T> {
  try {
    return await starting
  } catch (cause) {
    throw new NotStarted('the application has not started', { cause })
  }
}

/**
 * OTP's restart types, for a program that is one application: there they say whether the node goes on.
 *
 * @throws `ERR_REIGN_APPLICATION` when it was to run.
 */
export function failIfAtFault({ name, type }: Pick<Application<unknown>, 'name' | 'type'>, reason: unknown): void {
  if (type === 'temporary' || (type === 'transient' && reason === normal)) return
  throw new ReignError('ERR_REIGN_APPLICATION', `${name}, which is ${type}, has ended: ${describe(reason)}`)
}

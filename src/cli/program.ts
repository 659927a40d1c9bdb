/**
 * The `reign` command: its commands, its help, and how failures are told.
 *
 * A command is a file that exports a function `(context) => Command`; it is known once it is in `commands` below. The
 * file may import what it needs at the top only if that is cheap: the rest it loads when it runs.
 */
import { readFileSync } from 'node:fs'
import { Command, CommanderError } from 'commander'
import { describe, ReignError, StartError } from '../errors.js'
import { certCommand } from './cert.js'
import { chatCommand } from './chat.js'
import type { CommandContext } from './context.js'
import { demoCommand } from './demo.js'
import { initCommand } from './init.js'
import { Interrupted } from './interrupted.js'
import { namesCommand } from './names.js'
import { nodesCommand } from './nodes.js'
import { pingCommand } from './ping.js'
import { revokeCommand } from './revoke.js'
import { NotStarted, runCommand } from './run.js'

/** How the process ends; or as `Interrupted` has it, when a signal ended it. */
export const exitCodes = {
  done: 0,
  /** It was understood, and could not be done. */
  failed: 1,
  /** The arguments make no sense. */
  usage: 2,
  /** `reign run`: the application has not started. */
  notStarted: 3,
} as const

const commands: readonly ((context: CommandContext) => Command)[] = [
  runCommand,
  initCommand,
  certCommand,
  revokeCommand,
  pingCommand,
  nodesCommand,
  namesCommand,
  chatCommand,
  demoCommand,
]

/**
 * Runs one command line.
 *
 * @param argv The arguments, without the interpreter and the script: `['init', 'one@127.0.0.1']`.
 * @returns The exit code: one of {@link exitCodes}, or that of a signal. Never rejects: what went wrong is one text on
 * `context.err`, with the stable code where there is one, and without a stack, unless it is in a program of the user's.
 */
export async function run(argv: readonly string[], context: CommandContext): Promise<number> {
  const program = configured(new Command('reign'), context)
    .description("Erlang's processes, mailboxes, links and clusters for TypeScript.")
    .version(version(), '-v, --version', 'print the version')
    .helpOption('-h, --help', 'print help; `reign help COMMAND` for one command')
  for (const command of commands) program.addCommand(configured(command(context), context))
  try {
    await program.parseAsync(argv, { from: 'user' })
    return exitCodes.done
  } catch (error) {
    if (error instanceof Interrupted) return error.exitCode
    // Help and version end here too, with 0; their text, and that of a usage error, is written already.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.usage
    context.err(`reign: ${failureText(error)}\n`)
    return error instanceof NotStarted ? exitCodes.notStarted : exitCodes.failed
  }
}

function configured(command: Command, context: CommandContext): Command {
  const help = command.name() === 'reign' ? 'reign --help' : `reign help ${command.name()}`
  return command
    .exitOverride()
    .showHelpAfterError(`(\`${help}\` tells more)`)
    .configureOutput({
      writeOut: (text) => context.out(text),
      writeErr: (text) => context.err(text),
      outputError: (text, write) => write(text.replace(/^error: /, 'reign: ')),
    })
}

/** `ERR_REIGN_FILE_EXISTS: …`; for what is not ours, at least the operating system's code is in the message. */
function failureText(error: unknown): string {
  if (error instanceof NotStarted) return `${error.message}: ${stackOf(error.cause) ?? failureText(error.cause)}`
  const code = error instanceof Error && 'code' in error ? String(error.code) : undefined
  if (code?.startsWith('ERR_REIGN_') && error instanceof Error) return `${code}: ${error.message}`
  return describe(error)
}

/** Where a program of the user's has failed: in what it threw, not in what we made of that. */
function stackOf(error: unknown): string | undefined {
  const thrown = error instanceof StartError ? error.reason : error
  return thrown instanceof Error && !(thrown instanceof ReignError) ? thrown.stack : undefined
}

function version(): string {
  // lib/cli and src/cli lie equally deep, so that this finds the same file before and after a build.
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  const { version: found }: { version: string } = JSON.parse(text)
  return found
}

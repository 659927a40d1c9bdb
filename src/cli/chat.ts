/** `reign chat`: the sample of Go's reign as a terminal chat. Who is there, who comes and goes, what they say. */

import { resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { Command } from 'commander'
import { Node } from '../cluster/node.js'
import type { Address } from '../term/address.js'
import type { CommandContext } from './context.js'

/** What one participant sends to all others. */
export interface Said {
  readonly type: 'said'
  readonly by: string
  readonly text: string
}

/** The cluster-wide name that every participant claims. */
export const chatName = 'chat'

/** The command. */
export function chatCommand(context: CommandContext): Command {
  return new Command('chat')
    .summary('chat with the other nodes of a cluster')
    .description('Start a node of the cluster, and chat with whoever does the same on the other nodes.')
    .argument('<name>', 'the node to be: alive@host, one of cluster.json')
    .option('-d, --dir <folder>', 'the folder of the cluster', 'cluster')
    .addHelpText('after', '\nExample, in two terminals:\n  reign chat one@127.0.0.1\n  reign chat two@127.0.0.1')
    .action((name: string, options: { dir: string }) => chat(name, options, context))
}

/** Chats until the input ends, or Ctrl-C. What others say goes to standard output, one line each. */
export async function chat(name: string, options: { dir: string }, context: CommandContext): Promise<void> {
  await using node = await Node.start(name, { cluster: resolve(context.cwd, options.dir) })
  using mailbox = node.mailbox<Said>()
  const terminal = createInterface({ input: process.stdin, output: process.stdout, prompt: `${name}> ` })
  const interactive = process.stdin.isTTY === true
  /** Writes above the line that is being typed, and puts that line back. */
  const say = (line: string) => {
    if (interactive) process.stdout.write('\r\u001b[K')
    context.out(`${line}\n`)
    if (interactive) terminal.prompt(true)
  }

  const present = new Set<Address<Said>>()
  const look = () => {
    const now = new Set(node.names.lookupAll<Said>(chatName).filter((address) => address !== mailbox.address))
    for (const address of now) if (!present.has(address)) say(`* ${address.node} is here`)
    for (const address of present) if (!now.has(address)) say(`* ${address.node} has left`)
    present.clear()
    for (const address of now) present.add(address)
  }
  node.names.onChange(chatName, look)
  node.onNodeDown((lost, reason) => say(`* lost ${lost}: ${reason}`))
  node.names.register(chatName, mailbox.address)

  const listening = (async () => {
    for await (const said of mailbox) say(`${printable(said.by)}: ${printable(said.text)}`)
  })()
  say(`* you are ${name}; end with Ctrl-D`)
  look()
  if (interactive) terminal.prompt()
  terminal.on('SIGINT', () => terminal.close())
  process.once('SIGTERM', () => terminal.close())
  for await (const text of terminal) {
    if (text.trim() !== '') for (const address of present) address.send({ type: 'said', by: name, text })
    if (interactive) terminal.prompt()
  }
  mailbox.close()
  await listening
}

/** What a peer sent, without anything that would command the terminal. */
export function printable(text: unknown): string {
  return (
    String(text)
      // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is to be taken out.
      .replace(/[\u0000-\u001f\u007f-\u009f]/g, '\ufffd')
      .slice(0, 4_096)
  )
}

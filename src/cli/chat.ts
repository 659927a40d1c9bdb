/** `reign chat`: the sample of Go's reign as a terminal chat. Who is there, who comes and goes, what they say. */
import { Command } from 'commander'
import type { Node } from '../cluster/node.js'
import type { Address } from '../term/address.js'
import { Attendance } from './attendance.js'
import { CommandLog } from './command-log.js'
import type { CommandContext } from './context.js'
import { type Deadline, within } from './deadline.js'
import { Interrupted } from './interrupted.js'
import { LineTerminal } from './line-terminal.js'
import { learnNames } from './name-claims.js'
import { type Roster, readRoster } from './roster.js'
import { chatName, readSaid, type Said } from './said.js'
import { takeTurn } from './visit.js'

/** How long lines from a pipe wait until all members are asked who is in the chat, in milliseconds. */
const settleMs = 5_000

/** How long another command may take to give up the visitor that the chat is to be, in milliseconds. */
const turnMs = 5_000

/** What `reign chat` is told. */
export interface ChatOptions {
  /** The folder of the cluster, or its `cluster.json`. */
  readonly dir: string
}

/** The command. */
export function chatCommand(context: CommandContext): Command {
  return new Command('chat')
    .summary('chat with the other nodes of a cluster')
    .description(
      'Start a node of the cluster, and chat with whoever does the same on the other nodes. Lines may come from a pipe: they ' +
        'are sent when all members have been asked who is there, and at their end the chat ends.',
    )
    .argument('<name>', 'the node to be: alive@host, one of cluster.json')
    .option('-d, --dir <folder>', 'the folder of the cluster', 'cluster')
    .addHelpText('after', '\nExample, in two terminals:\n  reign chat one@127.0.0.1\n  reign chat two@127.0.0.1')
    .action((name: string, options: ChatOptions) => chat(name, options, context))
}

/**
 * Chats until the input ends, Ctrl-C, or SIGTERM; what was said has left before it resolves.
 *
 * @throws as `Node.start`; an `Interrupted` after Ctrl-C and SIGTERM.
 */
export async function chat(name: string, options: ChatOptions, context: CommandContext): Promise<void> {
  const { clock, stop, style } = context
  const deadline = { clock, stop, timeoutMs: settleMs }
  const roster = await readRoster(options.dir, context.cwd)
  const visitor = roster.visitors.includes(name)
  const turn = visitor ? await takeTurn(roster, [name], { clock, stop, timeoutMs: turnMs }) : undefined
  const terminal = new LineTerminal(`${name}> `)
  const note = (line: string) => terminal.say(style.dim(`* ${line}`))
  try {
    const { Node } = await import('../cluster/node.js')
    let started = false
    // What is wrong with the cluster file is for whoever starts the node; later warnings, for those who talk, are not.
    const logger = new CommandLog((line) => started || note(line))
    await using node = await Node.start(name, { cluster: roster.path, logger })
    started = true
    const close = () => terminal.close()
    stop.addEventListener('abort', close)
    if (stop.aborted) close()
    await converse(node, terminal, { roster, deadline, note, context })
    stop.removeEventListener('abort', close)
  } finally {
    await turn?.lock.release()
  }
  if (terminal.interrupted) throw new Interrupted('SIGINT')
  stop.throwIfAborted()
}

/** What the node itself has to tell, among the messages of the others. No peer can send one: it is no term. */
class News {
  readonly show: () => void

  constructor(show: () => void) {
    this.show = show
  }
}

interface Room {
  readonly roster: Roster
  readonly deadline: Deadline
  readonly note: (line: string) => void
  readonly context: CommandContext
}

async function converse(node: Node, terminal: LineTerminal, { roster, deadline, note, context }: Room): Promise<void> {
  using mailbox = node.mailbox<unknown>()
  const others = () => node.names.lookupAll<Said>(chatName).filter((address) => address !== mailbox.address)
  const attendance = new Attendance(note)
  // News of who comes and goes take their turn behind what was said before, which may still be queued.
  const tell = (show: () => void) => mailbox.address.send(new News(show))
  node.names.watch(chatName, () => {
    const nodes = others().map((address) => address.node)
    const connected = new Set([node.name, ...node.nodes()])
    tell(() => attendance.changed(nodes, (other) => connected.has(other)))
  })
  node.onNodeDown((lost, reason) => tell(() => attendance.lost(lost, reason)))
  node.names.register(chatName, mailbox.address)
  note(`you are ${node.name}${terminal.interactive ? '; Ctrl-D ends the chat' : ''}`)
  const listening = (async () => {
    for await (const message of mailbox) {
      const said = message instanceof News ? message.show() : readSaid(message)
      if (said) terminal.say(`${context.style.bold(said.by)}: ${said.text}`)
    }
  })()
  let over = false
  const settled = settle(node, roster.members, deadline).then(() => {
    tell(() => attendance.isEmpty && !over && !deadline.stop.aborted && note('nobody else is here yet'))
  })
  // Who types sees who is there; a pipe does not look, and would talk to nobody.
  if (!terminal.interactive) await settled
  for await (const text of terminal.lines()) {
    if (text.trim() === '') continue
    const hearers = others()
    if (hearers.length === 0) note('nobody else is here to hear that')
    await say(hearers, { type: 'said', by: node.name, text }, deadline)
  }
  over = true
  mailbox.close()
  await listening
}

/** Sends to all, then waits for those that take in less than is said, no longer than they are there: none keeps it from another. */
async function say(hearers: readonly Address<Said>[], said: Said, deadline: Deadline): Promise<void> {
  const slow = hearers.filter((hearer) => !hearer.send(said))
  await Promise.allSettled(slow.map((hearer) => within(deadline, hearer.drained(), `${hearer.node} to listen`)))
}

/** Resolves when every member has said who of it is in the chat, or is out of reach. */
async function settle(node: Node, members: readonly string[], deadline: Deadline): Promise<void> {
  const others = members.filter((member) => member !== node.name)
  await Promise.allSettled(
    others.map(async (member) => {
      const connected = await within(deadline, node.connect(member), member)
      if (connected) await learnNames(node, member, deadline)
    }),
  )
}

/**
 * What runs on a reign node in an OS process of its own: the twin of witness.erl, with the same commands and the same words.
 *
 * A witness, registered by that name, writes down what befalls it: whom it has met, what it is sent, which monitors and links
 * fire, which nodes come and go. `mortal` is there to be called and to end. The test asks over the channel that Node.js gives
 * a child, never over distribution.
 */
import {
  type Address,
  atom,
  atomName,
  bytes,
  CallError,
  type Caller,
  callIn,
  type Down,
  type Exit,
  isTuple,
  type Logger,
  type MultipleClaim,
  Node,
  type NodeDown,
  type NodeUp,
  named,
  type Process,
  tuple,
} from 'reign'
import { genServer, supervisor } from 'reign/otp'

const { name, cluster, visible } = JSON.parse(String(process.argv[2]))

const complaints: string[] = []
const complain = (fields: object, message: string) => complaints.push(`${message} ${JSON.stringify(fields)}`)
const nothing = () => {}
const logger: Logger = { error: complain, warn: complain, info: nothing, debug: nothing, trace: nothing }

const node = await Node.start(name, { cluster, logger, visible })

// --- the witness ------------------------------------------------------------------------------------------------------

let lines: string[] = []
let friend: Address<unknown> | undefined
/** The nodes that have come up and not gone, as far as the witness has heard. */
const around = new Set<string>()

const word = (reason: unknown) => (typeof reason === 'symbol' ? atomName(reason) : String(reason))

/** Numbers that follow each other are one line: `1..500`. */
function counted(number: number): void {
  const last = /^(\d+)\.\.(\d+)$/.exec(lines.at(-1) ?? '')
  if (last !== null && Number(last[2]) === number - 1) lines[lines.length - 1] = `${last[1]}..${number}`
  else lines.push(`${number}..${number}`)
}

async function witness(self: Process<unknown>): Promise<void> {
  self.trapExit = true
  node.monitorNodes(self)
  const meet = (other: unknown) => {
    friend = other as Address<unknown>
    self.monitor(friend)
    lines.push('met')
  }
  for await (const message of self) {
    const called = callIn(message)
    if (typeof message === 'number') counted(message)
    else if (called !== undefined) self.reply(called.from, atom('pong'))
    else if (isTuple(message)) {
      const [what, from, content] = message
      if (what === atom('greet')) node.send(named('witness', String(from)), tuple(atom('hello'), self.address))
      else if (what === atom('hello')) {
        meet(from)
        self.link(from as Address<never>)
        friend?.send(tuple(atom('welcome'), self.address))
      } else if (what === atom('welcome')) meet(from)
      else if (what === atom('watch')) self.monitor(from as Address<unknown>)
      else if (what === atom('echo')) (from as Address<unknown>).send(content)
      else if (what === atom('retry') && friend !== undefined) {
        friend.send(atom('stale'))
        self.link(friend)
        self.monitor(friend)
      } else lines.push(`got ${word(what)}`)
    } else {
      const notice = message as Down | Exit | NodeUp | NodeDown
      if (notice?.type === 'DOWN' || notice?.type === 'EXIT') lines.push(`${notice.type} ${word(notice.reason)}`)
      else if (notice?.type === 'nodeup') {
        around.add(notice.node)
        lines.push('up')
      } else if (notice?.type === 'nodedown') {
        around.delete(notice.node)
        lines.push(`down ${notice.reason}`)
      } else lines.push(`got ${word(message)}`)
    }
  }
}

const own = node.spawn({ name: 'witness' }, witness)

// --- the mortal -------------------------------------------------------------------------------------------------------

const callers: Caller[] = []

async function mortal(self: Process<unknown>): Promise<void> {
  for await (const message of self) {
    const called = callIn(message)
    if (called !== undefined) callers.push(called.from)
    else self.exit(message)
  }
}

node.spawn({ name: 'mortal' }, mortal)

/** Calls the other's mortal, which does not answer; writes down how that ends, and all that comes afterwards. */
async function caller(self: Process<unknown>, other: string): Promise<void> {
  try {
    await self.call(named('mortal', other), atom('slow'), { timeout: 60_000 })
    lines.push('answered')
  } catch (error) {
    lines.push(`call ended: ${error instanceof CallError ? word(error.reason) : String(error)}`)
  }
  for await (const message of self) lines.push(`afterwards ${String(message)}`)
}

// --- a supervision tree -------------------------------------------------------------------------------------------------

/** What takes a moment to put away what it has, and then says so to the other's witness. */
const keeper = genServer({
  trapExit: true,
  init: (id: string, other: string) => ({ id, other }),
  async terminate({ id, other }) {
    await node.call(named('witness', other), atom('ping'), { timeout: 60_000 })
    node.send(named('witness', other), atom(`${id}_put_away`))
  },
})

const tree = (other: string) =>
  supervisor({
    children: ['store', 'cache'].map((id) => ({ id, start: keeper, args: [id, other] as const })),
  })

// --- names across the cluster --------------------------------------------------------------------------------------------

/** Is there, and writes down what it is told of others that claim what it claims. */
async function claimant(self: Process<unknown>, name: string | undefined): Promise<void> {
  if (name !== undefined) node.names.register(name, self.address, { multipleClaim: true })
  for await (const message of self) {
    const { type, name, claimants } = message as MultipleClaim
    lines.push(`${type} ${String(name)} ${claimants.map((each) => each.node).sort()}`)
  }
}

// --- the test asks ----------------------------------------------------------------------------------------------------

/** Content that no two sizes share, and that is no text. */
const contentOf = (size: number) => Uint8Array.from({ length: size }, (_, n) => 128 + ((n * 7 + size) % 128))

const operations: Record<string, (...args: never[]) => unknown> = {
  port: () => node.endpoint?.port,
  /** Also those whose end the witness has not written down yet. */
  nodes: () => [...new Set([...node.nodes(), ...around])],
  connect: (other: string) => node.connect(other),
  disconnect: (other: string) => node.disconnect(other),
  greet: (other: string) => own.send(tuple(atom('greet'), other)),
  count: (other: string, from: number, to: number) => {
    for (let n = from; n <= to; n++) node.send(named('witness', other), n)
  },
  /** Sends contents of these sizes to and fro, at once, and tells how many came back as they were, in order. */
  echo: async (other: string, sizes: readonly number[]) => {
    using mailbox = node.mailbox<string | Uint8Array>()
    for (const size of sizes) {
      node.send(named('witness', other), tuple(atom('echo'), mailbox.address, contentOf(size)))
    }
    let same = 0
    for (const size of sizes) {
      const content = await mailbox.receive({ timeout: 60_000 })
      if (Buffer.compare(bytes(content), contentOf(size)) === 0) same++
    }
    return same
  },
  ask: async (other: string) => word(await node.call(named('witness', other), atom('ping'), { timeout: 60_000 })),
  call: (other: string) => void node.spawn(caller, other),
  waiting: () => callers.length,
  end: (reason: string) => node.send('mortal', atom(reason)),
  answerLate: () => {
    using mailbox = node.mailbox()
    for (const from of callers.splice(0)) mailbox.reply(from, atom('late'))
  },
  retry: () => own.send(tuple(atom('retry'))),
  log: () => lines,
  clear: () => {
    lines = []
  },
  complaints: () => complaints,
  known: () => node.global?.nodes() ?? [],
  take: async (name: string) => {
    const holder = node.spawn(claimant, undefined)
    own.send(tuple(atom('watch'), holder))
    return node.global?.register(atom(name), holder)
  },
  holder: (name: string) => node.global?.whereis(atom(name))?.node ?? null,
  claim: (name: string) => void node.spawn(claimant, name),
  claimants: (name: string) => node.names.lookupAll(name).map((each) => each.node),
  /** What would grow if something leaked. */
  holdings: () => {
    const { length: processes } = node.processes()
    const resources = process.getActiveResourcesInfo()
    const many = (kind: string) => resources.filter((each) => each === kind).length
    const info = node.processInfo(own)
    const relations = {
      links: info?.links.length,
      monitors: info?.monitors.length,
      monitoredBy: info?.monitored_by.length,
    }
    return { processes, sockets: many('TCPSocketWrap'), timers: many('Timeout'), ...relations }
  },
  tree: async (other: string) => void (await node.start(tree(other))),
  stop: () => node.stop(),
}

process.on('message', async ({ id, operation, args }: { id: number; operation: string; args: never[] }) => {
  try {
    process.send?.({ id, result: (await operations[operation]?.(...args)) ?? null })
  } catch (error) {
    process.send?.({ id, error: String(error) })
  }
})
process.on('disconnect', () => process.exit(0))
process.once('SIGTERM', async () => {
  await node.stop()
  process.disconnect()
})
process.send?.({ ready: true })

/** Erlang's port mapper, one to a test file, on a port of its own: never the one that the machine may run. */
import { randomInt } from 'node:crypto'
import { connect, createServer } from 'node:net'
import { eventually, within } from '../support/deadline.js'
import { OsProcess, RunningProgram } from '../support/os-process.js'

const startDeadlineMs = 10_000

/** A running `epmd` on 127.0.0.1. */
export class Epmd extends RunningProgram {
  /** Where it listens: for `ERL_EPMD_PORT`, and for `startErlang({ epmdPort })`. */
  readonly port: number

  /** @internal Use {@link startEpmd}. */
  constructor(port: number, process: OsProcess) {
    super(process)
    this.port = port
  }

  /** The nodes that are registered: the part of each name before the `@`, and the port that the node listens on. */
  async names(): Promise<Map<string, number>> {
    return names(this.port)
  }

  /** Kills it, as the end of the test file does too. */
  async stop(): Promise<void> {
    await this.process.kill()
  }
}

/** Starts an `epmd` on a port of 127.0.0.1, a free one unless it is given; it is ready when this resolves. */
export async function startEpmd(given?: number): Promise<Epmd> {
  for (let attempt = 1; ; attempt++) {
    const port = given ?? (await freePort())
    const process = new OsProcess('epmd', {
      args: ['-port', String(port), '-address', '127.0.0.1', '-relaxed_command_check'],
    })
    const ready = eventually(() => names(port).then(() => true), startDeadlineMs, 'epmd to answer')
    const won = await Promise.race([ready.catch(() => false), process.ended.then(() => false)])
    // Looked at again after the answer, as it may have come from somebody who took the port first.
    if (won && process.ending === undefined) return new Epmd(port, process)
    await process.kill()
    if (attempt === 3) throw new Error(process.report('epmd did not start'))
  }
}

/**
 * A port that was free a moment ago. For what cannot be told to listen on port 0. Below those that systems hand out by themselves, as one of
 * these could be the end of somebody's connection a moment later.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const server = createServer()
    const port = randomInt(10_000, 30_000)
    const isFree = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false))
      server.listen(port, () => resolve(true))
    })
    if (!isFree) continue
    await new Promise((resolve) => server.close(resolve))
    return port
  }
}

/** NAMES_REQ: erl_dist_protocol, "Get All Registered Names from EPMD". */
async function names(port: number): Promise<Map<string, number>> {
  const socket = connect({ port, host: '127.0.0.1' })
  try {
    const answer = new Promise<string>((resolve, reject) => {
      let text = ''
      socket.setEncoding('latin1')
      socket.on('data', (chunk) => {
        text += chunk
      })
      socket.once('error', reject)
      socket.once('end', () => (text.length < 4 ? reject(new Error('epmd closed without an answer')) : resolve(text)))
      socket.once('connect', () => socket.write(Uint8Array.of(0, 1, 110)))
    })
    const rows = (await within(startDeadlineMs, answer, 'the names from epmd'))
      .slice(4)
      .matchAll(/^name (.+) at port (\d+)$/gm)
    return new Map(Array.from(rows, ([, name, nodePort]) => [String(name), Number(nodePort)]))
  } finally {
    socket.destroy()
  }
}

/** `reign ping`: whether a node is there and answers, and how fast. Erlang: `net_adm:ping`. */
import { Command, Option } from 'commander'
import { formatEndpoint } from '../cluster/endpoint.js'
import { pingAnswer, pingRequest } from '../cluster/net-kernel.js'
import { CallError, ReignError } from '../errors.js'
import { named } from '../term/named.js'
import { nodeNameProblem } from '../term/node-name.js'
import type { CommandContext } from './context.js'
import { pause } from './deadline.js'
import { addressOf, memberHint } from './roster.js'
import { Visit, type VisitOptions, wholeNumber, withVisitOptions } from './visit.js'

/** What `reign ping` is told. */
export interface PingOptions extends VisitOptions {
  /** How many round trips to make. */
  readonly count: number
  /** Milliseconds between an answer and the next question. */
  readonly interval: number
}

/** The command. */
export function pingCommand(context: CommandContext): Command {
  const command = new Command('ping')
    .summary('ask a node whether it is there, and how long an answer takes')
    .description(
      'Connect with a node, and send it questions that every node of reign and of Erlang answers. Tells the time of each ' +
        'round trip; if it fails, why. Exit code 0 when every question was answered.',
    )
    .argument('<node>', 'the node to ask: alive@host')
  return withVisitOptions(command)
    .addOption(new Option('-c, --count <n>', 'how many questions').default(4).argParser(wholeNumber(1, 1_000_000)))
    .addOption(
      new Option('-i, --interval <ms>', 'the time between them').default(250).argParser(wholeNumber(0, 3_600_000)),
    )
    .addHelpText('after', '\nExample:\n  reign ping two@127.0.0.1 --count 10')
    .action((node: string, options: PingOptions) => ping(node, options, context))
}

/**
 * Asks, and tells.
 *
 * @throws why it cannot be asked (as `Visit.begin` and `Visit.connect`); `ERR_REIGN_CONNECTION_LOST` when the connection ends meanwhile;
 *   `ERR_REIGN_TIMEOUT` when not all of it was answered.
 */
export async function ping(node: string, options: PingOptions, context: CommandContext): Promise<void> {
  const problem = nodeNameProblem(node)
  if (problem !== undefined) throw new ReignError('ERR_REIGN_NODE_NAME', `${JSON.stringify(node)} ${problem}`)
  await using visit = await Visit.begin(options, context)
  const { roster } = visit
  const at = addressOf(roster, node)
  const from = context.clock.now()
  await visit.connect(node).catch((error: unknown) => {
    const hint = roster.visitors.includes(node) ? `: it is a visitor, and nobody dials those` : memberHint(roster, node)
    throw error instanceof ReignError && hint !== '' ? new ReignError(error.code, `${error.message}${hint}`) : error
  })
  const { style } = context
  const where = at === undefined ? '' : ` at ${formatEndpoint(at)}`
  context.out(`${style.bold(node)}${where}: connected in ${ms(context.clock.now() - from)}\n`)
  const times = new RoundTrips()
  try {
    for (let n = 1; n <= options.count; n++) {
      if (n > 1) await pause({ ...visit.deadline, timeoutMs: options.interval })
      context.out(`${String(n).padStart(4)}  ${await roundTrip(visit, node, times, context)}\n`)
    }
  } finally {
    context.out(`${times.summary()}\n`)
  }
  if (times.lost > 0) {
    const text = `${node} left ${times.lost} of ${times.asked} questions unanswered for ${options.timeout} ms`
    throw new ReignError('ERR_REIGN_TIMEOUT', text)
  }
}

async function roundTrip(visit: Visit, node: string, times: RoundTrips, context: CommandContext): Promise<string> {
  const { clock, timeoutMs: timeout, stop: signal } = visit.deadline
  const from = clock.now()
  try {
    const answer = await visit.node.call(named('net_kernel', node), pingRequest(visit.node.name), { timeout, signal })
    const took = clock.now() - from
    if (answer !== pingAnswer) throw new ReignError('ERR_REIGN_CALL', `${node} answers, but not as a node does`)
    times.add(took)
    return ms(took)
  } catch (error) {
    if (signal.aborted) throw error
    if (error instanceof CallError) throw lostConnection(error, node)
    if (!(error instanceof ReignError) || error.code !== 'ERR_REIGN_TIMEOUT') throw error
    times.miss()
    return context.style.bad(`no answer within ${timeout} ms`)
  }
}

function lostConnection(cause: CallError, node: string): ReignError {
  if (cause.reason !== Symbol.for('noconnection')) return cause
  return new ReignError('ERR_REIGN_CONNECTION_LOST', `the connection with ${node} is lost`, { cause })
}

/** The times of all answers. */
class RoundTrips {
  readonly #times: number[] = []
  lost = 0

  get asked(): number {
    return this.#times.length + this.lost
  }

  add(took: number): void {
    this.#times.push(took)
  }

  miss(): void {
    this.lost++
  }

  summary(): string {
    const sorted = [...this.#times].sort((a, b) => a - b)
    const [min] = sorted
    const max = sorted.at(-1)
    const median = sorted[Math.floor(sorted.length / 2)]
    const answered = `${sorted.length} of ${this.asked} answered`
    if (min === undefined || max === undefined || median === undefined) return answered
    return `${answered}: min ${digits(min)}, median ${digits(median)}, max ${ms(max)}`
  }
}

/** A time for people, three digits behind the point: `0.312 ms`. */
export function ms(time: number): string {
  return `${digits(time)} ms`
}

function digits(time: number): string {
  return time.toFixed(3)
}

/** `reign nodes`: the members of a cluster, which of them answer, and how fast. */
import { Command } from 'commander'
import { formatEndpoint } from '../cluster/endpoint.js'
import { pingRequest } from '../cluster/net-kernel.js'
import { ReignError } from '../errors.js'
import { Address } from '../term/address.js'
import { named } from '../term/named.js'
import type { CommandContext } from './context.js'
import { within } from './deadline.js'
import { nobody } from './names.js'
import { ms } from './ping.js'
import { addressOf } from './roster.js'
import { type Finding, failuresOf, survey } from './survey.js'
import { type Cell, table } from './table.js'
import { Visit, type VisitOptions, withVisitOptions } from './visit.js'

/** What `reign nodes` is told. */
export interface NodesOptions extends VisitOptions {
  readonly json?: boolean
}

/** The command. */
export function nodesCommand(context: CommandContext): Command {
  const command = new Command('nodes')
    .summary('list the members, and which of them answer')
    .description(
      'Connect with every member, and list them: whether each answers, how long that takes (the shortest of three), and ' +
        'which run of it that is (its creation). Exit code 0 when one answers at least.',
    )
  return withVisitOptions(command)
    .option('--json', 'print JSON')
    .action((options: NodesOptions) => nodes(options, context))
}

/** How many questions each node is asked; the shortest time is told, as that is the least disturbed by the others. */
const questions = 3

/** What is learned of a node that answers. */
interface Answer {
  /** The run of the node: another number after each restart. */
  readonly creation: number
  /** The shortest of its answers. */
  readonly roundTripMs: number
}

/**
 * Asks, and tells.
 *
 * @throws as `Visit.begin`; why no node at all has answered.
 */
export async function nodes(options: NodesOptions, context: CommandContext): Promise<void> {
  await using visit = await Visit.begin(options, context)
  const findings = await survey(visit, visit.roster.members, (node) => ask(visit, node))
  const failures = failuresOf(findings)
  if (failures.length === findings.length) throw nobody(failures)
  const shown = findings.map((finding) => {
    const at = addressOf(visit.roster, finding.node)
    return { finding, address: at === undefined ? undefined : formatEndpoint(at) }
  })
  context.out(options.json ? json(shown) : list(shown, context))
}

interface Shown {
  readonly finding: Finding<Answer>
  readonly address: string | undefined
}

/** Any address of the node carries its creation: that of the process that answers pings. */
async function ask(visit: Visit, node: string): Promise<Answer> {
  const { timeoutMs: timeout, stop: signal, clock } = visit.deadline
  const found = visit.node.erpc(node).call('erlang', 'whereis', [Symbol.for('net_kernel')], { timeout })
  const netKernel = await within(visit.deadline, found, `${node} to answer`)
  if (!(netKernel instanceof Address)) throw new ReignError('ERR_REIGN_CALL', `${node} has no net_kernel`)
  let roundTripMs = Number.POSITIVE_INFINITY
  for (let n = 0; n < questions; n++) {
    const from = clock.now()
    await visit.node.call(named('net_kernel', node), pingRequest(visit.node.name), { timeout, signal })
    roundTripMs = Math.min(roundTripMs, clock.now() - from)
  }
  return { creation: netKernel.creation, roundTripMs }
}

function list(shown: readonly Shown[], { style }: CommandContext): string {
  const rows = shown.map(({ finding, address }): Cell[] => {
    const node = { text: finding.node, style: style.bold }
    if ('failure' in finding) {
      const { code, message } = finding.failure
      return [node, { text: 'down', style: style.bad }, { text: `${code}: ${message}` }]
    }
    const { creation, roundTripMs } = finding.answer
    const cells = [
      node,
      { text: 'up', style: style.good },
      { text: ms(roundTripMs) },
      { text: `creation ${creation}`, style: style.dim },
    ]
    return address === undefined ? cells : [...cells, { text: address, style: style.dim }]
  })
  return `${table(rows)}\n`
}

function json(shown: readonly Shown[]): string {
  const nodes = shown.map(({ finding, address }) => {
    if ('failure' in finding) {
      const { code, message } = finding.failure
      return { node: finding.node, address, up: false, code, reason: message }
    }
    return { node: finding.node, address, up: true, ...finding.answer }
  })
  return `${JSON.stringify({ nodes }, undefined, 2)}\n`
}

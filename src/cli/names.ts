/** `reign names`: the cluster-wide names, and who claims each. Erlang: `pg:which_groups(reign)`, `pg:get_members(reign, Name)`. */
import { Command } from 'commander'
import type { NamesView } from '../cluster/names.js'
import { ReignError } from '../errors.js'
import { quoteRemote } from '../remote-text.js'
import { atomName } from '../term/atom.js'
import type { CommandContext } from './context.js'
import { type Gap, gapsOf, learnNames } from './name-claims.js'
import { memberHint } from './roster.js'
import { answersOf, failuresOf, survey } from './survey.js'
import { type Cell, table } from './table.js'
import { Visit, type VisitOptions, withVisitOptions } from './visit.js'

/** What `reign names` is told. */
export interface NamesOptions extends VisitOptions {
  /** The one node to ask; all members unless given. */
  readonly node?: string
  readonly json?: boolean
}

/** The command. */
export function namesCommand(context: CommandContext): Command {
  const command = new Command('names')
    .summary('list the cluster-wide names, and who claims each')
    .description(
      'Ask every member which cluster-wide names its processes claim, and list them together. Below the list: members that ' +
        'do not answer, and members that have not exchanged their names with each other. Exit code 0 when one answers at least.',
    )
    .option('-n, --node <name>', 'ask this node alone')
  return withVisitOptions(command)
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExamples:\n  reign names\n  reign names --node one@127.0.0.1 --json')
    .action((options: NamesOptions) => names(options, context))
}

/** A name with its claims on all nodes that have answered. */
interface NameRow {
  readonly name: string | symbol
  readonly claims: { readonly node: string; readonly addresses: readonly string[] }[]
}

/** A node that has answered, and what it lacks of the others; `undefined` when it cannot say. */
interface Answer {
  readonly node: string
  readonly gaps: readonly Gap[] | undefined
}

/**
 * Asks, and tells.
 *
 * @throws as `Visit.begin`; why the one node, or no node at all, has answered.
 */
export async function names(options: NamesOptions, context: CommandContext): Promise<void> {
  await using visit = await Visit.begin(options, context)
  const nodes = options.node === undefined ? visit.roster.members : [options.node]
  const findings = await survey(visit, nodes, (node) => learnNames(visit.node, node, visit.deadline))
  const answered = answersOf(findings).map(({ node }) => node)
  const failures = failuresOf(findings)
  if (answered.length === 0)
    throw nobody(failures, options.node === undefined ? '' : memberHint(visit.roster, options.node))
  const rows = claimed(visit.node.names.view().names, answered)
  const asked = await survey(visit, answered, (node) => gapsOf(visit.node, node, answered, visit.deadline))
  const answers = asked.map((finding) => ({
    node: finding.node,
    gaps: 'answer' in finding ? finding.answer : undefined,
  }))
  if (options.json) return context.out(json(rows, answers, failures))
  context.out(list(rows, context))
  for (const { node, failure } of failures) {
    context.out(`${context.style.bad(`${node} does not answer`)}: ${failure.code}: ${failure.message}\n`)
  }
  for (const { node, gaps = [] } of answers) {
    for (const { node: other, reason } of gaps) {
      context.out(`${context.style.bad(`${node} does not know the names of ${other}`)}: ${reason}\n`)
    }
  }
}

/** That nobody has answered, with the reasons. */
export function nobody(
  failures: readonly { readonly node: string; readonly failure: ReignError }[],
  hint = '',
): ReignError {
  const [first, ...others] = failures
  if (first === undefined) return new ReignError('ERR_REIGN_CLUSTER_SPEC', 'the cluster has no members to be asked')
  if (others.length === 0) return new ReignError(first.failure.code, `${first.failure.message}${hint}`)
  const list = failures.map(({ failure }) => `\n  - ${failure.code}: ${failure.message}`).join('')
  return new ReignError('ERR_REIGN_UNREACHABLE', `no member answers:${list}`)
}

/** The claims of those nodes, by name and node. */
function claimed(names: NamesView['names'], nodes: readonly string[]): NameRow[] {
  const rows = names.map(({ name, claimants }): NameRow => {
    const claims = nodes.flatMap((node) => {
      const addresses = claimants.filter((claimant) => claimant.node === node).map(String)
      return addresses.length === 0 ? [] : [{ node, addresses }]
    })
    return { name, claims }
  })
  return rows.filter(({ claims }) => claims.length > 0).sort((a, b) => compare(shownName(a.name), shownName(b.name)))
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** A text as it is if it is harmless, else in quotes; an atom as Erlang writes it. Names come from peers. */
export function shownName(name: string | symbol): string {
  if (typeof name === 'symbol') return quoteRemote(atomName(name) ?? '').replace(/^"|"(?=…?$)/g, "'")
  return /^[\p{L}\p{N}_.:@/+-]+$/u.test(name) && name.length <= 100 ? name : quoteRemote(name)
}

function list(rows: readonly NameRow[], { style }: CommandContext): string {
  if (rows.length === 0) return 'nobody claims a name\n'
  const cells = rows.flatMap(({ name, claims }) =>
    claims.flatMap(({ node, addresses }, first) =>
      addresses.map((address, second): Cell[] => [
        { text: first + second === 0 ? shownName(name) : '', style: style.bold },
        { text: second === 0 ? node : '' },
        { text: address, style: style.dim },
      ]),
    ),
  )
  return `${table(cells)}\n`
}

function json(
  rows: readonly NameRow[],
  answers: readonly Answer[],
  failures: readonly { readonly node: string; readonly failure: ReignError }[],
): string {
  const value = {
    names: rows.map(({ name, claims }) => ({
      name: typeof name === 'symbol' ? atomName(name) : name,
      kind: typeof name === 'symbol' ? 'atom' : 'text',
      claimants: claims.flatMap(({ node, addresses }) => addresses.map((address) => ({ node, address }))),
    })),
    answered: answers.map(({ node }) => node),
    unexchanged: answers.flatMap(({ node, gaps = [] }) =>
      gaps.map(({ node: other, reason }) => ({ node, with: other, reason })),
    ),
    unanswered: failures.map(({ node, failure }) => ({ node, code: failure.code, reason: failure.message })),
  }
  return `${JSON.stringify(value, undefined, 2)}\n`
}

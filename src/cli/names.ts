/** `reign names`: the cluster-wide names, and who claims each. Erlang: `pg:which_groups(reign)`, `pg:get_members(reign, Name)`. */
import { Command } from 'commander'
import { ReignError } from '../errors.js'
import { quoteRemote } from '../remote-text.js'
import { atomName } from '../term/atom.js'
import type { CommandContext } from './context.js'
import { type Claim, claimsOf } from './name-claims.js'
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
      'Ask every member which cluster-wide names its processes claim, and list them together. Members that do not ' +
        'answer are named below the list. Exit code 0 when one answers at least.',
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

/**
 * Asks, and tells.
 *
 * @throws as `Visit.begin`; why the one node, or no node at all, has answered.
 */
export async function names(options: NamesOptions, context: CommandContext): Promise<void> {
  await using visit = await Visit.begin(options, context)
  const nodes = options.node === undefined ? visit.roster.members : [options.node]
  const findings = await survey(visit, nodes, (node) => claimsOf(visit.node, node, visit.deadline))
  const answers = answersOf(findings)
  const failures = failuresOf(findings)
  if (answers.length === 0)
    throw nobody(failures, options.node === undefined ? '' : memberHint(visit.roster, options.node))
  const rows = merged(answers)
  context.out(options.json ? json(rows, answers, failures) : list(rows, context))
  if (options.json) return
  for (const { node, failure } of failures) {
    context.out(`${context.style.bad(`${node} does not answer`)}: ${failure.code}: ${failure.message}\n`)
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

function merged(answers: readonly { readonly node: string; readonly answer: readonly Claim[] }[]): NameRow[] {
  const rows = new Map<string | symbol, NameRow>()
  for (const { node, answer } of answers) {
    for (const { name, claimants } of answer) {
      const row = rows.get(name) ?? { name, claims: [] }
      rows.set(name, row)
      row.claims.push({ node, addresses: claimants.map(String) })
    }
  }
  return [...rows.values()].sort((a, b) => compare(shownName(a.name), shownName(b.name)))
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
  answers: readonly { readonly node: string }[],
  failures: readonly { readonly node: string; readonly failure: ReignError }[],
): string {
  const value = {
    names: rows.map(({ name, claims }) => ({
      name: typeof name === 'symbol' ? atomName(name) : name,
      kind: typeof name === 'symbol' ? 'atom' : 'text',
      claimants: claims.flatMap(({ node, addresses }) => addresses.map((address) => ({ node, address }))),
    })),
    answered: answers.map(({ node }) => node),
    unanswered: failures.map(({ node, failure }) => ({ node, code: failure.code, reason: failure.message })),
  }
  return `${JSON.stringify(value, undefined, 2)}\n`
}

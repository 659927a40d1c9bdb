/** What is wrong with a cluster specification: everything at once, each with the node and the field. */
import { ReignError } from '../errors.js'
import { quoteRemote } from '../remote-text.js'

/** One thing that is wrong. Holds no value of the specification but names, paths and endpoints: never a secret. */
export interface SpecIssue {
  /** The name of the node whose entry it is about; `undefined` when it is about the cluster as a whole. */
  readonly node: string | undefined
  /** The field, dotted where it is deeper: `address`, `epmd.port`; empty when it is about the whole. */
  readonly field: string
  /** The end of a sentence that begins with the field: `has no port: write host:port`. */
  readonly message: string
}

/** How many issues the message shows; `issues` has all of them. */
const issuesShownMax = 50

/** A cluster specification that cannot be used. Code `ERR_REIGN_CLUSTER_SPEC`; the message lists every issue. */
export class ClusterSpecError extends ReignError {
  override readonly name: string = 'ClusterSpecError'
  /** Everything that is wrong, in the order of the specification. */
  readonly issues: readonly SpecIssue[]

  /** @param source Where the specification is from, for the message: `/srv/app/cluster/cluster.json`. */
  constructor(source: string, issues: readonly SpecIssue[]) {
    super('ERR_REIGN_CLUSTER_SPEC', `${source}${listed(issues)}`)
    this.issues = Object.freeze(issues.map((issue) => Object.freeze({ ...issue })))
  }
}

function listed(issues: readonly SpecIssue[]): string {
  const lines = issues.slice(0, issuesShownMax).map(issueText)
  if (lines.length === 1) return `: ${lines.join()}`
  if (issues.length > lines.length) lines.push(`and ${issues.length - lines.length} more`)
  return ` has ${issues.length} problems:${lines.map((line) => `\n  - ${line}`).join('')}`
}

/** An issue in one line: `one@127.0.0.1: address has no port: write host:port`. */
export function issueText({ node, field, message }: SpecIssue): string {
  const text = field === '' ? message : `${shown(field)} ${message}`
  return node === undefined ? text : `${shown(node)}: ${text}`
}

/** A name or a field as it was written, unless it is one that no name or field can be: then quoted. */
function shown(text: string): string {
  return /^[\x21-\x7e]{1,255}$/.test(text) ? text : quoteRemote(text)
}

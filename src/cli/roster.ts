/** Who is in a cluster, as commands need to know it before there is a node: members, and visitors that one can be. */
import { constants } from 'node:fs'
import { access, readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { type Endpoint, parseEndpoint } from '../cluster/endpoint.js'
import { ClusterSpecError } from '../cluster/spec-error.js'
import type { ClusterSpecInput } from '../cluster/spec-schema.js'
import { readSpecSource } from '../cluster/spec-source.js'
import { suggestion } from '../cluster/suggestion.js'
import { ReignError } from '../errors.js'

/** A cluster, as its file has it. */
export interface Roster {
  /** The path of the file, for `Node.start`. */
  readonly path: string
  readonly folder: string
  readonly spec: ClusterSpecInput
  /** The names of the members, in the order of the file. */
  readonly members: readonly string[]
  readonly visitors: readonly string[]
}

/**
 * Reads the cluster file of a folder.
 *
 * @throws `ERR_REIGN_CLUSTER_SPEC` when it cannot be read, or its shape is wrong.
 */
export async function readRoster(dir: string, cwd: string): Promise<Roster> {
  const { raw, folder, title } = await readSpecSource(resolve(cwd, dir), cwd)
  const { readSpecShape } = await import('../cluster/spec-schema.js')
  const { spec, issues } = readSpecShape(raw)
  if (issues.length > 0) throw new ClusterSpecError(title, issues)
  const entries = Object.entries(spec.nodes ?? {})
  return {
    path: title,
    folder,
    spec,
    members: entries.filter(([, { member }]) => member !== false).map(([name]) => name),
    visitors: entries.filter(([, { member }]) => member === false).map(([name]) => name),
  }
}

/** Where a member is to be dialled; `undefined`: its port mapper knows. */
export function addressOf({ spec }: Roster, name: string): Endpoint | undefined {
  const { address } = spec.nodes?.[name] ?? {}
  const endpoint = address === undefined ? undefined : parseEndpoint(address, 1)
  return typeof endpoint === 'string' ? undefined : endpoint
}

/** `: did you mean two@127.0.0.1?`, or nothing. */
export function memberHint({ members }: Roster, name: string): string {
  const meant = members.includes(name) ? undefined : suggestion(name, members)
  return meant === undefined ? '' : `: did you mean ${meant}?`
}

/**
 * The visitors that a command can be here, as their certificates and keys are here; the one that was asked for, or all.
 *
 * @throws `ERR_REIGN_ARGUMENT` when there is none, or the one that was asked for is none; `ERR_REIGN_CERTIFICATE` when there are some, but
 *   their files are not here.
 */
export async function usableVisitors(roster: Roster, wanted: string | undefined): Promise<readonly string[]> {
  const named = wanted === undefined ? roster.visitors : [checkedVisitor(roster, wanted)]
  if (named.length === 0) {
    const text = `${roster.path} has no visitor that a command could be: \`reign cert --visitor NAME\` makes one`
    throw new ReignError('ERR_REIGN_ARGUMENT', text)
  }
  const missing = await Promise.all(named.map((name) => missingFile(roster, name)))
  const usable = named.filter((_, index) => missing[index] === undefined)
  if (usable.length > 0) return usable
  const list = named.map((name, index) => `${name} needs ${missing[index]}`).join('; ')
  throw new ReignError('ERR_REIGN_CERTIFICATE', `no visitor that a command could be has its files here: ${list}`)
}

function checkedVisitor(roster: Roster, name: string): string {
  if (roster.visitors.includes(name)) return name
  if (roster.members.includes(name)) {
    const text = `${name} is a member, whose connections a command would take over: --as takes a visitor ("member": false)`
    throw new ReignError('ERR_REIGN_ARGUMENT', text)
  }
  const meant = suggestion(name, roster.visitors)
  const hint = meant === undefined ? '`reign cert --visitor` adds one' : `did you mean ${meant}?`
  throw new ReignError('ERR_REIGN_ARGUMENT', `${name} is no visitor in ${roster.path}: ${hint}`)
}

/** The first file of a node that cannot be read here. */
async function missingFile({ spec, folder }: Roster, name: string): Promise<string | undefined> {
  if (spec.tls === false) return undefined
  const { cert, key } = spec.nodes?.[name] ?? {}
  for (const [field, value] of Object.entries({ cert, key })) {
    if (value === undefined) return `${field} in the file`
    if (value.includes('-----BEGIN ')) continue
    const path = resolve(folder, value)
    const readable = await access(path, constants.R_OK).then(
      () => true,
      () => false,
    )
    if (!readable) return path
  }
  return undefined
}

/** What tells a visitor from one of the same name in another cluster: the authority, or where the file is. */
export async function identityOf({ spec, folder, path }: Roster, name: string): Promise<string> {
  const { ca, tls } = spec
  if (tls === false || ca === undefined) return `${name} ${path}`
  const pem = ca.includes('-----BEGIN ') ? ca : await readFile(resolve(folder, ca), 'utf8').catch(() => path)
  return `${name} ${pem}`
}

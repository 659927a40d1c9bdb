/** A cluster folder and its authority, as the commands that sign with it open them. */
import type { X509Certificate } from 'node:crypto'
import { readFile, realpath } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { Authority } from '../certs/authority.js'
import { readCertificates } from '../certs/pem.js'
import { ClusterSpecError } from '../cluster/spec-error.js'
import type { ClusterSpecInput, NodeSpecInput } from '../cluster/spec-schema.js'
import { fileProblem, type RawSpec, readSpecSource } from '../cluster/spec-source.js'
import { ReignError } from '../errors.js'
import { Secret } from '../secret.js'
import { checkFolderPath, clusterFiles } from './cluster-folder.js'
import type { CommandContext } from './context.js'

/** A cluster's folder, with what its `cluster.json` says. */
export interface OpenFolder {
  readonly found: RawSpec
  readonly spec: ClusterSpecInput
}

/** Reads the specification in a folder. @throws `ERR_REIGN_CLUSTER_SPEC` when it has no shape. */
export async function openFolder(dir: string, context: CommandContext): Promise<OpenFolder> {
  const path = resolve(context.cwd, dir)
  const found = await readSpecSource(await realpath(path).catch(() => path), context.cwd)
  checkFolderPath(found.folder)
  const { readSpecShape } = await import('../cluster/spec-schema.js')
  const { spec, issues } = readSpecShape(found.raw)
  if (issues.length > 0) throw new ClusterSpecError(found.title, issues)
  return { found, spec }
}

/** Where the certificates of the authorities are. @throws `ERR_REIGN_ARGUMENT` when they are in no file. */
export function caFileOf(spec: ClusterSpecInput, folder: string): string {
  if (spec.ca === undefined) throw argumentFault(`${clusterFiles.spec} names no authority in ca`)
  if (spec.ca.includes('-----BEGIN ')) throw argumentFault(`ca in ${clusterFiles.spec} is PEM text: put it into a file`)
  return resolve(folder, spec.ca)
}

/**
 * The authority that a key belongs to, and all that are trusted.
 *
 * @param caKey Where its key is; `undefined`: in the folder.
 * @throws `ERR_REIGN_CERTIFICATE` when it cannot be read, or cannot sign.
 */
export async function readAuthority(
  caFile: string,
  folder: string,
  caKey: string | undefined,
  context: CommandContext,
): Promise<{ readonly authority: Authority; readonly all: readonly X509Certificate[] }> {
  const { openAuthority } = await import('../certs/authority.js')
  const keyFile = resolve(context.cwd, caKey ?? join(folder, clusterFiles.authorityKey))
  const key = new Secret(await readText(keyFile, "the authority's key (--ca-key says where it is)"))
  const all = readCertificates(await readText(caFile, "the authority's certificate"))
  // There may be several while one replaces the other: the one that this key belongs to.
  let failure: unknown = new ReignError('ERR_REIGN_CERTIFICATE', `${caFile} holds no readable certificate`)
  for (const certificate of all) {
    try {
      return { authority: openAuthority(certificate.toString(), key, context), all }
    } catch (error) {
      failure = error
    }
  }
  throw failure
}

/** The text of a file. @throws `ERR_REIGN_CERTIFICATE`, with what it is. */
export async function readText(path: string, what: string): Promise<string> {
  return readFile(path, 'utf8').catch((error: unknown) => {
    throw new ReignError('ERR_REIGN_CERTIFICATE', `${what} cannot be read from ${path}: ${fileProblem(error)}`)
  })
}

/** What a specification says of a node. */
export function entryOf(spec: ClusterSpecInput, name: string): NodeSpecInput | undefined {
  return spec.nodes !== undefined && Object.hasOwn(spec.nodes, name) ? spec.nodes[name] : undefined
}

/** Arguments that cannot be done. */
export function argumentFault(message: string): ReignError {
  return new ReignError('ERR_REIGN_ARGUMENT', message)
}

/** The files of a cluster folder: what they are called, who may read them, and how they are written. */
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { type Endpoint, formatEndpoint } from '../cluster/endpoint.js'
import type { NodeSpecInput } from '../cluster/spec-schema.js'
import { ReignError } from '../errors.js'
import { parseNodeName } from '../term/node-name.js'

/** Files that a cluster folder has once. */
export const clusterFiles = {
  spec: 'cluster.json',
  authority: 'ca.pem',
  /** What the authority has revoked; only once there is something, or somebody wants it. */
  revocationList: 'ca.crl',
  /** The authority's private key: the one file that belongs off-line. */
  authorityKey: 'ca.key',
  cookie: 'cookie',
  gitignore: '.gitignore',
} as const

/** Who may read a file: its owner alone, or everybody. */
export type Audience = 'owner' | 'everybody'

/** Names of the files of one node. */
export interface NodeFiles {
  readonly cert: string
  readonly key: string
  readonly erlangConf: string
}

/** The files of a node. The `:` of an IPv6 host would mean something else to Windows; no node name holds a `+`. */
export function nodeFiles(name: string): NodeFiles {
  const stem = name.replaceAll(':', '+')
  return { cert: `${stem}.pem`, key: `${stem}.key`, erlangConf: `${stem}.erlang.conf` }
}

/** The visitor that `reign init` makes, on the machine of that node: who commands are when they talk to the cluster. */
export function consoleName(node: string): string {
  return `console@${parseNodeName(node).host}`
}

/** What `cluster.json` says of a node whose files are beside it. */
export function nodeEntry(name: string, member: boolean, address: Endpoint | undefined): NodeSpecInput {
  const { cert, key } = nodeFiles(name)
  return { ...(!member && { member }), ...(address !== undefined && { address: formatEndpoint(address) }), cert, key }
}

/** The text of `cluster.json`. */
export function specText(spec: unknown): string {
  return `${JSON.stringify(spec, undefined, 2)}\n`
}

/** Whether a file of this name can be one that `reign init` or `reign cert` has written. */
export function isClusterFile(name: string): boolean {
  const fixed: readonly string[] = Object.values(clusterFiles)
  return fixed.includes(name) || /^[^@]+@[^@]+\.(pem|key|erlang\.conf)$/.test(name)
}

/**
 * Writes a file that must not exist yet, with exactly these permissions, whatever the umask of the process is.
 *
 * The permissions are given when the file is made, so that a secret is never readable for an instant.
 */
export async function writeNewFile(folder: string, name: string, text: string, audience: Audience): Promise<void> {
  const mode = audience === 'owner' ? 0o600 : 0o644
  const file = await open(join(folder, name), 'wx', mode)
  try {
    await file.chmod(mode)
    await file.writeFile(text)
  } finally {
    await file.close()
  }
}

/** A folder's path becomes part of Erlang files and of printed commands: it must be one line. */
export function checkFolderPath(path: string): void {
  for (const character of path) {
    const code = character.codePointAt(0) ?? 0
    if (code < 0x20 || (code >= 0x7f && code < 0xa0)) {
      throw new ReignError(
        'ERR_REIGN_ARGUMENT',
        `the path of the folder has a control character: ${JSON.stringify(path)}`,
      )
    }
  }
}

/** The files of one node, as `reign init` and `reign cert` write them. */
import type { Authority } from '../certs/authority.js'
import type { Secret } from '../secret.js'
import { nodeFiles, writeNewFile } from './cluster-folder.js'
import type { CommandContext } from './context.js'
import { type ErlangConf, erlangConf } from './erlang-conf.js'

/**
 * Makes a certificate and writes the files of its node into `draft`, under the names of {@link nodeFiles}.
 *
 * @param kept The key that the node has; otherwise a new one is made, and written too.
 * @returns When the certificate ends, in milliseconds since 1970.
 */
export async function writeNodeFiles(
  draft: string,
  authority: Authority,
  conf: ErlangConf,
  context: CommandContext,
  kept?: Secret,
): Promise<number> {
  // Writing certificates is the only reason to load the library that can.
  const { issueNodeCertificate } = await import('../certs/issue.js')
  const issued = await issueNodeCertificate(authority, conf.name, { ...context, key: kept })
  const files = nodeFiles(conf.name)
  await writeNewFile(draft, files.cert, issued.certificatePem, 'everybody')
  if (kept === undefined) await writeNewFile(draft, files.key, issued.key.reveal(), 'owner')
  await writeNewFile(draft, files.erlangConf, erlangConf(conf), 'everybody')
  return issued.notAfter
}

/** A day, for people: `2027-12-27`. */
export function dayOf(timeMs: number): string {
  return new Date(timeMs).toISOString().slice(0, 10)
}

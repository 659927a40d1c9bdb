/** `reign revoke`: certificates that are believed no more, and the list that says so. */
import type { X509Certificate } from 'node:crypto'
import { chmod, mkdtemp, readFile, rename, rm } from 'node:fs/promises'
import { join, relative, resolve } from 'node:path'
import { Command, InvalidArgumentError, Option } from 'commander'
import type { Authority } from '../certs/authority.js'
import { serialText } from '../certs/chain.js'
import { pemBlocks, readCertificates } from '../certs/pem.js'
import type { ClusterSpecInput } from '../cluster/spec-schema.js'
import { ReignError } from '../errors.js'
import { argumentFault, caFileOf, entryOf, openFolder, readAuthority, readText } from './authority-files.js'
import { clusterFiles, specText, writeNewFile } from './cluster-folder.js'
import type { CommandContext } from './context.js'
import { collectNodeArgument, type NodeArgument } from './node-argument.js'
import { dayOf } from './node-certificate.js'
import { wholeNumber } from './visit.js'

/** What `reign revoke` is told. */
export interface RevokeOptions {
  /** The folder of the cluster, or its `cluster.json`. */
  readonly dir: string
  /** Where the authority's private key is; by default in the folder. */
  readonly caKey?: string
  /** Files with certificates that no node of the folder has any more. */
  readonly cert?: readonly string[]
  /** Serial numbers of certificates whose files are lost, in hexadecimal. */
  readonly serial?: readonly string[]
  /** Days that the list is good for. */
  readonly days?: number
}

/** The command. */
export function revokeCommand(context: CommandContext): Command {
  return new Command('revoke')
    .summary('revoke certificates; make the revocation list anew')
    .description(
      "Put the certificates that nodes have now into the authority's revocation list, and name the list in cluster.json. " +
        "Without any, only make the list anew, good for longer. Needs the authority's key. To replace a certificate that was " +
        'stolen, revoke it first, then give the node a new one with `reign cert --renew`.',
    )
    .argument('[nodes...]', 'names of nodes whose present certificates are revoked', collectNodeArgument)
    .option('-d, --dir <folder>', 'the folder of the cluster', 'cluster')
    .option('-k, --ca-key <file>', "where the authority's key is, when it is not in the folder")
    .option('--cert <files...>', 'revoke the certificates in these files')
    .addOption(
      new Option('--serial <numbers...>', 'revoke the certificates with these serial numbers').argParser(collectSerial),
    )
    .addOption(
      new Option('--days <number>', 'how long the list is good for (default: 398)').argParser(wholeNumber(1, 3_650)),
    )
    .addHelpText('after', '\nExamples:\n  reign revoke one@127.0.0.1\n  reign revoke --ca-key /media/usb/ca.key')
    .action((nodes: readonly NodeArgument[], options: RevokeOptions) => revoke(nodes, options, context))
}

/** A certificate that is revoked. */
interface Doomed {
  /** Whose it was, or where it was found. */
  readonly what: string
  readonly serialNumber: string
}

/**
 * Makes the next revocation list, and writes it; all of it or nothing.
 *
 * @throws `ERR_REIGN_ARGUMENT` for nodes that are not there; `ERR_REIGN_CERTIFICATE` when a certificate is not of this authority,
 * when the authority cannot sign, or when the list that is there is not its own.
 */
export async function revoke(
  nodes: readonly NodeArgument[],
  options: RevokeOptions,
  context: CommandContext,
): Promise<void> {
  const { found, spec } = await openFolder(options.dir, context)
  const { authority, all } = await readAuthority(caFileOf(spec, found.folder), found.folder, options.caKey, context)
  const doomed = await doomedOf(nodes, options, { spec, folder: found.folder, authority, context })
  const listFile = listFileOf(spec, found.folder)
  const { own, others } = await readLists(listFile, authority, all)
  const { issueRevocationList } = await import('../certs/issue-revocation-list.js')
  const serialNumbers = doomed.map(({ serialNumber }) => serialNumber)
  const issued = await issueRevocationList(authority, serialNumbers, {
    clock: context.clock,
    ...(own !== undefined && { before: own }),
    ...(options.days !== undefined && { days: options.days }),
  })
  const draft = await mkdtemp(join(found.folder, '.revoke-'))
  try {
    await chmod(draft, 0o700)
    await writeNewFile(draft, clusterFiles.revocationList, issued.listPem + others.join(''), 'everybody')
    const named = spec.crl !== undefined
    if (!named) {
      const written = { ...(found.raw as object), crl: clusterFiles.revocationList }
      await writeNewFile(draft, clusterFiles.spec, specText(written), 'everybody')
    }
    context.stop.throwIfAborted()
    await rename(join(draft, clusterFiles.revocationList), listFile)
    if (!named) await rename(join(draft, clusterFiles.spec), found.title)
  } finally {
    await rm(draft, { recursive: true, force: true })
  }
  report(
    doomed,
    { listFile, count: issued.revoked.size, endsAt: issued.nextUpdate, named: spec.crl !== undefined },
    context,
  )
}

/** Where the list is, or will be. */
function listFileOf(spec: ClusterSpecInput, folder: string): string {
  if (spec.crl?.includes('-----BEGIN ')) {
    throw argumentFault(`crl in ${clusterFiles.spec} is PEM text: put it into a file`)
  }
  return resolve(folder, spec.crl ?? clusterFiles.revocationList)
}

/** The list of this authority, and those of others. One that no authority of the cluster has signed is left out. */
async function readLists(
  file: string,
  authority: Authority,
  all: readonly X509Certificate[],
): Promise<{ readonly own: string | undefined; readonly others: readonly string[] }> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return ''
    throw error
  })
  const { currentLists } = await import('../certs/revocation-list.js')
  const blocks = pemBlocks(text, 'X509 CRL')
  if (blocks.length === 0 && text.trim() !== '') {
    throw new ReignError('ERR_REIGN_CERTIFICATE', `${file} holds no revocation list in PEM`)
  }
  const mine = readCertificates(authority.certificatePem)
  const newest = new Map<string, { readonly block: string; readonly thisUpdate: number }>()
  for (const block of blocks) {
    const [list] = listsIn(file, () => currentLists(block, all).lists)
    if (list === undefined) continue
    const known = newest.get(list.issuerKeyId)
    if (known === undefined || known.thisUpdate <= list.thisUpdate) {
      newest.set(list.issuerKeyId, { block: `${block}\n`, thisUpdate: list.thisUpdate })
    }
  }
  const { keyIdOf } = await import('../certs/chain.js')
  const ownKeyId = mine[0] === undefined ? '' : keyIdOf(mine[0])
  const others = [...newest].filter(([keyId]) => keyId !== ownKeyId).map(([, { block }]) => block)
  return { own: newest.get(ownKeyId)?.block, others }
}

function listsIn<T>(file: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw new ReignError(
      'ERR_REIGN_CERTIFICATE',
      `${file} holds a list that cannot be used: ${(error as Error).message}`,
    )
  }
}

/** What is to be revoked, each certificate checked to be one of this authority: a list says nothing of others. */
async function doomedOf(
  nodes: readonly NodeArgument[],
  { cert = [], serial = [] }: RevokeOptions,
  where: { spec: ClusterSpecInput; folder: string; authority: Authority; context: CommandContext },
): Promise<readonly Doomed[]> {
  const { spec, folder, authority, context } = where
  const doomed: Doomed[] = []
  for (const { name, port } of nodes) {
    if (port !== undefined) throw argumentFault(`${name}: a certificate has no port, give the name alone`)
    const entry = entryOf(spec, name)
    if (entry?.cert === undefined) {
      throw argumentFault(`${name} has no certificate in the cluster: --cert and --serial revoke those that it had`)
    }
    const pem = entry.cert.includes('-----BEGIN ')
      ? entry.cert
      : await readText(resolve(folder, entry.cert), `the certificate of ${name}`)
    doomed.push({ what: name, serialNumber: serialOf(pem, name, authority) })
  }
  for (const file of cert) {
    const pem = await readText(resolve(context.cwd, file), 'the certificate')
    doomed.push({ what: file, serialNumber: serialOf(pem, file, authority) })
  }
  return [...doomed, ...serial.map((serialNumber) => ({ what: 'a certificate', serialNumber }))]
}

function serialOf(pem: string, what: string, authority: Authority): string {
  const [certificate] = readCertificates(pem)
  const [issuer] = readCertificates(authority.certificatePem)
  if (certificate === undefined)
    throw new ReignError('ERR_REIGN_CERTIFICATE', `${what}: no readable certificate in PEM`)
  if (issuer === undefined || !certificate.checkIssued(issuer) || !certificate.verify(issuer.publicKey)) {
    throw new ReignError('ERR_REIGN_CERTIFICATE', `${what}: the certificate is of another authority than this key`)
  }
  return serialText(certificate.serialNumber)
}

/** Reads a serial number, with or without the colons that OpenSSL puts in. */
function collectSerial(text: string, before: readonly string[] | undefined = []): string[] {
  const digits = text.replaceAll(':', '')
  if (/^[0-9a-f]{1,64}$/i.test(digits)) return [...before, serialText(digits)]
  throw new InvalidArgumentError(`${JSON.stringify(text)} is not a serial number in hexadecimal.`)
}

function report(
  doomed: readonly Doomed[],
  list: { listFile: string; count: number; endsAt: number; named: boolean },
  context: CommandContext,
): void {
  const shown = relative(context.cwd, list.listFile)
  const rows = doomed.map(({ what, serialNumber }) => `  ${what}  ${serialNumber}\n`)
  const files = list.named ? shown : `${shown} and ${clusterFiles.spec}`
  const said = doomed.length === 0 ? `Made ${shown} anew` : `Revoked, in ${shown}`
  context.out(
    `${said}, good until ${dayOf(list.endsAt)}${doomed.length === 0 ? '.\n' : `:\n\n${rows.join('')}`}
It has ${list.count === 1 ? 'one certificate' : `${list.count} certificates`}. Copy ${files} to the machine of every node: those that run
notice, refuse what is revoked, and close its connections.
`,
  )
}

/** `reign cert`: a certificate for a node that joins later, or a new one for a node that has one. */
import { X509Certificate } from 'node:crypto'
import { chmod, mkdtemp, rename, rm, stat } from 'node:fs/promises'
import { join, relative, resolve } from 'node:path'
import { Command } from 'commander'
import type { Authority } from '../certs/authority.js'
import { endOf } from '../certs/chain.js'
import { type Endpoint, formatEndpoint, parseEndpoint } from '../cluster/endpoint.js'
import type { ClusterSpecInput, NodeSpecInput } from '../cluster/spec-schema.js'
import type { RawSpec } from '../cluster/spec-source.js'
import { ReignError } from '../errors.js'
import { argumentFault, caFileOf, entryOf, openFolder, readAuthority } from './authority-files.js'
import { clusterFiles, nodeEntry, nodeFiles, specText, writeNewFile } from './cluster-folder.js'
import type { CommandContext } from './context.js'
import type { ErlangConf } from './erlang-conf.js'
import { keptKey } from './kept-key.js'
import { collectNodeArgument, type NodeArgument } from './node-argument.js'
import { dayOf, writeNodeFiles } from './node-certificate.js'
import { assignPorts } from './ports.js'

/** What `reign cert` is told. */
export interface CertOptions {
  /** The folder of the cluster, or its `cluster.json`. */
  readonly dir: string
  /** Where the authority's private key is; by default in the folder. */
  readonly caKey?: string
  /** Make new certificates for nodes that have one. */
  readonly renew?: boolean
  /** Let those that are renewed keep their keys. */
  readonly keepKey?: boolean
  /** What is added are visitors: nobody dials them, and they do not listen. */
  readonly visitor?: boolean
}

/** The command. */
export function certCommand(context: CommandContext): Command {
  return new Command('cert')
    .summary('add a node to a cluster, or renew its certificate')
    .description(
      'Make certificates for nodes that join a cluster later, and write them down in its cluster.json; or, with ' +
        "--renew, new certificates and keys for nodes that are in it. Needs the authority's key.",
    )
    .argument('<nodes...>', 'names of nodes: alive@host, or alive@host:port', collectNodeArgument)
    .option('-d, --dir <folder>', 'the folder of the cluster', 'cluster')
    .option('-k, --ca-key <file>', "where the authority's key is, when it is not in the folder")
    .option('-r, --renew', 'replace the certificates of nodes that have one')
    .option('--keep-key', 'with --renew, make the certificate for the key that the node has')
    .option('--visitor', 'add visitors, which commands can be: they listen nowhere, and nobody dials them')
    .addHelpText(
      'after',
      '\nExamples:\n  reign cert three@127.0.0.1\n  reign cert one@127.0.0.1 --renew --ca-key /media/usb/ca.key',
    )
    .action((nodes: readonly NodeArgument[], options: CertOptions) => cert(nodes, options, context))
}

/**
 * Makes the certificates, writes the files of the nodes, and adds new nodes to `cluster.json`.
 *
 * @throws `ERR_REIGN_FILE_EXISTS` when a node or its files are there and `renew` is not asked for; `ERR_REIGN_ARGUMENT` when
 * one that is to be renewed is not there; `ERR_REIGN_CERTIFICATE` when the authority cannot sign.
 */
export async function cert(
  nodes: readonly NodeArgument[],
  options: CertOptions,
  context: CommandContext,
): Promise<void> {
  const renew = options.renew ?? false
  const visitor = options.visitor ?? false
  const keepKey = options.keepKey ?? false
  if (keepKey && !renew) throw argumentFault('--keep-key goes with --renew: a node that is added has no key yet')
  if (visitor && renew) throw argumentFault('--renew leaves a node what it is: --visitor is for one that is added')
  const { found, spec } = await openFolder(options.dir, context)
  for (const node of nodes) {
    await checkTarget(node, entryOf(spec, node.name), found.folder, renew)
    if (visitor) checkVisitor(node, entryOf(spec, node.name))
  }
  const { authority, all } = await readAuthority(caFileOf(spec, found.folder), found.folder, options.caKey, context)
  const confs = confsOf(nodes, spec, found.folder, visitor)
  const draft = await mkdtemp(join(found.folder, '.cert-'))
  try {
    await chmod(draft, 0o700)
    let endsAt = Number.POSITIVE_INFINITY
    for (const conf of confs) {
      const kept = keepKey ? await keptKey(conf.name, spec, found.folder, all) : undefined
      endsAt = Math.min(endsAt, await writeNodeFiles(draft, authority, conf, context, kept))
    }
    await writeNewFile(draft, clusterFiles.spec, specText(withNodes(found, confs)), 'everybody')
    context.stop.throwIfAborted()
    await moveAll(draft, confs, found.title, keepKey)
    report(found, confs, endsAt, { renew, keepKey }, context)
    if (endsWith(authority, endsAt)) warnOfAuthority(endsAt, context)
  } finally {
    await rm(draft, { recursive: true, force: true })
  }
}

/** Refuses what would overwrite, or has nothing to renew. */
async function checkTarget(
  { name, port }: NodeArgument,
  entry: NodeSpecInput | undefined,
  folder: string,
  renew: boolean,
): Promise<void> {
  if (renew) {
    if (entry === undefined) throw argumentFault(`${name} is not in the cluster, so there is nothing to renew`)
    if (port !== undefined) throw argumentFault(`${name} keeps its address: change it in ${clusterFiles.spec}`)
    if ([entry.cert, entry.key].some((value) => value?.includes('-----BEGIN '))) {
      throw argumentFault(`${name} has its certificate or key inside ${clusterFiles.spec}, not in a file to replace`)
    }
    return
  }
  if (entry?.cert !== undefined || entry?.key !== undefined) {
    throw new ReignError('ERR_REIGN_FILE_EXISTS', `${name} is in the cluster already: --renew makes a new certificate`)
  }
  if (entry?.address !== undefined && port !== undefined) {
    throw argumentFault(`${name} has the address ${entry.address} in ${clusterFiles.spec}`)
  }
  for (const file of Object.values(nodeFiles(name))) {
    const there = await stat(join(folder, file)).catch(() => undefined)
    if (there !== undefined) {
      throw new ReignError('ERR_REIGN_FILE_EXISTS', `${join(folder, file)} is there already: move it away first`)
    }
  }
}

/** A visitor has no port; and a node that is in the file already is what the file says. */
function checkVisitor({ name, port }: NodeArgument, entry: NodeSpecInput | undefined): void {
  if (port !== undefined) throw argumentFault(`${name} is to be a visitor, which listens on no port`)
  if (entry !== undefined && entry.member !== false) {
    throw argumentFault(`${name} is a member of the cluster: a visitor needs a name of its own`)
  }
}

/** What is to be made, and where each file will be. */
function confsOf(
  nodes: readonly NodeArgument[],
  spec: ClusterSpecInput,
  folder: string,
  visitor: boolean,
): readonly ErlangConf[] {
  const known = (name: string): Endpoint | undefined => endpointOf(entryOf(spec, name)?.address)
  const taken = Object.values(spec.nodes ?? {}).flatMap(({ address }) => endpointOf(address) ?? [])
  // A node that is there without an address has none on purpose: the port mapper knows it.
  const fresh = assignPorts(
    nodes.filter(({ name }) => !visitor && entryOf(spec, name) === undefined),
    taken,
  )
  const { cookie } = spec
  const cookieFile = typeof cookie === 'object' && 'file' in cookie ? resolve(folder, cookie.file) : undefined
  return nodes.map(({ name }) => {
    const files = nodeFiles(name)
    const entry = entryOf(spec, name)
    return {
      name,
      member: entry === undefined ? !visitor : entry.member !== false,
      address: known(name) ?? fresh.get(name),
      confFile: join(folder, files.erlangConf),
      certFile: resolve(folder, entry?.cert ?? files.cert),
      keyFile: resolve(folder, entry?.key ?? files.key),
      caFile: caFileOf(spec, folder),
      cookieFile,
    }
  })
}

/** The specification as it was written, with the nodes in it; whatever else a person has put there stays. */
function withNodes(found: RawSpec, confs: readonly ErlangConf[]): unknown {
  const written = found.raw as { readonly nodes?: Readonly<Record<string, NodeSpecInput>> }
  const nodes = confs.map(({ name, member, address }) => {
    return [name, { ...nodeEntry(name, member, address), ...written.nodes?.[name] }]
  })
  return { ...written, nodes: { ...written.nodes, ...Object.fromEntries(nodes) } }
}

/** Each file takes its place whole; the specification, which names them, is last. */
async function moveAll(draft: string, confs: readonly ErlangConf[], specFile: string, keepKey: boolean): Promise<void> {
  for (const { name, certFile, keyFile, confFile } of confs) {
    const files = nodeFiles(name)
    if (!keepKey) await rename(join(draft, files.key), keyFile)
    await rename(join(draft, files.cert), certFile)
    await rename(join(draft, files.erlangConf), confFile)
  }
  await rename(join(draft, clusterFiles.spec), specFile)
}

function endpointOf(address: string | undefined): Endpoint | undefined {
  const endpoint = address === undefined ? undefined : parseEndpoint(address, 1)
  return typeof endpoint === 'string' ? undefined : endpoint
}

function report(
  found: RawSpec,
  confs: readonly ErlangConf[],
  endsAt: number,
  { renew, keepKey }: { renew: boolean; keepKey: boolean },
  context: CommandContext,
): void {
  const shown = relative(context.cwd, found.folder) || '.'
  const rows = confs.map(({ name, member, address, certFile, keyFile }) => {
    const at = !member ? ', a visitor' : address === undefined ? '' : ` at ${formatEndpoint(address)}`
    const files = keepKey ? [certFile] : [certFile, keyFile]
    return [`  ${name}${at}`, ...files.map((file) => `    ${relative(context.cwd, file)}`)].join('\n')
  })
  const next = renew ? 'Copy them to the machine of the node: it notices, and needs no restart.' : nextStep(confs)
  context.out(`Made certificates in ${shown}, valid until ${dayOf(endsAt)}:\n\n${rows.join('\n')}\n\n${next}\n`)
}

/** Whether a certificate is good for less than it could be, since it must not outlive its authority. */
function endsWith(authority: Authority, endsAt: number): boolean {
  return endsAt === endOf(new X509Certificate(authority.certificatePem))
}

function warnOfAuthority(endsAt: number, context: CommandContext): void {
  const text = `the authority itself ends on ${dayOf(endsAt)}: no certificate can be renewed beyond that, replace it before`
  context.err(`reign: warning: ${text}\n`)
}

function nextStep(confs: readonly ErlangConf[]): string {
  const others = `${clusterFiles.spec}, ${clusterFiles.authority} and ${clusterFiles.cookie}`
  if (confs.some(({ member }) => member)) {
    return `Copy them to the machine of the node, with ${others};\nthe other nodes need the new ${clusterFiles.spec} to dial it.`
  }
  return `Commands can be it (--as NAME) wherever these files are, with ${others}.`
}

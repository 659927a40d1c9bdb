/** `reign init`: a folder with all that a new cluster needs, ready to be copied to its machines. */
import { chmod, lstat, mkdtemp, readdir, realpath, rename, rm, rmdir } from 'node:fs/promises'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { Command, Option } from 'commander'
import { makeCookie } from '../cluster/cookie.js'
import { type Endpoint, formatEndpoint } from '../cluster/endpoint.js'
import type { ClusterSpecInput } from '../cluster/spec-schema.js'
import { ReignError } from '../errors.js'
import { parseNodeName } from '../term/node-name.js'
import {
  checkFolderPath,
  clusterFiles,
  consoleName,
  isClusterFile,
  nodeEntry,
  nodeFiles,
  specText,
  writeNewFile,
} from './cluster-folder.js'
import type { CommandContext } from './context.js'
import { type ErlangConf, erlCommand } from './erlang-conf.js'
import { collectNodeArgument, type NodeArgument, parsePort } from './node-argument.js'
import { dayOf, writeNodeFiles } from './node-certificate.js'
import { assignPorts, firstPortDefault } from './ports.js'

/** What `reign init` is told. */
export interface InitOptions {
  /** The folder to make. */
  readonly dir: string
  /** Replace a cluster folder that is there. */
  readonly force?: boolean
  /** The first port that is given out on each host. */
  readonly port: number
}

/** The command. */
export function initCommand(context: CommandContext): Command {
  return new Command('init')
    .summary('make a cluster: certificates, cookie, cluster.json')
    .description(
      'Make a folder with a certificate authority, a certificate for each node, a cookie, cluster.json, and the TLS ' +
        'options with which a real Erlang node joins; and a visitor, console@HOST, which commands are when they talk ' +
        'to the cluster.',
    )
    .argument('<nodes...>', 'names of nodes: alive@host, or alive@host:port', collectNodeArgument)
    .option('-d, --dir <folder>', 'the folder to make', 'cluster')
    .addOption(
      new Option('-p, --port <number>', 'the first port to give out on each host')
        .default(firstPortDefault)
        .argParser(parsePort),
    )
    .option('-f, --force', 'replace the cluster in the folder; its authority is lost')
    .addHelpText('after', '\nExample:\n  reign init one@127.0.0.1 two@127.0.0.1')
    .action((nodes: readonly NodeArgument[], options: InitOptions) => init(nodes, options, context))
}

/**
 * Makes the folder: all of it or nothing, as it is written beside its place and moved there when it is complete.
 *
 * @throws `ERR_REIGN_FILE_EXISTS` when something is there already; `ERR_REIGN_ARGUMENT` when two nodes want one port.
 */
export async function init(
  nodes: readonly NodeArgument[],
  options: InitOptions,
  context: CommandContext,
): Promise<void> {
  const addresses = assignPorts(nodes, [], options.port)
  const force = options.force ?? false
  const folder = await placeFor(resolve(context.cwd, options.dir), force)
  const visitor = visitorBeside(nodes)
  const names = [...nodes.map(({ name }) => name), ...(visitor === undefined ? [] : [visitor])]
  const confs = names.map((name) => {
    const { cert, key, erlangConf } = nodeFiles(name)
    return {
      name,
      member: name !== visitor,
      address: addresses.get(name),
      confFile: join(folder, erlangConf),
      certFile: join(folder, cert),
      keyFile: join(folder, key),
      caFile: join(folder, clusterFiles.authority),
      cookieFile: join(folder, clusterFiles.cookie),
    }
  })
  // Beside its place, so that the move stays on one disk; mkdtemp lets in nobody but the owner.
  const draft = await mkdtemp(join(dirname(folder), `.${basename(folder)}-`))
  try {
    // It may not even let in the owner, under an odd umask.
    await chmod(draft, 0o700)
    const endsAt = await writeCluster(draft, confs, context)
    context.stop.throwIfAborted()
    await moveInto(folder, draft, force)
    report(folder, confs, endsAt, context)
  } finally {
    await rm(draft, { recursive: true, force: true })
  }
}

/** The visitor to make, on the machine of the first node; none where a node has that name, or one that files take for it. */
function visitorBeside(nodes: readonly NodeArgument[]): string | undefined {
  const [first] = nodes
  if (first === undefined) return undefined
  const name = consoleName(first.name)
  return nodes.some((node) => node.name.toLowerCase() === name.toLowerCase()) ? undefined : name
}

/** Writes everything; gives the time at which the certificates end. */
async function writeCluster(draft: string, confs: readonly ErlangConf[], context: CommandContext): Promise<number> {
  const { createAuthority } = await import('../certs/authority.js')
  const authority = await createAuthority(context)
  await writeNewFile(draft, clusterFiles.authority, authority.certificatePem, 'everybody')
  await writeNewFile(draft, clusterFiles.authorityKey, authority.key.reveal(), 'owner')
  await writeNewFile(draft, clusterFiles.cookie, makeCookie(context.entropy), 'owner')
  await writeNewFile(draft, clusterFiles.gitignore, `*.key\n${clusterFiles.cookie}\n`, 'everybody')
  let endsAt = Number.POSITIVE_INFINITY
  for (const conf of confs) endsAt = Math.min(endsAt, await writeNodeFiles(draft, authority, conf, context))
  const spec: ClusterSpecInput = {
    nodes: Object.fromEntries(confs.map(({ name, member, address }) => [name, nodeEntry(name, member, address)])),
    ca: clusterFiles.authority,
    cookie: { file: clusterFiles.cookie },
    epmd: 'auto',
  }
  await writeNewFile(draft, clusterFiles.spec, specText(spec), 'everybody')
  return endsAt
}

/** The absolute path to write to, links followed; refuses what is there, or (forced) what is more than a cluster. */
async function placeFor(path: string, force: boolean): Promise<string> {
  const found = await lstat(path).catch(() => undefined)
  // Its parent must be there: a mistyped path is not to become folders.
  const folder = found === undefined ? join(await parentOf(path), basename(path)) : await realpath(path)
  checkFolderPath(folder)
  if (found === undefined) return folder
  const present = await readdir(folder).catch(() => {
    throw new ReignError('ERR_REIGN_FILE_EXISTS', `${folder} is there already, and no folder`)
  })
  if (present.length === 0) return folder
  if (!present.includes(clusterFiles.spec)) {
    throw new ReignError('ERR_REIGN_FILE_EXISTS', `${folder} is there already, and holds something else than a cluster`)
  }
  if (!force) {
    const hint = '`reign cert` adds a node to it; --force makes a new cluster in its place'
    throw new ReignError('ERR_REIGN_FILE_EXISTS', `${folder} holds a cluster already: ${hint}`)
  }
  const others = present.filter((name) => !isClusterFile(name))
  if (others.length > 0) {
    const list = others.slice(0, 5).join(', ')
    throw new ReignError(
      'ERR_REIGN_FILE_EXISTS',
      `${folder} holds files that are not ours, and is not replaced: ${list}`,
    )
  }
  return folder
}

async function parentOf(path: string): Promise<string> {
  return realpath(dirname(path)).catch(() => {
    throw new ReignError('ERR_REIGN_ARGUMENT', `${dirname(path)} is no folder to make a cluster in`)
  })
}

/** Moves the finished draft to its place; what was there is gone only when the new one is there. */
async function moveInto(folder: string, draft: string, force: boolean): Promise<void> {
  if (!force) {
    // An empty folder may be there. One that has come or been filled meanwhile stays, and the move fails.
    await rmdir(folder).catch(() => undefined)
    return rename(draft, folder).catch((error: unknown) => {
      throw new ReignError('ERR_REIGN_FILE_EXISTS', `${folder} could not be made`, { cause: error })
    })
  }
  const old = `${draft}-old`
  const replaced = await rename(folder, old).then(
    () => true,
    () => false,
  )
  try {
    await rename(draft, folder)
  } catch (error) {
    if (replaced) await rename(old, folder)
    throw error
  }
  await rm(old, { recursive: true, force: true })
}

function report(folder: string, confs: readonly ErlangConf[], endsAt: number, context: CommandContext): void {
  const shown = relative(context.cwd, folder) || '.'
  const width = Math.max(...confs.map(({ name }) => name.length))
  const rows = confs.map(({ name, member, address }) => {
    const where = member ? formatted(address) : 'a visitor, for commands: nobody dials it'
    return `  ${name.padEnd(width)}  ${where}`.trimEnd()
  })
  const members = confs.filter(({ member }) => member)
  const count = members.length === 1 ? 'one node' : `${members.length} nodes`
  const [example] = members
  context.out(`Made ${shown}, a cluster of ${count}, with certificates until ${dayOf(endsAt)}:

${rows.join('\n')}

Take the authority's key off-line now. Whoever has it can join as any node; only \`reign cert\` needs it:
  ${join(shown, clusterFiles.authorityKey)}

Each node needs ${clusterFiles.spec}, ${clusterFiles.authority}, ${clusterFiles.cookie}, and its own .pem and .key. Here:
  await Node.start('${example?.name}', { cluster: '${/^[./]/.test(shown) ? shown : `./${shown}`}' })
${example === undefined ? '' : `or as an Erlang node:\n  ${erlCommand(example).join('\n  ')}\n`}${visitorNote(confs)}`)
}

/** What is to be said of the visitor, if it is not as usual. */
function visitorNote(confs: readonly ErlangConf[]): string {
  const [first] = confs
  if (first === undefined || confs.some(({ member }) => !member)) return ''
  return `
${consoleName(first.name)} is a node like the others, as asked, so it is no visitor. Commands need one:
  reign cert --visitor visitor@${parseNodeName(first.name).host}
`
}

function formatted(address: Endpoint | undefined): string {
  return address === undefined ? '' : formatEndpoint(address)
}

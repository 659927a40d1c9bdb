/**
 * The cluster specification: who is in the cluster, where, and by which certificates and which cookie they know each other.
 *
 * Written down as a {@link ClusterSpecInput}; resolved here to the {@link ClusterSpec} of one node: paths read,
 * certificates checked, defaults filled in. `docs/cluster-file.md` has every field.
 */
import { type Clock, systemClock } from '../clock.js'
import type { Secret } from '../secret.js'
import { parseNodeName } from '../term/node-name.js'
import type { Endpoint } from './endpoint.js'
import { SpecDraft } from './spec-draft.js'
import { ClusterSpecError } from './spec-error.js'
import { type ClusterSpecSource, readSpecSource } from './spec-source.js'

/** A node of the cluster, as the others know it. */
export interface NodeSpec {
  /** `alive@host`. */
  readonly name: string
  readonly alive: string
  readonly host: string
  /** Whether the others dial it and keep connected with it. `false`: a visitor, which dials them, and does not listen. */
  readonly member: boolean
  /** Where to dial it; `undefined`: ask the port mapper of its host, if `epmd` is on. */
  readonly address: Endpoint | undefined
}

/** What mutual TLS is made of. */
export interface TlsSpec {
  /** The trusted authorities, in PEM. */
  readonly ca: string
  /** Their revocation lists, in PEM; `undefined`: nothing is looked up. */
  readonly crl: string | undefined
  /** The node's certificate, and the chain to an authority if there is one, in PEM. */
  readonly cert: string
  /** The node's private key, in PEM. */
  readonly key: Secret
  /** The permitted suites as OpenSSL has them, `A:B`; `undefined` for the defaults of Node.js. */
  readonly ciphers: string | undefined
  /** When the node's certificate ends, in milliseconds since 1970. */
  readonly certificateEndsAt: number
  /** The files that all of this comes from, as absolute paths, the specification's own among them: what is watched. */
  readonly files: readonly string[]
}

/** How the node deals with Erlang's port mapper. Peers without an address are looked up at `port` of their own host. */
export interface EpmdSpec {
  /** Where the node registers itself: a loopback address, unless the specification says otherwise. */
  readonly host: string
  /** The port of port mappers, here and on other hosts: `ERL_EPMD_PORT`, or 4369. */
  readonly port: number
  /** Whether to start a port mapper at that place when none answers there. */
  readonly embedded: boolean
}

/** What of a specification a node that runs reads anew: who is in the cluster, and by which cookie they know each other. */
export interface MembersSpec {
  /** The file that it is in, as an absolute path: what is watched. `undefined` for JSON text and objects. */
  readonly file: string | undefined
  /** Every node by name, the reader included. Has no prototype: `nodes[name]` is a node or `undefined` for any name. */
  readonly nodes: Readonly<Record<string, NodeSpec>>
  readonly cookie: Secret
  /** Nodes that have a cookie of their own, by name: see `cookieBetween`. Has no prototype. */
  readonly cookies: Readonly<Record<string, Secret>>
  /** What is not wrong but ought to be known, one sentence each: for the log. */
  readonly warnings: readonly string[]
}

/** The specification as one node uses it: complete, checked, frozen. Printing it shows no secret. */
export interface ClusterSpec extends MembersSpec {
  /** Where it is from, for messages: a path, or `the cluster specification`. */
  readonly title: string
  /** The node that it was resolved for. */
  readonly self: NodeSpec
  /** Where to listen. Port 0: any that is free. */
  readonly listen: Endpoint
  /** The IP address that outgoing connections come from; `undefined` leaves it to the system. */
  readonly localAddress: string | undefined
  /** `undefined`: plain TCP, by the specification's own wish. */
  readonly tls: TlsSpec | undefined
  /** Whether plain TCP may leave this machine. */
  readonly plainTcpBeyondLoopback: boolean
  /** `node`: a peer's certificate must carry the node name that it claims. `ca`: any certificate of the authority will do. */
  readonly identity: 'node' | 'ca'
  /** Whether nodes of reign tell each other of those that they are connected with, and connect: a full mesh. */
  readonly mesh: boolean
  /** `undefined`: no port mapper is asked, started or registered with. */
  readonly epmd: EpmdSpec | undefined
  /** Milliseconds of silence after which a peer counts as lost. */
  readonly tickTimeMs: number
  /** Ticks within `tickTimeMs`. */
  readonly tickIntensity: number
}

/** What {@link resolveSpec} can be told. */
export interface ResolveOptions {
  /** What day it is, for certificates. Default: the system's clock. */
  readonly clock?: Pick<Clock, 'wallTime'>
  /** What relative paths in JSON text or an object are relative to. Default: the working directory. */
  readonly folder?: string
  /** Where `cookie: { env }` and `ERL_EPMD_PORT` are looked up. Default: `process.env`. */
  readonly environment?: Readonly<Record<string, string | undefined>>
}

/**
 * Reads a cluster specification for the node of that name.
 *
 * @param source A folder that `reign init` made, a file, JSON text, or an object.
 * @returns The frozen specification; what ought to be known is in its `warnings`.
 * @throws `ERR_REIGN_NODE_NAME` when `name` is none; a `ClusterSpecError` (`ERR_REIGN_CLUSTER_SPEC`) with everything else
 * that is wrong, all at once, in its `issues`.
 */
export async function resolveSpec(
  source: ClusterSpecSource,
  name: string,
  options: ResolveOptions = {},
): Promise<ClusterSpec> {
  const draft = await beginDraft(source, name, options)
  await draft.readCookies(options.environment ?? process.env)
  await draft.readTls((options.clock ?? systemClock).wallTime())
  draft.readEpmd(options.environment ?? process.env)
  const spec = draft.finish()
  if (spec === undefined) throw new ClusterSpecError(draft.title, draft.issues)
  return spec
}

/**
 * Reads of a specification only what {@link TlsSpec} has, anew, for a node that runs.
 *
 * @throws a `ClusterSpecError` when the specification or any of it cannot be used, or when it says `tls: false` by now.
 */
export async function resolveTls(
  source: ClusterSpecSource,
  name: string,
  options: ResolveOptions = {},
): Promise<{ readonly tls: TlsSpec; readonly warnings: readonly string[] }> {
  const draft = await beginDraft(source, name, options)
  await draft.readTls((options.clock ?? systemClock).wallTime())
  const { tls, warnings, issues, title } = draft
  if (tls !== undefined && issues.length === 0) return { tls, warnings }
  const off = { node: undefined, field: 'tls', message: 'is false, and cannot be turned off in a node that runs' }
  throw new ClusterSpecError(title, issues.length > 0 ? issues : [off])
}

/**
 * Reads of a specification only what {@link MembersSpec} has, anew, for a node that runs.
 *
 * @throws a `ClusterSpecError` when the specification or any of it cannot be used, or the node itself is not in it any more.
 */
export async function resolveMembers(
  source: ClusterSpecSource,
  name: string,
  options: ResolveOptions = {},
): Promise<MembersSpec> {
  const draft = await beginDraft(source, name, options)
  await draft.readCookies(options.environment ?? process.env)
  const members = draft.members()
  if (members === undefined) throw new ClusterSpecError(draft.title, draft.issues)
  return members
}

async function beginDraft(source: ClusterSpecSource, name: string, options: ResolveOptions): Promise<SpecDraft> {
  const self = parseNodeName(name)
  const origin = await readSpecSource(source, options.folder ?? process.cwd())
  // Loaded here, as the schema library costs a program without a cluster more than all of ours.
  const { readSpecShape } = await import('./spec-schema.js')
  const draft = new SpecDraft(readSpecShape(origin.raw), { name, ...self }, origin)
  draft.readNodes()
  return draft
}

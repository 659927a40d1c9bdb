/**
 * The shape of a cluster specification: which fields there are, and what may stand in each.
 *
 * Every field is optional here: what is missing depends on which node is asking, so spec.ts says so. What this finds, it
 * finds all at once, and goes on with the rest: a mistyped field does not hide a missing certificate.
 */

import { isIP } from 'node:net'
import { cipherNames, cipherProblems } from './ciphers.js'
import { parseEndpoint } from './endpoint.js'
import {
  type Fault,
  flag,
  isObject,
  meant,
  object,
  oneOf,
  record,
  type Shape,
  text,
  textOrTexts,
  wholeNumber,
} from './shape.js'
import type { SpecIssue } from './spec-error.js'

/** What a specification says of one node. */
export interface NodeSpecInput {
  /**
   * `false`: a visitor, such as the node of a command. It dials the members; nobody dials it, and it does not listen, so it
   * needs no address. Default: `true`.
   */
  readonly member?: boolean | undefined
  /** Where the other nodes dial it, `host:port`. Without one they ask the port mapper of its host (`epmd`). */
  readonly address?: string | undefined
  /** Where it listens, `host:port`, when that differs from `address`; port 0 takes any that is free. */
  readonly listen?: string | undefined
  /** The IP address of its own that its outgoing connections come from. */
  readonly localAddress?: string | undefined
  /** Its certificate (and the chain to the authority, if there is more than one step): a path, or PEM text. */
  readonly cert?: string | undefined
  /** Its private key: a path, or PEM text. Only the node itself needs the file. */
  readonly key?: string | undefined
}

/** A cookie: the text itself, or the file or environment variable that holds it. */
export type CookieInput = string | { readonly file: string } | { readonly env: string }

/** A cluster specification as it is written down: what `cluster.json` holds. */
export interface ClusterSpecInput {
  /** Every node of the cluster by its name, `alive@host`. */
  readonly nodes?: Readonly<Record<string, NodeSpecInput>> | undefined
  /** The certificate of the cluster's own authority (or several, while one replaces the other): a path, or PEM text. */
  readonly ca?: string | undefined
  /** The revocation lists of those authorities: a path, or PEM text. With any, each authority must have one. */
  readonly crl?: string | undefined
  /** What all nodes know: the text itself, or the file or environment variable that holds it. */
  readonly cookie?: CookieInput | undefined
  /** Nodes with which another cookie is shared, in both directions, by their names. */
  readonly cookies?: Readonly<Record<string, CookieInput>> | undefined
  /** The permitted cipher suites by OpenSSL's names, in order of preference. Default: those of Node.js. */
  readonly ciphers?: string | readonly string[] | undefined
  /** `false`: no TLS at all. Only on loopback, unless `plainTcpBeyondLoopback`. Default: `true`. */
  readonly tls?: boolean | undefined
  /** Lets `tls: false` leave this machine, where anybody on the way can read, change and send what they like. */
  readonly plainTcpBeyondLoopback?: boolean | undefined
  /** `node`: a peer's certificate must carry its node name. `ca`: any certificate of the authority. Default: `node`. */
  readonly identity?: 'node' | 'ca' | undefined
  /** Whether each node connects with all that its peers are connected with: a full mesh. Default: `false`. */
  readonly mesh?: boolean | undefined
  /** Erlang's port mapper: see `EpmdSpec`. Default: `off`. */
  readonly epmd?:
    | 'auto'
    | 'off'
    | {
        readonly host?: string | undefined
        readonly port?: number | undefined
        readonly embedded?: boolean | undefined
      }
    | undefined
  /** Milliseconds of silence after which a peer counts as lost, Erlang's `net_ticktime`. Default: 60000. */
  readonly tickTimeMs?: number | undefined
  /** Ticks within that time, Erlang's `net_tickintensity`. Default: 4. */
  readonly tickIntensity?: number | undefined
  /** Takes a cookie that is easy to guess. Default: `false`. */
  readonly weakCookie?: boolean | undefined
}

/** What is read of a specification: what is well-formed, and the rest as issues. */
export interface SpecShape {
  readonly spec: ClusterSpecInput
  readonly issues: readonly SpecIssue[]
  /** Whether something was found at this path or above it, so that what is missing there is no second issue. */
  reported(...path: readonly string[]): boolean
}

const path = text((value) => (value === '' ? 'is empty' : undefined))
const endpoint = (portMin: 0 | 1) =>
  text((value) => {
    const parsed = parseEndpoint(value, portMin)
    return typeof parsed === 'string' ? parsed : undefined
  })

/** Other words for the fields: other cases and `_` need not be here, `suggestion` looks past them. */
const synonyms: Readonly<Record<string, string>> = {
  certificate: 'cert',
  authority: 'ca',
  cacert: 'ca',
  cafile: 'ca',
  revocationlist: 'crl',
  crlfile: 'crl',
  clustercertpath: 'ca',
  clustercertpem: 'ca',
  listenaddress: 'listen',
  bind: 'listen',
  visitor: 'member',
  nodekeypath: 'key',
  nodekeypem: 'key',
  nodecertpath: 'cert',
  nodecertpem: 'cert',
  permittedprotocols: 'ciphers',
  ticktime: 'tickTimeMs',
  netticktime: 'tickTimeMs',
}

const node = object<NodeSpecInput>(
  {
    member: flag,
    address: endpoint(1),
    listen: endpoint(0),
    localAddress: text((value) => (isIP(value) === 0 ? 'is not an IP address' : undefined)),
    cert: path,
    key: path,
  },
  synonyms,
)

/** With one of the two, and nothing else: who writes both means neither. */
const cookieSources: Readonly<Record<string, Shape<CookieInput>>> = {
  file: object<{ file: string }>({ file: path }),
  env: object<{ env: string }>({ env: path }),
}
const cookie = meant<CookieInput>('a text, { "file": path } or { "env": name }', (value) => {
  if (typeof value === 'string') return text()
  const names = isObject(value) ? Object.keys(value) : []
  const [name = ''] = names
  return names.length === 1 && Object.hasOwn(cookieSources, name) ? cookieSources[name] : undefined
})

type EpmdInput = NonNullable<ClusterSpecInput['epmd']>
const epmdForms = '"auto", "off" or { "host", "port", "embedded" }'
const epmdObject: Shape<EpmdInput> = object<Exclude<EpmdInput, string>>({
  host: path,
  port: wholeNumber(1, 65_535),
  embedded: flag,
})
const epmdWord: Shape<EpmdInput> = oneOf(epmdForms, ['auto', 'off'])

const specification = object<ClusterSpecInput>(
  {
    nodes: record('an object of node names, each with its entry', node),
    ca: path,
    crl: path,
    cookie,
    cookies: record('an object of node names, each with its cookie', cookie),
    ciphers: textOrTexts('a list of names', (value) => cipherProblems(cipherNames(value))),
    tls: flag,
    plainTcpBeyondLoopback: flag,
    identity: oneOf('"node" or "ca"', ['node', 'ca']),
    mesh: flag,
    epmd: meant(epmdForms, (value) => (isObject(value) ? epmdObject : epmdWord)),
    tickTimeMs: wholeNumber(100, 86_400_000),
    tickIntensity: wholeNumber(4, 1_000),
    weakCookie: flag,
  },
  synonyms,
)

/** Reads the shape of a specification. `raw` is what JSON gave, or what a program passed in. Throws nothing. */
export function readSpecShape(raw: unknown): SpecShape {
  const faults: Fault[] = []
  const spec = specification.read(raw, [], faults)
  return {
    spec: spec ?? {},
    issues: faults.map(({ path: [first, ...rest], message }) => {
      const [name, ...field] = rest
      return first === 'nodes' && name !== undefined
        ? { node: name, field: field.join('.'), message }
        : { node: undefined, field: [first, ...rest].join('.'), message }
    }),
    // If it has no shape at all, nothing can be said about what is missing in it.
    reported: (...path) =>
      spec === undefined || faults.some((fault) => fault.path.every((part, index) => part === path[index])),
  }
}

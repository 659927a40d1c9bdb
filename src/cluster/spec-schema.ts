/**
 * The shape of a cluster specification: which fields there are, and what may stand in each.
 *
 * Every field is optional here: what is missing depends on which node is asking, so spec.ts says so. What this finds, it
 * finds all at once, and goes on with the rest: a mistyped field does not hide a missing certificate.
 */

import { isIP } from 'node:net'
import { z } from 'zod'
import { cipherNames, cipherProblems } from './ciphers.js'
import { parseEndpoint } from './endpoint.js'
import type { SpecIssue } from './spec-error.js'
import { suggestion } from './suggestion.js'

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

const text = z.string().min(1, 'is empty')
const wholeNumber = (min: number, max: number) =>
  z
    .number()
    .refine(
      (value) => Number.isInteger(value) && value >= min && value <= max,
      `is not a whole number from ${min} to ${max}`,
    )
const endpoint = (portMin: 0 | 1) =>
  z.string().superRefine((value, context) => {
    const parsed = parseEndpoint(value, portMin)
    if (typeof parsed === 'string') context.addIssue({ code: 'custom', message: parsed })
  })

const nodeSchema = z.strictObject({
  member: z.boolean().optional(),
  address: endpoint(1).optional(),
  listen: endpoint(0).optional(),
  localAddress: z
    .string()
    .refine((value) => isIP(value) !== 0, 'is not an IP address')
    .optional(),
  cert: text.optional(),
  key: text.optional(),
})

const cookieSchema = z.union([z.string(), z.strictObject({ file: text }), z.strictObject({ env: text })])

const specSchema = z.strictObject({
  nodes: z.record(z.string(), nodeSchema).optional(),
  ca: text.optional(),
  crl: text.optional(),
  cookie: cookieSchema.optional(),
  cookies: z.record(z.string(), cookieSchema).optional(),
  ciphers: z
    .union([z.string(), z.array(z.string())])
    .superRefine((value, context) => {
      for (const message of cipherProblems(cipherNames(value))) context.addIssue({ code: 'custom', message })
    })
    .optional(),
  tls: z.boolean().optional(),
  plainTcpBeyondLoopback: z.boolean().optional(),
  identity: z.enum(['node', 'ca']).optional(),
  mesh: z.boolean().optional(),
  epmd: z
    .union([
      z.enum(['auto', 'off']),
      z.strictObject({
        host: text.optional(),
        port: wholeNumber(1, 65_535).optional(),
        embedded: z.boolean().optional(),
      }),
    ])
    .optional(),
  tickTimeMs: wholeNumber(100, 86_400_000).optional(),
  tickIntensity: wholeNumber(4, 1_000).optional(),
  weakCookie: z.boolean().optional(),
})

/** What each field takes, for the message when something else stands there. */
const wanted: Readonly<Record<string, string>> = {
  cookie: 'a text, { "file": path } or { "env": name }',
  cookies: 'an object of node names, each with its cookie',
  ciphers: 'a list of names',
  epmd: '"auto", "off" or { "host", "port", "embedded" }',
  identity: '"node" or "ca"',
  nodes: 'an object of node names, each with its entry',
}

const types: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  boolean: 'true or false',
  object: 'an object',
  array: 'a list',
}

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

/** Reads the shape of a specification. `raw` is what JSON gave, or what a program passed in. Throws nothing. */
export function readSpecShape(raw: unknown): SpecShape {
  const first = specSchema.safeParse(raw)
  if (first.success) return shapeOf(first.data, [])
  const found = first.error.issues.flatMap((issue) => placed(issue, raw))
  // What is wrong is taken out, and the rest read again: it has the shape, or it has nothing.
  const rest = specSchema.safeParse(found.reduce((value, { path }) => without(value, path), raw))
  // If it still has no shape, nothing can be said about what is missing in it.
  return rest.success ? shapeOf(rest.data, found) : { ...shapeOf({}, found), reported: () => true }
}

interface Placed {
  readonly path: readonly string[]
  readonly message: string
}

function shapeOf(spec: ClusterSpecInput, found: readonly Placed[]): SpecShape {
  return {
    spec,
    issues: found.map(({ path, message }) => {
      const [first, node, ...rest] = path
      return first === 'nodes' && node !== undefined
        ? { node, field: rest.join('.'), message }
        : { node: undefined, field: path.join('.'), message }
    }),
    reported: (...path) => found.some((issue) => issue.path.every((part, index) => part === path[index])),
  }
}

type ZodIssue = z.core.$ZodIssue

/** An issue in our words: no message of the library's is passed on but those that are written above. */
function placed(issue: ZodIssue, raw: unknown): Placed[] {
  const path = issue.path.map(String)
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => ({ path: [...path, key], message: `is not known${didYouMean(key, path)}` }))
    case 'custom':
    case 'too_small':
      return [{ path, message: issue.message }]
    case 'invalid_union': {
      // The one form that was meant, if that can be told: the others do not even begin like it.
      const meant = issue.errors.filter((errors) => errors.every((inner) => inner.path.length > 0))
      if (meant.length !== 1) return [outOfPlace(path, raw)]
      return (meant[0] ?? []).flatMap((inner) => placed({ ...inner, path: [...issue.path, ...inner.path] }, raw))
    }
    case 'invalid_type':
      return [{ path, message: `must be ${wantedAt(path, issue.expected)}, not ${kindOf(valueAt(raw, path))}` }]
    default:
      return [outOfPlace(path, raw)]
  }
}

function outOfPlace(path: readonly string[], raw: unknown): Placed {
  const value = valueAt(raw, path)
  const found = typeof value === 'string' ? '' : `, not ${kindOf(value)}`
  return { path, message: `must be ${wantedAt(path, 'something else')}${found}` }
}

function wantedAt(path: readonly string[], expected: string): string {
  const field = path[0] === 'cookies' && path.length === 2 ? 'cookie' : path.length === 1 ? path[0] : undefined
  return (field !== undefined && wanted[field]) || (types[expected] ?? expected)
}

function didYouMean(key: string, path: readonly string[]): string {
  const known = knownAt(path)
  const synonym = Object.hasOwn(synonyms, plain(key)) ? synonyms[plain(key)] : undefined
  const meant = synonym !== undefined && Object.hasOwn(known, synonym) ? synonym : suggestion(key, Object.keys(known))
  if (meant !== undefined) return `: did you mean ${meant}?`
  return ` (there are ${Object.keys(known).join(', ')})`
}

/** The fields that there are at a path. */
function knownAt([first, ...rest]: readonly string[]): Readonly<Record<string, unknown>> {
  if (first === 'epmd') return { host: 0, port: 0, embedded: 0 }
  if (first === 'cookie' || first === 'cookies') return { file: 0, env: 0 }
  return first === 'nodes' && rest.length === 1 ? nodeSchema.shape : specSchema.shape
}

function plain(key: string): string {
  return key.toLowerCase().replace(/[_-]/g, '')
}

/** What kind of thing stands there; never the thing itself, which may be a secret in the wrong place. */
function kindOf(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (value === null || (typeof value === 'number' && !Number.isFinite(value))) return String(value)
  if (Array.isArray(value)) return 'a list'
  return typeof value === 'string' || typeof value === 'object' ? String(types[typeof value]) : `a ${typeof value}`
}

/** The value at a path of own properties. */
function valueAt(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (at, key) => (typeof at === 'object' && at !== null && Object.hasOwn(at, key) ? Reflect.get(at, key) : undefined),
    value,
  )
}

/** A copy without what stands at that path. */
function without(value: unknown, path: readonly string[]): unknown {
  const [key, ...rest] = path
  if (key === undefined || typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return value
  const entries = Object.entries(value)
  const inner: unknown = Reflect.get(value, key)
  // A list goes as a whole: what is left of it is not what was meant.
  if (rest.length === 0 || Array.isArray(inner)) return Object.fromEntries(entries.filter(([name]) => name !== key))
  return Object.fromEntries(entries.map(([name, other]) => [name, name === key ? without(inner, rest) : other]))
}

/**
 * A cluster specification while it is being resolved: what is known so far, and everything that is wrong with it.
 *
 * Each step goes on after what it finds wrong, so that one attempt shows all of it.
 */
import { readFile, stat } from 'node:fs/promises'
import { isIPv6 } from 'node:net'
import { resolve } from 'node:path'
import { Secret } from '../secret.js'
import { nodeNameProblem, parseNodeName } from '../term/node-name.js'
import { cipherNames } from './ciphers.js'
import { cookieProblem } from './cookie.js'
import { type Endpoint, formatEndpoint, isLoopback, parseEndpoint } from './endpoint.js'
import type { ClusterSpec, EpmdSpec, MembersSpec, NodeSpec, TlsSpec } from './spec.js'
import {
  checkAuthorities,
  checkContext,
  checkKey,
  checkNodeCertificate,
  checkRevocationLists,
  type Findings,
} from './spec-certificates.js'
import { issueText, type SpecIssue } from './spec-error.js'
import type { ClusterSpecInput, CookieInput, NodeSpecInput, SpecShape } from './spec-schema.js'
import { fileProblem, type RawSpec } from './spec-source.js'
import { suggestion } from './suggestion.js'

const tickTimeMsDefault = 60_000
const tickIntensityDefault = 4
const epmdPortDefault = 4_369

/** Permission bits of a file that others than its owner have. */
const othersMode = 0o077

/** See the head of this file. */
export class SpecDraft {
  readonly issues: SpecIssue[]
  readonly #warnings: string[] = []
  readonly #shape: SpecShape
  readonly #spec: ClusterSpecInput
  readonly #self: { readonly name: string; readonly host: string }
  readonly #origin: RawSpec
  readonly #nodes: Record<string, NodeSpec> = Object.create(null)
  readonly #cookies: Record<string, Secret> = Object.create(null)
  /** Where certificates, keys and lists were read, and the specification itself. */
  readonly #tlsFiles: string[]
  #cookie: Secret | undefined
  #tls: TlsSpec | undefined
  #epmd: EpmdSpec | undefined

  constructor(shape: SpecShape, self: { name: string; host: string }, origin: RawSpec) {
    this.#shape = shape
    this.#spec = shape.spec
    this.#self = self
    this.#origin = origin
    this.issues = [...shape.issues]
    this.#tlsFiles = origin.file === undefined ? [] : [origin.file]
  }

  /** How to call the specification in a message. */
  get title(): string {
    return this.#origin.title
  }

  /** What is not wrong but ought to be known, so far. */
  get warnings(): readonly string[] {
    return Object.freeze([...this.#warnings])
  }

  /** What {@link readTls} has found. */
  get tls(): TlsSpec | undefined {
    return this.#tls
  }

  /** Who is in the cluster, and where. */
  readNodes(): void {
    const entries = Object.entries(this.#spec.nodes ?? {})
    for (const [name, entry] of entries) {
      if (nodeNameProblem(name) !== undefined) continue
      const address = entry.address === undefined ? undefined : endpointOf(entry.address, 1)
      this.#nodes[name] = Object.freeze({ name, ...parseNodeName(name), member: entry.member ?? true, address })
      if (this.#spec.tls === false) this.#checkPlainTcp(name, entry)
    }
    this.#checkNames()
    this.#checkAddresses()
  }

  /** The cookie, and those of single nodes, from wherever they are. */
  async readCookies(environment: Readonly<Record<string, string | undefined>>): Promise<void> {
    const { cookie, cookies = {} } = this.#spec
    if (cookie === undefined) this.#missing('cookie')
    else this.#cookie = await this.#readCookie('cookie', cookie, environment)
    for (const [name, each] of Object.entries(cookies)) {
      const field = `cookies.${name}`
      const problem = nodeNameProblem(name)
      if (problem !== undefined) this.#problem(undefined, field, problem)
      else {
        const secret = await this.#readCookie(field, each, environment)
        if (secret !== undefined) this.#cookies[name] = secret
      }
    }
  }

  async #readCookie(
    field: string,
    cookie: CookieInput,
    environment: Readonly<Record<string, string | undefined>>,
  ): Promise<Secret | undefined> {
    const { weakCookie = false, tls, plainTcpBeyondLoopback } = this.#spec
    const text = await this.#cookieText(field, cookie, environment)
    if (text === undefined) return undefined
    const problem = cookieProblem(text, weakCookie)
    if (problem !== undefined) {
      this.#problem(undefined, field, problem)
      return undefined
    }
    if (weakCookie && tls === false && plainTcpBeyondLoopback === true && cookieProblem(text, false) !== undefined) {
      const why = 'cannot go with plain TCP beyond loopback: the cookie is all there is'
      this.#problem(undefined, 'weakCookie', why)
      return undefined
    }
    return new Secret(text)
  }

  /** The certificates and the key of this node. */
  async readTls(nowMs: number): Promise<void> {
    const { tls, identity, ca, crl, ciphers } = this.#spec
    if (tls === false) {
      this.#warnings.push(
        'tls is false: whoever can reach this node’s port sees and changes what nodes say to each other',
      )
      return
    }
    const { name, host } = this.#self
    const entry = this.#ownEntry()
    const nodeOf = (field: string) => (field === 'ca' || field === 'crl' ? undefined : name)
    const findings: Findings = {
      problem: (field, message) => this.#problem(nodeOf(field), field, message),
      warning: (field, message) => this.#warn(nodeOf(field), field, message),
    }
    const caPem = ca === undefined ? this.#missing('ca') : await this.#pem(ca, 'ca', findings)
    const authorities = caPem === undefined ? [] : checkAuthorities(caPem, nowMs, findings)
    const crlPem = crl === undefined ? undefined : await this.#pem(crl, 'crl', findings)
    if (crlPem !== undefined && authorities.length > 0) checkRevocationLists(crlPem, authorities, nowMs, findings)
    if (entry === undefined) return
    const certPem =
      entry.cert === undefined ? this.#missing('cert', name) : await this.#pem(entry.cert, 'cert', findings)
    const expected = { name, host, named: identity !== 'ca', authorities, nowMs }
    const certificate = certPem === undefined ? undefined : checkNodeCertificate(certPem, expected, findings)
    const keyPem = entry.key === undefined ? this.#missing('key', name) : await this.#pem(entry.key, 'key', findings)
    const key = keyPem === undefined ? undefined : new Secret(keyPem)
    if (key !== undefined) checkKey(key, certificate, findings)
    if (caPem === undefined || certPem === undefined || certificate === undefined || key === undefined) return
    const suites = ciphers === undefined ? undefined : cipherNames(ciphers).join(':').toUpperCase()
    const material = { ca: caPem, cert: certPem, key, crl: crlPem, ciphers: suites }
    if (this.issues.length === 0) checkContext(material, findings)
    const files = Object.freeze([...this.#tlsFiles])
    this.#tls = Object.freeze({ ...material, certificateEndsAt: Date.parse(certificate.validTo), files })
  }

  /** The port mapper. */
  readEpmd(environment: Readonly<Record<string, string | undefined>>): void {
    const { epmd = 'off' } = this.#spec
    if (epmd === 'off') {
      const hidden = Object.values(this.#nodes).filter((node) => node.member && node.address === undefined)
      for (const { name } of hidden)
        this.#warn(name, 'address', 'is not given and epmd is off: nobody can dial this node')
      return
    }
    const { host, port, embedded = true } = epmd === 'auto' ? {} : epmd
    const fromEnvironment = environment.ERL_EPMD_PORT
    if (port === undefined && fromEnvironment !== undefined && !isPort(fromEnvironment)) {
      this.#problem(undefined, 'epmd', 'has no port of its own, and ERL_EPMD_PORT is not a port number')
    }
    this.#epmd = Object.freeze({
      host: host ?? (isIPv6(this.#self.host) ? '::1' : '127.0.0.1'),
      port: port ?? Number(fromEnvironment ?? epmdPortDefault),
      embedded,
    })
  }

  /** What a node that runs reads anew, unless there are issues. */
  members(): MembersSpec | undefined {
    if (this.issues.length > 0 || this.#cookie === undefined) return undefined
    return Object.freeze({
      file: this.#origin.file,
      nodes: Object.freeze(this.#nodes),
      cookie: this.#cookie,
      cookies: Object.freeze(this.#cookies),
      warnings: this.warnings,
    })
  }

  /** The finished specification, unless there are issues. */
  finish(): ClusterSpec | undefined {
    const self = this.#nodes[this.#self.name]
    const members = this.members()
    if (self === undefined || members === undefined) return undefined
    const entry = this.#ownEntry()
    const listen = entry?.listen === undefined ? undefined : endpointOf(entry.listen, 0)
    return Object.freeze({
      ...members,
      title: this.#origin.title,
      self,
      // Never all addresses of the machine unless that is written down.
      listen: listen ?? self.address ?? Object.freeze({ host: self.host, port: 0 }),
      localAddress: entry?.localAddress,
      tls: this.#tls,
      plainTcpBeyondLoopback: this.#spec.plainTcpBeyondLoopback ?? false,
      identity: this.#spec.identity ?? 'node',
      mesh: this.#spec.mesh ?? false,
      epmd: this.#epmd,
      tickTimeMs: this.#spec.tickTimeMs ?? tickTimeMsDefault,
      tickIntensity: this.#spec.tickIntensity ?? tickIntensityDefault,
    })
  }

  #ownEntry(): NodeSpecInput | undefined {
    const { nodes } = this.#spec
    return nodes !== undefined && Object.hasOwn(nodes, this.#self.name) ? nodes[this.#self.name] : undefined
  }

  #checkNames(): void {
    const { raw } = this.#origin
    const written: unknown = typeof raw === 'object' && raw !== null && 'nodes' in raw ? raw.nodes : undefined
    if (written === undefined) return this.#missing('nodes')
    if (typeof written !== 'object' || written === null || Array.isArray(written)) return
    const names = Object.keys(written)
    for (const name of names) {
      const problem = nodeNameProblem(name)
      if (problem !== undefined) this.#problem(name, '', problem)
    }
    if (names.includes(this.#self.name)) return
    if (names.length === 0) return this.#problem(undefined, 'nodes', 'has no nodes in it')
    const meant = suggestion(this.#self.name, names)
    const hint = meant === undefined ? '' : `: did you mean ${meant}?`
    this.#problem(undefined, 'nodes', `has no ${this.#self.name}, which this node is to be${hint}`)
  }

  #checkAddresses(): void {
    const owners = new Map<string, string>()
    for (const { name, address } of Object.values(this.#nodes)) {
      if (address === undefined) continue
      const text = formatEndpoint(address)
      const owner = owners.get(text)
      if (owner === undefined) owners.set(text, name)
      else this.#problem(name, 'address', `is ${text}, which is the address of ${owner}`)
    }
  }

  /** Without TLS nothing leaves this machine, unless that was asked for. */
  #checkPlainTcp(name: string, entry: NodeSpecInput): void {
    if (this.#spec.plainTcpBeyondLoopback === true) return
    const why = 'is not loopback, and tls is false (plainTcpBeyondLoopback: true lets it)'
    const { host } = parseNodeName(name)
    // A visitor does not listen: where its connections lead is what the addresses of the others say.
    const listens = entry.member !== false && entry.address === undefined && entry.listen === undefined
    if (listens && !isLoopback(host)) this.#problem(name, '', `${host} ${why}`)
    for (const field of ['address', 'listen'] as const) {
      const endpoint = entry[field] === undefined ? undefined : endpointOf(entry[field], 0)
      if (endpoint !== undefined && !isLoopback(endpoint.host)) this.#problem(name, field, why)
    }
  }

  async #cookieText(
    field: string,
    cookie: CookieInput,
    environment: Readonly<Record<string, string | undefined>>,
  ): Promise<string | undefined> {
    if (typeof cookie === 'string') return cookie
    if ('env' in cookie) {
      const value = environment[cookie.env]
      if (value === undefined) this.#problem(undefined, `${field}.env`, `names ${cookie.env}, which is not set`)
      return value
    }
    const findings: Findings = {
      problem: (_, message) => this.#problem(undefined, `${field}.file`, message),
      warning: (_, message) => this.#warn(undefined, `${field}.file`, message),
    }
    const text = await this.#file(cookie.file, 'cookie', true, findings)
    // As the shell's $(cat file) gives it, which is how it reaches Erlang.
    return text?.replace(/[\r\n]+$/, '')
  }

  async #pem(value: string, field: 'ca' | 'crl' | 'cert' | 'key', findings: Findings): Promise<string | undefined> {
    if (value.includes('-----BEGIN ')) return value
    // What has several lines is a text that was to be PEM, and perhaps a secret: it must not be quoted as a path.
    if (/[\r\n]/.test(value)) {
      findings.problem(field, 'is neither PEM nor the path of a file')
      return undefined
    }
    this.#tlsFiles.push(resolve(this.#origin.folder, value))
    return this.#file(value, field, field === 'key', findings)
  }

  async #file(path: string, field: string, secret: boolean, findings: Findings): Promise<string | undefined> {
    const full = resolve(this.#origin.folder, path)
    try {
      const text = await readFile(full, 'utf8')
      // Windows has no such bits.
      if (secret && process.platform !== 'win32' && ((await stat(full)).mode & othersMode) !== 0) {
        findings.warning(field, `is in ${full}, which others than its owner may read or write: chmod 600`)
      }
      return text
    } catch (error) {
      findings.problem(field, `${full} cannot be read: ${fileProblem(error)}`)
      return undefined
    }
  }

  #missing(field: string, node?: string): undefined {
    const path = node === undefined ? [field] : ['nodes', node, field]
    if (!this.#shape.reported(...path)) this.#problem(node, field, 'is missing')
  }

  #problem(node: string | undefined, field: string, message: string): void {
    this.issues.push({ node, field, message })
  }

  #warn(node: string | undefined, field: string, message: string): void {
    this.#warnings.push(issueText({ node, field, message }))
  }
}

/** The endpoint of a text that the schema has accepted. */
function endpointOf(text: string, portMin: 0 | 1): Endpoint | undefined {
  const endpoint = parseEndpoint(text, portMin)
  return typeof endpoint === 'string' ? undefined : endpoint
}

function isPort(text: string): boolean {
  return /^[1-9]\d{0,4}$/.test(text) && Number(text) <= 65_535
}

/**
 * The names of nodes, `alive@host`: what Erlang allows, less what could be taken for something else.
 *
 * Names become file names, parts of certificates and arguments of commands, so the characters are few. OTP 25 takes
 * `[0-9A-Za-z_-]+` before the `@`, and after it anything from `!` to `ÿ`; no real host needs more than what is taken
 * here, and a certificate can carry no more than ASCII.
 */
import { ReignError } from '../errors.js'
import { quoteRemote } from '../remote-text.js'

/** The most bytes that a node name may have: it must fit an atom, and the handshake's bounds. */
export const nodeNameBytesMax = 255

/** The two halves of a node name. */
export interface NodeName {
  /** What stands before the `@`: unique on its host. */
  readonly alive: string
  /** A host name or an IP address, IPv6 without brackets. */
  readonly host: string
}

/**
 * What is wrong with a node name, as the end of a sentence: `… has no @`; `undefined` when nothing is.
 *
 * For those that gather several problems before they report; {@link parseNodeName} throws.
 */
export function nodeNameProblem(name: unknown): string | undefined {
  if (typeof name !== 'string') return `is not a text but ${name === null ? 'null' : typeof name}`
  if (name === '') return 'is empty'
  if (name.length > nodeNameBytesMax) return `has ${name.length} characters; the limit is ${nodeNameBytesMax}`
  const at = name.indexOf('@')
  if (at < 0) return 'has no @: a node name is alive@host'
  if (name.includes('@', at + 1)) return 'has more than one @'
  const alive = name.slice(0, at)
  const host = name.slice(at + 1)
  if (alive === '') return 'has nothing before its @'
  if (host === '') return 'has no host after its @'
  const stray = /[^0-9A-Za-z_-]/u.exec(alive)
  if (stray !== null) return `has ${quoteRemote(stray[0])} before its @, where only letters, digits, _ and - may stand`
  const strayInHost = /[^0-9A-Za-z_.:-]/u.exec(host)
  if (strayInHost !== null) {
    return `has ${quoteRemote(strayInHost[0])} in its host, where only letters, digits, '.', '-', '_' and ':' may stand`
  }
  if (host.includes('..')) return "has '..' in its host"
  if (host.startsWith('.') || host.endsWith('.')) return "has a '.' at an end of its host"
  return undefined
}

/**
 * The halves of a node name.
 *
 * @throws `ERR_REIGN_NODE_NAME`, with what is wrong with it.
 */
export function parseNodeName(name: string): NodeName {
  const problem = nodeNameProblem(name)
  if (problem !== undefined) {
    const shown = typeof name === 'string' ? quoteRemote(name) : 'it'
    throw new ReignError('ERR_REIGN_NODE_NAME', `not a node name: ${shown} ${problem}`)
  }
  const at = name.indexOf('@')
  return { alive: name.slice(0, at), host: name.slice(at + 1) }
}

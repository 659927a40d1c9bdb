/** Nodes as they are named on a command line: `one@127.0.0.1`, `one@127.0.0.1:9100`, `one@[::1]:9100`. */
import { InvalidArgumentError } from 'commander'
import { nodeNameProblem } from '../term/node-name.js'

/** A node to make a certificate for, and the port that it is to listen on if that was said. */
export interface NodeArgument {
  readonly name: string
  readonly port: number | undefined
}

/**
 * Reads one, after those that stood before it on the command line.
 *
 * @throws commander's `InvalidArgumentError`, with what is wrong with it; also when the node was named before, or differs
 * from such a one in nothing but case, which some file systems do not tell apart.
 */
export function collectNodeArgument(text: string, before: readonly NodeArgument[] | undefined = []): NodeArgument[] {
  const node = parseNodeArgument(text)
  const twin = before.find(({ name }) => name.toLowerCase() === node.name.toLowerCase())
  if (twin !== undefined) throw new InvalidArgumentError(`${twin.name} is there already.`)
  return [...before, node]
}

/** Reads one. @throws commander's `InvalidArgumentError`, with what is wrong with it. */
export function parseNodeArgument(text: string): NodeArgument {
  const { name, digits } = split(text)
  const problem = nodeNameProblem(name)
  if (problem !== undefined) throw new InvalidArgumentError(`It ${problem}.`)
  return { name, port: digits === undefined ? undefined : parsePort(digits) }
}

/** Reads a port. @throws commander's `InvalidArgumentError` when it is none. */
export function parsePort(text: string): number {
  const port = Number(text)
  if (!/^\d{1,5}$/.test(text) || port < 1 || port > 65_535) {
    throw new InvalidArgumentError(`${JSON.stringify(text)} is not a port (1 to 65535).`)
  }
  return port
}

/** The name and the digits after it. A host with several colons is an IPv6 address; with a port it needs brackets. */
function split(text: string): { name: string; digits: string | undefined } {
  const bracketed = /^([^@]*@)\[([^\]]*)\](?::(.*))?$/s.exec(text)
  if (bracketed !== null) return { name: `${bracketed[1]}${bracketed[2]}`, digits: bracketed[3] }
  const at = text.indexOf('@')
  const colon = text.indexOf(':', at + 1)
  if (at < 0 || colon < 0 || text.includes(':', colon + 1)) return { name: text, digits: undefined }
  return { name: text.slice(0, colon), digits: text.slice(colon + 1) }
}

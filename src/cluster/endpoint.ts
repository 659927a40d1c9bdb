/** Where a node can be reached or listens, `host:port`; an IPv6 address stands in brackets, `[::1]:9100`. */
import { isIPv6 } from 'node:net'
import { ReignError } from '../errors.js'
import { quoteRemote } from '../remote-text.js'

/** A host name or IP address (IPv6 without brackets), and a TCP port. */
export interface Endpoint {
  readonly host: string
  readonly port: number
}

/**
 * What `text` says, or (as a text) what is wrong with it, as the end of a sentence.
 *
 * @param portMin 1 for an endpoint to dial; 0 where "any free port" makes sense.
 */
export function parseEndpoint(text: string, portMin: 0 | 1): Endpoint | string {
  const match = /^(?:\[([^\]]*)\]|([^:[\]]*)):([^:]*)$/.exec(text)
  if (match === null) {
    if (isIPv6(text)) return 'is an IPv6 address without a port: write [address]:port'
    if (text.includes(':') && isIPv6(text.slice(0, text.lastIndexOf(':'))))
      return 'needs brackets: write [address]:port'
    return text.includes(':') ? 'is not host:port' : 'has no port: write host:port'
  }
  const [, bracketed, plain = '', digits = ''] = match
  const host = bracketed ?? plain
  if (host === '') return 'has no host: write host:port (0.0.0.0 or [::] listens on all addresses)'
  if (bracketed === undefined ? !/^[0-9A-Za-z._-]+$/.test(host) : !isIPv6(host)) return 'has no valid host'
  if (!/^\d{1,5}$/.test(digits)) return 'has no valid port'
  const port = Number(digits)
  if (port > 65_535) return `has the port ${port}; the highest is 65535`
  if (port < portMin) return 'has the port 0, which nobody can dial'
  return Object.freeze({ host, port })
}

/** What a program gives as the place to dial a node at. @throws `ERR_REIGN_ARGUMENT` when it is none. */
export function endpointArgument(text: string): Endpoint {
  const endpoint = typeof text === 'string' ? parseEndpoint(text, 1) : 'is no text'
  if (typeof endpoint !== 'string') return endpoint
  throw new ReignError('ERR_REIGN_ARGUMENT', `the address ${quoteRemote(String(text))} ${endpoint}`)
}

/** The text form, `127.0.0.1:9100` or `[::1]:9100`. */
export function formatEndpoint({ host, port }: Endpoint): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

/** Whether a host is this machine and nothing but this machine, told by its text alone: no name is looked up. */
export function isLoopback(host: string): boolean {
  const text = host.toLowerCase()
  return (
    text === 'localhost' || text === '::1' || /^(::ffff:)?127(\.\d{1,3}){3}$/.test(text) || /^(0+:){7}0*1$/.test(text)
  )
}

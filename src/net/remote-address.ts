/** What an IP address says about where the other end is. */
import type { RemoteAddress } from './transport.js'

/** Whether an IP address (not a name) is one of this machine's own loop. */
export function isLoopbackAddress(address: string): boolean {
  return address === '::1' || /^(?:::ffff:)?127(?:\.\d{1,3}){3}$/i.test(address)
}

/** Puts the facts about an address together. An IPv4 address in IPv6 clothes is shown as what it is. */
export function remoteAddressOf(ip: string, port: number): RemoteAddress {
  const address = ip.replace(/^::ffff:(?=\d+\.)/i, '')
  const text = address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
  return { address, text, loopback: isLoopbackAddress(address) }
}

/** Members that the domain name system knows: the addresses of a host, or the services of a name. */
import { checkMethods, checkObject, checkText } from '../arguments.js'
import { describe, ReignError } from '../errors.js'
import { type DnsResolver, dnsResolver } from '../net/resolver.js'
import { nodeNameProblem } from '../term/node-name.js'
import { type DiscoverOptions, type Discovery, discoverBy } from './discovery.js'
import { formatEndpoint } from './endpoint.js'

/** What {@link discoverDns} is told. */
export interface DnsDiscoveryOptions extends Omit<DiscoverOptions, 'title'> {
  /** The host whose A and AAAA records are the members: whole, as `app.default.svc.cluster.local`. */
  readonly host: string
  /** What the node at an address is called, with `{ip}` for the address: `app@{ip}`. */
  readonly name: string
  /** Where it listens; without one, the port mapper at that address is asked. */
  readonly port?: number | undefined
  /** Who answers; the name servers of this machine by default. */
  readonly resolver?: DnsResolver | undefined
}

/** What {@link discoverSrv} is told. */
export interface SrvDiscoveryOptions extends Omit<DiscoverOptions, 'title'> {
  /** The name whose SRV records are the members: `_reign._tcp.app.example.org`. */
  readonly service: string
  /**
   * What the node at a host is called, with `{host}` for the host, and `{label}` for what stands before its first dot: `app@{host}`,
   * `{label}@{host}`.
   */
  readonly name: string
  /** Who answers; the name servers of this machine by default. */
  readonly resolver?: DnsResolver | undefined
}

/**
 * Each address of a host is a member: a headless service of Kubernetes, or a name with several addresses.
 *
 *     discoverDns({ host: 'app.default.svc.cluster.local', name: 'app@{ip}', port: 9100 })
 *
 * @throws `ERR_REIGN_ARGUMENT` when no node could be called so, or for a port that is none.
 */
export function discoverDns(options: DnsDiscoveryOptions): Discovery {
  checkObject(options, 'options')
  checkText(options.host, 'the name that is looked up')
  checkMethods(options, 'resolver', ['addresses'])
  const { host, name, port, resolver = dnsResolver() } = options
  checkPattern(name, { ip: '10.0.0.1' })
  if (port !== undefined && !(Number.isInteger(port) && port > 0 && port <= 65_535)) {
    throw new ReignError('ERR_REIGN_ARGUMENT', `the port of a node is 1 to 65535, not ${port}`)
  }
  const at = (ip: string) => (port === undefined ? undefined : formatEndpoint({ host: ip, port }))
  return discoverBy(
    async ({ signal }) =>
      (await resolver.addresses(host, signal)).map((ip) => ({ name: filled(name, { ip }), address: at(ip) })),
    { ...options, title: `DNS ${host}` },
  )
}

/**
 * Each service of a name is a member, at the host and port that its SRV record says.
 *
 *     discoverSrv({ service: '_reign._tcp.app.default.svc.cluster.local', name: '{label}@{host}' })
 *
 * @throws `ERR_REIGN_ARGUMENT` when no node could be called so.
 */
export function discoverSrv(options: SrvDiscoveryOptions): Discovery {
  checkObject(options, 'options')
  checkText(options.service, 'the name that is looked up')
  checkMethods(options, 'resolver', ['services'])
  const { service, name, resolver = dnsResolver() } = options
  checkPattern(name, { host: 'app-0.example.org', label: 'app-0' })
  return discoverBy(
    async ({ signal }) =>
      (await resolver.services(service, signal)).map((found) => {
        const host = found.host.replace(/\.$/, '')
        const [label = ''] = host.split('.')
        return { name: filled(name, { host, label }), address: formatEndpoint({ host, port: found.port }) }
      }),
    { ...options, title: `DNS ${service}` },
  )
}

type Values = Readonly<Record<string, string>>

function filled(pattern: string, values: Values): string {
  return pattern.replace(/\{(\w+)\}/g, (whole, key: string) => (Object.hasOwn(values, key) ? `${values[key]}` : whole))
}

/** A pattern must make names, and different ones. */
function checkPattern(pattern: string, values: Values): void {
  const problem = typeof pattern === 'string' ? nodeNameProblem(filled(pattern, values)) : 'is no text'
  const varies = Object.keys(values).some((key) => String(pattern).includes(`{${key}}`))
  if (problem === undefined && varies) return
  const keys = Object.keys(values).map((key) => `{${key}}`)
  const why = problem ?? `has none of ${keys.join(', ')} in it, so that all would be called the same`
  throw new ReignError('ERR_REIGN_ARGUMENT', `the name of found nodes, ${describe(pattern)}, ${why}`)
}

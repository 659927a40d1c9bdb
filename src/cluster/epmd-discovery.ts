/** Members that port mappers know: all nodes that are registered on some hosts. */
import { check, checkObject, checkPart, checkText } from '../arguments.js'
import { ReignError } from '../errors.js'
import { EpmdClient } from '../net/epmd-client.js'
import { nodeNameProblem } from '../term/node-name.js'
import { type DiscoverOptions, type Discovery, discoverBy } from './discovery.js'
import { formatEndpoint } from './endpoint.js'

/** What {@link discoverEpmd} is told. */
export interface EpmdDiscoveryOptions extends Omit<DiscoverOptions, 'title'> {
  /** The hosts, written as they stand in the names of their nodes. */
  readonly hosts: readonly string[]
  /** The port of their port mappers. Default: 4369. */
  readonly port?: number | undefined
  /** Which of the names before the `@` are members; all by default. Others may be registered there: message brokers, say. */
  readonly alive?: ((alive: string) => boolean) | undefined
}

const epmdPort = 4_369

/**
 * Each node that is registered with the port mapper of a host is a member: one discovery for each host, so that one that does not
 * answer takes no nodes of others with it.
 *
 *     Node.start(name, { cluster, discovery: discoverEpmd({ hosts: ['10.0.0.7', '10.0.0.8'] }) })
 *
 * @throws `ERR_REIGN_ARGUMENT` for a host that no node can be on, or a port that is none.
 */
export function discoverEpmd(options: EpmdDiscoveryOptions): readonly Discovery[] {
  checkObject(options, 'options')
  checkPart(options, 'alive', 'function')
  const { hosts, port = epmdPort, alive: wanted = () => true } = options
  check(Array.isArray(hosts), 'hosts are an array of texts', hosts)
  return hosts.map((host) => {
    checkText(host, 'a host')
    const problem = nodeNameProblem(`a@${host}`)
    if (problem !== undefined)
      throw new ReignError('ERR_REIGN_ARGUMENT', `a node on ${JSON.stringify(host)} ${problem}`)
    if (!(Number.isInteger(port) && port > 0 && port <= 65_535)) {
      throw new ReignError('ERR_REIGN_ARGUMENT', `the port of epmd is 1 to 65535, not ${port}`)
    }
    return discoverBy(
      async ({ clock, signal }) => {
        const { nodes } = await new EpmdClient({ port, clock }).names(host, { signal })
        const members = nodes.filter((node) => wanted(node.alive))
        return members.map((node) => ({
          name: `${node.alive}@${host}`,
          address: formatEndpoint({ host, port: node.port }),
        }))
      },
      { ...options, title: `epmd ${host}` },
    )
  })
}

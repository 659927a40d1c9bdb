/** Which port each node of a new cluster gets: counted up on each host. */
import type { Endpoint } from '../cluster/endpoint.js'
import { ReignError } from '../errors.js'
import { parseNodeName } from '../term/node-name.js'
import type { NodeArgument } from './node-argument.js'

/** The first port that is given out on a host, unless another is asked for. Above what systems reserve, below what they
 * give out for outgoing connections, and away from the port mapper. */
export const firstPortDefault = 9_100

/**
 * The endpoint of each node: the port that was asked for, or the next one of its host that is free.
 *
 * @param taken Endpoints that are in use already.
 * @throws `ERR_REIGN_ARGUMENT` when two ask for the same one, or the ports of a host run out.
 */
export function assignPorts(
  nodes: readonly NodeArgument[],
  taken: Iterable<Endpoint>,
  firstPort: number = firstPortDefault,
): ReadonlyMap<string, Endpoint> {
  const inUse = new Set(Array.from(taken, ({ host, port }) => `${host} ${port}`))
  const take = (name: string, host: string, port: number): Endpoint => {
    if (inUse.has(`${host} ${port}`)) throw fault(`port ${port} of ${host} is another node's, so not for ${name}`)
    inUse.add(`${host} ${port}`)
    return { host, port }
  }
  const assigned = new Map<string, Endpoint>()
  // Those with a wish first, so that counting goes around them wherever they stand in the list.
  for (const { name, port } of nodes) {
    if (port !== undefined) assigned.set(name, take(name, parseNodeName(name).host, port))
  }
  for (const { name } of nodes) {
    if (assigned.has(name)) continue
    const { host } = parseNodeName(name)
    let port = firstPort
    while (inUse.has(`${host} ${port}`)) port++
    if (port > 65_535) throw fault(`the ports of ${host} from ${firstPort} up are all in use`)
    assigned.set(name, take(name, host, port))
  }
  return assigned
}

function fault(message: string): ReignError {
  return new ReignError('ERR_REIGN_ARGUMENT', message)
}

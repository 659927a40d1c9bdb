/**
 * Finds where a node listens, and dials it there.
 *
 * Where the specification gives an address it is tried first; the port mapper of the node's host comes second, so that an
 * Erlang node, which listens where it likes, is found although `cluster.json` names a port for it.
 */

import { describe, ReignError } from '../errors.js'
import { type DialFailure, dialConnection } from '../net/dial.js'
import type { EpmdClient } from '../net/epmd-client.js'
import type { LocalEnd } from '../net/local-end.js'
import { nodeNameProblem, parseNodeName } from '../term/node-name.js'
import type { Endpoint } from './endpoint.js'
import type { Dial } from './peers.js'

/** What a {@link dialer} needs. */
export interface DialerParts {
  readonly end: LocalEnd
  /** The address that the specification gives a node. */
  readonly address: (node: string) => Endpoint | undefined
  /** Whom to ask where a node listens; `undefined`: nobody. */
  readonly epmd: EpmdClient | undefined
  /** Whether we have no connection with that node, so that a new one may replace what the peer thinks it has. */
  readonly takesOver: (node: string) => boolean
}

/** See the head of this file. */
export function dialer({ end, address, epmd, takesOver }: DialerParts): Dial {
  return (node, outcome) => {
    let cancelled = false
    let attempt: { cancel(): void } | undefined
    const abort = new AbortController()

    const unreachable = (text: string, cause?: unknown) =>
      outcome.failed(new ReignError('ERR_REIGN_UNREACHABLE', text, cause === undefined ? {} : { cause }), false)

    const dialAt = (endpoint: Endpoint, otherwise: (failure: DialFailure) => void) => {
      attempt = dialConnection(
        end,
        { node, endpoint, takesOver: () => takesOver(node) },
        {
          up: (connection) => outcome.up(connection),
          failed: (failure) => otherwise(failure),
        },
      )
    }
    const failed = ({ reason, error }: DialFailure) => outcome.failed(error, reason === 'nok')

    const ask = async (client: EpmdClient, before: DialFailure | undefined) => {
      const { alive, host } = parseNodeName(node)
      try {
        const found = await client.lookup(host, alive, { signal: abort.signal })
        if (cancelled) return
        if (found !== undefined) return dialAt({ host, port: found.port }, failed)
        if (before !== undefined) return failed(before)
        unreachable(`${node} is not known to the port mapper of ${host}`)
      } catch (error) {
        if (cancelled) return
        if (before !== undefined) return failed(before)
        unreachable(`the port mapper of ${host} does not say where ${node} is: ${describe(error)}`, error)
      }
    }

    const begin = () => {
      if (cancelled) return
      if (nodeNameProblem(node) !== undefined) return unreachable(`${node} is no name of a node`)
      const known = address(node)
      if (known !== undefined) {
        return dialAt(known, (failure) => {
          // Nobody listens there; if it is an Erlang node, it listens elsewhere.
          if (epmd !== undefined && failure.reason === 'unreachable') void ask(epmd, failure)
          else failed(failure)
        })
      }
      if (epmd === undefined) return unreachable(`${node} has no address in the cluster specification`)
      void ask(epmd, undefined)
    }
    // Never on the stack of whoever sends.
    end.clock.microtask(begin)
    return {
      cancel: () => {
        cancelled = true
        abort.abort(new ReignError('ERR_REIGN_UNREACHABLE', `the attempt at ${node} was given up`))
        attempt?.cancel()
      },
    }
  }
}

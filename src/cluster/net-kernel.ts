/**
 * What other nodes ask of the registered process `net_kernel`: whether we are there (`net_adm:ping`).
 *
 * Source: protocol reference, "gen: call, cast, and the ping".
 */
import type { LocalNode } from '../node/local-node.js'
import { callIn, reply } from '../process/call.js'
import { isTuple, tuple } from '../term/tuple.js'

const isAuth = Symbol.for('is_auth')
const badRequest = Symbol.for('badrequest')

/** Registers `net_kernel`, which answers pings. */
export function startNetKernel(node: LocalNode): void {
  const service = node.service((message) => {
    const called = callIn(message)
    if (called === undefined) return
    const { request, from } = called
    reply(service, from, isTuple(request) && request[0] === isAuth ? pingAnswer : badRequest)
  }, 'net_kernel')
}

/** The answer to a ping. */
export const pingAnswer: symbol = Symbol.for('yes')

/** The request of a ping. */
export function pingRequest(asking: string): readonly unknown[] {
  return tuple(isAuth, Symbol.for(asking))
}

/** What those who watch by diagnostics channels (`events.ts`) are told of connections. Nobody watches: one look at a flag, and no event is made. */
import type { ReignError } from '../errors.js'
import { connectionBusy, connectionDrained, connectionFailed, connectionLost, connectionOpened } from '../events.js'
import type { Connection, ConnectionLoss } from '../net/connection.js'
import { publish } from '../process/guard.js'

/** @param codec The name of what its messages are written in. */
export function tellOpened(node: string, connection: Connection, codec: string): void {
  if (!connectionOpened.hasSubscribers) return
  const { peer, outgoing, remote } = connection
  publish(connectionOpened, {
    node,
    peer: peer.name,
    creation: peer.creation,
    remote: remote.text,
    outgoing,
    tls: peer.identity !== undefined,
    codec,
    flags: peer.flags,
  })
}

/** @param upMs How long there was a connection, in milliseconds. */
export function tellLost(node: string, connection: Connection, { reason, error }: ConnectionLoss, upMs: number): void {
  if (!connectionLost.hasSubscribers) return
  const { bytesRead, outbox, outgoing, peer, remote } = connection
  publish(connectionLost, {
    node,
    peer: peer.name,
    remote: remote.text,
    outgoing,
    reason,
    error,
    upMs,
    bytesRead,
    bytesWritten: outbox.bytesWritten,
  })
}

/** An attempt has come to nothing. */
export function tellFailed(node: string, peer: string, error: ReignError): void {
  if (connectionFailed.hasSubscribers) publish(connectionFailed, { node, peer, error })
}

/** @param bytesWaiting More than senders should leave there; 0 when it is no longer so much. */
export function tellCongested(node: string, peer: string, bytesWaiting: number): void {
  if (bytesWaiting > 0) {
    if (connectionBusy.hasSubscribers) publish(connectionBusy, { node, peer, bytesWaiting })
  } else if (connectionDrained.hasSubscribers) publish(connectionDrained, { node, peer })
}

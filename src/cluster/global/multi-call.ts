/** Calls of the same server on several nodes, and locks that are set on all of them or on none. */
import { type Named, named } from '../../term/named.js'
import { tuple } from '../../term/tuple.js'
import type { LockTable } from './lock-table.js'
import { bossOf, type LockId, lockTerm, serverName, word } from './terms.js'

/** The process in whose name is called, and who holds the locks. */
export interface Holder {
  readonly address: { readonly node: string }
  readonly alive: boolean
  call(target: Named, request: unknown, options: { timeout: number }): Promise<unknown>
}

/**
 * Calls `global` on each node at once and waits for all of them, however long that takes: a node that is lost, or has none, is out.
 *
 * @returns The answers by nodes.
 */
export async function multiCall(
  self: Holder,
  nodes: readonly string[],
  request: readonly unknown[],
): Promise<ReadonlyMap<string, unknown>> {
  const replies = new Map<string, unknown>()
  const calls = nodes.map(async (node) => {
    try {
      replies.set(node, await self.call(named(serverName, node), request, { timeout: Number.POSITIVE_INFINITY }))
    } catch (error) {
      // The caller has ended: nobody goes on.
      if (!self.alive) throw error
    }
  })
  await Promise.all(calls)
  return replies
}

/**
 * Sets a lock on all of these nodes that answer; where one refuses it is taken back.
 *
 * @returns The nodes that are locked; `undefined` when one has refused.
 */
export async function setLock(
  self: Holder,
  locks: LockTable,
  id: LockId,
  nodes: readonly string[],
): Promise<readonly string[] | undefined> {
  // A look at the own table saves asking the others in vain.
  if (nodes.length > 1 && nodes.includes(self.address.node) && !locks.isFree(id)) return undefined
  const replies = await multiCall(self, nodes, tuple(word.set_lock, lockTerm(id)))
  const granted = [...replies].filter(([, reply]) => reply === true).map(([node]) => node)
  if (granted.length === replies.size) return granted
  if (granted.length > 0) await deleteLock(self, id, granted)
  return undefined
}

/** Takes a lock back. */
export async function deleteLock(self: Holder, id: LockId, nodes: readonly string[]): Promise<void> {
  await multiCall(self, nodes, tuple(word.del_lock, lockTerm(id)))
}

/** The same, of the greatest node last: whoever begins to lock there then finds the others free. */
export async function deleteLockBossLast(self: Holder, id: LockId, nodes: readonly string[]): Promise<void> {
  if (nodes.length === 0) return
  const boss = bossOf(nodes)
  await deleteLock(
    self,
    id,
    nodes.filter((node) => node !== boss),
  )
  await deleteLock(self, id, [boss])
}

/** What the workloads of a node of the soak have in common. */
import { type Address, atomName, isTuple, type Node } from 'reign'
import type { Random } from '../../src/testing/random.js'

/** The node on which they work, and how. */
export interface Workplace {
  readonly node: Node
  /** The other nodes. */
  readonly others: readonly string[]
  readonly random: Random
  /** Messages that each sender says in a second. */
  readonly perSecond: number
  /** While it is set, nothing new is begun. */
  still: boolean
  /** Something has happened that may not. */
  readonly fail: (violation: string) => void
}

/** An address as all nodes write it: node, number, serial, creation. */
export const textOf = (address: Address<never>): string => String(address).slice('pid:'.length)

/** A reason of an exit, as the oracles know it. */
export function reasonText(reason: unknown): string {
  if (typeof reason === 'symbol') return atomName(reason) ?? String(reason)
  return isTuple(reason) ? reason.map(reasonText).join(' ') : String(reason)
}

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** How many senders a node has for each other node; as in soak_member.erl. */
export const streamsPerPair = 2

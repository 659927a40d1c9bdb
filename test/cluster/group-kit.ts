/** What tests of groups have in common. */
import { expect } from 'vitest'
import type { GroupJoin, GroupLeave } from '../../src/cluster/group-monitors.js'
import type { Node } from '../../src/cluster/node.js'
import type { Mailbox } from '../../src/process/mailbox.js'
import type { Address } from '../../src/term/address.js'
import type { Simulation } from './simulation.js'

/** Addresses as text, in an order of their own: for comparing. */
export const addressTexts = (addresses: readonly Address<never>[]): string[] => addresses.map(String).sort()

/** An error of that code. */
export const code = (wanted: string): unknown => expect.objectContaining({ code: wanted })

/** The notices in a mailbox, taken out: `join shop 2`, … with the number of members. */
export function notices(mailbox: Mailbox<GroupJoin | GroupLeave>): string[] {
  const found: string[] = []
  for (let next = mailbox.poll(); next !== undefined; next = mailbox.poll()) {
    found.push(`${next.type} ${String(next.group)} ${next.members.length}`)
  }
  return found
}

/** Stops all nodes of a simulation; nothing is left that would wake it. */
export async function endSimulation(simulation: Simulation, ...nodes: readonly Node[]): Promise<void> {
  const stopped = Promise.all(nodes.map((node) => node.stop()))
  await simulation.clock.run(20_000)
  await stopped
  expect(simulation.clock.timersPending).toBe(0)
}

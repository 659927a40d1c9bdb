/** What can be told of a process without disturbing it: Erlang's `process_info/2`. */

import type { Entity } from '../process/entity.js'
import { Inbox } from '../process/inbox.js'
import type { Target } from '../process/notices.js'
import { Process } from '../process/process.js'
import { linked } from '../process/relations.js'
import type { Address } from '../term/address.js'
import type { Registry } from './registry.js'

/** Erlang's items, under Erlang's names. */
export interface ProcessInfo {
  readonly registered_name: string | undefined
  /** `waiting` in a receive, or `running` (which includes awaiting something that is not ours to see). */
  readonly status: 'waiting' | 'running'
  readonly message_queue_len: number
  /** The queued messages, oldest first: the values themselves, so look and do not change. */
  readonly messages: readonly unknown[]
  readonly links: readonly Address<never>[]
  /** What it monitors. */
  readonly monitors: readonly Target[]
  /** Who monitors it. */
  readonly monitored_by: readonly Address<never>[]
  readonly trap_exit: boolean
  /** The name of the function that the process runs, where it has one; JavaScript does not tell where in it a process is. */
  readonly initial_call: string | undefined
  readonly group_leader: Address<never> | undefined
}

/** Cost: the links, monitors and messages, which are copied into arrays; getters, so only for what is asked. */
export function inspect(entity: Entity, registry: Registry): ProcessInfo {
  const { relations } = entity
  return {
    registered_name: registry.nameOf(entity),
    status: entity instanceof Inbox && entity.waiting ? 'waiting' : 'running',
    message_queue_len: entity instanceof Inbox ? entity.length : 0,
    get messages() {
      return entity instanceof Inbox ? entity.peek() : []
    },
    get links() {
      const links: Address<never>[] = []
      relations?.links?.forEach((state, address) => {
        if (state === linked) links.push(address)
      })
      return links
    },
    get monitors() {
      return [...(relations?.monitors?.values() ?? []), ...(relations?.calls ?? [])].map(({ target }) => target)
    },
    get monitored_by() {
      return [
        ...Array.from(relations?.watchers ?? [], (watcher) => watcher.from),
        ...Array.from(relations?.callers ?? [], (call) => call.caller.self),
      ]
    },
    trap_exit: entity.trapsExits,
    initial_call: entity instanceof Process ? entity.initialCall : undefined,
    group_leader: entity instanceof Process ? entity.groupLeader : undefined,
  }
}

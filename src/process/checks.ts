/** Processes, and whatever stands for one, among arguments. */
import { check } from '../arguments.js'
import { Address } from '../term/address.js'
import { Named } from '../term/named.js'
import type { Starter } from './behaviour.js'
import { Entity } from './entity.js'
import { Inbox } from './inbox.js'
import { ViaName } from './via.js'

/** @throws `ERR_REIGN_ARGUMENT` for what is neither a node nor a process or mailbox. */
export function checkStarter(by: Starter): void {
  const entity = (by as Starter | null | undefined)?.entity
  check(entity instanceof Entity, 'who asks is a node, a process or a mailbox', by)
}

/** @throws `ERR_REIGN_ARGUMENT` for what is neither a process nor a mailbox. */
export function checkInbox(inbox: unknown): asserts inbox is Inbox<unknown> {
  check(inbox instanceof Inbox, 'who is told is a process or a mailbox', inbox)
}

/** @throws `ERR_REIGN_ARGUMENT` for what stands for no process: see `Destination`; `text` where a registered name will do. */
export function checkDestination(given: unknown, text?: 'text'): void {
  const fits = given instanceof Address || given instanceof Named || given instanceof ViaName
  const names = `${text === undefined ? '' : 'a name, '}named(name, node) or via(registry, name)`
  check(fits || (text !== undefined && typeof given === 'string'), `a process is given by an address, ${names}`, given)
}

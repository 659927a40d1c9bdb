/** One child of a supervisor, as the supervisor keeps it: its specification, and who it is now. */
import type { Caller } from '../process/call.js'
import type { Address } from '../term/address.js'
import type { CheckedSpec } from './child-spec.js'

/** See the head of this file. */
export class Child {
  readonly spec: CheckedSpec
  /** What it is started with: `spec.args`, and what a dynamic child was given beside. */
  readonly args: readonly unknown[]
  /** Who it is; nobody when it has ended, was told to, or had better not be there (`ignore`). */
  address: Address<unknown> | undefined = undefined
  /** Whether it is to be started again, and could not be so far. */
  restarting = false
  /** Who waits for it to run, if anybody does. */
  waiting: Caller[] | undefined = undefined

  constructor(spec: CheckedSpec, args: readonly unknown[] = spec.args) {
    this.spec = spec
    this.args = args
  }
}

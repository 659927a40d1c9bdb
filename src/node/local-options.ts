/** What every node can be told, in a cluster or not. */
import { checkMethods, checkObject, checkOneOf, checkPart } from '../arguments.js'
import type { Clock } from '../clock.js'
import type { Entropy } from '../entropy.js'
import type { Output } from '../io/io-server.js'
import type { Logger } from '../logger.js'
import type { Scheduler } from '../process/scheduler.js'
import type { Address } from '../term/address.js'

/** What every node can be given. */
export interface LocalOptions {
  /** Where crash reports and warnings go. */
  logger?: Logger | undefined
  /**
   * Where what processes write goes (`self.io`), those of other nodes too that have this one as their group leader: the io server of the
   * node, registered as `user`. By default a line of the log at level `info`, quoted and cut.
   */
  output?: Output | undefined
  /** Time; the machine's unless a simulation passes its own. */
  clock?: Clock | undefined
  /** Randomness; the machine's unless a simulation passes its own. */
  entropy?: Entropy | undefined
  /** The order in which processes go on; a simulation passes its own. */
  scheduler?: Scheduler | undefined
  /**
   * Charges errors that reach nobody (a rejected promise that nobody awaits, a throw in the callback of a timer or socket) to
   * the process that they were made in, which ends with them; others are logged, and the program goes on. Off by default:
   * it listens to `uncaughtException` and `unhandledRejection`, which belong to the host program, and costs throughput.
   */
  guard?: boolean | undefined
  /**
   * Passes each message between processes of this node through the codec, as if it went to another one: what could not be sent there
   * throws at its sender, and nobody shares an object with anybody. `'etf'`: as if to a node of Erlang, which has fewer values. Off by
   * default; for tests, as it costs most of the throughput.
   */
  strict?: boolean | 'etf' | undefined
  /**
   * Asked before each message gets into a mailbox of this node, from wherever it comes, and with the value of each reply that a caller of this
   * node waits for; `false` drops it. For tests: `reign/testing` makes interceptors of it.
   */
  admit?: ((to: Address<never>, message: unknown) => boolean) | undefined
}

/** @throws `ERR_REIGN_ARGUMENT` for what is wrong with what a node is told. */
export function checkLocalOptions(options: LocalOptions): void {
  checkObject(options, 'options')
  checkMethods(options, 'logger', ['error', 'warn', 'info', 'debug', 'trace'])
  checkMethods(options, 'clock', ['now', 'wallTime', 'setTimer', 'clearTimer', 'holdProgram', 'nextTurn', 'microtask'])
  checkMethods(options, 'entropy', ['bytes', 'uint32'])
  checkMethods(options, 'scheduler', ['claim', 'enqueue'])
  checkPart(options, 'output', 'function')
  checkPart(options, 'admit', 'function')
  checkPart(options, 'guard', 'boolean')
  checkOneOf(options.strict, 'strict', [true, false, 'etf'])
}

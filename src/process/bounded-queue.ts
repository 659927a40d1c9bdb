/**
 * Queues with a bound: what happens to a message for a receiver that does not keep up is the receiver's choice, made when it is opened.
 *
 * Erlang has `max_heap_size`, which kills; a bound on messages says before that what is to go. Nothing goes without a word: each message
 * that is not kept is a dead letter with the cause `full`, and the first of a row of them is a line in the log.
 */
import { describe, ReignError } from '../errors.js'
import { mailboxFull } from '../events.js'
import { LogPace } from '../log-pace.js'
import type { Address } from '../term/address.js'
import { publish } from './guard.js'
import type { Host } from './host.js'
import { type Matcher, matcher } from './matcher.js'
import { MessageQueue, nothing, type QueueMark } from './message-queue.js'
import { isNotice } from './notices.js'

/** What happens when one message more comes than may be queued. */
export type OverflowPolicy =
  /** It is not taken; `send` returns `false` where the sender is on the same node. */
  | 'refuse_newest'
  /** It is taken, and the oldest goes. */
  | 'drop_oldest'
  /** The receiver ends, with the reason `message_queue_full`, and who is linked with it or monitors it is told. */
  | 'exit'

/** A bound on the messages that wait in one mailbox. */
export interface MailboxLimit {
  /** How many may be queued: 1 or more. */
  readonly messages: number
  readonly policy: OverflowPolicy
}

/** Whose queue it is. */
interface Owner {
  readonly host: Host
  readonly self: Address<never>
  terminate(reason: unknown): void
}

/** The reason of an end by {@link MailboxLimit}. */
const full = Symbol.for('message_queue_full')

const policies: readonly unknown[] = ['refuse_newest', 'drop_oldest', 'exit'] satisfies OverflowPolicy[]

/** See the head of this file. */
export class BoundedQueue extends MessageQueue {
  readonly #limit: MailboxLimit
  readonly #owner: Owner
  /** Whether a line in the log has said that it is full, and it has not been half empty since. */
  #told = false
  #pace: LogPace | undefined
  #drained: { readonly promise: Promise<void>; readonly resolve: () => void } | undefined

  /** @throws `ERR_REIGN_ARGUMENT` when the limit is none. */
  constructor(limit: MailboxLimit, owner: Owner) {
    super()
    if (!Number.isSafeInteger(limit.messages) || limit.messages < 1) {
      throw new ReignError('ERR_REIGN_ARGUMENT', `limit.messages is a count from 1, not ${describe(limit.messages)}`)
    }
    if (!policies.includes(limit.policy)) {
      throw new ReignError(
        'ERR_REIGN_ARGUMENT',
        `limit.policy is one of ${policies.join(', ')}, not ${describe(limit.policy)}`,
      )
    }
    this.#limit = limit
    this.#owner = owner
  }

  /** Notices are always taken: a lost `Down` or `Exit` would be waited for in vain, and each was asked for. */
  override push(message: unknown): boolean {
    if (this.length < this.#limit.messages || isNotice(message)) return super.push(message)
    this.#tell()
    switch (this.#limit.policy) {
      case 'refuse_newest':
        this.#lose(message)
        return false
      case 'drop_oldest': {
        const oldest = super.take(noNotice)
        if (oldest !== nothing) this.#lose(oldest)
        return super.push(message)
      }
      case 'exit':
        this.#lose(message)
        this.#owner.terminate(full)
        return true
    }
  }

  override shift(): unknown {
    const message = super.shift()
    this.#taken()
    return message
  }

  override take(wanted: Matcher, from?: QueueMark): unknown {
    const message = super.take(wanted, from)
    this.#taken()
    return message
  }

  override drain(): unknown[] {
    const all = super.drain()
    this.#taken()
    return all
  }

  /** Resolves when a message would be taken again; at once when it would now. */
  drained(): Promise<void> {
    if (this.length < this.#limit.messages) return Promise.resolve()
    if (this.#drained === undefined) {
      let resolve = () => {}
      const promise = new Promise<void>((settle) => {
        resolve = settle
      })
      this.#drained = { promise, resolve }
    }
    return this.#drained.promise
  }

  #taken(): void {
    const { messages } = this.#limit
    if (this.length * 2 <= messages) this.#told = false
    if (this.length < messages) {
      this.#drained?.resolve()
      this.#drained = undefined
    }
  }

  #lose(message: unknown): void {
    this.#owner.host.deadLetter('full', this.#owner.self, message)
  }

  #tell(): void {
    if (this.#told) return
    this.#told = true
    const { host, self } = this.#owner
    if (mailboxFull.hasSubscribers) publish(mailboxFull, { node: self.node, address: self, ...this.#limit })
    this.#pace ??= new LogPace(host.clock)
    this.#pace.tell((untold) =>
      host.logger.warn({ process: self.toString(), ...this.#limit, ...untold }, 'a mailbox is full'),
    )
  }
}

const noNotice = matcher((message: unknown) => !isNotice(message))

/** Mailboxes of ordinary code, opened and closed by whoever needs one. */
import { ClosedError, type ReignError } from '../errors.js'
import { normal } from '../exit-reason.js'
import type { Schema } from '../schema.js'
import type { MailboxLimit } from './bounded-queue.js'
import { Inbox } from './inbox.js'

/** What a mailbox is opened with. */
export interface MailboxOptions {
  /** How many messages may wait, and what happens when one more comes; no bound unless given. */
  readonly limit?: MailboxLimit | undefined
  /** What it accepts; anything unless given. What does not fit never reaches it: see `docs/schemas.md`. */
  readonly accepts?: Schema | undefined
}

/**
 * A mailbox of ordinary code: what receives messages where there is no process. `I` is what is sent to it, where a schema makes something
 * else of that. Go's reign: `NewMailbox`.
 */
export class Mailbox<M = unknown, I = M> extends Inbox<M, I> implements Disposable {
  /**
   * Whether exits of linked processes come as `Exit` messages; else they close the mailbox. On by default, unlike in a
   * process: there is no function here that could end.
   */
  trapExit = true

  /** @internal */
  get trapsExits(): boolean {
    return this.trapExit
  }

  /**
   * Closes the mailbox: who waits gets a `ClosedError`, who iterates comes to the end, who monitors gets a `Down` with the
   * reason, and what is queued or still sent becomes a dead letter. Closing twice is closing once.
   */
  close(reason: unknown = normal): void {
    this.terminate(reason)
  }

  [Symbol.dispose](): void {
    this.close()
  }

  /** @internal */
  override endError(reason: unknown): ReignError {
    return new ClosedError(reason)
  }

  protected override endsIteration(_reason: unknown): boolean {
    return true
  }
}

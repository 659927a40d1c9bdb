/** Mailboxes of ordinary code, opened and closed by whoever needs one. */
import { ClosedError, type ReignError } from '../errors.js'
import { normal } from '../exit-reason.js'
import { Inbox } from './inbox.js'

/** A mailbox of ordinary code: what receives messages where there is no process. Go's reign: `NewMailbox`. */
export class Mailbox<M = unknown> extends Inbox<M> implements Disposable {
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

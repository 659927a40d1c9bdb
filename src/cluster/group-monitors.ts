/** Mailboxes and processes that are told of changes of groups, by messages: what OTP's `pg:monitor` does. */
import type { Inbox } from '../process/inbox.js'
import type { Address } from '../term/address.js'
import type { Ref } from '../term/ref.js'
import type { GroupKey } from './group-key.js'
import type { MembershipChange } from './group-view.js'
import type { MembershipFeed } from './membership-feed.js'

/** Processes have joined a group, each as often as it stands here. Erlang: `{Ref, join, Group, Pids}`. */
export interface GroupJoin<M = unknown> {
  readonly type: 'join'
  /** What `monitor` or `monitorScope` returned. */
  readonly ref: Ref
  readonly group: unknown
  readonly members: readonly Address<M>[]
}

/** Processes have left a group, or ended, or are out of reach. Erlang: `{Ref, leave, Group, Pids}`. */
export interface GroupLeave<M = unknown> {
  readonly type: 'leave'
  readonly ref: Ref
  readonly group: unknown
  readonly members: readonly Address<M>[]
}

/** Calls back when a process has ended, unless the returned function is called before. */
type Watch = (target: Address<never>, ended: () => void) => () => void

interface GroupMonitor {
  readonly inbox: Inbox<unknown>
  readonly unsubscribe: () => void
  unwatch: () => void
}

/** See the head of this file. A monitor ends with its mailbox. */
export class GroupMonitors {
  readonly #feed: MembershipFeed
  readonly #watch: Watch
  readonly #monitors = new Map<Ref, GroupMonitor>()

  constructor(feed: MembershipFeed, watch: Watch) {
    this.#feed = feed
    this.#watch = watch
  }

  /** Tells an inbox of the changes of one group, or of all; gives the reference that its notices carry. */
  add(inbox: Inbox<unknown>, group: { readonly key: GroupKey } | 'all'): Ref {
    const ref = inbox.makeRef()
    const tell = ({ kind, group, members }: MembershipChange) => {
      inbox.tell({ type: kind, ref, group, members })
    }
    const unsubscribe = group === 'all' ? this.#feed.all(tell) : this.#feed.group(group.key, tell)
    const monitor = { inbox, unsubscribe, unwatch: () => {} }
    this.#monitors.set(ref, monitor)
    this.#watchInbox(ref, monitor)
    return ref
  }

  /** Ends a monitor, and takes what it has told and nobody has received out of the inbox. `false` when there is none. */
  remove(ref: Ref): boolean {
    const monitor = this.#monitors.get(ref)
    if (monitor === undefined) return false
    this.#forget(ref)
    monitor.unwatch()
    while (monitor.inbox.alive && monitor.inbox.poll({ ref }) !== undefined);
    return true
  }

  /** Watches all inboxes anew: for a scope process that is another one now. */
  rewatch(): void {
    for (const [ref, monitor] of this.#monitors) this.#watchInbox(ref, monitor)
  }

  #watchInbox(ref: Ref, monitor: GroupMonitor): void {
    monitor.unwatch = this.#watch(monitor.inbox.self, () => this.#forget(ref))
  }

  #forget(ref: Ref): void {
    this.#monitors.get(ref)?.unsubscribe()
    this.#monitors.delete(ref)
  }
}

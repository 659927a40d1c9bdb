/** What of a node's credentials ends, and when its operator is to hear of it: pure; the clock is the caller's. */

/** From so long before the end on, once a day: certificates are renewed by people. */
const noticeMs = 14 * 86_400_000
/** From so long before the end on it is no warning any more, but an error: somebody must act. */
const urgentMs = 2 * 86_400_000
const dayMs = 86_400_000

/** Something that ends. */
export interface Expiring {
  /** What it is, as the beginning of a sentence: `the certificate of this node`. Told apart by it. */
  readonly what: string
  /** In milliseconds since 1970. */
  readonly endsAt: number
  /** What happens then, and what makes a new one, as a sentence. */
  readonly remedy: string
  /** Whether the node cannot go on without it. */
  readonly vital: boolean
}

/** A line for the log. */
export interface Notice {
  readonly level: 'warn' | 'error'
  readonly fields: { readonly endsAt: string; readonly daysLeft: number }
  readonly message: string
}

/** Says what there is to say, when it is new, and then once a day. */
export class ExpiryNotices {
  readonly #told = new Map<string, { readonly stage: string; readonly atMs: number }>()

  /** @param nowMs The wall clock's milliseconds. */
  due(expiring: readonly Expiring[], nowMs: number): readonly Notice[] {
    const notices: Notice[] = []
    const known = new Map(this.#told)
    this.#told.clear()
    for (const each of expiring) {
      const leftMs = each.endsAt - nowMs
      if (leftMs > noticeMs) continue
      const level = each.vital && leftMs <= urgentMs ? 'error' : 'warn'
      // A new certificate that ends soon as well is news.
      const stage = `${each.endsAt} ${level} ${leftMs < 0}`
      const before = known.get(each.what)
      const isNews = before === undefined || before.stage !== stage || nowMs - before.atMs >= dayMs
      this.#told.set(each.what, isNews ? { stage, atMs: nowMs } : before)
      if (isNews) notices.push(noticeOf(each, leftMs, level))
    }
    return notices
  }
}

function noticeOf({ what, endsAt, remedy }: Expiring, leftMs: number, level: Notice['level']): Notice {
  const daysLeft = Math.floor(leftMs / dayMs)
  const when = leftMs < 0 ? 'has ended' : daysLeft === 0 ? 'ends within a day' : `ends in ${days(daysLeft)}`
  const day = new Date(endsAt).toISOString()
  return { level, fields: { endsAt: day, daysLeft }, message: `${what} ${when}, on ${day.slice(0, 10)}: ${remedy}` }
}

function days(count: number): string {
  return count === 1 ? '1 day' : `${count} days`
}

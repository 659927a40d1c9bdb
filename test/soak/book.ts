/** What is taken down about a node of a soak: what it has counted, over all of its runs, and what it has held, in the last of them. */
import type { Status } from './member-process.js'
import type { Sample } from './slope.js'

interface Sums {
  sent: number
  heard: number
  lost: number
  notices: Record<string, number>
  calls: Record<string, number>
  logged: Record<string, number>
}

const noSums = (): Sums => ({ sent: 0, heard: 0, lost: 0, notices: {}, calls: {}, logged: {} })

/** See the head of this file. */
export class Book {
  /** Of the runs that have ended. */
  past = noSums()
  /** Of the run that there is. */
  last: Status | undefined
  rss: Sample[] = []
  used: Sample[] = []
  holdings: Readonly<Record<string, number>>[] = []

  /** Another run begins. */
  begin(): void {
    this.past = this.sums
    this.last = undefined
    this.rss = []
    this.used = []
    this.holdings = []
  }

  get sums(): Sums {
    const { past, last } = this
    if (last === undefined) return past
    const added = (one: Record<string, number>, other: Readonly<Record<string, number>>) => {
      const sum = { ...one }
      for (const [key, count] of Object.entries(other)) sum[key] = (sum[key] ?? 0) + count
      return sum
    }
    return {
      sent: past.sent + last.sent,
      heard: past.heard + last.heard,
      lost: past.lost + last.lost,
      notices: added(past.notices, last.notices),
      calls: added(past.calls, last.calls),
      logged: added(past.logged, last.logged),
    }
  }
}

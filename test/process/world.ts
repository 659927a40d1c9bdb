/** What a random program runs on: something that does its steps for real. The model says what is to come of them. */
import type { Event, Reason, Step } from './model.js'

/** What others are to a process, by number. */
export interface Ties {
  readonly links: readonly number[]
  /** How many monitors it has set that have not ended. */
  readonly monitors: number
  /** Who watches it, once for each monitor. */
  readonly monitoredBy: readonly number[]
  readonly name: string | undefined
}

/**
 * One or more nodes with processes on them, numbered in the order in which they were made; monitors likewise. To run the
 * same programs on nodes of their own, in other programs or other languages, implement this.
 */
export interface World extends AsyncDisposable {
  /** How many nodes there are. */
  readonly nodes: number
  /** Does a step, and resolves when everything that comes of it has come. */
  perform(step: Step): Promise<void>
  /** What is in the mailbox of a live process. */
  inbox(process: number): Promise<readonly Event[]>
  /** Whether a process lives, or why it has ended. */
  fate(process: number): Promise<'alive' | Reason>
  /** What others are to a live process; `undefined` where that cannot be seen from outside. */
  ties(process: number): Promise<Ties | undefined>
}

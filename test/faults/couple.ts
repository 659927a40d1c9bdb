/** Two nodes, in OS processes of their own, and one test for all couples: whatever lies between the two. */
import { test } from 'vitest'
import { eventually } from '../support/deadline.js'
import { deadlineMs, type Outpost } from './outpost.js'

/** See the head of this file. */
export abstract class Couple {
  abstract readonly title: string
  /** The one that dials. */
  abstract near: Outpost
  abstract far: Outpost

  get both(): readonly [Outpost, Outpost] {
    return [this.near, this.far]
  }

  /** Undoes whatever was done to what lies between the two. */
  protected abstract heal(): void | Promise<void>

  /** All is well, and nothing has been before. */
  async reset(): Promise<void> {
    await this.heal()
    await this.near.disconnect(this.far)
    await this.apart()
    await Promise.all(this.both.map((each) => each.clear()))
  }

  /** Connects the two, and lets their witnesses meet; `by` dials. */
  async meet(by = this.near): Promise<void> {
    const other = by === this.near ? this.far : this.near
    await eventually(() => by.connect(other), deadlineMs, `${by.name} to connect with ${other.name}`)
    await by.greet(other)
    await Promise.all(this.both.map((each) => each.writes('met')))
  }

  /** Resolves when both have news of the end of their connection, at their witnesses too. */
  async parted(): Promise<void> {
    await Promise.all(this.both.flatMap((each) => [each.writes('DOWN noconnection'), each.writes('EXIT noconnection')]))
    await this.apart()
  }

  /** Resolves when neither thinks that they are connected. */
  async apart(): Promise<void> {
    const none = async () =>
      (await Promise.all(this.both.map((each) => each.nodes()))).every((nodes) => nodes.length === 0)
    await eventually(none, deadlineMs, `${this.near.name} and ${this.far.name} to be apart`)
  }
}

/** One test, on all couples at the same time. */
export function onAll<C extends Couple>(
  couples: () => readonly C[],
  title: string,
  play: (couple: C) => Promise<void>,
): void {
  test(title, async () => {
    const outcomes = await Promise.allSettled(
      couples().map(async (couple) => {
        await couple.reset()
        await play(couple)
      }),
    )
    const failures = outcomes.flatMap((outcome, index) => {
      if (outcome.status === 'fulfilled') return []
      const { reason } = outcome
      if (reason instanceof Error) reason.message = `${couples()[index]?.title}: ${reason.message}`
      return [reason]
    })
    if (failures.length > 1) throw new AggregateError(failures, failures.map((each) => String(each)).join('\n'))
    if (failures.length === 1) throw failures[0]
  })
}

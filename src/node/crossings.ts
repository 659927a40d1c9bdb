/**
 * Who has links and monitors that cross to another node, and is to be told when the connection with it is lost.
 *
 * A loss may concern a hundred thousand, and ends those that are linked: they are told in slices of time, so that timers
 * and other connections have their turns. Nobody sees more of that than of a slow network: whoever makes a new tie to
 * the lost node is told first, and all are told before the next connection is up ({@link Crossings.settle}).
 */
import type { Clock } from '../clock.js'
import type { Entity } from '../process/entity.js'
import { sliceMs } from '../process/scheduler.js'

/** A lost connection of which not everybody has been told yet. */
interface Loss {
  readonly untold: Set<Entity>
  /** Called when the last of them has been told. */
  readonly told: (() => void)[]
}

/** See the head of this file. */
export class Crossings {
  readonly #clock: Clock
  readonly #crossing = new Map<string, Set<Entity>>()
  readonly #losses = new Map<string, Loss>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** The entity is about to have a link or monitor that crosses to that node. Of ties that are lost it hears before. */
  add(node: string, entity: Entity): void {
    const entities = this.#crossing.get(node)
    if (entities !== undefined && entity.crossing === entities) return
    if (this.#losses.get(node)?.untold.delete(entity)) entity.disconnected(node)
    if (!entity.alive) return
    // That it heard of the loss may have made it cross again.
    const joined = this.#crossing.get(node) ?? new Set<Entity>()
    this.#crossing.set(node, joined.add(entity))
    entity.crossing = joined
  }

  /** The entity has ended, and told those on other nodes itself. */
  remove(entity: Entity): void {
    if (entity.crossing === undefined) return
    entity.crossing = undefined
    for (const entities of this.#crossing.values()) entities.delete(entity)
    for (const { untold } of this.#losses.values()) untold.delete(entity)
  }

  /** The connection to a node is lost: tells everybody who has ties there, once; calls back when that is done. */
  lost(node: string, told: () => void): void {
    const entities = this.#crossing.get(node)
    this.#crossing.delete(node)
    const loss = this.#losses.get(node)
    if (loss !== undefined) {
      // An attempt at the next connection has failed already: the ties that waited for it come after those of the last one.
      for (const entity of entities ?? []) loss.untold.add(entity)
      loss.told.push(told)
      return
    }
    const made = { untold: entities ?? new Set<Entity>(), told: [told] }
    this.#losses.set(node, made)
    this.#tell(node, made, sliceMs)
  }

  /** Tells those who are still to be told that the connection to a node is lost, to the last of them. */
  settle(node: string): void {
    const loss = this.#losses.get(node)
    if (loss !== undefined) this.#tell(node, loss, Number.POSITIVE_INFINITY)
  }

  #tell(node: string, loss: Loss, forMs: number): void {
    const until = this.#clock.now() + forMs
    for (const entity of loss.untold) {
      loss.untold.delete(entity)
      entity.disconnected(node)
      if (loss.untold.size > 0 && this.#clock.now() >= until) {
        this.#clock.nextTurn(() => this.#tell(node, loss, sliceMs))
        return
      }
    }
    // It may have been settled meanwhile, from within what was told or between two slices.
    if (this.#losses.get(node) !== loss) return
    this.#losses.delete(node)
    for (const told of loss.told) told()
  }
}

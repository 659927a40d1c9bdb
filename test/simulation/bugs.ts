/** Bugs to be planted into the classes of this program, one at a time: what the simulator must find. */
import type { Child } from '../../src/behaviour/child.js'
import { RestartWindow } from '../../src/behaviour/restart-window.js'
import { SupervisorEngine } from '../../src/behaviour/supervisor-engine.js'
import { Router } from '../../src/node/router.js'
import { Entity } from '../../src/process/entity.js'
import type { Signal } from '../../src/signal.js'
import type { Address } from '../../src/term/address.js'
import { AddressBook } from '../../src/term/address-book.js'

/** See the head of this file. */
export interface Bug {
  /** The kept plan that shows it is regressions/NAME.json. */
  readonly name: string
  readonly what: string
  /** The promise that it breaks, as an oracle tells it. */
  readonly shows: RegExp
  /** Puts it in; the returned function takes it out again. */
  readonly plant: () => () => void
}

/** Puts something else in the place of a method. */
function replace<T extends object, K extends keyof T>(
  prototype: T,
  name: K,
  make: (original: T[K]) => T[K],
): () => void {
  const original = prototype[name]
  prototype[name] = make(original)
  return () => {
    prototype[name] = original
  }
}

/** Changes, or swallows, signals on their way to a process. */
function tamper(change: (signal: Signal) => Signal): () => void {
  return replace(
    Entity.prototype,
    'accept',
    (original) =>
      function (this: Entity, signal) {
        original.call(this, change(signal))
      },
  )
}

export const bugs: readonly Bug[] = [
  {
    name: 'creation-not-looked-at',
    what: 'addresses of an earlier run that reach the present one, for want of a look at their creation',
    shows: /^Violation: P[34]: /,
    plant: () =>
      replace(
        AddressBook.prototype,
        'address',
        (original) =>
          function (this: AddressBook, node, id, serial, creation): Address<never> {
            return original.call(this, node, id, serial, node === this.self.node ? this.self.creation : creation)
          },
      ),
  },
  {
    name: 'unlink-not-awaited',
    what: 'unlinks that do not wait until they are acknowledged',
    shows: /is linked with .*, who is not linked with it/,
    plant: () =>
      replace(
        Entity.prototype,
        'unlinkFrom',
        (original) =>
          function (this: Entity, to) {
            original.call(this, to)
            if (this.relations?.links?.get(to) !== 0n) this.relations?.links?.delete(to)
          },
      ),
  },
  {
    name: 'down-lost',
    what: 'a DOWN of who ended in order on another node, and that is lost',
    shows: /never told of the end|has not fired|and has ended/,
    plant: () =>
      replace(
        Router.prototype,
        'receive',
        (original) =>
          function (this: Router, signal) {
            if (signal.op === 'down' && signal.by !== undefined && signal.reason === Symbol.for('normal')) return
            original.call(this, signal)
          },
      ),
  },
  {
    name: 'loss-not-told',
    what: 'a loss of a connection that is not told to those who have three monitors',
    shows: /P11: |has not fired|never told|has \d+ monitors|not linked with it/,
    plant: () =>
      replace(
        Entity.prototype,
        'disconnected',
        (original) =>
          function (this: Entity, node) {
            if ((this.relations?.monitors?.size ?? 0) < 3) original.call(this, node)
          },
      ),
  },
  {
    name: 'messages-overtake',
    what: 'messages of one sender that overtake each other',
    shows: /P[12]: /,
    plant: () => {
      let held: [Router, Signal] | undefined
      return replace(
        Router.prototype,
        'receive',
        (original) =>
          function (this: Router, signal) {
            if (signal.op === 'message' && held === undefined && (signal.message as { n?: number }).n === 10) {
              held = [this, signal]
              return
            }
            original.call(this, signal)
            if (held?.[0] !== this) return
            const [, late] = held
            held = undefined
            original.call(this, late)
          },
      )
    },
  },
  {
    name: 'made-up-end-believed',
    what: 'an end of a process of another node that a guest has made up, and that is believed',
    shows: /is told that .* has ended \(DOWN\), and it lives/,
    plant: () => tamper((signal) => (signal.op === 'down' ? { ...signal, by: undefined } : signal)),
  },
  {
    name: 'exit-without-link',
    what: 'an exit from a guest with whom nobody is linked, and that is believed',
    shows: /P4: .* is told of an exit that guest-\d+@sim has not asked for/,
    plant: () => tamper((signal) => (signal.op === 'link-exit' ? { ...signal, op: 'exit' } : signal)),
  },
  {
    name: 'restart-forgotten',
    what: 'a supervisor that forgets one of the restarts that count, and so bears one too many',
    shows: /Violation: after .*; should be: /,
    plant: () => {
      const forgetful = new WeakSet<RestartWindow>()
      return replace(
        RestartWindow.prototype,
        'add',
        (original) =>
          function (this: RestartWindow, now) {
            if (original.call(this, now)) return true
            const first = !forgetful.has(this)
            forgetful.add(this)
            return first
          },
      )
    },
  },
  {
    name: 'child-not-ended',
    what: 'a supervisor that does not end a transient child which is to be started again with another',
    shows: /Violation: after .*; should be: |is an orphan/,
    plant: () =>
      replace(
        SupervisorEngine.prototype as unknown as { end(child: Child): Promise<void> },
        'end',
        (original) =>
          async function (this: SupervisorEngine, child) {
            if (child.spec.restart !== 'transient') await original.call(this as never, child)
          },
      ),
  },
]

/**
 * That the simulator finds what it is there for: bugs are planted into the classes of this program, one at a time, and must be found
 * within fifty seeds, by the oracle whose promise they break. Without them the same seeds are clean.
 */
import { afterEach, expect, test } from 'vitest'
import { Router } from '../../src/node/router.js'
import { Entity } from '../../src/process/entity.js'
import type { Signal } from '../../src/signal.js'
import type { Address } from '../../src/term/address.js'
import { AddressBook } from '../../src/term/address-book.js'
import { runSeed } from './attempt.js'

const seedsMax = 50
/** Shorter than in other runs: what is wrong shows soon. */
const measure = { minutes: 3, nodes: 3 }

const planted: (() => void)[] = []
afterEach(() => {
  for (const takeOut of planted.splice(0)) takeOut()
})

/** Puts something else in the place of a method, until the test is over. */
function plant<T extends object, K extends keyof T>(prototype: T, name: K, make: (original: T[K]) => T[K]): void {
  const original = prototype[name]
  prototype[name] = make(original)
  planted.push(() => {
    prototype[name] = original
  })
}

/** The first seed that fails, and why. */
async function firstFailure(): Promise<{ seed: number; message: string } | undefined> {
  for (let seed = 1; seed <= seedsMax; seed++) {
    const result = await runSeed(seed, measure, false)
    if ('failure' in result) return { seed, message: result.failure.message.split('\n')[0] as string }
  }
  return undefined
}

test('the seeds of this file are clean as long as nothing is planted', async () => {
  for (let seed = 1; seed <= 5; seed++) expect(await runSeed(seed, measure, false)).toHaveProperty('outcome')
}, 60_000)

test('addresses of an earlier run that reach the present one, for want of a look at their creation, are found', async () => {
  plant(
    AddressBook.prototype,
    'address',
    (original) =>
      function (this: AddressBook, node, id, serial, creation): Address<never> {
        return original.call(this, node, id, serial, node === this.self.node ? this.self.creation : creation)
      },
  )
  expect((await firstFailure())?.message).toMatch(/^Violation: P[34]: /)
}, 120_000)

test('unlinks that do not wait until they are acknowledged are found', async () => {
  plant(
    Entity.prototype,
    'unlinkFrom',
    (original) =>
      function (this: Entity, to) {
        original.call(this, to)
        if (this.relations?.links?.get(to) !== 0n) this.relations?.links?.delete(to)
      },
  )
  expect((await firstFailure())?.message).toMatch(/is linked with .*, who is not linked with it/)
}, 120_000)

test('a DOWN that is lost is found', async () => {
  let downs = 0
  plant(
    Router.prototype,
    'receive',
    (original) =>
      function (this: Router, signal: Signal) {
        if (signal.op === 'down' && ++downs % 10 === 0) return
        original.call(this, signal)
      },
  )
  expect((await firstFailure())?.message).toMatch(/never told of the end|has not fired|and has ended/)
}, 120_000)

test('a loss of a connection that is not told to one of those whom it concerns is found', async () => {
  let losses = 0
  plant(
    Entity.prototype,
    'disconnected',
    (original) =>
      function (this: Entity, node) {
        if (++losses % 10 !== 0) original.call(this, node)
      },
  )
  expect((await firstFailure())?.message).toMatch(/has not fired|never told|has \d+ monitors|not linked with it/)
}, 120_000)

test('messages of one sender that overtake each other are found', async () => {
  let held: [Router, Signal] | undefined
  let messages = 0
  plant(
    Router.prototype,
    'receive',
    (original) =>
      function (this: Router, signal: Signal) {
        if (signal.op === 'message' && held === undefined && ++messages % 50 === 0) {
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
  expect((await firstFailure())?.message).toMatch(/P[12]: /)
}, 120_000)

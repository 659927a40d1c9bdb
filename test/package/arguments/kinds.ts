/** Kinds of arguments: a right one, and what is none. */

import { atom } from '../../../src/index.js'

// biome-ignore lint/suspicious/noExplicitAny: What is called wrongly on purpose has no type.
export type Anything = any

/** One argument: a right value, and wrong ones. */
export interface Argument {
  readonly good: unknown
  readonly bad: readonly unknown[]
}

export const odd = [null, 5, Number.NaN, true, {}, [], () => {}, 10n]

export const without = (values: readonly unknown[], ...types: string[]) =>
  values.filter((each) => !types.includes(typeof each))

/** Anything at all may be given. */
export const anything = (good: unknown = 1): Argument => ({ good, bad: [] })

/** The same argument, which may be left out. */
export const optional = ({ good, bad }: Argument): Argument => ({ good, bad: bad.filter((each) => each !== undefined) })

export const unregistered = Symbol('no atom')

export const isNoText = [undefined, ...odd, atom('a'), unregistered]

export const text = (good: string): Argument => ({ good, bad: isNoText })

/** A name that is registered. */
export const localName = (good = 'somebody'): Argument => ({
  good,
  bad: [...isNoText, '', 'undefined', 'x'.repeat(256), '\ud800'],
})

export const nodeName = (good = 'b@sim'): Argument => ({
  good,
  bad: [...isNoText, ''],
})

export const address = (good: unknown): Argument => ({
  good,
  bad: [undefined, ...odd, 'somebody', atom('a'), { node: 'a@sim', id: 1, serial: 0, creation: 5 }, unregistered],
})

export const destination = (good: unknown): Argument => ({
  good,
  bad: [undefined, ...odd, atom('a'), { name: 'x', node: 'y' }],
})

export const fn = (good: unknown = () => {}): Argument => ({
  good,
  bad: [undefined, ...without(odd, 'function'), 'text', atom('a')],
})

export const ref = (good: unknown): Argument => ({ good, bad: [undefined, ...odd, 'ref', atom('a')] })

export const list = (good: unknown = []): Argument => ({
  good,
  bad: [undefined, ...odd.filter((each) => !Array.isArray(each)), 'abc'],
})

export const isNoNumber = [undefined, null, Number.NaN, '5', true, {}, [], () => {}, 10n, atom('a')]

export const delay = (good = 5): Argument => ({
  good,
  bad: [...isNoNumber, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
})

export const isNoOptions = [null, 5, true, 'text', () => {}, atom('a'), 10n]

export const withoutFunctions = ({ good, bad }: Argument): Argument => ({ good, bad: without(bad, 'function') })

/** Options of which these are wrong. */
export const options = (good: unknown = {}, ...wrong: unknown[]): Argument => ({
  good,
  bad: [...isNoOptions, ...wrong],
})

export const times = without(isNoNumber, 'undefined').map((timeout) => ({ timeout }))

/** `{ timeout, signal }`. */
export const bounds = (good: unknown = {}): Argument =>
  options(good, ...times, { signal: {} }, { signal: 5 }, { signal: null })

export const waitFor = bounds({ timeout: 1_000 })

export const flag = (good = true): Argument => ({ good, bad: without([undefined, ...odd, 'true'], 'boolean') })

export const schema: Argument = {
  good: { '~standard': { version: 1, vendor: 'test', validate: (value: unknown) => ({ value }) } },
  bad: [undefined, ...odd, 'text', { '~standard': {} }],
}

// What a spawn or start takes first: options, a function, or what is started.
export const isNothingToRun = [undefined, null, 5, Number.NaN, true, {}, [], 'text', atom('a'), { behaviour: 'x' }]

export const count = (good = 5): Argument => ({ good, bad: [...isNoNumber, Number.POSITIVE_INFINITY, -1] })

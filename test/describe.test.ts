import { expect, test } from 'vitest'
import { describe as said } from '../src/describe.js'
import { atom, CallError, ExitError, tuple } from '../src/index.js'

test.each<[string, unknown, string]>([
  ['a text', 'as it is', 'as it is'],
  ['an atom', atom('noproc'), 'noproc'],
  ['an error', new TypeError('x is no y'), 'TypeError: x is no y'],
  ['nothing', undefined, 'undefined'],
  ['null', null, 'null'],
  ['numbers', [1, -0.5, 10n], '[1, -0.5, 10]'],
  ['a tuple with atoms', tuple(atom('shutdown'), 'late'), '{shutdown, "late"}'],
  ['an object', { code: 'E1', at: [atom('x')] }, '{code: "E1", at: [x]}'],
  ['an object without a prototype', Object.assign(Object.create(null), { a: 1 }), '{a: 1}'],
  ['a map', new Map<unknown, unknown>([[atom('k'), [1]]]), '{k => [1]}'],
  ['a set', new Set([atom('k')]), '[k]'],
  ['bytes', new Uint8Array(5), '[5 bytes]'],
  ['a function', function run() {}, '[function run]'],
  ['a date', new Date(0), String(new Date(0))],
  ['what is deep', [[[[[[1]]]]]], '[[[[[…]]]]]'],
  [
    'a getter that throws',
    {
      get a() {
        throw new Error('x')
      },
    },
    '[object Object]',
  ],
  ['a lone surrogate', '\ud800', '\ufffd'],
])('%s', (_, value, text) => {
  expect(said(value)).toBe(text)
})

test('is at most two hundred characters, and costs no more for what is large', () => {
  expect(said('x'.repeat(1_000_000))).toBe(`${'x'.repeat(199)}…`)
  const looked: string[] = []
  const large = new Proxy(Object.fromEntries(Array.from({ length: 1_000 }, (_, n) => [`k${n}`, n])), {
    get: (target, key) => {
      looked.push(String(key))
      return Reflect.get(target, key)
    },
  })
  expect(said(large)).toBe('{k0: 0, k1: 1, k2: 2, k3: 3, k4: 4, k5: 5, k6: 6, k7: 7, k8: 8, k9: 9, …}')
  expect(looked.filter((key) => key.startsWith('k')).length).toBeLessThan(20)
  const circle: unknown[] = []
  circle.push(circle)
  expect(said(circle)).toBe('[[[[[…]]]]]')
})

test('is what errors say of reasons', () => {
  const reason = tuple(atom('badarg'), [atom('x')])
  expect(new ExitError(reason).message).toBe('the process has exited: {badarg, [x]}')
  expect(new CallError(reason, 'counter').message).toBe('the call to counter failed: {badarg, [x]}')
})

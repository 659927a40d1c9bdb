import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import { Secret } from '../src/secret.js'

test('a secret shows itself to nobody but who asks', () => {
  const secret = new Secret('hunter2hunter2')
  const shown = [
    String(secret),
    `${secret}`,
    [secret, secret].join(),
    JSON.stringify({ secret }),
    inspect(secret),
    inspect({ deep: { secret } }, { depth: 9, showHidden: true, getters: true }),
    inspect(new Error('failed', { cause: secret })),
    JSON.stringify(Object.getOwnPropertyNames(secret)),
    JSON.stringify(structuredClone({ ...secret })),
  ]
  for (const text of shown) expect(text).not.toContain('hunter')
  expect(shown.slice(0, 4)).toEqual(['[secret]', '[secret]', '[secret],[secret]', '{"secret":"[secret]"}'])
  expect(inspect({ secret })).toBe('{ secret: [secret] }')
  expect(secret.reveal()).toBe('hunter2hunter2')
  expect(Object.isFrozen(secret)).toBe(true)
})

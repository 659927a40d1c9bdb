import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { defaultLimits } from '../../src/limits.js'

const rows = Array.from(
  readFileSync('docs/limits.md', 'utf8').matchAll(/^\| `(\w+)` \| ([\d,]+) \| ([^|]+) \| ([^|]+) \| `test[^|]+ \|$/gm),
  ([, name, value]) => [name, Number(value?.replaceAll(',', ''))] as const,
)

test('every limit has a row with its default, in the order of the source, and every row a limit', () => {
  expect(rows).toEqual(Object.entries(defaultLimits))
})

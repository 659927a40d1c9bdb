import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

/** The codes of the union `ReignErrorCode`. */
const source = readFileSync('src/errors.ts', 'utf8')
const union = source.slice(source.indexOf('type ReignErrorCode'), source.indexOf('class ReignError'))
const codes = Array.from(union.matchAll(/^ {2}\| '(\w+)'$/gm), ([, code]) => String(code))

/** The rows of the page, each as its cells. */
const rows = readFileSync('docs/errors.md', 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('| `ERR_'))
  .map((line) => line.split(/(?<!\\)\|/).map((cell) => cell.trim()))

test('every code has a row, every row a code, none twice', () => {
  expect(codes.length).toBeGreaterThan(30)
  expect(rows.map(([, code]) => code).sort()).toEqual(codes.map((code) => `\`${code}\``).sort())
})

test.each(rows.map((cells) => [String(cells[1]), cells] as const))('%s says what, who and what to do', (_, cells) => {
  expect(cells).toHaveLength(6)
  for (const cell of cells.slice(1, 5)) expect(cell).not.toBe('')
})

test('every code is used', () => {
  const files = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'))
  const texts = files.map((name) =>
    name === 'errors.ts' ? source.replace(union, '') : readFileSync(join('src', name), 'utf8'),
  )
  expect(codes.filter((code) => !texts.some((text) => text.includes(`'${code}'`)))).toEqual([])
})

test('every limit that the page names exists', () => {
  const limits = readFileSync('src/limits.ts', 'utf8')
  const named = new Set(
    rows.flatMap((cells) => Array.from(cells.join(' ').matchAll(/`limits\.(\w+)`/g), ([, name]) => name)),
  )
  expect(named.size).toBeGreaterThan(3)
  expect([...named].filter((name) => !limits.includes(`readonly ${name}: number`))).toEqual([])
})

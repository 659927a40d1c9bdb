/** Pages that promise things name the tests that show them: each of those is there. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const texts = new Map<string, string>()
/** The text of all test files of a folder, those directly in `test` for `test` itself. */
function textOf(folder: string): string {
  const known = texts.get(folder)
  if (known !== undefined) return known
  const files = readdirSync(folder, { recursive: folder !== 'test', encoding: 'utf8' })
  const text = files.filter((name) => name.endsWith('.test.ts')).map((name) => readFileSync(join(folder, name), 'utf8'))
  texts.set(folder, text.join('\n'))
  return text.join('\n')
}

/** Titles as they are written down: quoted in one of three ways. */
function isTested(folder: string, title: string): boolean {
  const text = textOf(folder)
  return [`'${title}'`, `'${title.replaceAll("'", "\\'")}'`, `"${title}"`, `\`${title}\``].some((each) =>
    text.includes(each),
  )
}

test.each(['faults', 'limits', 'security', 'semantics'])('every test that docs/%s.md names is there', (page) => {
  const lines = readFileSync(`docs/${page}.md`, 'utf8').split('\n')
  const rows = lines.filter((line) => /^\|/.test(line) && !/^\| ---/.test(line) && !/\| Shown by \|$/.test(line))
  expect(rows.length).toBeGreaterThan(15)
  const missing = rows.filter((row) => {
    if (page === 'faults' && /\| not shown: .{20,} \|$/.test(row)) return false
    const [, folder, title] = /\| `(test[\w/]*)`: (.+) \|$/.exec(row) ?? []
    return folder === undefined || title === undefined || !isTested(folder, title)
  })
  expect(missing).toEqual([])
})

/** F1 to F58: what nodes of a cluster have to survive. */
const faultCount = 58

test('every fault has a row, and no two have the same number', () => {
  const numbers = Array.from(readFileSync('docs/faults.md', 'utf8').matchAll(/^\| F(\d+) \|/gm), ([, n]) => Number(n))
  expect(numbers.toSorted((a, b) => a - b)).toEqual(Array.from({ length: faultCount }, (_, index) => index + 1))
})

test('faults that no test shows are few', () => {
  const unshown = readFileSync('docs/faults.md', 'utf8').match(/^\| .*\| not shown: .+ \|$/gm) ?? []
  expect(unshown.map((row) => row.split(' ')[1])).toEqual(['F51'])
})

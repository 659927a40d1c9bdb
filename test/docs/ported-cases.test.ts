import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { all } from '../differential/all.js'

test('every ported case names tests that are there', () => {
  const rows = readFileSync('docs/ported-cases.md', 'utf8').match(/^\| (?!Case|---).*\|$/gm) ?? []
  expect(rows.length).toBeGreaterThan(90)
  const scenarios = new Set(all.map(({ title }) => title))
  const missing = rows.filter((row) => {
    const scenario = /`differential`: (.+?) \|$/.exec(row)?.[1]
    if (scenario !== undefined) return !scenarios.has(scenario)
    const tests = Array.from(row.matchAll(/`([\w/.-]+\.test\.ts)`: (.+?) \|$/g))
    if (tests.length === 0) return !/\| not applicable: .+ \|$/.test(row)
    return tests.some(([, file = '', title = '']) => {
      const text = existsSync(join('test', file)) ? readFileSync(join('test', file), 'utf8') : ''
      // What stands in parentheses behind a title is a remark, unless it is part of it.
      const titles = [title, title.replace(/ \([^()]*\)$/, '')]
      return (
        !titles.some((each) => text.includes(`'${each}'`) || text.includes(`'${each.replaceAll("'", "\\'")}'`)) &&
        !titles.some((each) => text.includes(`['${each}`))
      )
    })
  })
  expect(missing).toEqual([])
})

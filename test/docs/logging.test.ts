import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

/** The messages that are written as literals, each with its level. */
const files = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'))
const source = files.map((name) => readFileSync(join('src', name), 'utf8')).join('\n')
const calls = source.matchAll(/logger\.(error|warn|info|debug|trace)\((?:(?!logger\.)[^'])*?,\s*'([^'\n]+)',?\s*\)/g)
const written = new Set(Array.from(calls, ([, level, message]) => `${level} | ${message}`))

const page = readFileSync('docs/logging.md', 'utf8')
const rows = Array.from(
  page.matchAll(/^\| (error|warn|info|debug|trace) \| (.+?) \| .*\|$/gm),
  ([, level, message]) => {
    return `${level} | ${message}`
  },
)

test('every message is on the page, with its level', () => {
  expect(written.size).toBeGreaterThan(20)
  expect([...written].filter((each) => !rows.includes(each))).toEqual([])
})

test('every message on the page is written, and stands there once for each level', () => {
  expect(
    rows.map((row) => row.slice(row.indexOf('| ') + 2)).filter((message) => !source.includes(`'${message}'`)),
  ).toEqual([])
  expect(new Set(rows).size).toBe(rows.length)
})

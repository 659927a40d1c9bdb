/** The page of the diagnostics channels says what the source has, and each channel is published in a test. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import * as events from '../../src/events.js'

const rows = Array.from(
  readFileSync('docs/diagnostics.md', 'utf8').matchAll(/^\| `(reign:[\w:-]+)` \| .+ \| (`.+`) \|$/gm),
  ([, name, fields]) => [`${name}`, Array.from(`${fields}`.matchAll(/`(\w+)`/g), ([, field]) => `${field}`)] as const,
)
const channels = Object.values(events).flatMap((each) => ('hasSubscribers' in each ? [each.name as string] : []))

/** What is published on each channel, as the source declares it. */
const source = readFileSync('src/events.ts', 'utf8')
const declared = new Map(
  Array.from(source.matchAll(/^ {2}'(reign:[\w:-]+)': (?:(\w+) & )?\{(.+?)\}$/gms), ([, name, base, body]) => [
    `${name}`,
    `${base === undefined ? '' : source.slice(source.indexOf(`interface ${base} `)).split('\n}')[0]} ${body}`,
  ]),
)

test('every channel has a row, in the order of the source, and every row a channel', () => {
  expect(channels.length).toBeGreaterThan(20)
  expect(rows.map(([name]) => name)).toEqual(channels)
  expect([...declared.keys()]).toEqual(channels)
})

test.each(rows)('%s has the fields that its row says', (name, fields) => {
  const own = (declared.get(name) ?? '').replace(/\{ readonly host.*?\}/, '')
  const names = Array.from(own.matchAll(/readonly (\w+)\??:/g), ([, field]) => `${field}`)
  expect(names.toSorted()).toEqual(fields.toSorted())
})

test('every channel is heard in a test', () => {
  const files = readdirSync('test', { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.test.ts'))
  const texts = files
    .map((name) => readFileSync(join('test', name), 'utf8'))
    .filter((text) => text.includes('new Heard('))
  expect(channels.filter((name) => !texts.some((text) => text.includes(`'${name}'`)))).toEqual([])
})

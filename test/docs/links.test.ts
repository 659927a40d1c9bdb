/** What one document says of others, and of tests, is there. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'

const pages = [
  ...['README.md', 'CHANGELOG.md', 'CONTRIBUTING.md', 'examples/README.md'],
  ...readdirSync('docs').map((name) => `docs/${name}`),
]

test.each(pages)('%s links only to what is there', (page) => {
  const links = Array.from(readFileSync(page, 'utf8').matchAll(/\]\(([^)#]+)(?:#[^)]*)?\)/g), ([, link]) =>
    String(link),
  )
  const missing = links.filter((link) => !/^https?:/.test(link) && !existsSync(join(dirname(page), link)))
  expect(missing).toEqual([])
})

test('every page of docs/ is in the table of the README', () => {
  const readme = readFileSync('README.md', 'utf8')
  const listed = readdirSync('docs').filter((name) => name.endsWith('.md'))
  expect(listed.filter((name) => !readme.includes(`(docs/${name})`))).toEqual([])
})

test('every command that README.md and CONTRIBUTING.md name is a script', () => {
  const { scripts }: { scripts: object } = JSON.parse(readFileSync('package.json', 'utf8'))
  const text = readFileSync('README.md', 'utf8') + readFileSync('CONTRIBUTING.md', 'utf8')
  const commands = Array.from(text.matchAll(/\bnpm (?:run )?([\w:]+)/g), ([, name]) => String(name))
  expect(commands).toContain('demo')
  expect(commands.filter((name) => !['ci', 'install', ...Object.keys(scripts)].includes(name))).toEqual([])
})

/** The texts of the tests below a folder; none when there is no such folder. */
function testsIn(folder: string): string[] {
  if (folder === '' || !existsSync(folder)) return []
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.test.ts'))
  return names.map((name) => readFileSync(join(folder, name), 'utf8'))
}

test.each(['docs/semantics.md', 'docs/security.md'])('every guarantee of %s names a test that is there', (page) => {
  const rows = readFileSync(page, 'utf8').match(/^\| (?!Guarantee|---).*\|$/gm) ?? []
  expect(rows).not.toEqual([])
  const missing = rows.filter((row) => {
    const [, folder = '', title = ''] = /\| `([^`]+)`: (.+) \|$/.exec(row) ?? []
    const titles = [title, title.replaceAll("'", "\\'")].map((each) => `'${each}'`)
    return !testsIn(folder).some((text) => titles.some((each) => text.includes(each)))
  })
  expect(missing).toEqual([])
})

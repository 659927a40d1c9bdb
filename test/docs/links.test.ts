/** What one document says of others, and of commands, is there. */
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
  expect(commands.filter((name) => !['ci', 'install', 'pack', ...Object.keys(scripts)].includes(name))).toEqual([])
})

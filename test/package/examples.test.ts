/** The programs in examples/ run unchanged on the packed package, and print what examples/README.md says. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startNode } from '../support/child-node.js'
import { projectFolder } from '../support/fresh-build.js'
import { installPacked, type PackedProject } from './packed.js'

const folder = join(projectFolder, 'examples')

let project: PackedProject
let compiled: Readonly<Record<string, string>>
let printed: ReadonlyMap<string, string>

beforeAll(async () => {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.ts'))
  const texts = await Promise.all(
    names.map(async (name) => [name, await readFile(join(folder, name), 'utf8')] as const),
  )
  const readme = await readFile(join(folder, 'README.md'), 'utf8')
  printed = new Map(
    Array.from(readme.matchAll(/^`(.+\.ts)`[^\n]*\n\n```text\n([^`]*)```$/gm), ([, a, b]) => [`${a}`, `${b}`]),
  )
  expect([...printed.keys()].sort()).toEqual(names.sort())
  project = await installPacked()
  compiled = await project.compile(Object.fromEntries(texts))
}, 120_000)
afterAll(() => project?.[Symbol.asyncDispose]())

test.each(['selective.ts', 'links.ts'])('%s prints what it says', async (name) => {
  await using child = await startNode({ file: compiled[name] ?? '', cwd: project.folder })
  expect(await child.exit(20_000)).toBe(0)
  expect(child.process.output).toBe(printed.get(name))
})

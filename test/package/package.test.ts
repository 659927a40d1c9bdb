/**
 * The package as its users get it: what is in it, what can be loaded from it, and that every program that the documents and
 * the examples show compiles under `strict` and prints what is said that it prints. One file, as packing takes seconds.
 */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { freePort } from '../interop/epmd.js'
import { startNode } from '../support/child-node.js'
import { projectFolder } from '../support/fresh-build.js'
import { filesIn, installPacked, type PackedProject } from './packed.js'
import { type ShownProgram, shownPrograms } from './shown-programs.js'

const run = promisify(execFile)

const sources = (await filesIn('examples')).filter((name) => name.endsWith('.ts'))
/** The programs; what is in a folder is parts of one, which has a test of its own. */
const examples = sources.filter((name) => !name.includes('/'))
const pages = [
  'README.md',
  ...(await readdir('docs')).filter((name) => name.endsWith('.md')).map((name) => `docs/${name}`),
]
const shown = (await Promise.all(pages.map(async (page) => shownPrograms(page, await readFile(page, 'utf8'))))).flat()
const readme = await readFile('examples/README.md', 'utf8')
/** By example: what it prints, as examples/README.md says. */
const prints = new Map(
  Array.from(readme.matchAll(/^`(\S+\.ts)`[^\n]*\n\n```text\n([^`]*)```$/gm), ([, name, text]) => [
    `${name}`,
    `${text}`,
  ]),
)

let project: PackedProject
let compiled: Readonly<Record<string, string>>

beforeAll(async () => {
  project = await installPacked()
  const programs = sources.map(async (name) => [name, await readFile(join('examples', name), 'utf8')] as const)
  compiled = await project.compile(
    Object.fromEntries([...(await Promise.all(programs)), ...shown.map(({ file, text }) => [file, text])]),
  )
})
afterAll(() => project?.[Symbol.asyncDispose]())

async function output(file: string | undefined, args: readonly string[] = []): Promise<string> {
  await using child = await startNode({ file: file ?? 'missing', args, cwd: project.folder })
  const code = await child.exit(20_000)
  if (code !== 0) throw new Error(child.process.report(`exit code ${code}`))
  return child.process.stdout
}

describe('what is packed', () => {
  test('is the build, the documents and the examples, and nothing else', async () => {
    const files = await filesIn(project.packageFolder)
    const tops = new Set(files.map((file) => file.split('/')[0]))
    expect([...tops].sort()).toEqual([
      'CHANGELOG.md',
      'LICENSE',
      'README.md',
      'docs',
      'examples',
      'lib',
      'package.json',
    ])
    const modules = (await filesIn(join(projectFolder, 'src'))).map((file) => file.replace(/\.ts$/, ''))
    expect(files.filter((file) => file.startsWith('lib/'))).toEqual(
      modules.flatMap((name) => [`lib/${name}.d.ts`, `lib/${name}.js`]).sort(),
    )
  })

  test('is without fault for publint', async () => {
    const publint = join(projectFolder, 'node_modules', 'publint', 'src', 'cli.js')
    const { stdout } = await run(process.execPath, [publint, '--strict', project.packageFolder])
    expect(stdout).toContain('All good!')
  })

  test('names only files that are there', async () => {
    const { exports, bin }: { exports: object; bin: Record<string, string> } = JSON.parse(
      await readFile(join(project.packageFolder, 'package.json'), 'utf8'),
    )
    const targets = [...JSON.stringify(exports).matchAll(/"(\.\/lib\/[^"]+)"/g)].map(([, target]) => String(target))
    expect(targets.length).toBeGreaterThan(2)
    expect(
      [...targets, ...Object.values(bin)].filter((each) => !existsSync(join(project.packageFolder, each))),
    ).toEqual([])
  })
})

describe('what can be loaded', () => {
  const entries = ['reign', 'reign/otp', 'reign/etf', 'reign/testing']

  test('each entry by import, and by require, as the same module', async () => {
    const file = join(project.folder, 'both.cjs')
    const check = (name: string) => `
      const required = require(${JSON.stringify(name)})
      import(${JSON.stringify(name)}).then((imported) => {
        console.log(Object.keys(imported).length > 0, Object.keys(imported).every((key) => imported[key] === required[key]))
      })`
    await writeFile(file, entries.map((name) => `{${check(name)}}`).join('\n'))
    const child = await startNode({ file, nodeArgs: ['--no-warnings'], cwd: project.folder })
    expect(await child.exit(20_000)).toBe(0)
    expect(child.process.stdout).toBe('true true\n'.repeat(entries.length))
  })

  test('nothing inside', async () => {
    const file = join(project.folder, 'inside.mjs')
    await writeFile(file, `await import('reign/lib/errors.js').catch((error) => console.log(error.code))`)
    expect(await output(file)).toBe('ERR_PACKAGE_PATH_NOT_EXPORTED\n')
  })

  test('the command', async () => {
    const { version }: { version: string } = JSON.parse(await readFile('package.json', 'utf8'))
    const bin = join(project.packageFolder, 'lib', 'cli', 'main.js')
    expect((await readFile(bin, 'utf8')).startsWith('#!/usr/bin/env node\n')).toBe(true)
    expect(await output(bin, ['--version'])).toBe(`${version}\n`)
  })
})

test('`npm run demo` shows a cluster, a partition, and a node that is killed and comes back, and ends by itself', async () => {
  const { scripts }: { scripts: { demo: string } } = JSON.parse(await readFile('package.json', 'utf8'))
  expect(scripts.demo).toBe('npm run -s build && node lib/cli/main.js demo')
  await using demo = await startNode({
    file: join(project.packageFolder, 'lib', 'cli', 'main.js'),
    args: ['demo'],
    cwd: project.folder,
  })
  if ((await demo.exit(60_000)) !== 0) throw new Error(demo.process.report('the demo failed'))
  for (const part of [
    'mutual TLS',
    'bob is cut off',
    'healed',
    'A real Erlang node',
    'kill -9',
    'her next run',
    'Summary',
  ]) {
    expect(demo.process.stdout).toContain(part)
  }
})

describe('examples', () => {
  test('all are listed with what they print, but for those that others import', () => {
    expect([...prints.keys()].sort()).toEqual(examples.filter((name) => name !== 'counter-server.ts'))
  })

  test.each(['selective.ts', 'links.ts', 'counter.ts', 'courier.ts'])('%s prints what it says', async (name) => {
    expect(await output(compiled[name])).toBe(prints.get(name))
  })

  test('codec.ts, once for each of two nodes: what goes over TLS between them is JSON', async () => {
    const [shop, customer, portMapper] = [await freePort(), await freePort(), await freePort()]
    const env = { ERL_EPMD_PORT: String(portMapper) }
    const folder = join(project.folder, 'codec')
    await mkdir(folder)
    const bin = join(project.packageFolder, 'lib', 'cli', 'main.js')
    await using init = await startNode({
      file: bin,
      args: ['init', `shop@127.0.0.1:${shop}`, `customer@127.0.0.1:${customer}`],
      cwd: folder,
      env,
    })
    expect(await init.exit(60_000)).toBe(0)
    const file = compiled['codec.ts'] ?? 'missing'
    await using seller = await startNode({ file, args: ['shop@127.0.0.1'], cwd: folder, env })
    await using buyer = await startNode({ file, args: ['customer@127.0.0.1'], cwd: folder, env })
    expect([await buyer.exit(60_000), await seller.exit(60_000)]).toEqual([0, 0])
    expect(buyer.process.stdout).toBe(prints.get('codec.ts'))
    expect(seller.process.stdout).toBe('{"kind":"receipt","item":"tea","cents":250}\n')
  })

  test('chat.ts, once for each of two nodes, prints what the other says', async () => {
    const [one, two, portMapper] = [await freePort(), await freePort(), await freePort()]
    // None but its own: what listens on the usual port of this machine is not the test's.
    const env = { ERL_EPMD_PORT: String(portMapper) }
    const bin = join(project.packageFolder, 'lib', 'cli', 'main.js')
    await output(bin, ['init', `one@127.0.0.1:${one}`, `two@127.0.0.1:${two}`])
    const chat = (name: string) =>
      startNode({ file: compiled['chat.ts'] ?? 'missing', args: [name], cwd: project.folder, stdin: 'pipe', env })
    await using first = await chat('one@127.0.0.1')
    await using second = await chat('two@127.0.0.1')

    // What is said before the two have found each other is heard by nobody: so it is said until it is heard.
    const heard = prints.get('chat.ts') ?? 'missing'
    const said = /: (.*)/.exec(heard)?.[1]
    const isHeard = new RegExp(`^${heard.trim()}$`, 'm')
    for (let attempt = 0; !isHeard.test(first.process.stdout) && attempt < 300; attempt++) {
      second.process.stdin.write(`${said}\n`)
      await first.process.expectOutput(isHeard, 200).catch(() => {})
    }
    expect(first.process.stdout.replaceAll(heard, '')).toBe('')
    first.process.stdin.write('and back\n')
    await second.process.expectOutput(/^one@127\.0\.0\.1: and back$/m, 15_000)

    for (const each of [first, second]) each.process.stdin.end()
    expect([await first.exit(15_000), await second.exit(15_000)]).toEqual([0, 0])
  })
})

test('neighbour.ts and neighbour.erl, a real Erlang node in the same cluster: both say what they say', async () => {
  const [shop, me, portMapper] = [await freePort(), await freePort(), await freePort()]
  const env = { ERL_EPMD_PORT: String(portMapper) }
  const cluster = join(project.folder, 'neighbours')
  await mkdir(cluster)
  const bin = join(project.packageFolder, 'lib', 'cli', 'main.js')
  await using init = await startNode({
    file: bin,
    args: ['init', `shop@127.0.0.1:${shop}`, `me@127.0.0.1:${me}`],
    cwd: cluster,
    env,
  })
  expect(await init.exit(20_000)).toBe(0)
  await using neighbour = await startNode({ file: compiled['neighbour.ts'] ?? 'missing', cwd: cluster, env })
  await neighbour.process.expectOutput(/^ready$/m, 15_000)

  await run('erlc', [join(project.packageFolder, 'examples', 'neighbour.erl')], { cwd: cluster })
  const cookie = await readFile(join(cluster, 'cluster', 'cookie'), 'utf8')
  const node = ['-name', 'me@127.0.0.1', '-setcookie', cookie, '-proto_dist', 'inet_tls', '-start_epmd', 'false']
  const conf = ['-ssl_dist_optfile', join('cluster', 'me@127.0.0.1.erlang.conf')]
  const { stdout } = await run('erl', [...node, ...conf, '-noshell', '-run', 'neighbour', 'main'], {
    cwd: cluster,
    env: { ...process.env, ...env },
    timeout: 60_000,
  })
  expect(stdout).toBe('all good\n')
  await neighbour.process.expectOutput(/\[ 3, 2, 1 \]/, 10_000)
  expect(neighbour.process.stdout).toBe(prints.get('neighbour.ts'))
})

describe('documents', () => {
  test('show programs', () => {
    expect(shown.map(({ file }) => file)).toContain('README-1.ts')
    expect(shown.filter(({ prints }) => prints !== undefined).length).toBeGreaterThan(0)
  })

  const printing = shown.filter((each): each is ShownProgram & { prints: string } => each.prints !== undefined)
  test.each(printing)('$page, line $line prints what it says', async ({ file, prints }) => {
    expect(await output(compiled[file])).toBe(prints)
  })
})

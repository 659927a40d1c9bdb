import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'

/** Runs the check on a folder of these files; gives its exit code, and each fault as `file:line: rule`. */
function check(files: Readonly<Record<string, string>>): { status: number | null; faults: string[] } {
  const folder = join(mkdtempSync(join(tmpdir(), 'reign-layers-')), 'src')
  try {
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, name)), { recursive: true })
      writeFileSync(join(folder, name), text)
    }
    const { status, stderr } = spawnSync(process.execPath, ['scripts/layers.mjs', folder], { encoding: 'utf8' })
    const lines = stderr.split('\n').filter((line) => line !== '' && !/^\d+ faults?; /.test(line))
    return { status, faults: lines.map((line) => line.replace(/^.*?\/src\//, '')) }
  } finally {
    rmSync(dirname(folder), { recursive: true })
  }
}

test('the sources keep to the layers', () => {
  const { status, stderr } = spawnSync(process.execPath, ['scripts/layers.mjs'], { encoding: 'utf8' })
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
})

test('downward imports, modules of a layer and lookalikes pass', () => {
  expect(
    check({
      'index.ts': `export { Node } from './cluster/node.js'`,
      'errors.ts': `/** Not Date.now(). */ export const text = 'Date.now() setTimeout'`,
      'clock.ts': `export const now = () => performance.now(); export const at = () => Date.now(); setTimeout(now, 1)`,
      'entropy.ts': `import { randomFillSync } from 'node:crypto'; export { randomFillSync }`,
      'term/atom.ts': `import type { text } from '../errors.js'; export type Text = typeof text`,
      'signal.ts': `import type { Text } from './term/atom.js'; export type Signal = Text`,
      'codec/tags.ts': `import { inflateSync } from 'node:zlib'; export { inflateSync }`,
      'dist/digest.ts': `import { createHash } from 'node:crypto'; import '../codec/tags.js'; export { createHash }`,
      'net/socket.ts': `import { connect } from 'node:net'; connect(1).setTimeout(0); export const o = { setTimeout: 1 }`,
      'process/mailbox.ts': `export async function f() { await 1 }; export class Timer { performance = 1; queueMicrotask() {} }`,
      'cluster/node.ts': `import '../net/socket.js'; import '../process/mailbox.js'; import { pino } from 'pino'; export { pino }
        export const then = (at: number) => new Date(at)`,
      'cli/main.ts': `import { Command } from 'commander'; import '../cluster/node.js'; console.log(Command, process.env, await 1)`,
    }),
  ).toEqual({ status: 0, faults: [] })
})

/** What is imported, by which file, by what text, and what is said about it. */
const imports: readonly [string, string, string, string][] = [
  [
    'across the towers',
    'process/a.ts',
    `import '../dist/framer.js'`,
    'process must not import dist: ../dist/framer.js',
  ],
  ['across, the other way', 'net/a.ts', `import '../node/router.js'`, 'net must not import node: ../node/router.js'],
  ['upward', 'term/a.ts', `import '../signal.js'`, 'term must not import signal: ../signal.js'],
  ['upward from the base', 'a.ts', `import './term/a.js'`, 'base must not import term: ./term/a.js'],
  ['past the bridge', 'node/a.ts', `import '../cluster/peers.js'`, 'node must not import cluster: ../cluster/peers.js'],
  ['of a top', 'cluster/a.ts', `import '../testing/clock.js'`, 'cluster must not import testing: ../testing/clock.js'],
  ['of one top by another', 'cli/a.ts', `import '../testing/a.js'`, 'cli must not import testing: ../testing/a.js'],
  [
    'for types only',
    'codec/a.ts',
    `import type { P } from '../process/p.js'`,
    'codec must not import process: ../process/p.js',
  ],
  ['by export', 'codec/a.ts', `export * from '../process/p.js'`, 'codec must not import process: ../process/p.js'],
  ['when called for', 'codec/a.ts', `void import('../process/p.js')`, 'codec must not import process: ../process/p.js'],
  [
    'inside a type',
    'codec/a.ts',
    `type P = import('../process/p.js').P`,
    'codec must not import process: ../process/p.js',
  ],
  ['of the index', 'cli/a.ts', `import '../index.js'`, 'nothing imports an index: ../index.js'],
  ['of another index', 'net/a.ts', `import '../codec/index.js'`, 'nothing imports an index: ../codec/index.js'],
  ['by an index from outside', 'codec/index.ts', `export * from 'pino'`, 'an index only names what is in src/: pino'],
  ['without .js', 'net/a.ts', `import './b.ts'`, 'relative imports end in .js: ./b.ts'],
  ['from outside of src', 'net/a.ts', `import '../../test/b.js'`, 'imports from outside of src/: ../../test/b.js'],
  ['of sockets by the codec', 'codec/a.ts', `import 'node:net'`, 'codec must not import node:net'],
  ['of TLS by the protocol', 'dist/a.ts', `import 'node:tls'`, 'dist must not import node:tls'],
  ['of files by the protocol', 'dist/a.ts', `import 'node:fs/promises'`, 'dist must not import node:fs/promises'],
  ['of timers', 'net/a.ts', `import 'node:timers/promises'`, 'node:timers/promises: use clock'],
  ['of randomness', 'net/a.ts', `import { randomBytes as r } from 'node:crypto'`, 'randomBytes: use entropy'],
  ['of a package by the core', 'process/a.ts', `import 'pino'`, 'process must not import the package pino'],
  ['of a scoped package', 'net/a.ts', `import '@peculiar/x509/x'`, 'net must not import the package @peculiar/x509'],
]

/** What is reached for, and what is said about it. */
const reaches: readonly [string, string][] = [
  ['Date.now()', 'Date.now: use clock.wallTime'],
  ['new Date()', 'new Date(): use clock.wallTime'],
  ['Math.random()', 'Math.random: use entropy'],
  ['setTimeout(f, 1)', 'setTimeout: use clock.setTimer'],
  ['f(setTimeout)', 'setTimeout: use clock.setTimer'],
  ['globalThis.setInterval(f)', 'setInterval: use clock.setTimer'],
  ['setImmediate(f)', 'setImmediate: use clock.nextTurn'],
  ['queueMicrotask(f)', 'queueMicrotask: use clock.microtask'],
  ['process.nextTick(f)', 'process.nextTick: use clock.microtask'],
  ['performance.now()', 'performance: use clock.now'],
  ['process.env.HOME', 'process.env: use an option'],
  ['globalThis.process.env', 'process.env: use an option'],
  ['crypto.randomUUID()', 'crypto.randomUUID: use entropy'],
  ['console.log(1)', 'console: use the logger'],
  ['const x = { setTimeout }', 'setTimeout: use clock.setTimer'],
  ['await f()', 'no await at the top of a module: it could not be loaded by require()'],
  ['for await (const x of f()) f(x)', 'no await at the top of a module: it could not be loaded by require()'],
]

/** All of them in one run, as each loads the compiler; each in a file of its own, on its second line. */
const planted = [
  ...imports.map(([, file, text, rule], index) => ({ file: file.replace('a.ts', `import-${index}.ts`), text, rule })),
  ...reaches.map(([text, rule], index) => ({ file: `cluster/reach-${index}.ts`, text, rule })),
]
let found: readonly string[] = []
beforeAll(() => {
  found = check(Object.fromEntries(planted.map(({ file, text }) => [file, `declare const f: any\n${text}\n`]))).faults
})

test.each(planted)('refuses $text in $file', ({ file, rule }) => {
  expect(found.filter((fault) => fault.startsWith(`${file}:`))).toEqual([`${file}:2: ${rule}`])
})

test('refuses a folder that the table does not know, and lists all faults of a run', () => {
  expect(check({ 'helpers/a.ts': '', 'net/b.ts': `import 'pino'\nimport '../node/a.js'\n` })).toEqual({
    status: 1,
    faults: [
      'helpers/a.ts:1: the folder helpers/ belongs to no layer',
      'net/b.ts:1: net must not import the package pino',
      'net/b.ts:2: net must not import node: ../node/a.js',
    ],
  })
})

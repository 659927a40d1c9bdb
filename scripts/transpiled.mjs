/**
 * Programs of test/ for plain Node.js, at full speed and outside of the test runner: a copy of TypeScript folders as JavaScript, with what
 * else they read, in .cache/transpiled/. In there, `reign` is the build in lib/; `../../src/` is a copy of the sources.
 */
import { copyFileSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import ts from 'typescript'

const project = fileURLToPath(new URL('..', import.meta.url))
const cache = join(project, '.cache', 'transpiled')

/** Brings the copies of these folders up to date. Without types, so that it takes a second: whether they are right is for `npm run check`. */
export function bringUpToDate(...folders) {
  for (const folder of folders) {
    const names = readdirSync(join(project, folder), { recursive: true }).filter((name) => /\.(ts|erl)$/.test(name))
    for (const name of names) {
      const source = join(project, folder, name)
      const built = join(cache, folder, name.replace(/\.ts$/, '.js'))
      if (changedAt(built) > changedAt(source)) continue
      mkdirSync(dirname(built), { recursive: true })
      // In one step: another run may be reading it.
      const aside = `${built}.${process.pid}`
      if (name.endsWith('.ts')) writeFileSync(aside, withoutTypes(source))
      else copyFileSync(source, aside)
      renameSync(aside, built)
    }
  }
}

/** Runs a program out of a folder that was brought up to date. */
export async function runTranspiled(...path) {
  await import(pathToFileURL(join(cache, ...path)).href)
}

function withoutTypes(source) {
  const compilerOptions = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext, verbatimModuleSyntax: true }
  return ts.transpileModule(readFileSync(source, 'utf8'), { compilerOptions, fileName: source }).outputText
}

function changedAt(path) {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0
}

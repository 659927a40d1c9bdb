/**
 * Programs of test/ for plain Node.js, at full speed and outside of the test runner: a copy of TypeScript folders as JavaScript, with what
 * else they read, in .cache/transpiled/. In there, `reign` is the build in lib/; `../../src/` is a copy of the sources.
 */
import { copyFileSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import ts from 'typescript'

const project = fileURLToPath(new URL('..', import.meta.url))

/** Copies in a folder of .cache/, with what transformers of TypeScript's do to each file that is brought up to date. */
export class Transpiled {
  #cache
  #transformers

  /** @param transformers For the path of a file, relative to the project: what is done to it before it is written. */
  constructor(cache, transformers = () => []) {
    this.#cache = join(project, '.cache', cache)
    this.#transformers = transformers
  }

  /** Brings the copies of these folders up to date. Without types, so that it takes a second: whether they are right is for `npm run check`. */
  bringUpToDate(...folders) {
    for (const folder of folders) {
      const names = readdirSync(join(project, folder), { recursive: true }).filter((name) =>
        /\.(ts|erl|json)$/.test(name),
      )
      for (const name of names) {
        const source = join(project, folder, name)
        const built = join(this.#cache, folder, name.replace(/\.ts$/, '.js'))
        if (changedAt(built) > changedAt(source)) continue
        mkdirSync(dirname(built), { recursive: true })
        // In one step: another run may be reading it.
        const aside = `${built}.${process.pid}`
        if (name.endsWith('.ts')) writeFileSync(aside, this.#withoutTypes(source))
        else copyFileSync(source, aside)
        renameSync(aside, built)
      }
    }
  }

  /** Runs a program out of a folder that was brought up to date. */
  async run(...path) {
    await import(pathToFileURL(join(this.#cache, ...path)).href)
  }

  #withoutTypes(source) {
    const compilerOptions = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext, verbatimModuleSyntax: true }
    const transformers = { before: this.#transformers(relative(project, source)) }
    return ts.transpileModule(readFileSync(source, 'utf8'), { compilerOptions, fileName: source, transformers })
      .outputText
  }
}

const plain = new Transpiled('transpiled')

/** {@link Transpiled.bringUpToDate}, for programs as they are. */
export const bringUpToDate = (...folders) => plain.bringUpToDate(...folders)

/** {@link Transpiled.run}, likewise. */
export const runTranspiled = (...path) => plain.run(...path)

function changedAt(path) {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0
}

/**
 * Runs the simulator (test/simulation/main.ts) in plain Node.js, at full speed: brings a copy of src/ and test/simulation/ as JavaScript
 * up to date in .cache/simulation/, and runs it. Usage: `node scripts/simulate.mjs --seeds 200`; `--program NAME` runs another of
 * test/simulation/.
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import ts from 'typescript'

const project = fileURLToPath(new URL('..', import.meta.url))
const cache = join(project, '.cache', 'simulation')

/** Without types, so that it takes a second: whether they are right is for `npm run check`. */
function bringUpToDate(folder) {
  const names = readdirSync(join(project, folder), { recursive: true }).filter((name) => name.endsWith('.ts'))
  for (const name of names) {
    const source = join(project, folder, name)
    const built = join(cache, folder, name.replace(/\.ts$/, '.js'))
    if (changedAt(built) > changedAt(source)) continue
    const compilerOptions = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext, verbatimModuleSyntax: true }
    const { outputText } = ts.transpileModule(readFileSync(source, 'utf8'), { compilerOptions, fileName: source })
    mkdirSync(dirname(built), { recursive: true })
    // In one step: another run may be reading it.
    writeFileSync(`${built}.${process.pid}`, outputText)
    renameSync(`${built}.${process.pid}`, built)
  }
}

function changedAt(path) {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0
}

bringUpToDate('src')
bringUpToDate(join('test', 'simulation'))
const at = process.argv.indexOf('--program')
const [program] = at < 0 ? ['main'] : process.argv.splice(at, 2).slice(1)
await import(pathToFileURL(join(cache, 'test', 'simulation', `${program}.js`)).href)

/**
 * Child processes run the build in lib/: this makes sure that it is the build of src/ as it is now.
 *
 * `npm test` builds first, and then nothing is left to be done here. A test file that is run by hand brings up to date what
 * has changed since the last build; without types, so that it takes milliseconds and needs no other file to be right.
 */
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rename, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The folder of the project: also for a copy of this file, deeper in it (`scripts/transpiled.mjs`). */
export const projectFolder: string = folderOf(fileURLToPath(import.meta.url))

function folderOf(path: string): string {
  const folder = dirname(path)
  return existsSync(join(folder, 'package.json')) ? folder : folderOf(folder)
}

let once: Promise<void> | undefined

/** Resolves when every module in lib/ is at least as new as its source. Looks once in the life of a test file. */
export function freshBuild(): Promise<void> {
  once ??= bringUpToDate()
  return once
}

async function bringUpToDate(): Promise<void> {
  const from = join(projectFolder, 'src')
  const names = (await readdir(from, { recursive: true })).filter((name) => name.endsWith('.ts'))
  const pairs = names.map((name) => ({
    source: join(from, name),
    built: join(projectFolder, 'lib', name.replace(/\.ts$/, '.js')),
  }))
  const stale = await Promise.all(
    pairs.map(async ({ source, built }) => (await changed(source)) > (await changed(built))),
  )
  if (!stale.includes(true)) return
  const { default: ts } = await import('typescript')
  const { config } = ts.readConfigFile(join(projectFolder, 'tsconfig.json'), ts.sys.readFile)
  const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, projectFolder)
  for (const { source, built } of pairs.filter((_, index) => stale[index])) {
    // `NodeNext` looks for the package.json beside the file, which a transpiler that is given one text cannot see.
    const format = { module: ts.ModuleKind.ESNext, moduleResolution: ts.ModuleResolutionKind.Bundler }
    const compilerOptions = { ...options, ...format, declaration: false, noEmit: false }
    const { outputText } = ts.transpileModule(await readFile(source, 'utf8'), { compilerOptions, fileName: source })
    await mkdir(dirname(built), { recursive: true })
    // In one step: other workers may be reading it, or doing the same.
    const aside = `${built}.${process.pid}`
    await writeFile(aside, outputText)
    await rename(aside, built)
  }
}

/** When a file was changed last; 0 when there is none. */
async function changed(path: string): Promise<number> {
  return stat(path).then(
    ({ mtimeMs }) => mtimeMs,
    () => 0,
  )
}

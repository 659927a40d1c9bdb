/**
 * The package as its users get it: built and packed from the sources as they are, and unpacked into a folder of its own, with
 * nothing beside it but what package.json says that it depends on, and what the pages show it with.
 */
import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { projectFolder } from '../support/fresh-build.js'

const run = promisify(execFile)

/** What stands in the project and is not to be copied: what is made, and what is not the project's. */
const notCopied = new Set(['node_modules', 'lib', '.git', '.cache', 'coverage', 'cluster', 'api'])

/** A project that uses the packed package. Made by {@link installPacked}. */
export class PackedProject implements AsyncDisposable {
  /** The folder of the project: programs are written, compiled and run here. */
  readonly folder: string
  /** Where the package is unpacked. */
  readonly packageFolder: string
  readonly #root: string

  /** @internal Use {@link installPacked}. */
  constructor(root: string) {
    this.#root = root
    this.folder = join(root, 'project')
    this.packageFolder = join(this.folder, 'node_modules', 'reign')
  }

  /**
   * Compiles programs as a strict user would, declarations of the package included; gives the compiled files by their names.
   *
   * @param programs Each with its file name, such as `chat.ts`, and its text.
   * @throws an `Error` with what the compiler says.
   */
  async compile(programs: Readonly<Record<string, string>>): Promise<Readonly<Record<string, string>>> {
    for (const [name, text] of Object.entries(programs)) {
      await mkdir(dirname(join(this.folder, name)), { recursive: true })
      await writeFile(join(this.folder, name), text)
    }
    const compilerOptions = {
      target: 'ES2022',
      lib: ['ES2023', 'ESNext.Disposable'],
      module: 'NodeNext',
      types: ['node'],
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      noEmitOnError: true,
      outDir: 'compiled',
      rootDir: '.',
    }
    await writeFile(
      join(this.folder, 'tsconfig.json'),
      JSON.stringify({ compilerOptions, files: Object.keys(programs) }, null, 2),
    )
    const compiler = join(projectFolder, 'node_modules', 'typescript', 'bin', 'tsc')
    await run(process.execPath, [compiler, '-p', '.'], { cwd: this.folder }).catch((error: { stdout: string }) => {
      throw new Error(`the programs do not compile:\n${error.stdout}`)
    })
    return Object.fromEntries(
      Object.keys(programs).map((name) => [name, join(this.folder, 'compiled', name.replace(/\.ts$/, '.js'))]),
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#root, { recursive: true, force: true })
  }
}

/** Packs the project and installs it into a new one. It takes some seconds: once for a test file is enough. */
export async function installPacked(): Promise<PackedProject> {
  const root = await mkdtemp(join(tmpdir(), 'reign-package-'))
  const project = new PackedProject(root)
  const source = join(root, 'source')
  // A copy, as packing builds, and a build in the project's own lib/ would pull it from under other tests.
  await cp(projectFolder, source, {
    recursive: true,
    filter: (path) => !(notCopied.has(basename(path)) && join(dirname(path), '/') === join(projectFolder, '/')),
  })
  await symlink(join(projectFolder, 'node_modules'), join(source, 'node_modules'))
  // In the foreground, so that what the compiler says is seen.
  const pack = ['pack', '--foreground-scripts', '--pack-destination', root]
  await run('npm', pack, { cwd: source }).catch((error: { stdout: string; stderr: string }) => {
    throw new Error(`npm pack fails:\n${error.stdout}${error.stderr}`)
  })
  const tarball = join(root, (await readdir(root)).find((name) => name.endsWith('.tgz')) ?? 'no package')
  await mkdir(project.packageFolder, { recursive: true })
  await run('tar', ['-xzf', tarball, '-C', project.packageFolder, '--strip-components=1'])
  await writeFile(join(project.folder, 'package.json'), JSON.stringify({ private: true, type: 'module' }))
  // Linked, so that their own dependencies are found where they really are, and by them alone.
  const { dependencies = {} }: { dependencies?: object } = JSON.parse(
    await readFile(join(project.packageFolder, 'package.json'), 'utf8'),
  )
  for (const name of [...Object.keys(dependencies), '@types/node', 'zod']) {
    const place = join(project.folder, 'node_modules', name)
    await mkdir(dirname(place), { recursive: true })
    await symlink(join(projectFolder, 'node_modules', name), place)
  }
  return project
}

/** The files below a folder, with slashes whatever the system. */
export async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) =>
      join(entry.parentPath, entry.name)
        .slice(folder.length + 1)
        .replaceAll('\\', '/'),
    )
    .sort()
}

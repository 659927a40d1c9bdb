/**
 * Reads the imports of src/ (type-only ones too) and what it reaches for in the surroundings, and fails on what the layout
 * forbids. Usage: `node scripts/layers.mjs [folder]`. One line for each fault: `file:line: rule`.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join, posix, relative, resolve, sep } from 'node:path'
import ts from 'typescript'

/** Modules of Node.js that compute and touch nothing. */
const pure = ['node:buffer', 'node:util']

/**
 * Each layer with the layers that it may import from (besides itself), the modules of Node.js and the packages it may use.
 * Two towers, { process, node, behaviour } and { codec, dist, net }, share only what stands above them in this table.
 */
const layers = {
  base: { imports: [], builtins: [...pure, 'node:crypto', 'node:v8', 'node:worker_threads'], packages: [] },
  term: { imports: ['base'], builtins: pure, packages: [] },
  signal: { imports: ['base', 'term'], builtins: pure, packages: [] },
  events: { imports: ['base', 'term', 'signal'], builtins: ['node:diagnostics_channel'], packages: [] },

  process: {
    imports: ['base', 'term', 'signal', 'events'],
    builtins: [...pure, 'node:async_hooks', 'node:events'],
    packages: [],
  },
  io: { imports: ['base', 'term', 'signal', 'process'], builtins: pure, packages: [] },
  node: { imports: ['base', 'term', 'signal', 'events', 'process', 'io'], builtins: pure, packages: [] },
  behaviour: {
    imports: ['base', 'term', 'signal', 'events', 'process', 'io', 'node'],
    builtins: pure,
    packages: [],
  },

  codec: { imports: ['base', 'term', 'signal'], builtins: [...pure, 'node:zlib'], packages: [] },
  dist: { imports: ['base', 'term', 'signal', 'codec'], builtins: [...pure, 'node:crypto'], packages: [] },
  net: { imports: ['base', 'term', 'signal', 'codec', 'dist', 'certs'], builtins: 'any', packages: [] },

  certs: { imports: ['base', 'term'], builtins: 'any', packages: ['@peculiar/x509', 'reflect-metadata'] },
  cluster: {
    imports: ['base', 'term', 'signal', 'events', 'process', 'io', 'node', 'codec', 'dist', 'net', 'certs'],
    builtins: 'any',
    packages: ['pino'],
  },
  application: {
    imports: ['base', 'term', 'signal', 'process', 'node', 'behaviour', 'cluster'],
    builtins: pure,
    packages: [],
  },
  observer: { imports: 'any', builtins: 'any', packages: ['pino'] },
  cli: { imports: 'any', builtins: 'any', packages: ['commander', 'pino'] },
  testing: { imports: 'any', builtins: 'any', packages: [] },
}

/** What stands on top: imported by nothing but itself. */
const tops = ['observer', 'cli', 'testing']

/** The files that lie directly in src/ are the base, but for these. `index.ts` files are entries: they hold no logic. */
const filesOfTheirOwn = { 'signal.ts': 'signal', 'events.ts': 'events' }

/** Time, timers, turns, randomness, the environment and the console: by what name each is reached, and through what it is to be had. */
const surroundings = {
  globals: {
    setTimeout: 'clock.setTimer',
    setInterval: 'clock.setTimer',
    setImmediate: 'clock.nextTurn',
    queueMicrotask: 'clock.microtask',
    performance: 'clock.now',
    console: 'the logger',
  },
  members: {
    'Date.now': 'clock.wallTime',
    'Math.random': 'entropy',
    'process.env': 'an option',
    'process.hrtime': 'clock.now',
    'process.nextTick': 'clock.microtask',
    'process.uptime': 'clock.now',
    'crypto.getRandomValues': 'entropy',
    'crypto.randomUUID': 'entropy',
  },
  /** Named imports of node:crypto. */
  cryptoImports: {
    randomBytes: 'entropy',
    randomFill: 'entropy',
    randomFillSync: 'entropy',
    randomInt: 'entropy',
    randomUUID: 'entropy',
    getRandomValues: 'entropy',
  },
  builtins: {
    'node:timers': 'clock',
    'node:timers/promises': 'clock',
    'node:perf_hooks': 'clock.now',
  },
}

/** Who may reach for the surroundings, and why: a file, or a folder with a slash at its end. */
const adapters = {
  'clock.ts': 'it is the clock of this machine',
  'entropy.ts': 'it is the randomness of this machine',
  'cluster/spec.ts': 'the environment is the default of an option',
  'memory.ts': 'it is the memory of this program, which Node.js was started with',
  'cli/': 'a program, not the library',
  'testing/virtual-clock.ts': 'it takes the place of the clock of this machine, and waits for real turns',
}

const root = resolve(process.argv[2] ?? 'src')
const faults = []

for (const path of readdirSync(root, { recursive: true }).sort()) {
  if (path.endsWith('.ts')) check(path.split(sep).join('/'))
}
for (const fault of faults) console.error(fault)
if (faults.length > 0) {
  console.error(`${faults.length} ${faults.length === 1 ? 'fault' : 'faults'}; the rules are in scripts/layers.mjs`)
  process.exitCode = 1
}

/** The layer of a file; `entry` for an index; `undefined` when the table does not know its folder. */
function layerOf(file) {
  if (posix.basename(file) === 'index.ts') return 'entry'
  const [first, ...rest] = file.split('/')
  if (rest.length === 0) return filesOfTheirOwn[file] ?? 'base'
  return first in layers ? first : undefined
}

function check(file) {
  const source = ts.createSourceFile(file, readFileSync(join(root, file), 'utf8'), ts.ScriptTarget.Latest, true)
  const fault = (node, rule) => {
    const { line } = source.getLineAndCharacterOfPosition(node.getStart(source))
    faults.push(`${posix.join(relative(process.cwd(), root).split(sep).join('/'), file)}:${line + 1}: ${rule}`)
  }
  const layer = layerOf(file)
  if (layer === undefined) fault(source, `the folder ${file.split('/')[0]}/ belongs to no layer`)
  else checkNode(source, { file, layer, fault })
}

function checkNode(node, where) {
  const specifier = importedBy(node)
  if (specifier !== undefined) checkImport(node, specifier, where)
  else if (where.layer !== 'entry') checkReach(node, where)
  ts.forEachChild(node, (child) => checkNode(child, where))
}

/** The module that is named by any of the ways to import: `import`, `export from`, `import()`, and `import()` in a type. */
function importedBy(node) {
  let named
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) named = node.moduleSpecifier
  else if (ts.isImportTypeNode(node)) named = node.argument.literal
  else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) named = node.arguments[0]
  else if (ts.isExternalModuleReference(node)) named = node.expression
  return named && ts.isStringLiteralLike(named) ? named.text : undefined
}

function checkImport(node, specifier, { file, layer, fault }) {
  const rules = layers[layer]
  if (specifier.startsWith('.')) {
    const target = posix.join(posix.dirname(file), specifier).replace(/\.js$/, '.ts')
    const targetLayer = layerOf(target)
    if (!specifier.endsWith('.js')) fault(node, `relative imports end in .js: ${specifier}`)
    else if (target.startsWith('../')) fault(node, `imports from outside of src/: ${specifier}`)
    else if (targetLayer === 'entry') fault(node, `nothing imports an index: ${specifier}`)
    else if (layer !== 'entry' && !mayImport(layer, targetLayer))
      fault(node, `${layer} must not import ${targetLayer}: ${specifier}`)
    return
  }
  if (layer === 'entry') fault(node, `an index only names what is in src/: ${specifier}`)
  else if (!specifier.startsWith('node:')) {
    const name = specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/')
    if (!rules.packages.includes(name)) fault(node, `${layer} must not import the package ${name}`)
  } else if (rules.builtins !== 'any' && !rules.builtins.includes(specifier)) {
    fault(node, `${layer} must not import ${specifier}`)
  } else if (!isAdapter(file)) {
    const instead = surroundings.builtins[specifier]
    if (instead) fault(node, `${specifier}: use ${instead}`)
    const names = specifier === 'node:crypto' && node.importClause?.namedBindings?.elements
    for (const { name, propertyName } of names || []) {
      const imported = (propertyName ?? name).text
      if (imported in surroundings.cryptoImports)
        fault(node, `${imported}: use ${surroundings.cryptoImports[imported]}`)
    }
  }
}

function mayImport(layer, target) {
  if (layer === target) return true
  const { imports } = layers[layer]
  return imports === 'any' ? !tops.includes(target) : imports.includes(target)
}

function isAdapter(file) {
  return Object.keys(adapters).some((each) => (each.endsWith('/') ? file.startsWith(each) : file === each))
}

function checkReach(node, { file, fault }) {
  if (isAdapter(file)) return
  if (ts.isPropertyAccessExpression(node) && ts.isIdentifier(node.name)) {
    const object = ts.isPropertyAccessExpression(node.expression) ? node.expression.name : node.expression
    const member = ts.isIdentifier(object) ? `${object.text}.${node.name.text}` : ''
    if (Object.hasOwn(surroundings.members, member)) fault(node, `${member}: use ${surroundings.members[member]}`)
    if (ts.isIdentifier(object) && object.text === 'globalThis') checkGlobal(node.name, fault)
  } else if (ts.isIdentifier(node) && isReference(node)) {
    checkGlobal(node, fault)
  } else if (ts.isNewExpression(node) && node.expression.getText() === 'Date' && !node.arguments?.length) {
    fault(node, 'new Date(): use clock.wallTime')
  } else if ((ts.isAwaitExpression(node) || (ts.isForOfStatement(node) && node.awaitModifier)) && isTopLevel(node)) {
    fault(node, 'no await at the top of a module: it could not be loaded by require()')
  }
}

function checkGlobal(identifier, fault) {
  const { text } = identifier
  if (Object.hasOwn(surroundings.globals, text)) fault(identifier, `${text}: use ${surroundings.globals[text]}`)
}

/** Whether the identifier stands for a variable: it is no name of a member, and not being declared. */
function isReference(node) {
  const { parent } = node
  if (ts.isPropertyAccessExpression(parent)) return parent.expression === node
  if (ts.isShorthandPropertyAssignment(parent)) return true
  return !(
    ts.isDeclarationStatement(parent) ||
    ('name' in parent && parent.name === node) ||
    ts.isQualifiedName(parent)
  )
}

function isTopLevel(node) {
  for (let each = node.parent; each; each = each.parent)
    if (ts.isFunctionLike(each) || ts.isClassStaticBlockDeclaration(each)) return false
  return true
}

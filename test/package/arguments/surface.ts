/** What of the package can be called, by its declarations in lib/: each function, method and constructor that takes anything. */
import { join } from 'node:path'
import ts from 'typescript'
import { projectFolder } from '../../support/fresh-build.js'

const entries = ['lib/index.d.ts', 'lib/behaviour/index.d.ts', 'lib/codec/index.d.ts', 'lib/testing/index.d.ts']

/** The names, such as `tuple`, `new Float`, `Node.start`, `Node#spawn`, `sys.getState`, of all that takes arguments. Methods are those of the class that has them. */
export function callables(): string[] {
  const files = entries.map((entry) => join(projectFolder, entry))
  const program = ts.createProgram(files, {
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    target: ts.ScriptTarget.ES2022,
    lib: ['lib.es2023.d.ts', 'lib.esnext.disposable.d.ts'],
    types: [],
  })
  const checker = program.getTypeChecker()
  const found = new Set<string>()

  const isOurs = (declaration: ts.Declaration | undefined) =>
    declaration?.getSourceFile().fileName.startsWith(join(projectFolder, 'lib')) === true
  const takesAnything = (signatures: readonly ts.Signature[]) =>
    signatures.some(({ parameters }) => parameters.length > 0)

  function member(of: string, symbol: ts.Symbol): void {
    const declaration = symbol.declarations?.[0]
    // What is inherited is found where it is declared.
    const home = declaration?.parent
    const name = symbol.getName()
    if (!isOurs(declaration) || declaration === undefined || name.startsWith('~') || name.startsWith('__')) return
    if (ts.getCombinedModifierFlags(declaration) & (ts.ModifierFlags.Private | ts.ModifierFlags.Protected)) return
    const type = checker.getNonNullableType(checker.getTypeOfSymbol(symbol))
    if (!takesAnything(type.getCallSignatures())) return
    const declaredBy =
      home !== undefined && (ts.isClassLike(home) || ts.isInterfaceDeclaration(home)) ? home.name : undefined
    found.add(`${declaredBy?.text ?? of.slice(0, -1)}${of.at(-1)}${name}`)
  }

  function exported(name: string, given: ts.Symbol): void {
    const symbol = given.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(given) : given
    if (symbol.flags & ts.SymbolFlags.Module) {
      for (const each of checker.getExportsOfModule(symbol)) exported(`${name}.${each.getName()}`, each)
    } else if (symbol.flags & (ts.SymbolFlags.Class | ts.SymbolFlags.Interface)) {
      for (const each of checker.getPropertiesOfType(checker.getDeclaredTypeOfSymbol(symbol))) member(`${name}#`, each)
      if (!(symbol.flags & ts.SymbolFlags.Class)) return
      const maker = checker.getTypeOfSymbol(symbol)
      // A class whose constructor is not for users has none in its declarations; what it inherits is then not meant.
      const constructors = maker.getConstructSignatures().filter(({ declaration }) => isOurs(declaration))
      if (takesAnything(constructors)) found.add(`new ${name}`)
      for (const each of checker.getPropertiesOfType(maker)) member(`${name}.`, each)
    } else if (symbol.flags & (ts.SymbolFlags.Function | ts.SymbolFlags.Variable)) {
      if (takesAnything(checker.getTypeOfSymbol(symbol).getCallSignatures())) found.add(name)
    }
  }

  for (const file of files) {
    const source = program.getSourceFile(file)
    const module = source && checker.getSymbolAtLocation(source)
    if (module === undefined) throw new Error(`${file} is not there: npm run build`)
    for (const each of checker.getExportsOfModule(module)) exported(each.getName(), each)
  }
  return [...found].sort()
}

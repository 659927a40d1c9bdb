import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { provideReflectMetadata } from '../../src/certs/reflect-metadata.js'

const src = fileURLToPath(new URL('../../src/', import.meta.url))

/** What a module loads as soon as it is loaded itself: not types, and not what it imports later. */
function loadedWith(file: string, seen: Set<string> = new Set()): Set<string> {
  if (seen.has(file)) return seen
  seen.add(file)
  const text = readFileSync(file, 'utf8').replace(/\/\*[\s\S]*?\*\//g, '')
  const statement = /^(?:import (?!type )[^'"();]*|export (?:\*|\{[^}]*\}) from )'([^']+)'/gm
  for (const [, specifier = ''] of text.matchAll(statement)) {
    if (specifier.startsWith('.')) loadedWith(resolve(dirname(file), specifier.replace(/\.js$/, '.ts')), seen)
    else seen.add(specifier)
  }
  return seen
}

test('the libraries for certificates and logs are loaded when they are needed, and not before', () => {
  const later = ['@peculiar/x509', resolve(src, 'certs/x509.ts'), 'pino']
  for (const entry of ['cluster/spec.ts', 'cluster/node.ts', 'certs/node-identity.ts', 'cli/program.ts']) {
    const loaded = loadedWith(resolve(src, entry))
    expect(loaded.size).toBeGreaterThan(2)
    for (const each of later) expect([...loaded]).not.toContain(each)
  }
  // The look above sees what there is to be seen: issuing does come to x509.ts, and that loads the library when asked.
  expect([...loadedWith(resolve(src, 'certs/issue.ts'))]).toContain(resolve(src, 'certs/x509.ts'))
})

test('the metadata functions do what is asked of them, and give way to others', () => {
  const reflect: Record<string, (...args: unknown[]) => unknown> = {}
  provideReflectMetadata(reflect)
  class Base {}
  class Derived extends Base {}
  reflect.defineMetadata?.('key', 1, Base)
  reflect.defineMetadata?.('other', 2, Base)
  expect(reflect.getOwnMetadata?.('key', Base)).toBe(1)
  expect(reflect.getOwnMetadata?.('key', Derived)).toBeUndefined()
  expect(reflect.getMetadata?.('key', Derived)).toBe(1)
  reflect.defineMetadata?.('key', 3, Derived)
  expect(reflect.getMetadata?.('key', Derived)).toBe(3)
  expect(reflect.getMetadata?.('other', Derived)).toBe(2)
  expect(reflect.getMetadata?.('none', Derived)).toBeUndefined()
  const before = { ...reflect }
  provideReflectMetadata(reflect)
  expect(reflect).toEqual(before)
})

/** What is installed together with the package: S30. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

interface Locked {
  readonly dev?: boolean
  readonly optional?: boolean
  readonly hasInstallScript?: boolean
  readonly license?: string
  readonly resolved?: string
  readonly integrity?: string
}

const { packages }: { packages: Readonly<Record<string, Locked>> } = JSON.parse(
  readFileSync('package-lock.json', 'utf8'),
)
const dependencies = Object.entries(packages).filter(([path]) => path !== '')
const shipped = dependencies.filter(([, { dev }]) => dev !== true)

test('no dependency runs a program when it is installed, and each is of a known licence', () => {
  expect(shipped.length).toBeGreaterThan(3)
  expect(shipped.filter(([, { hasInstallScript }]) => hasInstallScript)).toEqual([])
  const free = /^(MIT|ISC|0BSD|BSD-[23]-Clause|Apache-2\.0|\(?MIT OR .*\)?)$/
  expect(shipped.filter(([, { license = 'none' }]) => !free.test(license))).toEqual([])
})

test('each is pinned by its digest, and by no address that it was fetched from', () => {
  expect(dependencies.filter(([, { integrity }]) => !integrity?.startsWith('sha512-'))).toEqual([])
  expect(dependencies.filter(([, { resolved }]) => resolved !== undefined)).toEqual([])
})

test('those of the tests that would run one are not let', () => {
  const { allowScripts }: { allowScripts: Record<string, boolean> } = JSON.parse(readFileSync('package.json', 'utf8'))
  const withScripts = dependencies
    .filter(([, { hasInstallScript, optional }]) => hasInstallScript && !optional)
    .map(([path]) => path.replace(/^.*node_modules\//, ''))
  expect(withScripts.filter((name) => allowScripts[name] !== false)).toEqual([])
})

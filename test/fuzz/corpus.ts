/** Inputs that are worth keeping: those that reach what others do not, and those that once showed a fault. */
import { readFileSync, writeFileSync } from 'node:fs'

/** A fault that was found, and has been mended: tested for ever after, under a name. */
export interface Found {
  readonly target: string
  /** What it is that holds now. */
  readonly title: string
  readonly hex: string
}

/** The folder with the files: another one than this module's, when that is a copy. */
function at(folder: string, name: string): string {
  return `${folder}/${name}`
}

/** The kept inputs of a target, in hexadecimal, one a line. */
export function readCorpus(folder: string, target: string): Uint8Array[] {
  let text: string
  try {
    text = readFileSync(at(folder, `corpus/${target}.txt`), 'latin1')
  } catch {
    return []
  }
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => Buffer.from(line, 'hex'))
}

export function writeCorpus(folder: string, target: string, inputs: readonly Uint8Array[]): void {
  const lines = inputs.map((input) => Buffer.from(input).toString('hex'))
  writeFileSync(at(folder, `corpus/${target}.txt`), `${lines.join('\n')}\n`)
}

export function readFound(folder: string): readonly Found[] {
  return JSON.parse(readFileSync(at(folder, 'found.json'), 'utf8'))
}

export function addFound(folder: string, found: Found): void {
  writeFileSync(at(folder, 'found.json'), `${JSON.stringify([...readFound(folder), found], null, 2)}\n`)
}

/** What a witness has written down, held against what is promised: in whichever order things have happened. */
import { expect } from 'vitest'
import { type Outpost, ReignOutpost } from './outpost.js'

/** The lines between the news that a node is up and the next such news. */
type Chapter = readonly string[]

/**
 * That the log of a witness keeps the promises, whatever has befallen it:
 * - a node comes and goes in turn, with no message of its outside;
 * - the numbers that came over one connection follow each other, and rise over all of them: no hole inside a connection, nothing twice, nothing late;
 * - for each connection over which the witnesses have met: one DOWN and one EXIT, when it has ended and not before; behind all that came over it, and
 *   before the next one.
 */
export async function keepsPromises(outpost: Outpost): Promise<void> {
  const log = await outpost.log()
  const fault = faultIn(log)
  const complaints = outpost instanceof ReignOutpost ? await outpost.complaints() : []
  if (fault !== undefined) expect.fail(`${outpost.name}: ${fault}\n${JSON.stringify(log)}\n${complaints.join('\n')}`)
}

/** What is wrong with a log; `undefined` when nothing is. */
export function faultIn(log: readonly string[]): string | undefined {
  const [before = [], ...chapters] = split(log)
  if (before.length > 0) return `something came before any node was up: ${before.join()}`
  let last = 0
  for (const [index, chapter] of chapters.entries()) {
    const ended = chapter.some((line) => line.startsWith('down '))
    if (!ended && index < chapters.length - 1) return 'a node came up twice, and did not go between'
    const fault = faultOf(chapter, ended, last)
    if (fault !== undefined) return `connection ${index + 1}: ${fault}`
    last = Math.max(last, ...rangesOf(chapter).map(([, to]) => to))
  }
  return undefined
}

function faultOf(chapter: Chapter, ended: boolean, last: number): string | undefined {
  if (chapter.filter((line) => line.startsWith('down ')).length > 1) return 'its end was told twice'
  let expected: number | undefined
  for (const [from, to] of rangesOf(chapter)) {
    if (from <= last) return `${from} had come before`
    if (expected !== undefined && from !== expected) return `${expected} was to come, ${from} came`
    expected = to + 1
  }
  const met = chapter.filter((line) => line === 'met').length
  if (met > 1) return 'the witnesses have met twice'
  for (const notice of ['DOWN noconnection', 'EXIT noconnection', 'down ']) {
    const at = chapter.flatMap((line, index) => (line.startsWith(notice) ? [index] : []))
    const wanted = ended && (met === 1 || notice === 'down ') ? 1 : 0
    if (at.length !== wanted) return `${at.length} times "${notice}", and not ${wanted} times`
    if (chapter.slice(at[0] ?? chapter.length).some((line) => range.test(line)))
      return `a message came behind "${notice}"`
  }
  return undefined
}

const range = /^(\d+)\.\.(\d+)$/

function rangesOf(chapter: Chapter): [from: number, to: number][] {
  return chapter.flatMap((line) => {
    const [, from, to] = range.exec(line) ?? []
    return from === undefined ? [] : [[Number(from), Number(to)]]
  })
}

function split(log: readonly string[]): Chapter[] {
  const chapters: string[][] = [[]]
  for (const line of log) {
    if (line === 'up') chapters.push([])
    else chapters.at(-1)?.push(line)
  }
  return chapters
}

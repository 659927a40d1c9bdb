/** Files that change, noticed by looking; in virtual time, on real files. */
import { mkdtempSync, renameSync, rmSync, symlinkSync, unlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { FileWatch, watchIntervalMs } from '../../src/cluster/file-watch.js'
import { eventually } from '../support/deadline.js'
import { VirtualClock } from '../support/virtual-clock.js'

let folder: string
let clock: VirtualClock
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'reign-watch-'))
  clock = new VirtualClock()
})
afterEach(() => rmSync(folder, { recursive: true }))

const path = (name: string) => join(folder, name)
const write = (name: string, text: string) => writeFileSync(path(name), text)

/** Puts something new in the place of a file, in one step. */
function replace(name: string, make: (name: string) => void): void {
  make('new')
  renameSync(path('new'), path(name))
}

/** A watch, how often it has called, and what it is answered. */
function watching(...names: readonly string[]) {
  const made = { calls: 0, answer: true, files: names.map(path) }
  const watch = new FileWatch(
    clock,
    () => made.files,
    async () => {
      made.calls++
      return made.answer
    },
  )
  watch.start()
  return Object.assign(made, {
    watch,
    /** Lets it look so many times; each look is over, as the next one is armed. */
    async looks(count: number): Promise<number> {
      for (let look = 0; look < count; look++) {
        const set = clock.timersSet
        clock.advance(watchIntervalMs)
        await eventually(() => clock.timersSet > set, 15_000, 'the look to be over')
      }
      return made.calls
    },
  })
}

test('it calls once at the beginning, and then when something has changed and come to rest', async () => {
  write('a', '1')
  write('b', '1')
  const watched = watching('a', 'b')
  expect(await watched.looks(1)).toBe(0)
  expect(await watched.looks(1)).toBe(1)
  expect(await watched.looks(5)).toBe(1)
  write('a', '22')
  expect(await watched.looks(1)).toBe(1)
  // Still going on: the other one follows.
  write('b', '22')
  expect(await watched.looks(1)).toBe(1)
  expect(await watched.looks(1)).toBe(2)
  expect(await watched.looks(5)).toBe(2)
  watched.watch.stop()
})

test('it sees files that are replaced, touched, go and come, and links that lead elsewhere', async () => {
  write('a', '1')
  write('b', '1')
  symlinkSync('a', path('link'))
  const watched = watching('a', 'link')
  let calls = await watched.looks(2)
  const changes: [string, () => void][] = [
    ['another of the same size in its place', () => replace('a', (name) => write(name, '2'))],
    ['a new time', () => utimesSync(path('a'), 5, 5)],
    ['gone', () => unlinkSync(path('a'))],
    ['there again', () => write('a', '2')],
    ['a link to another', () => replace('link', (name) => symlinkSync('b', path(name)))],
    ['what the link leads to', () => write('b', 'three')],
  ]
  for (const [what, change] of changes) {
    change()
    expect(await watched.looks(3), what).toBe(++calls)
  }
  watched.watch.stop()
})

test('what is not taken is tried again at each look', async () => {
  write('a', '1')
  const watched = watching('a')
  watched.answer = false
  expect(await watched.looks(6)).toBe(5)
  watched.answer = true
  expect(await watched.looks(1)).toBe(6)
  expect(await watched.looks(3)).toBe(6)
  watched.watch.stop()
})

test('other files can be named while it runs', async () => {
  write('a', '1')
  write('b', '1')
  const watched = watching('a')
  await watched.looks(2)
  watched.files = [path('a'), path('b')]
  expect(await watched.looks(2)).toBe(2)
  write('b', '22')
  expect(await watched.looks(2)).toBe(3)
  watched.watch.stop()
})

test('it keeps no program from ending, stops at once, and is started once', async () => {
  write('a', '1')
  const watched = watching('a')
  watched.watch.start()
  expect([clock.timersPending, clock.holdsProgram]).toEqual([1, false])
  await watched.looks(1)
  // A look is under way.
  clock.advance(watchIntervalMs)
  watched.watch.stop()
  await new Promise((turn) => setImmediate(turn))
  await eventually(() => clock.timersPending === 0, 15_000)
  expect(watched.calls).toBe(0)
  write('a', '22')
  clock.advance(100 * watchIntervalMs)
  expect([watched.calls, clock.timersPending]).toEqual([0, 0])
})

/** What all benchmark programs share: repetitions, medians, and one JSON line for each case. */

import { pathToFileURL } from 'node:url'

const { REIGN_LIB } = process.env
const library = REIGN_LIB === undefined ? new URL('../lib/', import.meta.url) : pathToFileURL(`${REIGN_LIB}/`)
/** A module of the library that is measured: of this tree's build, or of another one that `REIGN_LIB` names, as `--compare` does. */
export const libraryModule = (path) => import(new URL(path, library))

/** Timed repetitions of each case, after one that is not timed. */
export const repetitions = Number(process.env.BENCH_REPS ?? 5)
/** What the amounts of work are multiplied by. */
export const scale = Number(process.env.BENCH_SCALE ?? 1)
/** The cases to run; none named means all. */
const wanted = (process.env.BENCH_CASES ?? '').split(',').filter((name) => name !== '')

/**
 * What this program holds besides, in mebibytes: from some size of the heap on V8 collects garbage by other rules, and the programs here are smaller
 * than those that do something.
 */
const heapMib = Number(process.env.BENCH_HEAP_MIB ?? 0)
globalThis.heldBesides = Array.from({ length: heapMib * 1024 }, (_, i) => new Array(120).fill(i))

export const amount = (n) => Math.max(1, Math.round(n * scale))
export const now = () => performance.now()
export const rate = (n, ms) => (n / ms) * 1_000

export function isWanted(name) {
  return wanted.length === 0 || wanted.some((wish) => name.startsWith(wish))
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/** Runs a case and prints its line. */
export async function measure(name, unit, once) {
  if (!isWanted(name)) return
  await once()
  const runs = []
  for (let i = 0; i < repetitions; i++) runs.push(await once())
  report(name, unit, runs)
}

export function report(name, unit, runs) {
  console.log(JSON.stringify({ case: name, unit, runs: runs.map((value) => Number(value.toPrecision(6))) }))
}

/** Latencies of `count` rounds one after the other, in microseconds: rate, median and 99th percentile. */
export async function latencies(count, round) {
  const each = new Float64Array(count)
  const from = now()
  for (let i = 0; i < count; i++) {
    const start = now()
    await round(i)
    each[i] = (now() - start) * 1_000
  }
  const perSecond = rate(count, now() - from)
  each.sort()
  return { perSecond, p50: each[count >> 1], p99: each[Math.floor(count * 0.99)] }
}

/** Measures latencies and prints their three lines. */
export async function measureLatency(name, count, round) {
  if (!isWanted(name)) return
  await latencies(count, round)
  const runs = []
  for (let i = 0; i < repetitions; i++) runs.push(await latencies(count, round))
  report(
    name,
    'roundtrips/s',
    runs.map((run) => run.perSecond),
  )
  report(
    `${name}_p50`,
    'us',
    runs.map((run) => run.p50),
  )
  report(
    `${name}_p99`,
    'us',
    runs.map((run) => run.p99),
  )
}

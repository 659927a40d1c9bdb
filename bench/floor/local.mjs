/** What bare Node.js takes for as many async functions as there are processes in bench/reign/local.mjs, each of which waits for a promise of its own. */
import { amount, isWanted, now, rate, repetitions, report } from '../measure.mjs'

const spawning = async (count) => {
  globalThis.gc?.()
  const before = process.memoryUsage().heapUsed
  const wakers = new Array(count)
  let left = count
  let allGone = () => {}
  const gone = new Promise((resolve) => {
    allGone = resolve
  })
  const start = now()
  for (let i = 0; i < count; i++) {
    const life = async () => {
      await new Promise((resolve) => {
        wakers[i] = resolve
      })
      if (--left === 0) allGone()
    }
    life()
  }
  const spawned = now() - start
  globalThis.gc?.()
  const bytes = (process.memoryUsage().heapUsed - before) / count
  const resumed = now()
  for (const wake of wakers) wake('go')
  await gone
  return { spawned, lived: spawned + (now() - resumed), bytes }
}

for (const [count, tag] of [
  [amount(100_000), '100k'],
  [amount(1_000_000), '1M'],
]) {
  if (!isWanted(`spawn_${tag}`)) continue
  await spawning(count)
  const runs = []
  for (let i = 0; i < (tag === '1M' ? Math.min(2, repetitions) : repetitions); i++) runs.push(await spawning(count))
  const each = (name, unit, value) => report(`spawn_${tag}_${name}`, unit, runs.map(value))
  each('spawn', 'spawns/s', ({ spawned }) => rate(count, spawned))
  each('live_and_exit', 'procs/s', ({ lived }) => rate(count, lived))
  each('idle_bytes', 'bytes', ({ bytes }) => bytes)
}

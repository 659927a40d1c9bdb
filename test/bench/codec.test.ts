/** The benchmark of the codec runs, and brings every message back in every codec: how fast is not a matter of tests. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { within } from '../support/deadline.js'
import { freshBuild } from '../support/fresh-build.js'
import { OsProcess } from '../support/os-process.js'

test('`npm run bench:codec` measures all codecs with both messages', async () => {
  await freshBuild()
  const { scripts }: { scripts: Record<string, string> } = JSON.parse(readFileSync('package.json', 'utf8'))
  expect(scripts['bench:codec']).toBe('npm run -s build && node bench/codec.mjs')
  const bench = new OsProcess(process.execPath, { args: ['bench/codec.mjs'], env: { BENCH_RUN_MS: '1' } })
  expect(await within(25_000, bench.ended, 'the benchmark'), bench.output).toEqual({ code: 0, signal: null })
  const rows = Array.from(bench.output.matchAll(/^(\S.*?) +(\d+\.\d\d) +(\d+\.\d\d) +(\d+)$/gm), ([, codec]) => codec)
  const codecs = ['reign/etf', 'reign on the wire', 'JSON', 'v8.serialize', 'msgpackr']
  expect(rows).toEqual([...codecs, ...codecs])
})

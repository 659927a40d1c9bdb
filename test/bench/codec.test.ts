/** The benchmark of the codec runs, and brings every message back in every codec: how fast is not a matter of tests. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { within } from '../support/deadline.js'
import { freshBuild } from '../support/fresh-build.js'
import { OsProcess } from '../support/os-process.js'

test('`npm run bench:codec` measures all codecs with the messages that it is asked for', async () => {
  await freshBuild()
  const { scripts }: { scripts: Record<string, string> } = JSON.parse(readFileSync('package.json', 'utf8'))
  expect(scripts['bench:codec']).toBe('npm run -s build && node bench/codec.mjs')
  const bench = new OsProcess(process.execPath, {
    args: ['bench/codec.mjs', 'chat', 'rows'],
    env: { BENCH_RUN_MS: '1' },
  })
  expect(await within(60_000, bench.ended, 'the benchmark'), bench.output).toEqual({ code: 0, signal: null })
  const rows = Array.from(bench.output.matchAll(/^(\S.*?) +(\d+\.\d{3}) +(\d+\.\d{3}) +(\d+)$/gm), ([, codec]) => codec)
  const ours = ['reign/etf', 'etf on the wire', 'js on the wire']
  const codecs = [...ours, 'JSON', 'v8.serialize', 'msgpackr', 'msgpackr, records']
  expect(rows).toEqual([...codecs, ...codecs])
})

/** A bounded search for what strangers may send that does not hold: the program that searches for longer when it is asked to. */
import { expect, test } from 'vitest'
import { OsProcess } from '../support/os-process.js'
import { allTargets } from './targets.js'

test('6,000 inputs from a fixed seed, for each of the targets: nothing that does not hold', async () => {
  await using run = new OsProcess(process.execPath, {
    args: ['scripts/fuzz.mjs', '--seed', '1', '--inputs', '6000', '--seconds', '1000'],
  })
  const { code } = await run.ended
  // The rates are what somebody may want to see.
  console.log(run.output)
  expect({ code, output: run.output }).toEqual({ code: 0, output: expect.any(String) })
  for (const { name } of allTargets()) expect(run.output).toMatch(new RegExp(`^${name}: 6,000 inputs, .*frames`, 'm'))
}, 600_000)

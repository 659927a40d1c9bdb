/**
 * A caller's mistake throws a `ReignError` with a stable code, that says what was wrong: whatever can be called, and whatever is wrong with
 * which of its arguments. Nothing from deeper inside comes out, nothing wrong is taken, and the node goes on.
 */
import { expect, test } from 'vitest'
import { describe as shown } from '../../src/describe.js'
import { ReignError } from '../../src/errors.js'
import { atom } from '../../src/term/atom.js'
import type { Row } from './arguments/row.js'
import { callables } from './arguments/surface.js'
import { ofOthers, table } from './arguments/table.js'
import { World } from './arguments/world.js'

const raw =
  /cannot read|is not a function|is not iterable|is not an object|undefined is not|not a constructor|cannot convert|cannot destructure/i

/** What comes of a call; nothing for one that has gone well, or waits. */
async function outcome(world: World, call: () => unknown): Promise<{ readonly error: unknown } | undefined> {
  let given: unknown
  try {
    given = call()
  } catch (error) {
    return { error }
  }
  if (typeof (given as Promise<unknown> | undefined)?.then !== 'function') return undefined
  let settled: { readonly error: unknown } | undefined | 'open' = 'open'
  void (given as Promise<unknown>).then(
    () => {
      settled = undefined
    },
    (error) => {
      settled = { error }
    },
  )
  await world.simulation.until(() => settled !== 'open', 10_000).catch(() => {})
  return settled === 'open' ? undefined : settled
}

function fault(found: { readonly error: unknown } | undefined, codes: readonly string[]): string | undefined {
  if (found === undefined) return 'taken'
  const { error } = found
  if (!(error instanceof ReignError)) return `raw: ${shown(error)}`
  if (!codes.includes(error.code)) return `${error.code}: ${error.message}`
  if (raw.test(error.message)) return `says nothing: ${error.message}`
  return undefined
}

async function faults(make: (world: World) => Row | Promise<Row>): Promise<string[]> {
  const complaints: string[] = []
  const world = await World.make()
  const { call, args, codes = ['ERR_REIGN_ARGUMENT'] } = await make(world)
  const good = args.map((argument) => argument.good)
  for (const [index, { bad }] of args.entries()) {
    for (const wrong of bad) {
      const found = await outcome(world, () => call(...good.slice(0, index), wrong, ...good.slice(index + 1)))
      const complaint = fault(found, codes)
      if (complaint !== undefined)
        complaints.push(`argument ${index + 1}, ${typeof wrong} ${shown(wrong)}: ${complaint}`)
    }
  }
  // The last, as it may stop something: with all of them right, none is complained of.
  const right = good.includes(undefined) ? undefined : await outcome(world, () => call(...good))
  if ((right?.error as Partial<ReignError> | undefined)?.code === 'ERR_REIGN_ARGUMENT') {
    complaints.push(`all right: ${shown(right?.error)}`)
  }
  return complaints
}

test('each thing that can be called is in the table, and nothing else', () => {
  const ours = callables().filter(
    (name) => !ofOthers.has(name.split(/[#.]/)[0] as string) && !/^new \w*Error$/.test(name),
  )
  expect(Object.keys(table).sort()).toEqual(ours)
})

test.each(Object.entries(table))(
  '%s, when its process and its node are gone: goes well, or a ReignError says why not',
  async (_, make) => {
    const world = await World.make()
    const { call, args } = await make(world)
    world.node.exit(world.self.address as never, atom('kill'))
    await world.simulation.complete(world.node.stop())
    const found = await outcome(world, () => call(...args.map(({ good }) => good)))
    if (found !== undefined) expect(found.error).toBeInstanceOf(ReignError)
  },
)

test.each(Object.entries(table))(
  '%s: what is wrong with any of its arguments is said by a ReignError at the caller, and nothing wrong is taken',
  async (_, make) => {
    expect(await faults(make)).toEqual([])
  },
)

/**
 * Random programs of spawns, links, monitors, exits and sends, done for real and in the model, compared after every step.
 */
import fc from 'fast-check'
import { expect } from 'vitest'
import { type AliasMode, type Event, Model, type Reason, type Step } from './model.js'
import type { World } from './world.js'

/** A step with its processes and monitors as any numbers: which they are is known when it is its turn. */
export type Draft = {
  readonly kind: Step['do']
  readonly a: number
  readonly b: number
  readonly c: number
  readonly flag: boolean
}

const names = ['north', 'south']
const askedReasons: Reason[] = ['normal', 'kill', 'killed', 'x', 'y', 'noproc']
const endReasons: Reason[] = ['normal', 'x', 'y', 'kill']
const modes: (AliasMode | undefined)[] = [undefined, 'explicit_unalias', 'demonitor', 'reply_demonitor']
const kinds: (Event['type'] | 'any')[] = ['any', 'message', 'EXIT', 'DOWN']

export const weights: Record<Step['do'], number> = {
  spawn: 6,
  link: 8,
  unlink: 5,
  monitor: 8,
  demonitor: 6,
  unalias: 2,
  exit: 5,
  end: 4,
  trap: 4,
  send: 6,
  register: 4,
  unregister: 2,
  take: 3,
  disconnect: 0,
}

export const draft = (nodes: number): fc.Arbitrary<Draft> =>
  fc.record({
    kind: fc.oneof(
      ...(Object.entries({ ...weights, disconnect: nodes > 1 ? 6 : 0 }) as [Step['do'], number][])
        .filter(([, weight]) => weight > 0)
        .map(([kind, weight]) => ({ weight, arbitrary: fc.constant(kind) })),
    ),
    a: fc.nat({ max: 30 }),
    b: fc.nat({ max: 30 }),
    c: fc.nat({ max: 30 }),
    flag: fc.boolean(),
  })

const at = <T>(list: readonly T[], index: number): T => list[index % list.length] as T

/** The step that a draft stands for by now; `undefined` when there is none: nobody lives to do it. */
export function stepOf({ kind, a, b, c, flag }: Draft, model: Model, nodes: number, n: number): Step | undefined {
  const living = [...model.processes.keys()].filter((process) => model.alive(process))
  const by = living.length === 0 ? undefined : at(living, a)
  const name = { name: at(names, c), node: b % nodes }
  if (kind === 'spawn') {
    const birth = flag ? { name: at(names, b) } : {}
    const parent = by === undefined || c % 4 === 0 ? {} : { by }
    return { do: kind, node: b % nodes, link: c % 2 === 1, monitor: c % 3 === 1, ...birth, ...parent }
  }
  if (kind === 'unregister') return { do: kind, ...name }
  if (kind === 'disconnect') return { do: kind, nodes: [a % nodes, b % nodes] }
  if (by === undefined) return undefined
  // Of all that ever were: the dead are sent to, linked with and watched, too.
  const to = b % model.processes.length
  const monitor = model.monitors.length === 0 ? undefined : b % model.monitors.length
  switch (kind) {
    case 'link':
    case 'unlink':
      return { do: kind, by, to }
    case 'monitor': {
      const alias = at(modes, a)
      return { do: kind, by, to: c % 3 === 0 ? name : to, ...(alias !== undefined && { alias }) }
    }
    case 'demonitor':
    case 'unalias':
      if (monitor === undefined) return undefined
      // Mostly by who has set it; else it is to have no effect.
      return {
        do: kind,
        by: flag || !model.alive(model.monitors[monitor]?.by) ? by : Number(model.monitors[monitor]?.by),
        monitor,
      }
    case 'exit':
      return { do: kind, by, to, reason: at(askedReasons, c) }
    case 'end':
      return { do: kind, by, reason: at(endReasons, c) }
    case 'trap':
      return { do: kind, by, on: flag }
    case 'send':
      if (c % 4 === 0) return { do: kind, by, to: name, n }
      if (c % 4 < 3 && monitor !== undefined) return { do: kind, by, to: { alias: monitor }, n }
      return { do: kind, by, to, n }
    case 'register':
      return { do: kind, to, name: at(names, c) }
    case 'take':
      return { do: kind, by, kind: at(kinds, c) }
  }
}

const inOrder = (numbers: readonly number[]) => [...numbers].sort((a, b) => a - b)

/** What an end brings to one process comes together, from several sides and in no order that anybody promises. */
function settled(events: readonly Event[], before: number): Event[] {
  const text = (event: Event) => JSON.stringify(event)
  return [...events.slice(0, before), ...events.slice(before).sort((a, b) => (text(a) < text(b) ? -1 : 1))]
}

/** Runs a program on both, and compares them after each step. */
export async function compare(drafts: readonly Draft[], world: World): Promise<void> {
  const model = new Model()
  const program: Step[] = []
  for (const [n, each] of drafts.entries()) {
    const step = stepOf(each, model, world.nodes, n)
    if (step === undefined) continue
    program.push(step)
    const before = model.processes.map(({ inbox }) => inbox.length)
    model.perform(step)
    await world.perform(step)
    for (const [process, expected] of model.processes.entries()) {
      const where = `process ${process} after\n${program.map((done, i) => `${i}: ${JSON.stringify(done)}`).join('\n')}\n`
      expect(await world.fate(process), `the fate of ${where}`).toBe(expected.fate)
      if (expected.fate !== 'alive') continue
      // A take or a flush makes it shorter: then what is left was compared before.
      const old = Math.min(before[process] ?? 0, expected.inbox.length)
      const inbox = await world.inbox(process)
      expect(settled(inbox, old), `the mailbox of ${where}`).toEqual(settled(expected.inbox, old))
      expected.inbox = [...inbox] // From now on, in the order in which it came.
      const ties = await world.ties(process)
      if (ties === undefined) continue
      expect(inOrder(ties.links), `the links of ${where}`).toEqual(inOrder([...expected.links]))
      expect(ties.monitors, `the monitors of ${where}`).toBe(model.monitorsOf(process).length)
      expect(inOrder(ties.monitoredBy), `who watches ${where}`).toEqual(inOrder(model.watchersOf(process)))
      expect(ties.name, `the name of ${where}`).toBe(expected.name)
    }
  }
}

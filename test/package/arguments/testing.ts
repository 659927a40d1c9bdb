/** What tests have. */

import * as testing from '../../../src/testing/index.js'
import {
  type Anything,
  type Argument,
  anything,
  count,
  fn,
  isNoNumber,
  isNoOptions,
  isNoText,
  list,
  odd,
  optional,
  options,
} from './kinds.js'
import { is, type Make, on, plain, type Table, withCodes } from './row.js'

const member =
  (method: string, ...more: Argument[]): Make =>
  (world) => ({
    call: (...args: unknown[]) => (world.simulation as Anything)[method](...args),
    args: [{ good: 'b@sim', bad: [...isNoText, 'nobody@sim', ''] }, ...more],
  })

const two = (method: string, ...more: Argument[]): Make =>
  member(method, { good: 'a@sim', bad: [...isNoText, 'nobody@sim', ''] }, ...more)

const onTimer =
  (method: 'clearTimer' | 'holdProgram'): Make =>
  () => {
    const clock = new testing.VirtualClock()
    const timer = { good: clock.setTimer(() => {}, 5), bad: [undefined, ...odd, 'text'] }
    return { call: (given: Anything) => clock[method](given, true), args: [timer] }
  }

/** Each callable, by its name in `surface.ts`. */

/** See `table.ts`. */
export const tests: Table = {
  explore: plain(
    testing.explore as Anything,
    { good: { seeds: 1 }, bad: [undefined, ...isNoOptions, { seeds: 0 }, { seeds: 'x' }, { seeds: Number.NaN }] },
    fn(async () => {}),
  ),
  weather: plain(
    testing.weather as Anything,
    { good: new testing.Random(1), bad: [undefined, ...odd, 'text'] },
    { good: { nodes: ['a@sim', 'b@sim'], ms: 100 }, bad: [undefined, ...isNoOptions] },
  ),
  'new Random': plain((seed) => new testing.Random(seed), { good: 1, bad: [...isNoNumber, 1.5] }),
  'Random#int': on(() => new testing.Random(1), 'int', is({ good: 5, bad: [...isNoNumber, 0, -1] })),
  'Random#between': on(
    () => new testing.Random(1),
    'between',
    is({ good: 1, bad: isNoNumber }),
    is({ good: 5, bad: isNoNumber }),
  ),
  'Random#chance': on(() => new testing.Random(1), 'chance', is({ good: 0.5, bad: isNoNumber })),
  'Random#pick': on(() => new testing.Random(1), 'pick', is({ good: [1], bad: list().bad })),
  'Random#shuffled': on(() => new testing.Random(1), 'shuffled', is(list([1, 2]))),
  'new Simulation': withCodes(
    plain(
      (given) => new testing.Simulation(given),
      optional(
        options(
          {},
          { nodes: 5 },
          { nodes: [5] },
          { nodes: ['nobody'] },
          { seed: 'x' },
          { seed: Number.NaN },
          { latency: 5 },
          { windowBytes: 0 },
          { windowBytes: 'x' },
        ),
      ),
    ),
    'ERR_REIGN_ARGUMENT',
    'ERR_REIGN_NODE_NAME',
  ),
  'Simulation#complete': (world) => ({
    call: (...args: unknown[]) => (world.simulation as Anything).complete(...args),
    args: [{ good: Promise.resolve(1), bad: [undefined, ...odd, 'text'] }, optional(count())],
  }),
  'Simulation#until': (world) => ({
    call: (...args: unknown[]) => (world.simulation as Anything).until(...args),
    args: [fn(() => true), count()],
  }),
  'Simulation#run': (world) => ({ call: (ms: number) => world.simulation.run(ms), args: [count()] }),
  'Simulation#note': (world) => ({ call: (what: string) => world.simulation.note(what), args: [anything('x')] }),
  'Simulation#intercept': (world) => ({ call: (what: never) => world.simulation.intercept(what), args: [fn()] }),
  'Simulation#local': (world) => ({
    call: (what: never) => world.simulation.local(what),
    args: [optional(options({}, { output: 5 }, { strict: 'yes' }))],
  }),
  'Simulation#start': member('start', optional(options())),
  'Simulation#stop': member('stop'),
  'Simulation#stopMeanwhile': member('stopMeanwhile'),
  'Simulation#node': member('node'),
  'Simulation#runs': (world) => ({
    call: (name: string) => world.simulation.runs(name),
    args: [{ good: 'a@sim', bad: isNoText }],
  }),
  'Simulation#port': member('port'),
  'Simulation#crash': member('crash'),
  'Simulation#switchOff': member('switchOff'),
  'Simulation#freeze': member('freeze'),
  'Simulation#thaw': member('thaw'),
  'Simulation#stepClock': member('stepClock', { good: 5, bad: [...isNoNumber, Number.POSITIVE_INFINITY] }),
  'Simulation#cut': two('cut', optional(options())),
  'Simulation#heal': (world) => ({
    call: (...args: Anything[]) => world.simulation.heal(...args),
    args: [
      optional({ good: 'a@sim', bad: [...isNoText, 'nobody@sim'] }),
      optional({ good: 'b@sim', bad: [...isNoText, ''] }),
    ],
  }),
  'Simulation#delay': two(
    'delay',
    optional({
      good: { minMs: 1, maxMs: 2 },
      bad: [null, 5, 'text', { minMs: -1, maxMs: 2 }, { minMs: 3, maxMs: 2 }, { minMs: 'x', maxMs: 2 }],
    }),
  ),
  'Simulation#reset': two('reset'),
  'Simulation#endure': (world) => ({
    call: (...args: unknown[]) => (world.simulation as Anything).endure(...args),
    args: [list(), count(), optional(fn())],
  }),
  'new VirtualClock': plain((given) => new testing.VirtualClock(given), optional(options({}, { turns: 'other' }))),
  'VirtualClock#setTimer': on(() => new testing.VirtualClock(), 'setTimer', is(fn()), is(count())),
  'VirtualClock#clearTimer': onTimer('clearTimer'),
  'VirtualClock#holdProgram': onTimer('holdProgram'),
  'VirtualClock#nextTurn': on(() => new testing.VirtualClock(), 'nextTurn', is(fn())),
  'VirtualClock#microtask': on(() => new testing.VirtualClock(), 'microtask', is(fn())),
  'VirtualClock#advance': on(() => new testing.VirtualClock(), 'advance', is(count())),
  'VirtualClock#run': on(() => new testing.VirtualClock(), 'run', is(count())),
  'VirtualClock#step': on(
    () => new testing.VirtualClock(),
    'step',
    is(optional({ good: 5, bad: [...isNoNumber, -1] })),
  ),
}

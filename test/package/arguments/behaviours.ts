/** Behaviours. */

import * as otp from '../../../src/behaviour/index.js'
import {
  agent,
  child,
  defineApplication,
  dynamicSupervisor,
  eventHandler,
  genEvent,
  supervisor,
  taskSupervisor,
} from '../../../src/behaviour/index.js'
import { atom, type Process } from '../../../src/index.js'
import {
  type Anything,
  type Argument,
  anything,
  bounds,
  destination,
  flag,
  fn,
  isNoNumber,
  isNoOptions,
  odd,
  optional,
  options,
  schema,
  times,
  unregistered,
  waitFor,
  withoutFunctions,
} from './kinds.js'
import { bound, by, counter, is, type Make, on, plain, type Table, toRun, withCodes, worker } from './row.js'
import type { World } from './world.js'

const handler = eventHandler({
  module: 'hearer',
  init: () => 0,
  handleEvent: () => {},
  calls: { count: (state) => state },
})

const other = eventHandler({ module: 'other', init: () => 0, handleEvent: () => {} })

const manager = genEvent<unknown>()

const spec = { id: 'one', start: worker }

const tree = supervisor({ children: [spec] })

const crowd = dynamicSupervisor({ start: (self: Process<unknown>) => self.receive() })

const app = defineApplication({ name: 'app', start: () => tree })

const supervisorOf = (world: World) => world.started(tree)

const eventManagerOf = async (world: World) => {
  const made = await world.started(manager)
  await world.simulation.complete(made.addHandler(handler))
  return made
}

const handlerRef = is({ good: handler, bad: [undefined, null, 5, true, {}, [], () => {}, [5, 'id'], [], ''] })

const sys =
  (method: keyof typeof otp.sys, ...args: Argument[]): Make =>
  async (world) => ({
    call: otp.sys[method] as Anything,
    args: [by(world), destination((await world.started(counter)).address), ...args, waitFor],
  })

const transition = (make: Anything) => plain(make, { good: 5, bad: [...isNoNumber, -1] }, anything())

const kindOfTimeout: Argument = { good: 'state', bad: [undefined, ...odd, 'other'] }

function isNoSpec(): unknown[] {
  return [
    undefined,
    ...isNoOptions,
    {},
    { id: 'two' },
    { id: 5, start: worker },
    { id: 'two', start: 5 },
    { id: 'two', start: worker, restart: 'often' },
    { id: 'two', start: worker, shutdown: -1 },
    { id: 'two', start: worker, shutdown: Number.NaN },
  ]
}

function childId(): Argument {
  return { good: 'one', bad: [null, 5, {}, true, [], unregistered, () => {}] }
}

function iterable(): Argument {
  return { good: [1], bad: [undefined, null, 5, {}, () => {}, true] }
}

function mapOptions(): Argument {
  return optional(options({}, ...times, { concurrency: 0 }, { concurrency: 'x' }, { onTimeout: 'other' }))
}

/** What a handler returns is judged when it is returned: what is wrong with it ends the process, as in Erlang (`gen-server-ends.test.ts`, `gen-statem.test.ts`). */
function returned(): Argument {
  return anything(otp.postpone)
}

/** Of what is read, the first. */
function reading(of: Anything): Anything {
  return { map: (...args: unknown[]) => of.map(...args).next() }
}

/** See `table.ts`. */
export const behaviours: Table = {
  genServer: withCodes(
    plain(otp.genServer as Anything, {
      good: { init: () => 0 },
      bad: [
        undefined,
        ...isNoOptions,
        {},
        { init: 5 },
        { init: () => 0, calls: 5 },
        { init: () => 0, calls: { a: 5 } },
        { init: () => 0, casts: { a: {} } },
        { init: () => 0, handleInfo: 5 },
        { init: () => 0, terminate: 'x' },
        { init: () => 0, module: 5 },
      ],
    }),
    'ERR_REIGN_ARGUMENT',
    'ERR_REIGN_SCHEMA',
  ),
  'GenServer#enterLoop': on(
    () => counter,
    'enterLoop',
    (world) => ({ good: undefined, bad: [null, 5, {}, world.address] }),
  ),
  genStatem: withCodes(
    plain(otp.genStatem as Anything, {
      good: { init: () => otp.startIn('a', 0), states: { a: () => otp.keepState() } },
      bad: [
        undefined,
        ...isNoOptions,
        {},
        { init: 5, handleEvent: () => {} },
        { init: () => {} },
        { init: () => {}, handleEvent: 5 },
        { init: () => {}, states: 5 },
        { init: () => {}, states: { a: 5 } },
      ],
    }),
    'ERR_REIGN_ARGUMENT',
    'ERR_REIGN_SCHEMA',
  ),
  genEvent: withCodes(
    plain(
      otp.genEvent as Anything,
      optional({ good: {}, bad: [...isNoOptions, { handlers: 5 }, { handlers: [5] }, { module: 5 }] }),
    ),
    'ERR_REIGN_ARGUMENT',
    'ERR_REIGN_SCHEMA',
  ),
  eventHandler: withCodes(
    plain(otp.eventHandler as Anything, {
      good: { module: 'm', init: () => 0, handleEvent: () => {} },
      bad: [
        undefined,
        ...isNoOptions,
        {},
        { init: () => 0, handleEvent: () => {} },
        { module: 5, init: () => 0, handleEvent: () => {} },
        { module: 'm', handleEvent: () => {} },
        { module: 'm', init: () => 0 },
        { module: 'm', init: () => 0, handleEvent: () => {}, calls: 5 },
        { module: 'm', init: () => 0, handleEvent: () => {}, calls: { a: 5 } },
      ],
    }),
    'ERR_REIGN_ARGUMENT',
    'ERR_REIGN_SCHEMA',
  ),
  removeHandler: plain(otp.removeHandler as Anything, anything()),
  swapHandler: plain(otp.swapHandler as Anything, returned(), anything(), optional(options())),
  handlerExitIn: plain(otp.handlerExitIn, anything()),
  eventManagerAt: (world) => ({ call: otp.eventManagerAt, args: [by(world), destination(world.address)] }),
  'EventManager#addHandler': on(
    eventManagerOf,
    'addHandler',
    is({ good: other, bad: [undefined, ...odd, [5, 1]] }),
    is(anything()),
  ),
  'EventManager#addSupHandler': async (world) => {
    const made = await eventManagerOf(world)
    const seen = otp.eventManagerAt(world.self, made.target)
    return {
      call: bound(seen, 'addSupHandler'),
      args: [{ good: other, bad: [undefined, ...odd, [5, 1]] }, anything()],
    }
  },
  'EventManager#call': on(eventManagerOf, 'call', handlerRef, is(anything(atom('count'))), is(waitFor)),
  'EventManager#handler': on(eventManagerOf, 'handler', handlerRef, is(waitFor)),
  'EventManager#deleteHandler': on(eventManagerOf, 'deleteHandler', handlerRef, is(anything())),
  'EventManager#notify': on(eventManagerOf, 'notify', is(anything())),
  'EventManager#syncNotify': on(eventManagerOf, 'syncNotify', is(anything())),
  'EventManager#swapHandler': on(
    eventManagerOf,
    'swapHandler',
    handlerRef,
    is(anything()),
    is({ good: other, bad: [undefined, ...odd] }),
    is(anything()),
  ),
  'EventManager#swapSupHandler': async (world) => {
    const made = await eventManagerOf(world)
    const seen = otp.eventManagerAt(world.self, made.target)
    return {
      call: bound(seen, 'swapSupHandler'),
      args: [handlerRef(), anything(), { good: other, bad: [undefined, ...odd] }, anything()],
    }
  },
  'HandlerHandle#with': on(async (world) => (await eventManagerOf(world)).handler(handler), 'with', is(waitFor)),
  agent: plain(
    otp.agent as Anything,
    fn(() => 0),
  ),
  agentAt: (world) => ({ call: otp.agentAt, args: [by(world), destination(world.address)] }),
  'Agent#get': on((world) => world.started(agent(() => 0)), 'get', is(fn((state: unknown) => state))),
  'Agent#update': on((world) => world.started(agent(() => 0)), 'update', is(fn((state: unknown) => state))),
  'Agent#getAndUpdate': on(
    (world) => world.started(agent(() => 0)),
    'getAndUpdate',
    is(fn((state: unknown) => [state, state])),
  ),
  'Agent#cast': on((world) => world.started(agent(() => 0)), 'cast', is(fn((state: unknown) => state))),
  'Agent#with': on((world) => world.started(agent(() => 0)), 'with', is(waitFor)),
  checked: withCodes(plain(otp.checked as Anything, schema, fn()), 'ERR_REIGN_ARGUMENT', 'ERR_REIGN_SCHEMA'),
  checkedInfo: withCodes(plain(otp.checkedInfo as Anything, schema, fn()), 'ERR_REIGN_ARGUMENT', 'ERR_REIGN_SCHEMA'),
  checkedRequest: withCodes(
    plain(otp.checkedRequest as Anything, schema, fn()),
    'ERR_REIGN_ARGUMENT',
    'ERR_REIGN_SCHEMA',
  ),
  child: withCodes(
    plain(child as Anything, { good: spec, bad: isNoSpec() }),
    'ERR_REIGN_CHILD_SPEC',
    'ERR_REIGN_ARGUMENT',
  ),
  supervisor: withCodes(
    plain(supervisor as Anything, {
      good: { children: [] },
      bad: [
        undefined,
        null,
        5,
        true,
        'text',
        { children: 5 },
        { children: [5] },
        { children: [{}] },
        { children: [], strategy: 'some' },
        { children: [], intensity: 5 },
        { children: [], intensity: { restarts: -1, withinMs: 5 } },
      ],
    }),
    'ERR_REIGN_CHILD_SPEC',
    'ERR_REIGN_ARGUMENT',
  ),
  supervisorAt: (world) => ({ call: otp.supervisorAt, args: [by(world), destination(world.address)] }),
  'Supervisor#startChild': withCodes(
    on(supervisorOf, 'startChild', is({ good: { id: 'two', start: worker }, bad: isNoSpec() })),
    'ERR_REIGN_CHILD_SPEC',
    'ERR_REIGN_ARGUMENT',
  ),
  'Supervisor#terminateChild': on(supervisorOf, 'terminateChild', is(childId())),
  'Supervisor#restartChild': on(supervisorOf, 'restartChild', is({ ...childId(), good: undefined })),
  'Supervisor#deleteChild': on(supervisorOf, 'deleteChild', is({ ...childId(), good: undefined })),
  'Supervisor#childSpec': on(supervisorOf, 'childSpec', is(childId())),
  'Supervisor#ready': on(supervisorOf, 'ready', is(childId()), is(waitFor)),
  'Handle#stop': on(supervisorOf, 'stop', is(anything('normal')), is(waitFor)),
  dynamicSupervisor: withCodes(
    plain(dynamicSupervisor as Anything, {
      good: { start: worker },
      bad: [
        undefined,
        ...isNoOptions,
        {},
        { start: 5 },
        { start: worker, limit: -1 },
        { start: worker, limit: 'x' },
        { start: worker, restart: 'often' },
        { start: worker, shutdown: -1 },
      ],
    }),
    'ERR_REIGN_CHILD_SPEC',
    'ERR_REIGN_ARGUMENT',
  ),
  dynamicSupervisorAt: (world) => ({
    call: otp.dynamicSupervisorAt as Anything,
    args: [by(world), destination(world.address), { good: crowd, bad: [undefined, ...odd, 'text'] }],
  }),
  'DynamicSupervisor#startChild': on((world) => world.started(crowd), 'startChild', is(anything())),
  'DynamicSupervisor#terminateChild': on(
    (world) => world.started(crowd),
    'terminateChild',
    (world) => ({ good: undefined, bad: [null, 5, {}, 'text', atom('a'), [world.address]] }),
  ),
  taskSupervisor: withCodes(
    plain(
      taskSupervisor as Anything,
      optional(options({}, { limit: -1 }, { limit: 'x' }, { shutdown: -1 }, { module: 5 })),
    ),
    'ERR_REIGN_CHILD_SPEC',
    'ERR_REIGN_ARGUMENT',
  ),
  taskSupervisorAt: (world) => ({ call: otp.taskSupervisorAt, args: [by(world), destination(world.address)] }),
  'TaskSupervisor#async': on((world) => world.started(taskSupervisor()), 'async', is(fn()), is(anything())),
  'TaskSupervisor#asyncNolink': on((world) => world.started(taskSupervisor()), 'asyncNolink', is(fn()), is(anything())),
  'TaskSupervisor#startChild': on((world) => world.started(taskSupervisor()), 'startChild', is(fn()), is(anything())),
  'TaskSupervisor#map': on(
    async (world) => reading(await world.started(taskSupervisor())),
    'map',
    is(iterable()),
    is(fn()),
    is(mapOptions()),
  ),
  'TaskSupervisor#terminateChild': on(
    (world) => world.started(taskSupervisor()),
    'terminateChild',
    (world) => ({ good: undefined, bad: [null, 5, {}, 'text', [world.address]] }),
  ),
  'task.async': (world) => ({ call: otp.task.async as Anything, args: [by(world), fn(), anything()] }),
  'task.map': (world) => ({ call: reading(otp.task).map, args: [by(world), iterable(), fn(), mapOptions()] }),
  'Task#await': on((world) => otp.task.async(world.node, () => 1), 'await', is(waitFor)),
  'Task#yield': on((world) => otp.task.async(world.node, () => 1), 'yield', is(waitFor)),
  'Task#shutdown': on(
    (world) => otp.task.async(world.node, () => 1),
    'shutdown',
    is(optional({ good: 5, bad: [...isNoNumber, -1, 'other'] })),
  ),
  'new Requests': (world) => ({ call: (who: Anything) => new otp.Requests(who), args: [by(world)] }),
  'Requests#add': on(
    (world) => new otp.Requests(world.node),
    'add',
    is(anything()),
    is({ good: Promise.resolve(1), bad: [undefined, ...odd, 'text'] }),
  ),
  'Requests#next': on(
    (world) => new otp.Requests(world.node).add(1, new Promise(() => {})),
    'next',
    is(bounds({ timeout: 0 })),
  ),
  'sys.getState': sys('getState'),
  'sys.getStatus': sys('getStatus'),
  'sys.suspend': sys('suspend'),
  'sys.resume': sys('resume'),
  'sys.terminate': sys('terminate', anything('shutdown')),
  'sys.trace': sys('trace', flag(false)),
  'sys.log': sys('log', { good: 5, bad: [...isNoNumber.filter((each) => each !== false), -1, 'all'] }),
  'sys.statistics': sys('statistics', { good: true, bad: [undefined, null, 5, {}, 'all'] }),
  'sys.install': sys(
    'install',
    anything('id'),
    fn((state: unknown) => state),
    anything(),
  ),
  'sys.remove': sys('remove', anything('id')),
  'sys.replaceState': sys(
    'replaceState',
    fn((state: unknown) => state),
  ),
  'sys.logToFile': sys('logToFile', { good: false, bad: [undefined, null, 5, true, {}] }),
  'sys.noDebug': sys('noDebug'),
  begin: plain(otp.begin as Anything, anything(), returned()),
  noReply: plain(otp.noReply as Anything, returned()),
  reply: plain(otp.reply as Anything, anything(), returned()),
  stop: plain(otp.stop as Anything, anything(), returned()),
  reenter: plain(otp.reenter as Anything, returned(), returned(), returned()),
  startable: withCodes(
    plain(otp.startable as Anything, withoutFunctions(options({}, { accepts: 5 })), toRun),
    'ERR_REIGN_ARGUMENT',
    'ERR_REIGN_SCHEMA',
  ),
  loop: plain((who: Anything) => otp.loop(who, {} as never, {} as never, {} as never), {
    good: undefined,
    bad: [null, 5, {}],
  }),
  startIn: plain(otp.startIn as Anything, anything(), anything(), returned()),
  nextState: plain(otp.nextState as Anything, anything(), returned()),
  keepState: plain(otp.keepState as Anything, returned()),
  repeatState: plain(otp.repeatState as Anything, returned()),
  stopMachine: plain(otp.stopMachine as Anything, anything(), returned()),
  replyTo: plain(otp.replyTo as Anything, returned(), anything()),
  insertEvent: plain(otp.insertEvent as Anything, anything(), returned()),
  stateTimeout: transition(otp.stateTimeout),
  eventTimeout: transition(otp.eventTimeout),
  namedTimeout: plain(otp.namedTimeout as Anything, anything(), { good: 5, bad: [...isNoNumber, -1] }, anything()),
  cancelTimeout: plain(otp.cancelTimeout as Anything, kindOfTimeout, anything()),
  updateTimeout: plain(otp.updateTimeout as Anything, kindOfTimeout, anything(), anything()),
  defineApplication: plain(otp.defineApplication as Anything, {
    good: { name: 'app', start: () => tree },
    bad: [
      undefined,
      ...isNoOptions,
      {},
      { name: 5, start: () => tree },
      { name: 'app' },
      { name: 'app', start: 5 },
      { name: 'app', start: () => tree, stop: 5 },
      { name: 'app', start: () => tree, prepStop: 5 },
    ],
  }),
  startApplication: (world) => ({
    call: otp.startApplication as Anything,
    args: [
      by(world),
      { good: app, bad: [undefined, ...odd, 'app'] },
      optional(options({}, { args: 5 }, { config: 5 })),
    ],
  }),
  'RunningApplication#stop': on(
    async (world) => world.simulation.complete(otp.startApplication(world.node, app)),
    'stop',
    is(waitFor),
  ),
}

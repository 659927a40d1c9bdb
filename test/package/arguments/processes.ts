/** Processes, mailboxes, and what is called through them. */

import * as reign from '../../../src/index.js'
import { tuple } from '../../../src/index.js'
import {
  type Anything,
  type Argument,
  anything,
  bounds,
  delay,
  destination,
  fn,
  isNoText,
  isNothingToRun,
  list,
  odd,
  optional,
  options,
  ref,
  times,
  waitFor,
  without,
} from './kinds.js'
import {
  anAddress,
  counter,
  is,
  on,
  plain,
  spawnOptions,
  startOptions,
  type Table,
  toRun,
  withCodes,
  worker,
} from './row.js'
import type { World } from './world.js'

const self = (method: string, ...args: ((world: World) => Argument)[]) => on((world) => world.self, method, ...args)

/** See `table.ts`. */
export const processes: Table = {
  'Inbox#alias': self('alias', is(optional({ good: 'reply', bad: [null, 5, {}, 'other', true] }))),
  'Inbox#call': self('call', (world) => destination(world.address), is(anything('hi')), is(bounds({ timeout: 0 }))),
  'Inbox#cancelTimer': self('cancelTimer', (world) => ref(world.self.makeRef())),
  'Inbox#demonitor': self('demonitor', (world) => ref(world.self.makeRef())),
  'Inbox#erpc': self(
    'erpc',
    is({ good: 'b@sim', bad: [undefined, ...without(odd, 'object'), {}, null, '', ['', 'x'], [5]] }),
  ),
  'Inbox#link': self('link', anAddress),
  'Inbox#unlink': self('unlink', anAddress),
  'Inbox#monitor': self(
    'monitor',
    (world) => ({ good: world.address, bad: [...destination(1).bad, 'somebody'] }),
    is(options({}, { alias: 'other' }, { alias: 5 }, { alias: null })),
  ),
  'Inbox#reply': self(
    'reply',
    (world) => ({
      good: tuple(world.address, world.self.makeRef()),
      bad: [undefined, ...odd, 'text', [], tuple(5, 5), world.address],
    }),
    is(anything('hi')),
  ),
  'Inbox#sendAfter': self('sendAfter', is(delay()), anAddress, is(anything('hi'))),
  'Inbox#startTimer': self('startTimer', is(delay()), anAddress, is(anything('hi'))),
  'Inbox#server': self('server', (world) => destination(world.address)),
  'Inbox#unalias': self('unalias', (world) => ref(world.self.makeRef())),
  'Receiver#receive': on((world) => world.mailbox, 'receive', is(anything(() => true)), is(bounds({ timeout: 0 }))),
  'Receiver#poll': on((world) => world.mailbox, 'poll', is(anything(() => true))),
  'Mailbox#close': on((world) => world.node.mailbox(), 'close', is(anything('why'))),
  'Process#exit': self('exit', anAddress, is(anything('why'))),
  'Process#spawn': withCodes(
    self('spawn', is(spawnOptions), is(toRun), is(anything())),
    'ERR_REIGN_ARGUMENT',
    'ERR_REIGN_SCHEMA',
  ),
  'Process#spawnLink': withCodes(
    self('spawnLink', is(spawnOptions), is(toRun), is(anything())),
    'ERR_REIGN_ARGUMENT',
    'ERR_REIGN_SCHEMA',
  ),
  'Process#spawnMonitor': withCodes(
    self('spawnMonitor', is(spawnOptions), is(toRun), is(anything())),
    'ERR_REIGN_ARGUMENT',
    'ERR_REIGN_SCHEMA',
  ),
  'Process#start': self('start', is(startOptions), is({ good: counter, bad: [...isNothingToRun, worker] })),
  'DeadLetters#subscribe': on((world) => world.node.deadLetters, 'subscribe', is(fn())),
  'Io#putChars': on((world) => world.self.io, 'putChars', is(anything('text')), is(waitFor)),
  'Io#format': on(
    (world) => world.self.io,
    'format',
    is(anything('~p')),
    is({ good: [1], bad: [null, 5, 'text', {}] }),
    is(waitFor),
  ),
  'Io#getLine': on((world) => world.self.io, 'getLine', is(anything('>')), is(waitFor)),
  'Server#stop': on((world) => world.started(counter), 'stop', is(anything('normal')), is(waitFor)),
  'Server#with': on((world) => world.started(counter), 'with', is(waitFor)),
  'Servers#with': on((world) => world.node.servers('counter', ['b@sim']), 'with', is(waitFor)),
  'Erpc#call': on(
    (world) => world.node.erpc('b@sim'),
    'call',
    is({ good: 'm', bad: isNoText }),
    is({ good: 'f', bad: isNoText }),
    is(list()),
    is(waitFor),
  ),
  'Erpc#cast': on(
    (world) => world.node.erpc('b@sim'),
    'cast',
    is({ good: 'm', bad: isNoText }),
    is({ good: 'f', bad: isNoText }),
    is(list()),
  ),
  'Erpc#stream': on(
    (world) => ({ read: (...args: unknown[]) => (world.node.erpc('b@sim').stream as Anything)(...args).next() }),
    'read',
    is({ good: 'm', bad: isNoText }),
    is({ good: 'f', bad: isNoText }),
    is(list()),
    is(options({ timeout: 1_000 }, ...times, { credit: 0 }, { credit: 'x' }, { credit: null }, { signal: 5 })),
  ),
  'Erpc#module': on(
    (world) => world.node.erpc('b@sim'),
    'module',
    is({ good: 'm', bad: isNoText }),
    is(options({}, ...times, { credit: 0 }, { signal: 5 })),
  ),
  'MultiErpc#call': on(
    (world) => world.node.erpc(['b@sim']),
    'call',
    is({ good: 'm', bad: isNoText }),
    is({ good: 'f', bad: isNoText }),
    is(list()),
    is(waitFor),
  ),
  'MultiErpc#cast': on(
    (world) => world.node.erpc(['b@sim']),
    'cast',
    is({ good: 'm', bad: isNoText }),
    is({ good: 'f', bad: isNoText }),
    is(list()),
  ),
  'RemoteModule#with': on(
    (world) => world.node.erpc('b@sim').module('m'),
    'with',
    is(options({}, ...times, { credit: 0 }, { signal: 5 })),
  ),
  'RemoteStream#return': on((world) => world.node.erpc('b@sim').stream('m', 'f', []), 'return', is(anything())),
  observe: plain(
    reign.observe as Anything,
    { good: 'reign:process:spawned', bad: [...isNoText, 'process:spawned'] },
    fn(),
  ),
  callIn: plain(reign.callIn, anything()),
  via: plain(
    reign.via,
    {
      good: { whereisName: () => undefined, registerName: () => true, unregisterName: () => {}, send: () => true },
      bad: [undefined, ...odd, 'text', { whereisName: () => undefined }],
    },
    anything('name'),
  ),
}

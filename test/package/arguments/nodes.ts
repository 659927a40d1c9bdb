/** Nodes. */

import * as reign from '../../../src/index.js'
import { silent } from '../../../src/logger.js'
import {
  type Argument,
  address,
  anything,
  bounds,
  delay,
  destination,
  flag,
  fn,
  isNoOptions,
  isNoText,
  isNothingToRun,
  list,
  localName,
  nodeName,
  odd,
  optional,
  options,
  ref,
  times,
  without,
} from './kinds.js'
import {
  anAddress,
  anInbox,
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

const node = (method: string, ...args: ((world: World) => Argument)[]) => on((world) => world.node, method, ...args)

const wrongStarts = [
  { limits: 5 },
  { limits: { frameBytesMax: -1 } },
  { limits: { frameBytesMax: 'x' } },
  { limits: { nothingMax: 5 } },
  { visible: 5 },
  { listen: 'no' },
  { dialMembers: 5 },
  { discovery: 5 },
  { discovery: [5] },
  { discovery: [undefined] },
  { mesh: 'x' },
  { binaries: 'other' },
  { floats: 'other' },
  { codecs: 5 },
  { codecs: ['x'] },
  { memory: 5 },
  { transport: {} },
  { logger: 5 },
  { output: 5 },
  { strict: 5 },
]

/** See `table.ts`. */
export const nodes: Table = {
  'Node.local': plain(
    reign.Node.local,
    options(
      {},
      { logger: 5 },
      { logger: {} },
      { output: 5 },
      { clock: {} },
      { entropy: {} },
      { scheduler: {} },
      { guard: 5 },
      { strict: 'yes' },
      { admit: 5 },
    ),
  ),
  'Node.start': withCodes(
    (world) => {
      const good = {
        cluster: { ...world.simulation.spec, nodes: { 'c@sim': { address: '127.0.0.1:9' } } },
        transport: world.simulation.network.transport('c@sim'),
        clock: world.simulation.clock,
        logger: silent,
      }
      const bad = [undefined, ...isNoOptions, {}, { cluster: 5 }, { cluster: null }]
      return {
        call: reign.Node.start,
        args: [
          { good: 'c@sim', bad: [...isNoText, '', 'nobody'] },
          { good, bad: [...bad, ...wrongStarts.map((wrong) => ({ ...good, ...wrong }))] },
        ],
      }
    },
    'ERR_REIGN_ARGUMENT',
    'ERR_REIGN_NODE_NAME',
    'ERR_REIGN_CLUSTER_SPEC',
  ),
  'Node#connect': withCodes(
    node(
      'connect',
      is(nodeName()),
      is(options({}, { address: 5 }, { address: 'nowhere' }, { address: null }, { member: 5 })),
    ),
    'ERR_REIGN_ARGUMENT',
    'ERR_REIGN_NODE_NAME',
  ),
  'Node#disconnect': withCodes(node('disconnect', is(nodeName())), 'ERR_REIGN_ARGUMENT', 'ERR_REIGN_NODE_NAME'),
  'Node#forget': withCodes(node('forget', is(nodeName())), 'ERR_REIGN_ARGUMENT', 'ERR_REIGN_NODE_NAME'),
  'Node#ping': withCodes(
    node('ping', is(nodeName()), is(options({}, ...times))),
    'ERR_REIGN_ARGUMENT',
    'ERR_REIGN_NODE_NAME',
  ),
  'Node#monitorNodes': node('monitorNodes', anInbox, is(optional(flag()))),
  'Node#nodes': node('nodes', is({ good: 'visible', bad: [null, 5, {}, 'all', ['all'], true, () => {}] })),
  'Node#onNodeUp': node('onNodeUp', is(fn())),
  'Node#onNodeDown': node('onNodeDown', is(fn())),
  'Node#stop': node(
    'stop',
    is(
      options(
        {},
        { deadlineMs: -1 },
        { deadlineMs: Number.NaN },
        { deadlineMs: '5' },
        { deadlineMs: Number.POSITIVE_INFINITY },
        { deadlineMs: null },
      ),
    ),
  ),
  'LocalNode#call': node(
    'call',
    (world) => ({ good: world.address, bad: destination(1).bad }),
    is(anything('hi')),
    is(bounds({ timeout: 0 })),
  ),
  'LocalNode#cancelTimer': node('cancelTimer', (world) => ref(world.mailbox.makeRef())),
  'LocalNode#readTimer': node('readTimer', (world) => ref(world.mailbox.makeRef())),
  'LocalNode#erpc': node(
    'erpc',
    is({ good: 'b@sim', bad: [undefined, ...without(odd, 'object'), {}, null, '', ['', 'x'], [5]] }),
  ),
  'LocalNode#exit': node('exit', anAddress, is(anything('why'))),
  'LocalNode#expose': node(
    'expose',
    is({ good: 'pricing', bad: [...isNoText, ''] }),
    is({ good: { quote: () => 1 }, bad: [undefined, null, 5, 'text', { quote: 5 }] }),
  ),
  'LocalNode#unexpose': node(
    'unexpose',
    is({ good: 'pricing', bad: isNoText }),
    is(optional({ good: 'quote', bad: isNoText })),
  ),
  'LocalNode#io': node('io', (world) => optional(destination(world.address))),
  'LocalNode#ioServer': node('ioServer', is(fn())),
  'LocalNode#isAlive': node('isAlive', anAddress),
  'LocalNode#processInfo': node('processInfo', anAddress),
  'LocalNode#mailbox': withCodes(
    node(
      'mailbox',
      is(
        optional(
          options(
            {},
            { limit: 5 },
            { limit: {} },
            { limit: { messages: 0 } },
            { limit: { messages: Number.NaN } },
            { limit: { messages: 1, policy: 'none' } },
            { accepts: 5 },
          ),
        ),
      ),
    ),
    'ERR_REIGN_ARGUMENT',
    'ERR_REIGN_SCHEMA',
  ),
  'LocalNode#register': node('register', is(localName('another')), (world) => address(world.self.address)),
  'LocalNode#unregister': node('unregister', is({ good: 'somebody', bad: isNoText })),
  'LocalNode#whereis': node('whereis', is({ good: 'somebody', bad: isNoText })),
  'LocalNode#reviver': node('reviver', is(anything('')), is(anything({}))),
  'LocalNode#send': node('send', (world) => destination(world.address), is(anything('hi'))),
  'LocalNode#sendAfter': node('sendAfter', is(delay()), anAddress, is(anything('hi'))),
  'LocalNode#startTimer': node('startTimer', is(delay()), anAddress, is(anything('hi'))),
  'LocalNode#server': node('server', (world) => destination(world.address)),
  'LocalNode#servers': node(
    'servers',
    is({ good: 'counter', bad: isNoText }),
    is({ good: ['b@sim'], bad: [...list().bad, [5]] }),
  ),
  'LocalNode#spawn': withCodes(
    node('spawn', is(spawnOptions), is(toRun), is(anything())),
    'ERR_REIGN_ARGUMENT',
    'ERR_REIGN_SCHEMA',
  ),
  'LocalNode#spawnOn': node(
    'spawnOn',
    is({ good: 'b@sim', bad: [...isNoText, ''] }),
    is({ good: 'm', bad: isNoText }),
    is({ good: 'f', bad: isNoText }),
    is(list()),
    (world) => ({ good: { link: world.mailbox }, bad: [null, 5, { link: 5 }, { monitor: world.address }] }),
  ),
  'LocalNode#start': node('start', is(startOptions), is({ good: counter, bad: [...isNothingToRun, worker] })),
}

/** Names, groups, and discoveries. */

import * as reign from '../../../src/index.js'
import { atom } from '../../../src/index.js'
import {
  address,
  anything,
  fn,
  isNoOptions,
  isNoText,
  odd,
  optional,
  options,
  ref,
  text,
  unregistered,
  waitFor,
} from './kinds.js'
import { anAddress, anInbox, is, on, plain, type Table } from './row.js'
import type { World } from './world.js'

const channel = (pick: (world: World) => unknown, prefix: string) => ({
  [`${prefix}#join`]: on(pick, 'join', is(anything('club')), (world) => ({
    ...address(world.address),
    bad: [...address(1).bad.filter((each) => !Array.isArray(each)), [5], ['x']],
  })),
  [`${prefix}#leave`]: on(pick, 'leave', is(anything('club')), (world) => ({
    ...address(world.address),
    bad: [...address(1).bad.filter((each) => !Array.isArray(each)), [5], ['x']],
  })),
  [`${prefix}#members`]: on(pick, 'members', is(anything('club'))),
  [`${prefix}#localMembers`]: on(pick, 'localMembers', is(anything('club'))),
  [`${prefix}#monitor`]: on(pick, 'monitor', anInbox, is(anything('club'))),
  [`${prefix}#monitorScope`]: on(pick, 'monitorScope', anInbox),
  [`${prefix}#demonitor`]: on(pick, 'demonitor', (world) => ref(world.mailbox.makeRef())),
  [`${prefix}#sync`]: on(pick, 'sync', is(waitFor)),
})

const clusterName = text('shop')

const isNoClusterName = [undefined, ...odd, '', unregistered, atom('undefined'), '\ud800']

const aClusterName = is({ good: clusterName.good, bad: isNoClusterName })

/** See `table.ts`. */
export const names: Table = {
  'Names#register': on(
    (world) => world.node.names,
    'register',
    aClusterName,
    anAddress,
    is(options({}, { multipleClaim: 5 })),
  ),
  'Names#unregister': on(
    (world) => world.node.names,
    'unregister',
    aClusterName,
    (world) => optional(address(world.address)),
  ),
  'Names#lookup': on((world) => world.node.names, 'lookup', aClusterName),
  'Names#lookupAll': on((world) => world.node.names, 'lookupAll', aClusterName),
  'Names#send': on((world) => world.node.names, 'send', aClusterName, is(anything('hi'))),
  'Names#sync': on((world) => world.node.names, 'sync', is(waitFor)),
  'Names#watch': on((world) => world.node.names, 'watch', aClusterName, is(fn())),
  'Names#onConflict': on((world) => world.node.names, 'onConflict', is(fn())),
  ...channel((world) => world.node.groups, 'Groups'),
  ...channel((world) => world.node.groups.scope('other'), 'GroupScope'),
  'GroupScope#first': on((world) => world.node.groups.scope('other'), 'first', is(anything('club'))),
  'Groups#scope': on((world) => world.node.groups, 'scope', is(optional({ good: 'other', bad: [...isNoText, ''] }))),
  'Global#register': on(
    (world) => world.node.global,
    'register',
    is(anything('name')),
    anAddress,
    is(options({}, { resolve: 'other' }, { resolve: 5 }, { resolve: null })),
  ),
  'Global#registerName': on((world) => world.node.global, 'registerName', is(anything('name')), anAddress),
  'Global#unregister': on((world) => world.node.global, 'unregister', is(anything('name'))),
  'Global#unregisterName': on((world) => world.node.global, 'unregisterName', is(anything('name'))),
  'Global#whereis': on((world) => world.node.global, 'whereis', is(anything('name'))),
  'Global#whereisName': on((world) => world.node.global, 'whereisName', is(anything('name'))),
  'Global#send': (world) => ({
    call: (name) => world.node.global?.send(name, 'hi'),
    args: [{ good: undefined, bad: ['nobody', 5] }],
    codes: ['ERR_REIGN_ARGUMENT'],
  }),
  discoverBy: plain(
    reign.discoverBy,
    fn(),
    options({}, { intervalMs: 0 }, { intervalMs: Number.NaN }, { timeoutMs: -1 }, { timeoutMs: '5' }, { title: 5 }),
  ),
  discoverDns: plain(reign.discoverDns, {
    good: { host: 'h', name: 'app@{ip}' },
    bad: [
      undefined,
      ...isNoOptions,
      {},
      { host: 5, name: 'app@{ip}' },
      { host: 'h' },
      { host: 'h', name: 5 },
      { host: 'h', name: 'no name' },
      { host: 'h', name: 'app@{ip}', port: 0 },
      { host: 'h', name: 'app@{ip}', intervalMs: 0 },
      { host: 'h', name: 'app@{ip}', resolver: {} },
    ],
  }),
  discoverSrv: plain(reign.discoverSrv, {
    good: { service: 's', name: 'app@{host}' },
    bad: [
      undefined,
      ...isNoOptions,
      {},
      { service: 5, name: 'app@{host}' },
      { service: 's' },
      { service: 's', name: 'no name' },
      { service: 's', name: 'app@{host}', timeoutMs: 0 },
      { service: 's', name: 'app@{host}', resolver: 5 },
    ],
  }),
  discoverEpmd: plain(reign.discoverEpmd, {
    good: { hosts: ['127.0.0.1'] },
    bad: [
      undefined,
      ...isNoOptions,
      {},
      { hosts: 5 },
      { hosts: 'h' },
      { hosts: [5] },
      { hosts: [''] },
      { hosts: ['h'], port: 0 },
      { hosts: ['h'], alive: 5 },
      { hosts: ['h'], intervalMs: 0 },
    ],
  }),
}

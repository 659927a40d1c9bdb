import { expect, test } from 'vitest'
import type { Verdict } from '../../src/dist/handshake-acceptor.js'
import { listenForNodes } from '../../src/net/listener.js'
import { localEnd } from '../../src/net/local-end.js'
import type { ListenOptions, Transport } from '../../src/net/transport.js'
import { Secret } from '../../src/secret.js'
import { KeptLog } from '../cluster/cluster-kit.js'
import { VirtualClock } from '../support/virtual-clock.js'

test('where nobody can be accepted, as no descriptors are left, it says so once in ten seconds, and goes on listening', async () => {
  const clock = new VirtualClock()
  const logger = new KeptLog()
  const endpoint = { host: '127.0.0.1', port: 1 }
  let listening: ListenOptions | undefined
  const transport: Transport = {
    dial: () => Promise.reject(new Error('nobody dials here')),
    listen: async (_, options) => {
      listening = options
      return { endpoint, close: async () => {} }
    },
  }
  const end = localEnd({ transport, cookie: () => new Secret('x'), name: 'a@127.0.0.1', creation: 1, clock, logger })
  const owner = { decide: (): Verdict => 'ok', mayReplace: () => true, accepted: () => {} }
  const listener = await listenForNodes(end, endpoint, owner)
  for (let n = 0; n < 1_000; n++) listening?.failed(new Error('accept EMFILE'))
  const line = { level: 'error', message: 'cannot accept connections' }
  expect(logger.lines).toEqual([{ ...line, fields: { error: 'accept EMFILE' } }])
  clock.advance(10_000)
  listening?.failed(new Error('accept EMFILE'))
  expect(logger.lines.slice(1)).toEqual([{ ...line, fields: { error: 'accept EMFILE', untold: 999 } }])
  await listener.close()
})

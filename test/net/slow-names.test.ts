/** Names of hosts that are looked up slowly, wrongly or not at all, while a node dials: F55. */
import type { LookupFunction } from 'node:net'
import { describe, expect, test } from 'vitest'
import { defaultLimits } from '../../src/limits.js'
import { tcpTransport } from '../../src/net/tcp-transport.js'
import { tlsTransport } from '../../src/net/tls-transport.js'
import { eventually } from '../support/deadline.js'
import { Accepting, credentialsFor, deadlineMs, dial, dialFails, endOf, loopback, sharedAuthority } from './net-kit.js'

const limits = { ...defaultLimits, handshakeMs: 200 }
const target = 'there@there.example.org'
const endpoint = { host: 'there.example.org', port: 9 }

/** An end whose names are looked up so. */
async function endWith(over: 'tcp' | 'tls', lookup: LookupFunction) {
  const name = 'here@127.0.0.1'
  if (over === 'tcp') return endOf(name, { transport: tcpTransport({ lookup }), limits })
  const credentials = await credentialsFor(await sharedAuthority(), name)
  return endOf(name, { transport: tlsTransport({ credentials: () => credentials, lookup }), limits })
}

describe.each(['tcp', 'tls'] as const)('a name, dialled over %s,', (over) => {
  test('that nobody looks up in time: the attempt ends at its time, and nothing else waits for it', async () => {
    const asked: string[] = []
    const end = await endWith(over, (host) => asked.push(host))
    let turns = 0
    let counting = true
    const count = () => {
      turns++
      if (counting) setImmediate(count)
    }
    count()
    const failure = await dialFails(end, target, endpoint)
    counting = false
    expect(failure).toMatchObject({ reason: 'timeout', error: { code: 'ERR_REIGN_HANDSHAKE_TIMEOUT' } })
    expect(asked).toEqual(['there.example.org'])
    // Were it waited for in place, there would be none.
    expect(turns).toBeGreaterThan(2)
  })

  test('that is looked up too late: nobody is connected with any more', async () => {
    const listening = await Accepting.on(endOf('there@127.0.0.1'), loopback)
    let answer: (() => void) | undefined
    const end = await endWith(over, (_host, options, callback) => {
      answer = () => {
        if (options.all) callback(null, [{ address: '127.0.0.1', family: 4 }])
        else callback(null, '127.0.0.1', 4)
      }
    })
    await dialFails(end, target, { ...endpoint, port: listening.endpoint.port })
    answer?.()
    await new Promise((turn) => setImmediate(turn))
    expect(listening.decided).toEqual([])
    await eventually(() => listening.listener.pending === 0, deadlineMs)
    await listening.close()
  })

  test.each(['ENOTFOUND', 'EAI_AGAIN'])('that cannot be looked up (%s) is out of reach, at once', async (code) => {
    const error = Object.assign(new Error(`getaddrinfo ${code} there.example.org`), { code })
    const end = await endWith(over, (_host, _options, callback) => callback(error, ''))
    const { outcome } = dial(end, target, endpoint)
    const { failure } = await outcome
    expect(failure).toMatchObject({ reason: 'unreachable', error: { code: 'ERR_REIGN_UNREACHABLE' } })
    expect(failure?.error.message).toContain(code)
  })
})

/** Questions to name servers: a small one of our own, that answers, refuses or says nothing. */
import { createSocket, type Socket } from 'node:dgram'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { dnsResolver } from '../../src/net/resolver.js'
import { within } from '../support/deadline.js'
import { deadlineMs } from './net-kit.js'

const types = { A: 1, AAAA: 28, SRV: 33 } as const
const codes = { ok: 0, SERVFAIL: 2, NXDOMAIN: 3 } as const

/** The bytes of a name, each label behind its length. */
function nameBytes(name: string): Buffer {
  const labels = name.split('.').map((label) => Buffer.from([label.length, ...Buffer.from(label)]))
  return Buffer.concat([...labels, Buffer.from([0])])
}

const ipv4 = (text: string) => Buffer.from(text.split('.').map(Number))
const srv = (priority: number, weight: number, port: number, host: string) => {
  const head = Buffer.alloc(6)
  for (const [n, value] of [priority, weight, port].entries()) head.writeUInt16BE(value, n * 2)
  return Buffer.concat([head, nameBytes(host)])
}

type Answer = { readonly code?: keyof typeof codes; readonly data?: readonly Buffer[] } | 'nothing'

let server: Socket | undefined
afterEach(() => server?.close())

/** A name server that gives these answers, by the type of the question. */
async function serve(answers: Partial<Record<keyof typeof types, Answer>>): Promise<string> {
  const socket = createSocket('udp4')
  server = socket
  socket.on('message', (query, from) => {
    const end = query.indexOf(0, 12) + 5
    const type = query.readUInt16BE(end - 4)
    const [name] = Object.entries(types).find(([, value]) => value === type) ?? []
    const answer = answers[name as keyof typeof types] ?? {}
    if (answer === 'nothing') return
    const { code = 'ok', data = [] } = answer
    const head = Buffer.from(query.subarray(0, 12))
    head.writeUInt16BE(0x8180 | codes[code], 2)
    head.writeUInt16BE(data.length, 6)
    head.writeUInt16BE(0, 8)
    head.writeUInt16BE(0, 10)
    const records = data.map((each) => {
      // The name of the question, by a pointer to it; class IN; for a minute.
      const record = Buffer.from('c00c000000010000003c0000', 'hex')
      record.writeUInt16BE(type, 2)
      record.writeUInt16BE(each.length, record.length - 2)
      return Buffer.concat([record, each])
    })
    socket.send(Buffer.concat([head, query.subarray(12, end), ...records]), from.port, from.address)
  })
  await new Promise<void>((bound) => socket.bind(0, '127.0.0.1', bound))
  return `127.0.0.1:${(socket.address() as AddressInfo).port}`
}

const answered = <T>(asked: Promise<T>): Promise<T> => within(deadlineMs, asked, 'an answer')
const never = new AbortController().signal
const v6 = Buffer.from('fd000000000000000000000000000007', 'hex')

describe('the addresses of a host', () => {
  test('are those of both kinds', async () => {
    const resolver = dnsResolver([
      await serve({ A: { data: [ipv4('10.0.0.1'), ipv4('10.0.0.2')] }, AAAA: { data: [v6] } }),
    ])
    const found = await answered(resolver.addresses('app.example.org', never))
    expect([...found].sort()).toEqual(['10.0.0.1', '10.0.0.2', 'fd00::7'])
  })

  test('are those of one kind, when the other fails', async () => {
    const resolver = dnsResolver([await serve({ A: { data: [ipv4('10.0.0.1')] }, AAAA: { code: 'SERVFAIL' } })])
    expect(await answered(resolver.addresses('app.example.org', never))).toEqual(['10.0.0.1'])
  })

  test.each([
    ['does not exist', { A: { code: 'NXDOMAIN' }, AAAA: { code: 'NXDOMAIN' } }],
    ['has none', {}],
  ] as const)('are none when it %s', async (_, answers) => {
    const resolver = dnsResolver([await serve(answers)])
    expect(await answered(resolver.addresses('app.example.org', never))).toEqual([])
  })

  test('are not known when the server fails', async () => {
    const resolver = dnsResolver([await serve({ A: { code: 'SERVFAIL' }, AAAA: { code: 'SERVFAIL' } })])
    const asked = answered(resolver.addresses('app.example.org', never))
    await expect(asked).rejects.toMatchObject({ code: 'ERR_REIGN_UNREACHABLE' })
    await expect(asked).rejects.toThrow(/DNS does not answer about app\.example\.org/)
  })

  test('are given up at once, with its reason, when the signal is aborted', async () => {
    const resolver = dnsResolver([await serve({ A: 'nothing', AAAA: 'nothing' })])
    const abort = new AbortController()
    const asked = resolver.addresses('app.example.org', abort.signal)
    const reason = new Error('enough')
    abort.abort(reason)
    await expect(within(3_000, asked, 'the end of the question')).rejects.toBe(reason)
    await expect(resolver.addresses('app.example.org', abort.signal)).rejects.toBe(reason)
  })
})

describe('the services of a name', () => {
  test('are the best first: by priority, then by weight', async () => {
    const resolver = dnsResolver([
      await serve({
        SRV: { data: [srv(2, 9, 3, 'c.example.org'), srv(1, 1, 2, 'b.example.org'), srv(1, 5, 1, 'a.example.org')] },
      }),
    ])
    expect(await answered(resolver.services('_reign._tcp.example.org', never))).toEqual([
      { host: 'a.example.org', port: 1 },
      { host: 'b.example.org', port: 2 },
      { host: 'c.example.org', port: 3 },
    ])
  })

  test('are none when the name does not exist', async () => {
    const resolver = dnsResolver([await serve({ SRV: { code: 'NXDOMAIN' } })])
    expect(await answered(resolver.services('_reign._tcp.example.org', never))).toEqual([])
  })
})

import { describe, expect, test } from 'vitest'
import { formatEndpoint, isLoopback, parseEndpoint } from '../../src/cluster/endpoint.js'
import { suggestion } from '../../src/cluster/suggestion.js'

describe('endpoints', () => {
  test.each([
    ['127.0.0.1:9100', '127.0.0.1', 9_100],
    ['shop.example.org:1', 'shop.example.org', 1],
    ['[::1]:65535', '::1', 65_535],
    ['[fe80::1]:7', 'fe80::1', 7],
    ['a_b-c:7', 'a_b-c', 7],
  ])('%s is read, and written again', (text, host, port) => {
    const endpoint = parseEndpoint(text, 1)
    expect(endpoint).toEqual({ host, port })
    expect(typeof endpoint === 'string' || formatEndpoint(endpoint)).toBe(text)
  })

  test.each([
    ['', 'has no port'],
    ['host', 'has no port'],
    ['host:', 'has no valid port'],
    ['host:-1', 'has no valid port'],
    ['host:1e3', 'has no valid port'],
    ['host: 1', 'has no valid port'],
    ['host:65536', 'the highest is 65535'],
    ['ho st:1', 'has no valid host'],
    ['h@x:1', 'has no valid host'],
    ['::1:9100', 'is an IPv6 address without a port'],
    ['2001:db8:1:2:3:4:5:6:9100', 'needs brackets'],
    ['[::1]', 'is not host:port'],
    ['[]:1', 'has no host'],
    ['[::1]x:1', 'is not host:port'],
  ])('%j is none', (text, problem) => {
    expect(parseEndpoint(text, 1)).toContain(problem)
  })

  test('port 0 only where it makes sense', () => {
    expect(parseEndpoint('h:0', 0)).toEqual({ host: 'h', port: 0 })
    expect(parseEndpoint('h:0', 1)).toBe('has the port 0, which nobody can dial')
  })

  test('loopback is told by the text alone', () => {
    for (const host of [
      'localhost',
      'LOCALHOST',
      '127.0.0.1',
      '127.255.1.9',
      '::1',
      '0:0:0:0:0:0:0:1',
      '::ffff:127.0.0.1',
    ]) {
      expect([host, isLoopback(host)]).toEqual([host, true])
    }
    const others = [
      '0.0.0.0',
      '::',
      '10.0.0.1',
      '128.0.0.1',
      '127.0.0.1.example.org',
      'localhost.example.org',
      '::2',
      '',
    ]
    for (const host of others) expect([host, isLoopback(host)]).toEqual([host, false])
  })
})

describe('suggestions', () => {
  const words = ['address', 'listen', 'localAddress', 'cert', 'key']
  test.each([
    ['adress', 'address'],
    ['addresss', 'address'],
    ['adderss', 'address'],
    ['ADDRESS', 'address'],
    ['local_address', 'localAddress'],
    ['local-adress', 'localAddress'],
    ['lisen', 'listen'],
    ['kye', 'key'],
    ['certs', 'cert'],
    ['colour', undefined],
    ['', undefined],
    ['x', undefined],
  ])('%j is %j', (word, expected) => {
    expect(suggestion(word, words)).toBe(expected)
  })

  test('the nearest wins, and long words cost no more than they must', () => {
    expect(suggestion('abcdf', ['abcxf', 'abcdf', 'abcd'])).toBe('abcdf')
    expect(suggestion('x'.repeat(1_000_000), words)).toBeUndefined()
  })
})

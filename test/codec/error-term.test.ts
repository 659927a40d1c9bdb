/** Errors in Erlang's shape: `{{Name, Message}, Stack}`, of which nothing that a user typed becomes an atom. */
import { runInNewContext } from 'node:vm'
import { describe, expect, test } from 'vitest'
import { atom, charlistText, decode, encode, type Tuple, tuple } from '../../src/codec/index.js'
import { quickestMs } from '../support/quickest.js'

type Frame = readonly [symbol, symbol, number, readonly (readonly [symbol, unknown])[]]
const decoded = (error: unknown) => decode(encode(error)) as unknown as readonly [Tuple, Frame[]]

function withStack(lines: string, name = 'Error', message = 'm'): Error {
  const error = new Error(message)
  error.stack = `${name}: ${message}\n${lines}`
  return error
}

describe('name and message', () => {
  test('are an atom and a text', () => {
    expect(decoded(new TypeError('not a shop'))[0]).toEqual(tuple(atom('TypeError'), 'not a shop'))
    class OutOfStock extends Error {
      override readonly name = 'OutOfStock'
    }
    expect(decoded(new OutOfStock('sorry'))[0]).toEqual(tuple(atom('OutOfStock'), 'sorry'))
    expect(decoded(runInNewContext('new RangeError("far away")'))[0]).toEqual(tuple(atom('RangeError'), 'far away'))
  })

  test.each(['', 'two words', 'héllo', '<script>', 'x'.repeat(65), 'a\nb', '1st'])(
    'the name %j becomes Error',
    (name) => {
      expect(decoded(Object.assign(new Error('m'), { name }))[0][0]).toBe(atom('Error'))
    },
  )

  test('whatever they are, an error can be sent', () => {
    const hostile = new Error('m')
    Object.defineProperty(hostile, 'stack', {
      get() {
        throw new Error('no stack')
      },
    })
    Object.assign(hostile, { name: 5, message: Symbol('m') })
    expect(decode(encode(hostile))).toEqual(tuple(tuple(atom('Error'), ''), []))
    expect(decoded(new Error('lone \ud800'))[0][1]).toBe('lone \ufffd')
  })
})

describe('the stack', () => {
  test('names modules, functions, files and lines', () => {
    function sell(): Error {
      return new Error('sold out')
    }
    const [, stack] = decoded(sell())
    const [module, name, arity, [file, line]] = stack[0] as unknown as [symbol, symbol, number, [Tuple, Tuple]]
    expect(module).toBe(atom('error-term.test'))
    expect(name).toBe(atom('sell'))
    expect(arity).toBe(0)
    expect(file[0]).toBe(atom('file'))
    expect(charlistText(file[1])).toMatch(/test\/codec\/error-term\.test\.ts$/)
    expect(line[0]).toBe(atom('line'))
    expect(line[1]).toBeGreaterThan(1)
  })

  test.each<[string, string, string, string, number]>([
    ['    at file:///srv/shop.js:12:5', 'shop', 'anonymous', '/srv/shop.js', 12],
    ['    at /srv/shop.mjs:1:2', 'shop', 'anonymous', '/srv/shop.mjs', 1],
    ['    at quote (/srv/shop.js:3:4)', 'shop', 'quote', '/srv/shop.js', 3],
    ['    at async Shop.quote (/srv/shop.js:3:4)', 'shop', 'quote', '/srv/shop.js', 3],
    ['    at new Shop (/srv/shop.js:3:4)', 'shop', 'Shop', '/srv/shop.js', 3],
    ['    at Shop.quote [as ask] (/srv/shop.js:3:4)', 'shop', 'quote', '/srv/shop.js', 3],
    ['    at Object.<anonymous> (/srv/shop.js:3:4)', 'shop', 'anonymous', '/srv/shop.js', 3],
    ['    at node:internal/main:5:6', 'anonymous', 'anonymous', 'node:internal/main', 5],
    ['    at C.f (C:\\srv\\shop.js:3:4)', 'shop', 'f', 'C:\\srv\\shop.js', 3],
  ])('%s', (line, module, name, file, lineNumber) => {
    const [, stack] = decoded(withStack(line))
    expect(stack).toEqual([
      tuple(atom(module), atom(name), 0, [
        tuple(
          atom('file'),
          [...file].map((c) => c.codePointAt(0)),
        ),
        tuple(atom('line'), lineNumber),
      ]),
    ])
  })

  test('lines that name no file are left out, and after 16 frames it ends', () => {
    expect(decoded(withStack('    at <anonymous>\n    at native\nrubbish\n    at Promise.all (index 0)'))[1]).toEqual(
      [],
    )
    expect(decoded(withStack(Array(40).fill('    at f (/srv/shop.js:3:4)').join('\n')))[1]).toHaveLength(16)
  })

  test('a message that looks like a frame is none', () => {
    const message = 'oops\n    at injected (/srv/evil.js:1:1)'
    expect(decoded(withStack('    at f (/srv/shop.js:3:4)', 'Error', message))[1]).toHaveLength(1)
  })

  test('function names that nobody wrote as such become anonymous', () => {
    const line = `    at Object.user-typed (/srv/shop.js:3:4)\n    at Object.${'x'.repeat(70)} (/srv/shop.js:3:4)`
    expect(decoded(withStack(line))[1].map(([, name]) => name)).toEqual([atom('anonymous'), atom('anonymous')])
  })

  test('a stack of a megabyte without an end is no trouble', () => {
    const lines = [
      `    at ${'a'.repeat(1_000_000)}`,
      `    at ${'a ('.repeat(300_000)}`,
      `    at ${' '.repeat(1_000_000)}`,
    ]
    const read = () => {
      for (const line of lines) expect(decoded(withStack(line))[1]).toEqual([])
    }
    expect(quickestMs(1_000, read)).toBeLessThan(1_000)
  })
})

/** The atoms of peers: counted once each, bounded, and found again whatever else was looked up. */
import { describe, expect, test } from 'vitest'
import { AtomBudget, atom, decode, encode } from '../../src/codec/index.js'
import { errorOf, fromHex, toHex } from './etf-kit.js'

const bytesOf = (name: string) => Buffer.from(name)
const meet = (budget: AtomBudget, name: string) => budget.atom(bytesOf(name), 0, bytesOf(name).length)

describe('the bound', () => {
  test('is on names that were not known; those that were go on working', () => {
    const budget = new AtomBudget(3, [atom('mine')])
    for (const name of ['a', 'b', 'a', 'mine', 'c', 'c']) expect(meet(budget, name)).toBe(Symbol.for(name))
    expect(budget.count).toBe(3)
    expect(errorOf(() => meet(budget, 'd')).code).toBe('ERR_REIGN_ATOM_LIMIT')
    expect(errorOf(() => meet(budget, 'd')).message).toContain('atomCountMax')
    for (const name of ['a', 'b', 'c', 'mine']) expect(meet(budget, name)).toBe(Symbol.for(name))
    budget.know(atom('d'))
    expect(meet(budget, 'd')).toBe(atom('d'))
    expect(budget.count).toBe(3)
  })

  test.each<[string, (n: number) => string]>([
    ['values', (n) => name(n)],
    ['keys of objects', (n) => `7400000001${name(n)}6a`],
    ['names of nodes', (n) => `58${name(n)}000000000000000000000000`],
    ['modules', (n) => `71${name(n)}${name(0)}6101`],
    ['atoms in Latin-1', (n) => `7304${Buffer.from(`n${100 + n}`).toString('hex')}`],
    ['atoms that are no ASCII', (n) => `7705${Buffer.from(`é${100 + n}`).toString('hex')}`],
  ])('counts %s', (_, term) => {
    const budget = new AtomBudget(10)
    const read = (n: number) => decode(fromHex(`83${term(n)}`), { atoms: budget })
    const fit = term(1).startsWith('71') ? 9 : 10
    for (let round = 0; round < 2; round++) for (let n = 1; n <= fit; n++) read(n)
    expect(budget.count).toBe(10)
    expect(errorOf(() => read(11)).code).toBe('ERR_REIGN_ATOM_LIMIT')
  })

  test('a stand-alone decode refuses as well, and the next one is not disturbed', () => {
    const budget = new AtomBudget(1)
    expect(errorOf(() => decode(encode([atom('x1'), atom('x2')]), { atoms: budget })).code).toBe('ERR_REIGN_ATOM_LIMIT')
    expect(decode(encode(atom('x1')), { atoms: budget })).toBe(atom('x1'))
  })

  function name(n: number): string {
    return `7704${Buffer.from(`n${100 + n}`).toString('hex')}`
  }
})

describe('shares of peers', () => {
  test('who has used up its own is refused what is new, and nobody else is', () => {
    const whole = new AtomBudget(100)
    const [one, other] = [whole.share('one', 3), whole.share('other', 3)]
    for (const name of ['x1', 'x2', 'x3']) meet(one, name)
    expect(errorOf(() => meet(one, 'x4'))).toMatchObject({
      code: 'ERR_REIGN_ATOM_LIMIT',
      message: expect.stringMatching(/^one has brought 3 atoms .*atomCountPerPeerMax/),
    })
    for (const name of ['y1', 'y2', 'y3']) meet(other, name)
    expect([whole.count, one.count, other.count]).toEqual([6, 3, 3])
    // What is known, whoever has brought it, is free.
    for (const name of ['x1', 'y1', 'y2', 'y3']) expect(meet(one, name)).toBe(Symbol.for(name))
    expect(one.count).toBe(3)
  })

  test('a second one for the same peer does not begin anew', () => {
    const whole = new AtomBudget(100)
    for (let n = 0; n < 5; n++) meet(whole.share('peer', 5), `x${n}`)
    expect(errorOf(() => meet(whole.share('peer', 5), 'x5')).code).toBe('ERR_REIGN_ATOM_LIMIT')
  })

  test('all together are bounded by the whole, and what it refuses counts for nobody', () => {
    const whole = new AtomBudget(5)
    const [one, other] = [whole.share('one', 4), whole.share('other', 4)]
    for (const name of ['x1', 'x2', 'x3']) meet(one, name)
    for (const name of ['y1', 'y2']) meet(other, name)
    for (let round = 0; round < 3; round++) {
      expect(errorOf(() => meet(other, 'y3'))).toMatchObject({
        code: 'ERR_REIGN_ATOM_LIMIT',
        message: expect.stringMatching(/^peers have brought 5 atoms.*atomCountMax/),
      })
    }
    expect([whole.count, one.count, other.count]).toEqual([5, 3, 2])
  })

  test('peers that bring nothing new leave no trace, however many there are', () => {
    const whole = new AtomBudget(10)
    meet(whole, 'known')
    for (let n = 0; n < 1_000; n++) expect(meet(whole.share(`peer ${n}`, 1), 'known')).toBe(Symbol.for('known'))
    expect(whole.count).toBe(1)
  })

  test('read maps through one share after the other: keys that are new are new, keys that are twice are refused', () => {
    const whole = new AtomBudget(10)
    const [one, other] = [whole.share('one', 4), whole.share('other', 4)]
    const map = encode({ a: { a: 1, b: 2 }, b: 3 })
    const twice = Buffer.concat([
      fromHex('8374 00000002'),
      encode(atom('a')).subarray(1),
      fromHex('6a'),
      encode(atom('a')).subarray(1),
      fromHex('6a'),
    ])
    for (let round = 0; round < 3; round++) {
      for (const atoms of [one, other]) {
        expect(decode(map, { atoms })).toEqual({ a: { a: 1, b: 2 }, b: 3 })
        expect(errorOf(() => decode(twice, { atoms })).code).toBe('ERR_REIGN_TERM_INVALID')
      }
    }
  })
})

describe('finding', () => {
  test('many names, over and over, each gives its own atom', () => {
    const budget = new AtomBudget()
    // Many more than the cache has slots, so that they take each other's.
    for (let round = 0; round < 3; round++) {
      for (let n = 0; n < 20_000; n++) expect(meet(budget, `atom_${n}`)).toBe(Symbol.for(`atom_${n}`))
    }
    expect(budget.count).toBe(20_000)
  })

  test('the four names that are values of JavaScript are those', () => {
    const budget = new AtomBudget()
    expect(['true', 'false', 'undefined', 'null'].map((name) => meet(budget, name))).toEqual([
      true,
      false,
      undefined,
      null,
    ])
  })

  test('the empty name, names of 255 characters, and no longer ones', () => {
    const budget = new AtomBudget()
    for (const name of ['', 'x'.repeat(255), 'é'.repeat(255), '😀'.repeat(255)]) {
      expect(meet(budget, name)).toBe(Symbol.for(name))
    }
    for (const name of ['x'.repeat(256), 'é'.repeat(256), '😀'.repeat(256), 'x'.repeat(1_021)]) {
      expect(errorOf(() => meet(budget, name)).code).toBe('ERR_REIGN_TERM_INVALID')
    }
    expect(errorOf(() => budget.atom(Uint8Array.of(0xff), 0, 1)).code).toBe('ERR_REIGN_TERM_INVALID')
    expect(errorOf(() => decode(Buffer.concat([fromHex('837604 01'), Buffer.alloc(1_025, 'x')]))).code).toBe(
      'ERR_REIGN_TERM_INVALID',
    )
    expect(budget.count).toBe(4)
  })

  test('part of a larger buffer is enough', () => {
    expect(new AtomBudget().atom(fromHex('ff6f6bff'), 1, 2)).toBe(atom('ok'))
    expect(toHex(encode(new AtomBudget().atom(fromHex('ff6f6bff'), 1, 2)))).toBe('8377026f6b')
  })
})

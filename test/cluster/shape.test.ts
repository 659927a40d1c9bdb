import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type Fault,
  flag,
  meant,
  object,
  oneOf,
  record,
  type Shape,
  text,
  textOrTexts,
  wholeNumber,
} from '../../src/cluster/shape.js'

interface Inner {
  name?: string
  size?: number
}
interface Outer {
  flag?: boolean
  word?: 'a' | 'b'
  list?: string | readonly string[]
  inner?: Inner
  all?: Readonly<Record<string, Inner>>
}

const inner = object<Inner>({ name: text((value) => (value === '' ? 'is empty' : undefined)), size: wholeNumber(1, 9) })
const outer = object<Outer>(
  {
    flag,
    word: oneOf('"a" or "b"', ['a', 'b']),
    list: textOrTexts('a list', (value) => (value.length > 2 ? ['is long', 'is too long'] : [])),
    inner: meant('an inner', (value) => (typeof value === 'object' ? inner : undefined)),
    all: record('inners by name', inner),
  },
  { everything: 'all' },
)

function read<T>(shape: Shape<T>, value: unknown): { taken: T | undefined; faults: string[] } {
  const faults: Fault[] = []
  const taken = shape.read(value, [], faults)
  return { taken, faults: faults.map(({ path, message }) => `${path.join('.')} ${message}`) }
}

describe('a shape', () => {
  test('takes what fits, as it is', () => {
    const value = { flag: false, word: 'a', list: ['x'], inner: { size: 9 }, all: { x: { name: 'n' }, y: {} } }
    expect(read(outer, value)).toEqual({ taken: value, faults: [] })
    expect(read(outer, {})).toEqual({ taken: {}, faults: [] })
    expect(read(outer, { flag: undefined })).toEqual({ taken: {}, faults: [] })
  })

  test('reports all that does not, and takes the rest', () => {
    const value = {
      flag: 1,
      word: 'c',
      list: ['x', 1],
      inner: { name: '', size: 1 },
      all: { x: null, y: { size: 10 }, z: {} },
    }
    expect(read(outer, value)).toEqual({
      taken: { inner: { size: 1 }, all: { y: {}, z: {} } },
      faults: [
        'flag must be true or false, not a number',
        'word must be "a" or "b"',
        'list.1 must be a text, not a number',
        'inner.name is empty',
        'all.x must be an object, not null',
        'all.y.size is not a whole number from 1 to 9',
      ],
    })
    expect(read(outer, { word: 1, list: 'abc', inner: 3, all: [] }).faults).toEqual([
      'word must be "a" or "b", not a number',
      'list is long',
      'list is too long',
      'inner must be an inner, not a number',
      'all must be inners by name, not a list',
    ])
  })

  test('says which field was meant', () => {
    expect(read(outer, { Flags: true, every_thing: {}, q: 1 }).faults).toEqual([
      'Flags is not known: did you mean flag?',
      'every_thing is not known: did you mean all?',
      'q is not known (there are flag, word, list, inner, all)',
    ])
  })

  test('takes own properties only', () => {
    expect(read(outer, Object.create({ flag: true }))).toEqual({ taken: {}, faults: [] })
    const { taken } = read(outer, JSON.parse('{"all": {"__proto__": {"size": 3}}}'))
    expect(Object.entries(taken?.all ?? {})).toEqual([['__proto__', { size: 3 }]])
    expect(read(outer, JSON.parse('{"__proto__": {"flag": true}}')).faults).toEqual([
      '__proto__ is not known (there are flag, word, list, inner, all)',
    ])
  })

  test('of whatever there is, takes what fits, and what it has taken fits', () => {
    const fields = ['flag', 'word', 'list', 'inner', 'all', 'name', 'size', 'x']
    const some = fc.oneof(fc.boolean(), fc.constantFrom('a', 'b', '', null), fc.integer({ min: -1, max: 11 }))
    const level = (below: fc.Arbitrary<unknown>) =>
      fc.oneof(some, fc.array(some, { maxLength: 3 }), fc.dictionary(fc.constantFrom(...fields), below, { maxKeys: 5 }))
    fc.assert(
      fc.property(fc.oneof(level(level(level(some))), fc.anything({ maxDepth: 2 })), (value) => {
        const { taken, faults } = read(outer, value)
        if (taken === undefined) expect(faults).toHaveLength(1)
        else expect(read(outer, taken)).toEqual({ taken, faults: [] })
      }),
      { numRuns: 1_000 },
    )
  })
})

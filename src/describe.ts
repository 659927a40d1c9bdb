/** Values as short texts: for error messages, crash reports and logs, where an exit reason can be anything at all. */

const charactersMax = 200
const depthMax = 4
const elementsMax = 10

/** What has this method says itself how it reads; it is given a way to describe what is inside of it. */
export const described: unique symbol = Symbol('described')

/** See {@link described}. */
export interface Described {
  [described](list: (elements: Iterable<unknown>) => string): string
}

/**
 * A short text for a value: one line, bounded, safe for any value. Of what contains others the first few are shown, to some depth;
 * atoms as they are, texts inside of something in quotes. Cost: bounded too, however large the value is.
 */
export function describe(value: unknown): string {
  const text = (typeof value === 'string' ? value : inside(value, depthMax)).slice(0, charactersMax + 1)
  return text.length > charactersMax ? `${text.slice(0, charactersMax - 1).toWellFormed()}…` : text.toWellFormed()
}

function inside(value: unknown, depth: number): string {
  try {
    switch (typeof value) {
      case 'string':
        return JSON.stringify(value.slice(0, charactersMax))
      case 'symbol':
        return value.description ?? ''
      case 'function':
        return `[function ${value.name || 'anonymous'}]`
      case 'object':
        return value === null ? 'null' : object(value, depth)
      default:
        return String(value)
    }
  } catch {
    // A getter, a proxy or a toString that throws.
    return Object.prototype.toString.call(value)
  }
}

function object(value: object, depth: number): string {
  if (value instanceof Error) return `${value.name}: ${value.message}`
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`
  const list = (elements: Iterable<unknown>) => listed(elements, (each) => inside(each, depth - 1))
  const pair = ([key, each]: readonly [unknown, unknown]) => `${inside(key, depth - 1)} => ${inside(each, depth - 1)}`
  if (described in value) return (value as Described)[described](depth > 0 ? list : () => '…')
  if (Array.isArray(value) || value instanceof Set) return depth > 0 ? `[${list(value)}]` : '[…]'
  if (value instanceof Map) return depth > 0 ? `{${listed(value, pair)}}` : '{…}'
  if (value.toString !== Object.prototype.toString && typeof value.toString === 'function') return String(value)
  if (depth <= 0) return '{…}'
  return `{${listed(fields(value), ([key, each]) => `${key}: ${inside(each, depth - 1)}`)}}`
}

/** One after the other: of an object with a million of them, few are looked at. */
function* fields(value: object): Generator<[string, unknown]> {
  for (const key in value) if (Object.hasOwn(value, key)) yield [key, (value as Record<string, unknown>)[key]]
}

function listed<T>(values: Iterable<T>, show: (value: T) => string): string {
  const shown: string[] = []
  for (const value of values) {
    if (shown.length === elementsMax) {
      shown.push('…')
      break
    }
    shown.push(show(value))
  }
  return shown.join(', ')
}

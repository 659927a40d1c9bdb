/** Errors as what they are made of, and made of it again. */

/** Each kind has its place as its number on the wire; what is of none of them is an `Error` with a name of its own. */
const kinds = [Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError] as const

/** What is sent of an error: anything else that hangs on it stays behind, as it may be the whole of a program. */
export interface ErrorParts {
  readonly name: string
  readonly message: string
  readonly stack: string
  readonly code: unknown
  readonly cause: unknown
}

/** How many parts there are. */
export const errorPartCount = 5

/** The number of the kind of an error. */
export function errorKind(error: Error): number {
  for (let kind = kinds.length - 1; kind > 0; kind--)
    if (error instanceof (kinds[kind] as ErrorConstructor)) return kind
  return 0
}

/** What an error is made of: texts, a code that is a text or a number, a cause that is an error or a primitive. */
export function errorParts(error: Error): ErrorParts {
  const code = part(error, 'code')
  const cause = part(error, 'cause')
  return {
    name: text(part(error, 'name')),
    message: text(part(error, 'message')),
    stack: text(part(error, 'stack')),
    code: typeof code === 'string' ? code.toWellFormed() : typeof code === 'number' ? code : undefined,
    cause: isPlainCause(cause) ? (typeof cause === 'string' ? cause.toWellFormed() : cause) : undefined,
  }
}

/** The error that is made of these; `undefined` when one of them is not what it has to be. */
export function errorOfParts(kind: number, parts: readonly unknown[]): Error | undefined {
  const Kind = kinds[kind]
  const [name, message, stack, code, cause] = parts
  if (Kind === undefined || typeof name !== 'string' || typeof message !== 'string' || typeof stack !== 'string') {
    return undefined
  }
  if (code !== undefined && typeof code !== 'string' && typeof code !== 'number') return undefined
  const error = new Kind(message)
  set(error, 'stack', stack)
  if (name !== error.name) set(error, 'name', name)
  if (cause !== undefined) set(error, 'cause', cause)
  if (code !== undefined) Object.assign(error, { code })
  return error
}

function set(error: Error, key: string, value: unknown): void {
  Object.defineProperty(error, key, { value, writable: true, enumerable: false, configurable: true })
}

/** Any part may be missing, something else, or a getter that throws. */
function part(error: Error, key: keyof ErrorParts): unknown {
  try {
    return (error as Partial<Record<keyof ErrorParts, unknown>>)[key]
  } catch {
    return undefined
  }
}

const text = (value: unknown): string => (typeof value === 'string' ? value.toWellFormed() : '')

function isPlainCause(cause: unknown): boolean {
  const type = typeof cause
  return cause instanceof Error || (type !== 'object' && type !== 'function' && type !== 'symbol') || cause === null
}

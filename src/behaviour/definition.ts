/** What behaviours are made of: that their functions are functions is said when they are defined, not by the crash of the first process. */
import { check, checkObject, checkPart } from '../arguments.js'
import { Checked } from './checked-handler.js'

/** What a definition must have, and may have. */
interface Shape {
  readonly needs: readonly string[]
  readonly may?: readonly string[]
  /** Objects of functions by name. */
  readonly tables?: readonly string[]
}

/**
 * @param what `the definition of a server`.
 * @throws `ERR_REIGN_ARGUMENT`.
 */
export function checkDefinition(definition: object, what: string, { needs, may = [], tables = [] }: Shape): void {
  checkObject(definition, what)
  const parts = definition as Readonly<Record<string, unknown>>
  for (const name of needs) check(isHandler(parts[name]), `${name} of ${what} is a function`, parts[name])
  for (const name of may) {
    if (parts[name] !== undefined) check(isHandler(parts[name]), `${name} of ${what} is a function`, parts[name])
  }
  for (const table of tables) {
    if (parts[table] === undefined) continue
    checkObject(parts[table], `${table} of ${what}`)
    for (const [name, handler] of Object.entries(parts[table] as object)) {
      check(isHandler(handler), `${table}.${name} of ${what} is a function`, handler)
    }
  }
  checkPart(definition, 'module', 'string', `module of ${what}`)
}

function isHandler(value: unknown): boolean {
  return typeof value === 'function' || value instanceof Checked
}

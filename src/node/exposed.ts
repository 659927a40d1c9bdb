/** What other nodes may run here, by module and function: an allow-list that is empty until something is put on it. */
import { checkFunction, checkObject, checkText, refused } from '../arguments.js'

/**
 * A function that other nodes may call. Its arguments come from the wire: check them, or give it a schema. `this` is the
 * process that runs it.
 */
export type ExposedFunction = (...args: never[]) => unknown

/** See the head of this file. */
export class Exposed {
  readonly #modules = new Map<string, Map<string, ExposedFunction>>()

  /** Adds functions under a module name; a function that is there already is replaced. */
  add(module: string, functions: Readonly<Record<string, ExposedFunction>>): void {
    if (typeof module !== 'string' || module === '') {
      throw refused('functions are exposed under the name of a module', module)
    }
    checkObject(functions, 'what is exposed')
    const known = this.#modules.get(module) ?? new Map<string, ExposedFunction>()
    for (const [name, run] of Object.entries(functions)) {
      checkFunction(run, `what is exposed as ${module}.${name}`)
      known.set(name, run)
    }
    this.#modules.set(module, known)
  }

  /** Takes a module off the list, or one of its functions. */
  remove(module: string, name?: string): void {
    checkText(module, 'the name of a module')
    if (name !== undefined) checkText(name, 'the name of a function')
    if (name === undefined) this.#modules.delete(module)
    else this.#modules.get(module)?.delete(name)
  }

  find(module: string, name: string): ExposedFunction | undefined {
    return this.#modules.get(module)?.get(name)
  }
}

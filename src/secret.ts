/** Secrets (cookies, private keys) as values that cannot be printed by accident. */
import { inspect } from 'node:util'

const redacted = '[secret]'

/**
 * A text that shows itself to nobody who does not ask: printing, inspecting, joining and serializing give `[secret]`.
 *
 * It keeps secrets out of logs, errors and crash reports; it is no protection from code that means harm.
 */
export class Secret {
  readonly #text: string

  constructor(text: string) {
    this.#text = text
    Object.freeze(this)
  }

  /** The text itself. Ask where it is used, and do not keep what you get. */
  reveal(): string {
    return this.#text
  }

  toString(): string {
    return redacted
  }

  toJSON(): string {
    return redacted
  }

  static {
    // Not a method: declarations of a method with a computed name cannot be written for each file alone.
    Object.defineProperty(Secret.prototype, inspect.custom, { value: () => redacted })
  }
}

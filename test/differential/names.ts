/** What addresses, references and nodes are called in a transcript: the same in every placement. */

/** See the head of this file. */
export class Names {
  readonly #names = new Map<string, string>()
  readonly #nodes = new Map<string, string>()

  /** An address or reference, in its text form, has got this name. */
  learn(raw: string, name: string): void {
    const known = this.#names.get(raw)
    if (known !== undefined && known !== name) throw new Error(`${raw} is both ${known} and ${name}`)
    this.#names.set(raw, name)
  }

  /** A node has got this label; the first one, if it plays two parts. */
  learnNode(node: string, label: string): void {
    if (!this.#nodes.has(node)) this.#nodes.set(node, label)
  }

  /** A line of an agent with names in the place of numbers. */
  symbolic(line: string): string {
    const named = line.replace(/<((pid|ref):[^<>]*)>/g, (_, raw: string, kind: string) => {
      return `<${this.#names.get(raw) ?? `unknown ${kind}`}>`
    })
    return named.replace(/'([^' ]+@[^' ]+)'/g, (quoted, node: string) => this.#nodes.get(node) ?? quoted)
  }
}

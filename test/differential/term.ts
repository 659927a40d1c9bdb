/**
 * The terms of differential scenarios, and how they are written down for the two agents.
 *
 * Short, as scenarios are full of them: a string is an atom, a number an integer, an array a list; `t` makes a tuple, `text`
 * a binary. Actors, references and nodes stand for their address, reference and name.
 */

/** A binary: UTF-8 text. */
export class Text {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

/** A binary of that many bytes, made where it is used. */
export class Blob {
  readonly bytes: number
  constructor(bytes: number) {
    this.bytes = bytes
  }
}

/** A tuple. */
export class Tup {
  readonly elements: readonly Term[]
  constructor(elements: readonly Term[]) {
    this.elements = elements
  }
}

/** What has a name of its own on each node: an actor, a reference, a node. */
export interface Standing {
  /** The text form of what it stands for: `pid:…`, `ref:…`, or the name of a node. */
  readonly raw: string
}

/** See the head of this file. */
export type Term = string | number | boolean | Text | Blob | Tup | Standing | readonly Term[]

/** A tuple: `t('shutdown', 1)` is `{shutdown, 1}`. */
export function t(...elements: Term[]): Tup {
  return new Tup(elements)
}

/** A binary: `text('x')` is `<<"x">>`. */
export function text(value: string): Text {
  return new Text(value)
}

/** A binary of that many bytes. */
export function blob(bytes: number): Blob {
  return new Blob(bytes)
}

/** As an Erlang expression. */
export function erlangText(term: Term): string {
  if (typeof term === 'string') return `'${term.replace(/[\\']/g, '\\$&')}'`
  if (typeof term === 'number' || typeof term === 'boolean') return String(term)
  if (term instanceof Text) return `<<${JSON.stringify(term.text)}/utf8>>`
  if (term instanceof Blob) return `binary:copy(<<"x">>, ${term.bytes})`
  if (term instanceof Tup) return `{${term.elements.map(erlangText).join(',')}}`
  if (isStanding(term)) {
    const kind = /^(pid|ref):/.exec(term.raw)?.[1]
    return kind === undefined ? erlangText(term.raw) : `differential_agent:${kind}(<<"${term.raw}">>)`
  }
  return `[${term.map(erlangText).join(',')}]`
}

/** As JSON for the agent of a reign node. */
export function jsonForm(term: Term): unknown {
  if (typeof term === 'string') return { a: term }
  if (typeof term === 'number') return term
  if (typeof term === 'boolean') return { a: String(term) }
  if (term instanceof Text) return { s: term.text }
  if (term instanceof Blob) return { blob: term.bytes }
  if (term instanceof Tup) return { t: term.elements.map(jsonForm) }
  if (isStanding(term)) {
    const kind = /^(pid|ref):/.exec(term.raw)?.[1]
    return kind === undefined ? { a: term.raw } : { [kind]: term.raw }
  }
  return { l: term.map(jsonForm) }
}

function isStanding(term: object): term is Standing {
  return 'raw' in term
}

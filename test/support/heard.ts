/**
 * What is published on the channels of `docs/diagnostics.md`, in order, while this is in scope:
 *
 *   using heard = new Heard('reign:process:spawned', 'reign:process:exited')
 */
import { type DiagnosticEvents, observe } from '../../src/index.js'

type Name = keyof DiagnosticEvents

/** See the head of this file. */
export class Heard<N extends Name> implements Disposable {
  /** Each with the name of its channel. */
  readonly all: { readonly [K in N]: readonly [name: K, event: DiagnosticEvents[K]] }[N][] = []
  readonly #stops: (() => void)[]

  constructor(...names: readonly N[]) {
    this.#stops = names.map((name) => observe(name, (event) => this.all.push([name, event] as never)))
  }

  /** Those of one channel. */
  of<K extends N>(name: K): DiagnosticEvents[K][] {
    return this.all.flatMap(([each, event]) => (each === name ? [event as DiagnosticEvents[K]] : []))
  }

  [Symbol.dispose](): void {
    for (const stop of this.#stops) stop()
  }
}

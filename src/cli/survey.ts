/** Asks several nodes the same thing at once: what each has said, or why it has not. */
import { ReignError } from '../errors.js'
import type { Visit } from './visit.js'

/** What came of one node. */
export type Finding<T> =
  | { readonly node: string; readonly answer: T }
  | { readonly node: string; readonly failure: ReignError }

/**
 * Connects with each node and asks it; in the order of `nodes`.
 *
 * @throws what is no `ReignError`: above all the reason of the command's end.
 */
export function survey<T>(
  visit: Visit,
  nodes: readonly string[],
  ask: (node: string) => Promise<T>,
): Promise<Finding<T>[]> {
  return Promise.all(
    nodes.map(async (node) => {
      try {
        await visit.connect(node)
        return { node, answer: await ask(node) }
      } catch (error) {
        if (error instanceof ReignError) return { node, failure: error }
        throw error
      }
    }),
  )
}

/** The answers among them. */
export function answersOf<T>(findings: readonly Finding<T>[]): { readonly node: string; readonly answer: T }[] {
  return findings.filter((finding) => 'answer' in finding)
}

/** The failures among them. */
export function failuresOf<T>(
  findings: readonly Finding<T>[],
): { readonly node: string; readonly failure: ReignError }[] {
  return findings.filter((finding) => 'failure' in finding)
}

/** What a scenario is: a title, a script, and what the script needs. The files in scenarios/ hold them. */
import type { Kind } from './drivers.js'
import type { NodeHandle } from './node-handle.js'

/** The names that scripts have for their nodes. */
export type NodeLabel = 'a' | 'b' | 'c'

/** What a script is given. */
export interface Stage {
  readonly a: NodeHandle
  readonly b: NodeHandle
  /** Only with `nodes: 3`. */
  readonly c: NodeHandle
}

/** Which implementation each node is. */
export type Kinds = Readonly<Record<NodeLabel, Kind>>

/** What a script needs, where it is not two nodes that are shared with other scripts. */
export interface ScenarioOptions {
  /** 3 where a third node takes part. */
  readonly nodes?: 2 | 3
  /** Nodes that are started for this scenario alone, as it kills, stops or restarts them. */
  readonly fresh?: readonly NodeLabel[]
  /** Also runs over mutual TLS. */
  readonly tls?: boolean
  /** Does not run with both nodes being one: what it shows takes two. Implied by `fresh` and by three nodes. */
  readonly apart?: boolean
  /** The nodes are not connected at the end, and shall stay so: the actors are asked for their events without meeting again. */
  readonly endsApart?: boolean
  /** Where reign differs from Erlang on purpose. */
  readonly differs?: Difference
}

/** A difference on purpose: what is to be seen instead of what Erlang shows, and why. */
export interface Difference {
  readonly why: string
  /** The lines that are expected, made of those of (erl, erl). Must differ from them wherever reign takes part as described. */
  expected(lines: readonly string[], kinds: Kinds): readonly string[]
}

/** See the head of this file. */
export interface Scenario {
  readonly group: string
  readonly title: string
  readonly options: ScenarioOptions
  readonly script: (stage: Stage) => Promise<void>
}

/** Adds a scenario to its group. */
export interface AddScenario {
  (title: string, script: Scenario['script']): void
  (title: string, options: ScenarioOptions, script: Scenario['script']): void
}

/** A group of scenarios, as a file in scenarios/ exports it. */
export function scenarios(group: string, define: (scenario: AddScenario) => void): readonly Scenario[] {
  const found: Scenario[] = []
  define((title: string, ...rest: [Scenario['script']] | [ScenarioOptions, Scenario['script']]) => {
    const [options, script] = rest.length === 1 ? [{}, rest[0]] : rest
    found.push({ group, title, options, script })
  })
  return found
}

/** A cluster folder that `reign init` made, and ways to spoil its specification. */
import { readFileSync } from 'node:fs'
import { expect } from 'vitest'
import { type ResolveOptions, resolveSpec } from '../../src/cluster/spec.js'
import { ClusterSpecError } from '../../src/cluster/spec-error.js'
import type { ClusterSpecInput } from '../../src/cluster/spec-schema.js'
import type { ClusterSpecSource } from '../../src/cluster/spec-source.js'
import { Workplace } from '../cli/command.js'

/** The nodes in it. */
export const one = 'one@127.0.0.1'
export const two = 'two@127.0.0.1'
/** The visitor that comes with them. */
export const visitor = 'console@127.0.0.1'

/** See the head of this file. */
export class SpecFixture implements Disposable {
  readonly place: Workplace
  /** The folder, which relative paths in specifications are relative to. */
  readonly folder: string
  readonly options: ResolveOptions

  private constructor() {
    this.place = new Workplace()
    this.folder = this.place.path('cluster')
    this.options = { folder: this.folder, environment: {} }
  }

  static async make(): Promise<SpecFixture> {
    const fixture = new SpecFixture()
    expect((await fixture.place.reign(['init', one, two])).code).toBe(0)
    return fixture
  }

  /** The text of a file in it. */
  read(file: string): string {
    return readFileSync(this.place.path('cluster', file), 'utf8')
  }

  written(): ClusterSpecInput {
    return JSON.parse(this.read('cluster.json'))
  }

  /** Its specification with some of its fields changed. */
  changed(fields: object): ClusterSpecInput {
    return { ...this.written(), ...fields }
  }

  /** The same, with fields of one node changed. */
  node(fields: object, name: string = one): ClusterSpecInput {
    const spec = this.written()
    return { ...spec, nodes: { ...spec.nodes, [name]: { ...spec.nodes?.[name], ...fields } } }
  }

  /** The error that a specification is refused with. */
  async failure(source: unknown, name: string = one, more: ResolveOptions = {}): Promise<ClusterSpecError> {
    try {
      await resolveSpec(source as ClusterSpecSource, name, { ...this.options, ...more })
    } catch (error) {
      expect(error).toBeInstanceOf(ClusterSpecError)
      expect(error).toMatchObject({ code: 'ERR_REIGN_CLUSTER_SPEC', name: 'ClusterSpecError' })
      return error as ClusterSpecError
    }
    throw new Error('it was accepted')
  }

  /** Its issues, each as `node|field|message`. */
  async problems(source: unknown, name: string = one, more: ResolveOptions = {}): Promise<string[]> {
    const { issues } = await this.failure(source, name, more)
    return issues.map((issue) => `${issue.node ?? ''}|${issue.field}|${issue.message}`)
  }

  [Symbol.dispose](): void {
    this.place[Symbol.dispose]()
  }
}

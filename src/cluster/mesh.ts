/**
 * The full mesh, where it is asked for: nodes of reign tell each other with whom they are connected, and connect.
 *
 * Each node speaks for its own connections alone: who comes up is greeted with all of them, and told of each that comes or goes. A
 * node belongs for as long as one that is connected here is connected with it. So a pair that has lost its connection finds together
 * again while anybody sees both, and a node that is gone is dialled no more once everybody has seen it go.
 *
 * Only those take part that greet. Erlang's nodes do not: they have a mesh of their own, for visible nodes.
 */
import type { Clock } from '../clock.js'
import { LogPace } from '../log-pace.js'
import type { Logger } from '../logger.js'
import { type ServiceHandler, speaksFor } from '../process/service.js'
import { Address } from '../term/address.js'
import { atomName } from '../term/atom.js'
import { named } from '../term/named.js'
import { nodeNameProblem } from '../term/node-name.js'
import { isTuple, type Tuple, tuple } from '../term/tuple.js'
import { type Endpoint, formatEndpoint, parseEndpoint } from './endpoint.js'
import type { Named } from './members.js'

/** What a {@link Mesh} needs. */
export interface MeshParts {
  readonly node: {
    readonly name: string
    readonly logger: Logger
    readonly clock: Clock
    service(handle: ServiceHandler, name: string): { readonly self: Address<never> }
    send(to: ReturnType<typeof named>, message: unknown): unknown
  }
  /** Where others can dial this node, if that can be said. */
  readonly address: () => Endpoint | undefined
  /** The most nodes that one peer may name. */
  readonly namedMax: number
  /** A peer names these nodes by now. */
  readonly names: (peer: string, nodes: Named) => void
}

/** The name of the process that they tell each other through. */
const meshName = 'reign_mesh'
const hello = Symbol.for('hello')
const all = Symbol.for('all')
const up = Symbol.for('up')
const down = Symbol.for('down')

/** A node that takes part. */
interface Participant {
  readonly address: Endpoint | undefined
  /** With whom it says that it is connected, and where they are. */
  readonly nodes: Map<string, Endpoint | undefined>
}

/** See the head of this file. */
export class Mesh {
  readonly #parts: MeshParts
  readonly #self: Address<never>
  readonly #participants = new Map<string, Participant>()
  /** Those that are connected, each with the change of ours up to which it has been told. */
  readonly #connected = new Map<string, number>()
  /** How often the participants have changed. */
  #changes = 0
  readonly #refusals: LogPace
  #stopped = false

  constructor(parts: MeshParts) {
    this.#parts = parts
    this.#refusals = new LogPace(parts.node.clock)
    this.#self = parts.node.service((message, _, from) => this.#handle(message, from), meshName).self
  }

  /** A node has come up. */
  up(name: string): void {
    this.#connected.set(name, this.#changes)
    this.#say(name, tuple(hello, this.#self, addressText(this.#parts.address()), this.#list()))
  }

  /** A node is lost: it speaks for nobody any more. */
  down(name: string): void {
    this.#connected.delete(name)
    if (!this.#participants.delete(name)) return
    this.#changes++
    if (this.#stopped) return
    this.#parts.names(name, new Map())
    this.#tellOthers(tuple(down, this.#self, Symbol.for(name)), name)
  }

  /** This node stops: that its connections end is no news to anybody. */
  stop(): void {
    this.#stopped = true
  }

  #handle(message: unknown, from: Address<never> | undefined): void {
    if (!isTuple(message) || !(message[1] instanceof Address) || !speaksFor(from, message[1])) return
    const peer = message[1].node
    // What comes late, from a connection that is lost, says nothing any more.
    if (!this.#connected.has(peer)) return
    if (message[0] === hello) return this.#greeted(peer, message)
    const participant = this.#participants.get(peer)
    const name = nodeName(message[2])
    if (participant === undefined) return
    if (message[0] === all) return this.#listed(peer, participant, message[2])
    if (name === undefined) return
    if (message[0] === up) this.#told(peer, participant, new Map([[name, endpointOf(message[3])]]))
    if (message[0] === down && participant.nodes.delete(name)) this.#parts.names(peer, participant.nodes)
  }

  #greeted(peer: string, [, , addressed, listed]: Tuple): void {
    // Who came between our greeting and theirs was not told to them: they took no part, as far as could be known.
    if (this.#connected.get(peer) !== this.#changes) this.#say(peer, tuple(all, this.#self, this.#list()))
    this.#changes++
    const participant: Participant = { address: endpointOf(addressed), nodes: new Map() }
    this.#participants.set(peer, participant)
    this.#listed(peer, participant, listed)
    this.#tellOthers(tuple(up, this.#self, Symbol.for(peer), addressText(participant.address)), peer)
  }

  #listed(peer: string, participant: Participant, listed: unknown): void {
    const nodes = new Map<string, Endpoint | undefined>()
    for (const each of Array.isArray(listed) ? listed : []) {
      const name = isTuple(each) ? nodeName(each[0]) : undefined
      if (name !== undefined) nodes.set(name, endpointOf(each[1]))
    }
    participant.nodes.clear()
    this.#told(peer, participant, nodes)
  }

  #told(peer: string, { nodes }: Participant, more: Named): void {
    const { namedMax, names, node } = this.#parts
    let refused = 0
    for (const [name, address] of more) {
      if (nodes.size < namedMax || nodes.has(name)) nodes.set(name, address)
      else refused++
    }
    if (refused > 0) {
      this.#refusals.tell((untold) =>
        node.logger.warn({ peer, refused, ...untold }, 'a peer names more nodes than it may (limits.meshNodesMax)'),
      )
    }
    names(peer, nodes)
  }

  /** With whom this node is connected, of those that take part. */
  #list(): readonly unknown[] {
    return Array.from(this.#participants, ([name, { address }]) => tuple(Symbol.for(name), addressText(address)))
  }

  #tellOthers(message: readonly unknown[], about: string): void {
    for (const name of this.#participants.keys()) if (name !== about) this.#say(name, message)
  }

  #say(name: string, message: readonly unknown[]): void {
    this.#parts.node.send(named(meshName, name), message)
  }
}

function addressText(address: Endpoint | undefined): string | undefined {
  return address === undefined ? undefined : formatEndpoint(address)
}

function endpointOf(text: unknown): Endpoint | undefined {
  // A node that takes all binaries as bytes takes these so too.
  const plain = text instanceof Uint8Array ? Buffer.from(text).toString() : text
  const endpoint = typeof plain === 'string' ? parseEndpoint(plain, 1) : undefined
  return typeof endpoint === 'string' ? undefined : endpoint
}

function nodeName(name: unknown): string | undefined {
  const text = typeof name === 'symbol' ? atomName(name) : undefined
  return text !== undefined && nodeNameProblem(text) === undefined ? text : undefined
}

/** Names and groups across the cluster: a few processes that claim, join, leave and end, and what must be known of them everywhere. */
import { type Address, atom, atomName, isTuple, type Process, tuple } from 'reign'
import { sleep, textOf, type Workplace } from './work.js'

/** Between two things that are done, in milliseconds. */
const beatMs = 250
const groupCount = 4
const memberCount = 3

/** Who is in which group: by scope and group, the members as text, sorted. */
export type View = Record<string, readonly string[]>

/** See the head of this file. */
export class Claims {
  readonly #at: Workplace
  readonly #members = new Set<Address<unknown>>()
  /** By group, as {@link view} writes it, who of this node is in, as often as it is. */
  readonly #truth = new Map<string, string[]>()

  constructor(at: Workplace) {
    this.#at = at
    at.node.spawn(() => this.#run())
  }

  async #run(): Promise<void> {
    for (let member = 0; member < memberCount; member++) this.#moveIn()
    for (;;) {
      if (!this.#at.still) this.#act()
      await sleep(beatMs)
    }
  }

  #act(): void {
    const { random } = this.#at
    const member = random.pick([...this.#members]) as Address<unknown>
    const number = random.int(groupCount)
    const what = random.int(10)
    if (what === 0) this.#end(member)
    else if (what < 4) this.#join(number, member)
    else if (what < 6) this.#leave(number, member)
    else if (what < 8) this.#claim(number, member)
    else this.#giveUp(number, member)
  }

  #moveIn(): void {
    this.#members.add(this.#at.node.spawn(async (self: Process) => self.receive()))
  }

  #join(number: number, member: Address<unknown>): void {
    this.#at.node.groups.join(tuple(atom('room'), number), member)
    this.#of(`pg room ${number}`).push(textOf(member))
  }

  #leave(number: number, member: Address<unknown>): void {
    const was = this.#at.node.groups.leave(tuple(atom('room'), number), member)
    if (was !== this.#takeOut(`pg room ${number}`, textOf(member))) this.#at.fail(`names: leave says ${was}`)
  }

  #claim(number: number, member: Address<unknown>): void {
    this.#at.node.names.register(`desk${number}`, member)
    const list = this.#of(`reign desk${number}`)
    if (!list.includes(textOf(member))) list.push(textOf(member))
  }

  #giveUp(number: number, member: Address<unknown>): void {
    const was = this.#at.node.names.unregister(`desk${number}`, member)
    if (was !== this.#takeOut(`reign desk${number}`, textOf(member))) this.#at.fail(`names: unregister says ${was}`)
  }

  #end(member: Address<unknown>): void {
    this.#members.delete(member)
    this.#moveIn()
    member.send(atom('end'))
    for (const list of this.#truth.values()) {
      for (let at = list.indexOf(textOf(member)); at >= 0; at = list.indexOf(textOf(member))) list.splice(at, 1)
    }
  }

  #takeOut(group: string, text: string): boolean {
    const list = this.#of(group)
    const at = list.indexOf(text)
    if (at >= 0) list.splice(at, 1)
    return at >= 0
  }

  #of(group: string): string[] {
    const list = this.#truth.get(group)
    if (list !== undefined) return list
    const made: string[] = []
    this.#truth.set(group, made)
    return made
  }

  /** What this node has made of its own processes. */
  get truth(): View {
    return viewOf(this.#truth)
  }

  /** What this node knows of all. */
  get view(): View {
    const { groups, names } = this.#at.node
    const all = new Map<string, string[]>()
    for (const group of groups.groups()) all.set(`pg ${groupText(group)}`, groups.members(group).map(textOf))
    for (const name of names.seen()) all.set(`reign ${String(name)}`, names.lookupAll(name).map(textOf))
    return viewOf(all)
  }
}

const groupText = (group: unknown): string =>
  isTuple(group) ? group.map((each) => (typeof each === 'symbol' ? atomName(each) : each)).join(' ') : String(group)

function viewOf(groups: ReadonlyMap<string, readonly string[]>): View {
  const filled = [...groups].filter(([, members]) => members.length > 0)
  return Object.fromEntries(filled.map(([group, members]) => [group, [...members].sort()]))
}

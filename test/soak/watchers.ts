/**
 * Monitors and links across nodes: a keeper on each node makes victims for the watchers of the others, one watcher for each other node,
 * which watch them and tell them to end.
 *
 * `{give, Watcher, Tag}` to the keeper is answered by `{victim, Tag, Victim}`; `'end'` to a victim by `{words, Tag}` and its end, with
 * `{ended, Tag}`. A victim that has lost its watcher ends, too.
 */
import {
  type Address,
  atom,
  type Down,
  type Exit,
  isTuple,
  type NodeDown,
  type NodeUp,
  named,
  type Process,
  tuple,
} from 'reign'
import { NoticeOracle } from './notice-oracle.js'
import { reasonText, type Workplace } from './work.js'

/** Between two things that a watcher does, in milliseconds. */
const beatMs = 100
/** How many victims a watcher has at most. */
const victimsMax = 20
/** After so long it is a fault that somebody who was told to end has not been heard of, in milliseconds. */
const overdueMs = 60_000

const [give, victim, end, words, ended] = ['give', 'victim', 'end', 'words', 'ended'].map(atom) as [
  symbol,
  symbol,
  symbol,
  symbol,
  symbol,
]

interface Known {
  readonly tag: number
  readonly address: Address<unknown>
  ref: ReturnType<Process['monitor']> | undefined
  linked: boolean
}

/** See the head of this file. */
export class Watchers {
  readonly #watchers: Watcher[]

  /** @param loses A test may plant that one notice is lost. */
  constructor(at: Workplace, loses = false) {
    at.node.spawn({ name: 'keeper' }, (self: Process) => keeper(self, at))
    this.#watchers = at.others.map((other, index) => {
      const watcher = new Watcher(at, other, index, loses)
      at.node.spawn((self: Process) => watcher.run(self))
      return watcher
    })
  }

  /** How many victims there are that somebody waits for. */
  get outstanding(): number {
    return this.#watchers.reduce((sum, { oracle, victims }) => sum + oracle.outstanding + victims.size, 0)
  }

  /** How many notices came, by kind and reason. */
  get counts(): Record<string, number> {
    const sums: Record<string, number> = {}
    for (const { oracle } of this.#watchers) {
      for (const [kind, count] of Object.entries(oracle.counts)) sums[kind] = (sums[kind] ?? 0) + count
    }
    return sums
  }

  checkOverdue(): void {
    for (const { oracle } of this.#watchers) oracle.checkOverdue(performance.now(), overdueMs)
  }
}

async function keeper(self: Process, at: Workplace): Promise<void> {
  for await (const message of self) {
    if (!isTuple(message) || message[0] !== give) at.fail(`the keeper gets what nobody has sent: ${String(message)}`)
    else {
      const [, watcher, tag] = message as unknown as [symbol, Address<unknown>, number]
      watcher.send(tuple(victim, tag, at.node.spawn(victimOf, watcher, tag)))
    }
  }
}

async function victimOf(self: Process, watcher: Address<unknown>, tag: number): Promise<void> {
  self.monitor(watcher)
  const message = await self.receive()
  if (message !== end) return
  watcher.send(tuple(words, tag))
  self.exit(tuple(ended, tag))
}

class Watcher {
  readonly oracle: NoticeOracle
  readonly victims = new Map<number, Known>()
  readonly #at: Workplace
  readonly #other: string
  readonly #given: [tag: number, address: Address<unknown>][] = []
  #tags: number
  #loses: boolean

  constructor(at: Workplace, other: string, index: number, loses: boolean) {
    this.#at = at
    this.#other = other
    // Of all watchers of a node different, so that a mix-up shows.
    this.#tags = index * 10_000_000
    this.#loses = loses
    this.oracle = new NoticeOracle(at.fail, at.node.nodes())
  }

  async run(self: Process): Promise<void> {
    self.trapExit = true
    this.#at.node.monitorNodes(self)
    for (;;) {
      await new Promise((resolve) => setTimeout(resolve, beatMs))
      // All that has happened is known before anything is done, in one go.
      for (let message = self.poll(); message !== undefined; message = self.poll()) this.#take(message)
      for (const [tag, address] of this.#given.splice(0)) this.#tie(self, tag, address)
      this.#act(self)
    }
  }

  #take(message: unknown): void {
    const { oracle } = this
    if (isTuple(message) && message[0] === victim)
      this.#given.push([Number(message[1]), message[2] as Address<unknown>])
    else if (isTuple(message) && message[0] === words) oracle.lastWords(Number(message[1]))
    else {
      const notice = message as Down | Exit | NodeUp | NodeDown
      if (notice?.type === 'nodeup') oracle.nodeUp(notice.node)
      else if (notice?.type === 'nodedown') oracle.nodeDown(notice.node)
      else if (notice?.type === 'DOWN') this.#down(notice)
      else if (notice?.type === 'EXIT') this.#exit(notice)
      else this.#at.fail(`a watcher gets what nobody has sent: ${String(message)}`)
    }
  }

  #down({ ref, address, reason }: Down): void {
    const known = [...this.victims.values()].find((each) => each.ref === ref)
    if (known !== undefined && known.address !== address)
      this.#at.fail(`notice: a DOWN of ${address}, not ${known.address}`)
    if (this.#loses && reasonText(reason) !== 'noconnection') {
      this.#loses = false
      return
    }
    this.oracle.down(ref, reasonText(reason))
    if (known === undefined) return
    known.ref = undefined
    this.#settle(known)
  }

  #exit({ from, reason }: Exit): void {
    const known = [...this.victims.values()].find(({ address }) => address === from)
    this.oracle.exit(known?.tag, reasonText(reason))
    if (known === undefined) return
    known.linked = false
    this.#settle(known)
  }

  #settle(known: Known): void {
    if (known.ref === undefined && !known.linked) this.victims.delete(known.tag)
  }

  /** What was asked for while there was no connection may come late: it is tied to all the same. */
  #tie(self: Process, tag: number, address: Address<unknown>): void {
    const { random } = this.#at
    const how = random.int(4)
    const ref = how === 0 ? undefined : self.monitor(address)
    const linked = how !== 1
    if (linked) self.link(address)
    this.oracle.ties(tag, this.#other, ref, linked)
    this.victims.set(tag, { tag, address, ref, linked })
  }

  #act(self: Process): void {
    const { random, still, node } = this.#at
    if (!still && this.victims.size < victimsMax && random.chance(0.6)) {
      node.send(named('keeper', this.#other), tuple(give, self.address, ++this.#tags))
    }
    for (const known of this.victims.values()) {
      // When all is to be still, everybody is to end.
      if (!still && !random.chance(0.05)) continue
      if (!still && random.chance(0.25)) this.#release(self, known)
      else {
        this.oracle.told(known.tag, performance.now())
        known.address.send(end)
      }
    }
  }

  /** Takes back what there is, of which nothing may be heard from now on, and lets it end. */
  #release(self: Process, known: Known): void {
    if (known.ref !== undefined) self.demonitor(known.ref)
    this.oracle.demonitored(known.tag)
    known.ref = undefined
    if (known.linked) self.unlink(known.address)
    this.oracle.unlinked(known.tag)
    known.linked = false
    this.victims.delete(known.tag)
    known.address.send(end)
  }
}

/**
 * Runs one target with input after input, and finds out what does not hold.
 *
 * Guided by marks, where the sources have any (scripts/marked.mjs): an input that reaches a branch which none has reached before is kept,
 * and others are made of it. Half of the inputs are mutations of what is kept; the rest is made by the grammar, where there is one.
 */
import { getHeapStatistics } from 'node:v8'
import { Chance } from './chance.js'
import { mutate } from './mutate.js'
import { Finding, hexOf, type Target } from './target.js'

/** How long an input may take, in milliseconds; and how much memory it may cost at most, beside so much for each of its bytes. */
const slowMs = 50
const memoryBytesMax = 8 * 1024 * 1024
const memoryPerByteMax = 500
/** Inputs between two turns of the event loop: what is held weakly goes then. */
const turnInputs = 512
/** Inputs between two looks at the prototypes, and of what is to be looked at again when they have changed. */
const renewInputs = 400_000
const poolMax = 4_000
/** Longer inputs are not made others of: they take longer, and show no more. */
const pooledBytesMax = 4_096
/** Inputs of the pool up to this length are cut at each offset. */
const sweptBytesMax = 600

/** What the marks of the sources say; see scripts/marked.mjs. */
export interface Marks {
  /** How many have ever been set. */
  readonly seen: number
  forget(): void
  last(): readonly number[]
}

/** Something that did not hold, with the shortest input found that shows it. */
export interface Failure {
  readonly target: string
  readonly input: Uint8Array
  readonly error: Error
  /** Which input of the campaign it was. */
  readonly number: number
}

/** What a campaign has done. */
export interface Report {
  readonly target: string
  readonly inputs: number
  readonly frames: number
  readonly processorMs: number
  /** How often each outcome came up. */
  readonly outcomes: ReadonlyMap<string, number>
  /** Inputs that have reached something new. */
  readonly kept: readonly Uint8Array[]
  readonly failure: Failure | undefined
}

/** How long a campaign takes, and from where it draws. */
export interface CampaignOptions {
  readonly seed: number
  /** Stops after so many inputs, or so many milliseconds: whichever comes first. */
  readonly inputsMax?: number
  readonly ms?: number
  readonly corpus?: readonly Uint8Array[]
  readonly marks?: Marks | undefined
  /** Told of each input before it is run: for who watches from outside. */
  readonly begins?: (input: Uint8Array) => void
}

/** See the head of this file. */
export async function campaign(target: Target, options: CampaignOptions): Promise<Report> {
  return new Campaign(target, options).run()
}

class Campaign {
  readonly #target: Target
  readonly #options: CampaignOptions
  readonly #chance: Chance
  readonly #pool: Uint8Array[]
  readonly #kept: Uint8Array[] = []
  readonly #outcomes = new Map<string, number>()
  readonly #prototypes = prototypeKeys()
  #inputs = 0
  #frames = 0
  #seen = 0
  #failure: Failure | undefined

  constructor(target: Target, options: CampaignOptions) {
    this.#target = target
    this.#options = options
    this.#chance = new Chance(options.seed)
    this.#pool = [...target.seeds(), ...(options.corpus ?? [])].map((each) => Uint8Array.from(each))
  }

  async run(): Promise<Report> {
    const { inputsMax = Number.POSITIVE_INFINITY, ms = Number.POSITIVE_INFINITY } = this.#options
    const { stackTraceLimit } = Error
    // Most of the time would go into the stacks of errors that are as they should be.
    Error.stackTraceLimit = 0
    try {
      return await this.#run(inputsMax, ms)
    } finally {
      Error.stackTraceLimit = stackTraceLimit
    }
  }

  async #run(inputsMax: number, ms: number): Promise<Report> {
    const started = process.cpuUsage()
    const end = performance.now() + ms
    const inputs = this.#all()
    for (let i = 0; this.#failure === undefined && i < inputsMax; i++) {
      this.#try(inputs.next().value)
      if (this.#inputs % turnInputs === 0) {
        if (performance.now() >= end) break
        await new Promise((resolve) => setImmediate(resolve))
      }
      if (this.#inputs % renewInputs === 0) this.#target.renew?.()
    }
    const { user, system } = process.cpuUsage(started)
    return {
      target: this.#target.name,
      inputs: this.#inputs,
      frames: this.#frames,
      processorMs: (user + system) / 1_000,
      outcomes: this.#outcomes,
      kept: this.#kept,
      failure: this.#failure,
    }
  }

  /** What is known; then others without end, and among them what is known, cut at each offset. */
  *#all(): Generator<Uint8Array, never> {
    const known = [...this.#pool]
    yield* known
    const cut = cuts(known)
    const target = this.#target
    const chance = this.#chance
    for (;;) {
      const next = chance.oneIn(4) ? cut.next() : undefined
      if (next?.done === false) yield next.value
      else if (target.make !== undefined && chance.oneIn(3)) {
        const made = target.make(chance)
        yield chance.oneIn(2) ? made : mutate(Uint8Array.from(made), this.#pool, chance)
      } else {
        const original = this.#drawn()
        yield target.mutate?.(original, this.#pool, chance) ?? mutate(original, this.#pool, chance)
      }
    }
  }

  /** One of the pool: half the time of those that came last, which have been tried the least. */
  #drawn(): Uint8Array {
    const { length } = this.#pool
    const from = this.#chance.oneIn(2) ? Math.floor(length * 0.8) : 0
    return this.#pool[from + this.#chance.below(length - from)] as Uint8Array
  }

  #try(input: Uint8Array): void {
    this.#inputs++
    let outcome: string
    try {
      outcome = this.#judged(input)
    } catch (error) {
      this.#fail(Uint8Array.from(input), error as Error)
      return
    }
    this.#frames += this.#target.frames?.(input) ?? 1
    this.#outcomes.set(outcome, (this.#outcomes.get(outcome) ?? 0) + 1)
    const { marks } = this.#options
    if (marks === undefined || marks.seen === this.#seen) return
    this.#seen = marks.seen
    if (this.#inputs <= this.#pool.length || input.length > pooledBytesMax) return
    const kept = Uint8Array.from(input)
    this.#kept.push(kept)
    if (this.#pool.length < poolMax) this.#pool.push(kept)
  }

  /** Runs it, and looks at what it has cost. */
  #judged(input: Uint8Array): string {
    this.#options.begins?.(input)
    const startedMs = performance.now()
    const before = memoryBytes()
    const outcome = this.#target.run(input)
    const tookMs = performance.now() - startedMs
    const cost = memoryBytes() - before
    if (tookMs > slowMs) this.#slow(input)
    if (cost > memoryBytesMax + input.length * memoryPerByteMax) this.#vast(input)
    if (this.#inputs % turnInputs === 0 && prototypeKeys() !== this.#prototypes) {
      throw new Finding('something that all objects inherit has changed since the last few hundred inputs')
    }
    return outcome
  }

  /** The machine may have been busy with something else: what is slow by itself is slow each time. */
  #slow(input: Uint8Array): void {
    let quickestMs = Number.POSITIVE_INFINITY
    for (let tries = 0; tries < 7 && quickestMs > slowMs; tries++) {
      const startedMs = performance.now()
      this.#target.run(input)
      quickestMs = Math.min(quickestMs, performance.now() - startedMs)
    }
    if (quickestMs > slowMs) throw new Finding(`it takes more than ${slowMs} ms`)
  }

  #vast(input: Uint8Array): void {
    let least = Number.POSITIVE_INFINITY
    for (let tries = 0; tries < 3; tries++) {
      const before = memoryBytes()
      this.#target.run(input)
      least = Math.min(least, memoryBytes() - before)
    }
    if (least > memoryBytesMax + input.length * memoryPerByteMax) {
      throw new Finding(`${input.length} bytes cost much more memory than they may`)
    }
  }

  #fail(input: Uint8Array, error: Error): void {
    const number = this.#inputs
    const kind = kindOf(error)
    const shorter = shortened(input, (each) => {
      try {
        this.#judged(each)
        return false
      } catch (other) {
        return kindOf(other as Error) === kind
      }
    })
    Error.stackTraceLimit = 30
    let shown = error
    try {
      this.#judged(shorter)
    } catch (again) {
      shown = again as Error
    }
    this.#failure = { target: this.#target.name, input: shorter, error: shown, number }
  }
}

function* cuts(known: readonly Uint8Array[]): Generator<Uint8Array> {
  for (const each of known) {
    if (each.length > sweptBytesMax) continue
    for (let length = 0; length < each.length; length++) yield each.subarray(0, length)
  }
}

/** The shortest input that can be had by leaving parts out, and still does the same. */
export function shortened(input: Uint8Array, same: (input: Uint8Array) => boolean): Uint8Array {
  let best = input
  // Byte by byte only what is short by then.
  for (let bytes = Math.ceil(best.length / 2); bytes >= Math.max(1, best.length >> 9); ) {
    for (let at = 0; at < best.length; ) {
      const less = Uint8Array.from([...best.subarray(0, at), ...best.subarray(at + bytes)])
      if (same(less)) best = less
      else at += bytes
    }
    bytes = bytes === 1 ? 0 : Math.ceil(bytes / 2)
  }
  return best
}

/** What makes two errors the same fault: without the numbers and bytes in their messages. */
function kindOf(error: Error): string {
  return `${error.name} ${error.message.replace(/[0-9a-f]{6,}|\d+/g, '…').slice(0, 60)}`
}

function memoryBytes(): number {
  const { used_heap_size: heap, external_memory: external } = getHeapStatistics()
  return heap + external
}

const inherited = [
  Object,
  Array,
  Function,
  Map,
  Set,
  Uint8Array,
  Buffer,
  String,
  Number,
  Symbol,
  BigInt,
  Error,
  Promise,
]

/** The names of all that values inherit from the language, as one text. */
function prototypeKeys(): string {
  return inherited.map((each) => Reflect.ownKeys(each.prototype).map(String).join()).join()
}

/** For the message about a failure. */
export function shown({ target, input, error, number }: Failure): string {
  return `${target}: input ${number} does not hold: ${error.stack}\n  input: ${hexOf(input)}`
}

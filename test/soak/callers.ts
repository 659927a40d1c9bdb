/** Calls of a gen_server on each other node: each ends, with the answer to its own question or with an error, in time. */
import { CallError, named, type Process, type Server, TimeoutError } from 'reign'
import { genServer } from 'reign/otp'
import { reasonText, sleep, type Workplace } from './work.js'

/** Between two calls, in milliseconds. */
const beatMs = 200
/** How long the server waits before it answers a slow question, in milliseconds. */
const slowMs = 300
/** How long callers wait for an answer, in milliseconds: some too short a time for a slow one. */
const patientMs = 5_000
const hastyMs = 100
/** How late a call may end, in milliseconds: its node may be stopped meanwhile, and the machine has other work. */
const lateMs = 60_000

const counter = genServer({
  init: () => ({ asked: 0 }),
  calls: {
    echo(state, question: number) {
      state.asked++
      return question
    },
    async slow(state, question: number) {
      await sleep(slowMs)
      state.asked++
      return question
    },
  },
})

/** See the head of this file. */
export class Callers {
  /** How many calls ended how. */
  readonly counts: Record<string, number> = {}
  /** How many have not ended. */
  pending = 0
  readonly #at: Workplace
  #questions = 0

  private constructor(at: Workplace) {
    this.#at = at
  }

  static async start(at: Workplace): Promise<Callers> {
    await at.node.start({ name: 'counter' }, counter)
    const callers = new Callers(at)
    for (const other of at.others) at.node.spawn((self: Process) => callers.#run(self, other))
    return callers
  }

  async #run(self: Process, other: string): Promise<void> {
    const { random } = this.#at
    const server = self.server<typeof counter>(named('counter', other))
    for (;;) {
      await sleep(beatMs * (0.5 + random.next()))
      if (!this.#at.still) await this.#call(self, server, random.chance(0.1), random.chance(0.2) ? hastyMs : patientMs)
    }
  }

  async #call(self: Process, server: Server<typeof counter>, slow: boolean, timeout: number): Promise<void> {
    const question = ++this.#questions
    const { call } = server.with({ timeout })
    const start = performance.now()
    this.pending++
    let how: string
    try {
      const answer = await (slow ? call.slow(question) : call.echo(question))
      if (answer !== question) this.#at.fail(`call: ${question} was answered with ${String(answer)}`)
      how = 'answered'
    } catch (error) {
      how = this.#failed(error)
    }
    this.pending--
    this.counts[how] = (this.counts[how] ?? 0) + 1
    const took = performance.now() - start
    if (took > timeout + lateMs)
      this.#at.fail(`call: ${question} took ${Math.round(took)} ms, and was given ${timeout}`)
    if (self.length > 0) this.#at.fail(`call: something is left behind in the mailbox: ${String(self.poll())}`)
  }

  #failed(error: unknown): string {
    if (error instanceof TimeoutError) return 'time-out'
    const reason = error instanceof CallError ? reasonText(error.reason) : String(error)
    if (reason !== 'noconnection' && reason !== 'noproc') this.#at.fail(`call: ended with ${reason}`)
    return reason
  }
}

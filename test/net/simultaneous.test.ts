/** Two nodes that dial each other at once, over real sockets: always exactly one connection, and nothing lost on it. */
import { expect, test } from 'vitest'
import { type DialAttempt, dialConnection } from '../../src/net/dial.js'
import { type Listener, listenForNodes } from '../../src/net/listener.js'
import type { LocalEnd } from '../../src/net/local-end.js'
import type { Endpoint } from '../../src/net/transport.js'
import { eventually } from '../support/deadline.js'
import { deadlineMs, endOf, loopback, tlsEndOf, Watched } from './net-kit.js'

/** A node that knows one other, and the protocol's table for simultaneous and repeated connects. */
class Side {
  readonly end: LocalEnd
  readonly other: string
  listener!: Listener
  attempt: DialAttempt | undefined
  up: Watched | undefined
  readonly statuses: string[] = []
  replaced = 0
  /** Those that were told to come in and have not come yet. To dial meanwhile is what must not be: see `ListenerOwner`. */
  expected = 0

  constructor(end: LocalEnd, other: string) {
    this.end = end
    this.other = other
  }

  async listen(): Promise<void> {
    this.listener = await listenForNodes(this.end, loopback, {
      decide: () => {
        const verdict = this.#decide()
        this.statuses.push(verdict)
        if (verdict !== 'nok') this.expected++
        return verdict
      },
      mayReplace: () => true,
      dropped: () => {
        this.expected--
      },
      accepted: (connection) => {
        this.expected--
        this.attempt?.cancel()
        this.attempt = undefined
        this.#isUp(new Watched(connection))
      },
    })
  }

  #decide() {
    if (this.up?.connection.isUp) return 'alive'
    if (this.attempt === undefined) return 'ok'
    if (Buffer.compare(Buffer.from(this.end.node.name), Buffer.from(this.other)) > 0) return 'nok'
    this.attempt.cancel()
    this.attempt = undefined
    return 'ok_simultaneous'
  }

  dial(endpoint: Endpoint): void {
    if (this.up !== undefined || this.attempt !== undefined || this.expected > 0) return
    this.attempt = dialConnection(
      this.end,
      { node: this.other, endpoint, takesOver: () => this.up === undefined },
      {
        up: (connection) => {
          this.attempt = undefined
          this.#isUp(new Watched(connection))
        },
        failed: ({ reason }) => {
          this.attempt = undefined
          this.statuses.push(`failed: ${reason}`)
        },
      },
    )
  }

  #isUp(watched: Watched): void {
    if (this.up !== undefined) {
      this.replaced++
      void this.up.connection.close('connection_closed')
    }
    this.up = watched
    watched.send(`hello from ${this.end.node.name}`)
  }
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve))
}

test.each([
  ['tcp', 200],
  ['tls', 200],
] as const)('over %s, %d rounds', async (over, rounds) => {
  const make = over === 'tls' ? tlsEndOf : async (name: string) => endOf(name)
  const [small, great] = ['aaa@127.0.0.1', 'zzz@127.0.0.1']
  const a = new Side(await make(small), great)
  const z = new Side(await make(great), small)
  await a.listen()
  await z.listen()
  const seen = new Map<string, number>()

  for (let round = 0; round < rounds; round++) {
    // Who is first, and by how much, goes through all that matters: from both in one turn to one nearly done.
    const [first, second] = round % 2 === 0 ? [a, z] : [z, a]
    first.dial(second.listener.endpoint)
    await turns(Math.floor(round / 2) % 12)
    second.dial(first.listener.endpoint)

    const [left, right] = await eventually(
      () => {
        const isOne = a.up?.connection.isUp && z.up?.connection.isUp && a.up.frames.length > 0 && z.up.frames.length > 0
        return isOne && a.attempt === undefined && z.attempt === undefined && ([a.up, z.up] as [Watched, Watched])
      },
      deadlineMs,
      `one connection in round ${round}`,
    )
    await eventually(() => a.listener.pending === 0 && z.listener.pending === 0, deadlineMs, 'nothing pending')
    // One connection: the two ends are each other's.
    expect(left.connection.outgoing).toBe(!right.connection.outgoing)
    expect([left.frames, right.frames]).toEqual([[`hello from ${great}`], [`hello from ${small}`]])
    left.send(`round ${round}`)
    expect((await right.framesCame(2))[1]).toBe(`round ${round}`)

    for (const status of [...a.statuses.map((each) => `a ${each}`), ...z.statuses.map((each) => `z ${each}`)]) {
      seen.set(status, (seen.get(status) ?? 0) + 1)
    }
    await left.connection.close()
    await right.isLost()
    a.up = z.up = undefined
    a.statuses.length = z.statuses.length = 0
  }
  await Promise.all([a.listener.close(), z.listener.close()])
  // The rounds have met the interesting interleavings, not only one after the other.
  expect([...seen.keys()]).toEqual(expect.arrayContaining(['a ok_simultaneous', 'z nok', 'a failed: nok']))
  expect([a.expected, z.expected]).toEqual([0, 0])
  expect([a.end.challenges.size, z.end.challenges.size]).toEqual([0, 0])
})

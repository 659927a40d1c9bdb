/**
 * A reign node of the soak, in an OS process of its own: its workloads and their oracles. What it is asked comes over the channel that
 * Node.js gives a child, never over distribution: `{ id, operation }`, answered with `{ id, result }`. The twin of soak_member.erl.
 *
 *   node --expose-gc member.js JSON        the JSON is of MemberOptions
 */
import { type Logger, Node } from 'reign'
import type { ClusterSpecInput } from '../../src/cluster/spec-schema.js'
import { Random } from '../../src/testing/random.js'
import { Callers } from './callers.js'
import { Claims } from './claims.js'
import { type Plant, Streams } from './streams.js'
import { Watchers } from './watchers.js'
import type { Workplace } from './work.js'

/** What a member is started with. */
export interface MemberOptions {
  readonly name: string
  readonly cluster: ClusterSpecInput
  readonly others: readonly string[]
  readonly seed: number
  readonly perSecond: number
  readonly plant?: Plant | 'notice' | undefined
}

/** As many violations are told; then there is no doubt. */
const violationsMax = 50

const { name, cluster, others, seed, perSecond, plant }: MemberOptions = JSON.parse(String(process.argv[2]))

const violations: string[] = []
const fail = (violation: string) => {
  if (violations.length < violationsMax) violations.push(violation)
}

/** How many lines of each level and text were logged. */
const logged: Record<string, number> = {}
const count = (level: string) => (_fields: object, text: string) => {
  logged[`${level}: ${text}`] = (logged[`${level}: ${text}`] ?? 0) + 1
}
const error = (fields: object, text: string) => fail(`an error was logged: ${text} ${JSON.stringify(fields)}`)
const nothing = () => {}
const logger: Logger = { error, warn: count('warn'), info: nothing, debug: nothing, trace: nothing }

const node = await Node.start(name, { cluster, logger })
const at: Workplace = { node, others, random: new Random(seed), perSecond, still: true, fail }
const streams = new Streams(at, plant === 'notice' ? undefined : plant)
const watchers = new Watchers(at, plant === 'notice')
const claims = new Claims(at)
const callers = await Callers.start(at)

const operations: Record<string, () => unknown> = {
  port: () => node.endpoint?.port,
  nodes: () => node.nodes(),
  still: () => {
    at.still = true
  },
  go: () => {
    at.still = false
  },
  mark: () => streams.mark(),
  status: () => {
    watchers.checkOverdue()
    const { oracle, sentCount } = streams
    return {
      violations,
      sent: sentCount,
      heard: oracle.heardCount,
      lost: oracle.lostCount,
      notices: watchers.counts,
      calls: callers.counts,
      logged,
    }
  },
  rest: () => ({ outstanding: watchers.outstanding, pending: callers.pending }),
  tails: () => ({ said: streams.saidLast(), heard: streams.oracle.tails() }),
  views: () => ({ truth: claims.truth, view: claims.view }),
  /** What would grow if something leaked. */
  holdings: () => {
    const resources = process.getActiveResourcesInfo()
    const many = (kind: string) => resources.filter((each) => each === kind).length
    return { processes: node.processes().length, sockets: many('TCPSocketWrap'), timers: many('Timeout') }
  },
  memory: () => {
    globalThis.gc?.()
    globalThis.gc?.()
    const { rss, heapUsed, external } = process.memoryUsage()
    return { rss, used: heapUsed + external }
  },
}

process.on('message', ({ id, operation }: { id: number; operation: string }) => {
  try {
    process.send?.({ id, result: operations[operation]?.() ?? null })
  } catch (error) {
    process.send?.({ id, error: String(error) })
  }
})
process.on('disconnect', () => process.exit(0))
process.once('SIGTERM', async () => {
  await node.stop()
  process.disconnect()
})
process.send?.({ ready: true })

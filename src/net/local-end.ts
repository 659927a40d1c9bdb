/** What all connections of one node have in common: who we are, what we ask of peers, and the seams. */
import { type Clock, systemClock } from '../clock.js'
import { ChallengeBook } from '../dist/challenge-book.js'
import { hiddenFlags, mandatoryFlags26 } from '../dist/flags.js'
import type { LocalNode } from '../dist/handshake.js'
import { defaultTicks, type TickOptions, tickIntervalMs } from '../dist/ticker.js'
import { type Entropy, systemEntropy } from '../entropy.js'
import { defaultLimits, type Limits } from '../limits.js'
import { LogPace } from '../log-pace.js'
import { type Logger, silent } from '../logger.js'
import type { Secret } from '../secret.js'
import { parseNodeName } from '../term/node-name.js'
import { SlabPool } from './slab-pool.js'
import { TickBeat } from './tick-beat.js'
import type { Transport } from './transport.js'

/** See the head of this file. One for a node; {@link localEnd} makes it. */
export interface LocalEnd {
  /** Read anew in each handshake. */
  readonly node: LocalNode
  readonly transport: Transport
  /** The cookie shared with a peer. */
  readonly cookie: (peerName: string) => Secret
  /**
   * Over TLS: `node`, the certificate of a peer must carry the name of the node that it claims to be; `ca`, any
   * certificate of the authority will do. Without TLS nothing but the cookie is proved, whatever this says.
   */
  readonly identity: 'node' | 'ca'
  /** The application protocols of TLS to offer and to accept, best first; none by default. Erlang's nodes offer none. */
  readonly alpn: readonly string[]
  readonly ticks: TickOptions
  readonly limits: Limits
  readonly clock: Clock
  readonly logger: Logger
  readonly challenges: ChallengeBook
  /** Where what is sent is written, on whichever connection. */
  readonly slabs: SlabPool
  /** When all connections look after their ticks. */
  readonly beat: TickBeat
  /** How often the log is told of connections that were closed for what came over them. */
  readonly breaches: LogPace
}

/** Lines about them in one second. */
const breachLinesMax = 10

/** What {@link localEnd} must and can be told; the rest has defaults. */
export interface LocalEndOptions
  extends Partial<Omit<LocalEnd, 'node' | 'challenges' | 'slabs' | 'beat' | 'breaches'>> {
  readonly transport: Transport
  readonly cookie: (peerName: string) => Secret
  readonly name: string
  /** A function where it is known only after listening: the port mapper gives it. */
  readonly creation: number | (() => number)
  /** What to offer. Default: `hiddenFlags`, a hidden node. */
  readonly flags?: bigint
  /** What a peer must offer. Default: what Erlang/OTP 26 to 28 demand too. */
  readonly requiredFlags?: bigint
  readonly entropy?: Entropy
}

/**
 * Puts a {@link LocalEnd} together.
 *
 * @throws `ERR_REIGN_NODE_NAME`, or `ERR_REIGN_ARGUMENT` for ticks that Erlang would not take.
 */
export function localEnd(options: LocalEndOptions): LocalEnd {
  const { name, creation, flags = hiddenFlags, requiredFlags = mandatoryFlags26 } = options
  const { entropy = systemEntropy, ticks = defaultTicks, clock = systemClock } = options
  parseNodeName(name)
  const beat = new TickBeat(clock, tickIntervalMs(ticks))
  return {
    node: {
      name,
      flags,
      requiredFlags,
      get creation() {
        return typeof creation === 'number' ? creation : creation()
      },
    },
    transport: options.transport,
    cookie: options.cookie,
    identity: options.identity ?? 'node',
    alpn: options.alpn ?? [],
    ticks,
    limits: options.limits ?? defaultLimits,
    clock,
    logger: options.logger ?? silent,
    challenges: new ChallengeBook(() => entropy.uint32()),
    slabs: new SlabPool(clock),
    beat,
    breaches: new LogPace(clock, { linesMax: breachLinesMax }),
  }
}

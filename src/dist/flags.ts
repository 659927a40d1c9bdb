/**
 * The flags of the distribution handshake: what each side can do. Protocol: "Distribution handshake", distribution flags.
 *
 * 64 bits, so `bigint` throughout: JavaScript's bit operators know 32 and would lose SPAWN and all above it. What counts
 * on a connection is `mine & theirs`; unknown bits of a peer are ignored, so that later releases can add some.
 */

/** The flags that have a meaning today; the three that the runtime keeps to itself are left out. */
export type FlagName =
  | 'PUBLISHED'
  | 'ATOM_CACHE'
  | 'EXTENDED_REFERENCES'
  | 'DIST_MONITOR'
  | 'FUN_TAGS'
  | 'DIST_MONITOR_NAME'
  | 'HIDDEN_ATOM_CACHE'
  | 'NEW_FUN_TAGS'
  | 'EXTENDED_PIDS_PORTS'
  | 'EXPORT_PTR_TAG'
  | 'BIT_BINARIES'
  | 'NEW_FLOATS'
  | 'UNICODE_IO'
  | 'DIST_HDR_ATOM_CACHE'
  | 'SMALL_ATOM_TAGS'
  | 'UTF8_ATOMS'
  | 'MAP_TAG'
  | 'BIG_CREATION'
  | 'SEND_SENDER'
  | 'BIG_SEQTRACE_LABELS'
  | 'EXIT_PAYLOAD'
  | 'FRAGMENTS'
  | 'HANDSHAKE_23'
  | 'UNLINK_ID'
  | 'MANDATORY_25_DIGEST'
  | 'SPAWN'
  | 'NAME_ME'
  | 'V4_NC'
  | 'ALIAS'
  | 'ALTACT_SIG'
  | 'CALL'
  | 'SEND_SHORT'

/** Each flag's bit, and why it is set by us or not. "Mandatory" names the release from which peers insist on it. */
export const flags: Readonly<Record<FlagName, bigint>> = {
  /** We are a visible node, part of the full mesh. Left to the configuration: a hidden node is spared the mesh's duties. */
  PUBLISHED: 1n << 0n,
  /** Obsolete. Never set. */
  ATOM_CACHE: 1n << 1n,
  /** References have several words. Mandatory. */
  EXTENDED_REFERENCES: 1n << 2n,
  /** We handle monitors. Set: without it the peer's monitors on us are silently never armed. */
  DIST_MONITOR: 1n << 3n,
  /** Funs have tags of their own. Mandatory. */
  FUN_TAGS: 1n << 4n,
  /** We handle monitors by registered name. Set, for the same reason. */
  DIST_MONITOR_NAME: 1n << 5n,
  /** Obsolete. Never set. */
  HIDDEN_ATOM_CACHE: 1n << 6n,
  /** NEW_FUN_EXT. Mandatory. */
  NEW_FUN_TAGS: 1n << 7n,
  /** Pids and ports use all of their bits. Mandatory. */
  EXTENDED_PIDS_PORTS: 1n << 8n,
  /** EXPORT_EXT. Mandatory. */
  EXPORT_PTR_TAG: 1n << 9n,
  /** BIT_BINARY_EXT. Mandatory. */
  BIT_BINARIES: 1n << 10n,
  /** NEW_FLOAT_EXT. Mandatory. */
  NEW_FLOATS: 1n << 11n,
  /** Our io servers understand `unicode` requests. Set: nothing would be simpler without it. */
  UNICODE_IO: 1n << 12n,
  /** Atoms are sent once per connection, then by number. Not set: see {@link headerFlags}. */
  DIST_HDR_ATOM_CACHE: 1n << 13n,
  /** SMALL_ATOM_EXT, a tag that only old peers emit. Set: we decode it. */
  SMALL_ATOM_TAGS: 1n << 14n,
  /** Atoms are UTF-8. Mandatory. */
  UTF8_ATOMS: 1n << 16n,
  /** MAP_EXT. Mandatory. */
  MAP_TAG: 1n << 17n,
  /** Creations have 32 bits. Mandatory. */
  BIG_CREATION: 1n << 18n,
  /** SEND_SENDER instead of SEND. Set: a message that names its sender can be charged to somebody. */
  SEND_SENDER: 1n << 19n,
  /** Trace labels may be any term. Set: we carry them unread. */
  BIG_SEQTRACE_LABELS: 1n << 20n,
  /** Exit reasons travel as payloads of their own. Set: a reason can then be decoded lazily, or fail alone. */
  EXIT_PAYLOAD: 1n << 22n,
  /** Long messages are cut up, so that others need not wait for them. Set by a node in a cluster: see {@link headerFlags}. */
  FRAGMENTS: 1n << 23n,
  /** The handshake of version 6. Mandatory. */
  HANDSHAKE_23: 1n << 24n,
  /** Unlinking is acknowledged. Mandatory from 26. */
  UNLINK_ID: 1n << 25n,
  /** Stands for all that 25 made mandatory. It is bit 26; the published page prints 36. */
  MANDATORY_25_DIGEST: 1n << 26n,
  /** Remote spawning. Set: `erpc`, `rpc` and `spawn` towards us need it, and get an answer even when it is no. */
  SPAWN: 1n << 32n,
  /** "Give me a name." A request, not an ability. Never set: our names are in our certificates. */
  NAME_ME: 1n << 33n,
  /** 32-bit pid numbers, 64-bit port numbers, references of five words. Mandatory from 26. */
  V4_NC: 1n << 34n,
  /** Messages to aliases. Set: every `gen` call since 24 is answered through one. */
  ALIAS: 1n << 35n,
  /** Sends with options (28). Not set: we do not read them. */
  ALTACT_SIG: 1n << 37n,
  /** Ours: calls in one frame, between nodes of this library. Far from the bits that Erlang's releases add one by one. */
  CALL: 1n << 62n,
  /** Ours: messages that name neither their sender nor the node of their receiver. */
  SEND_SHORT: 1n << 61n,
}

/** What OTP 25 insists on, and what {@link flags}`.MANDATORY_25_DIGEST` stands for. */
export const mandatoryFlags25: bigint = union(
  'EXTENDED_REFERENCES',
  'FUN_TAGS',
  'NEW_FUN_TAGS',
  'EXTENDED_PIDS_PORTS',
  'EXPORT_PTR_TAG',
  'BIT_BINARIES',
  'NEW_FLOATS',
  'UTF8_ATOMS',
  'MAP_TAG',
  'BIG_CREATION',
  'HANDSHAKE_23',
)

/** What OTP 26 to 28 insist on. So do we: every release from 25 offers it, and our links know only acknowledged unlinks. */
export const mandatoryFlags26: bigint = mandatoryFlags25 | union('UNLINK_ID', 'V4_NC')

/**
 * What a hidden reign node offers: everything mandatory, spelled out *and* by its digest bit (later releases may stop
 * reading the single bits), and what we handle beyond it.
 */
export const hiddenFlags: bigint =
  mandatoryFlags26 |
  union(
    'MANDATORY_25_DIGEST',
    'DIST_MONITOR',
    'DIST_MONITOR_NAME',
    'UNICODE_IO',
    'SMALL_ATOM_TAGS',
    'SEND_SENDER',
    'BIG_SEQTRACE_LABELS',
    'EXIT_PAYLOAD',
    'SPAWN',
    'ALIAS',
  )

/** What a visible reign node offers. */
export const publishedFlags: bigint = hiddenFlags | flags.PUBLISHED

/**
 * What a node in a cluster offers beside: long messages in fragments, with which every frame has a distribution header. No atom
 * cache: it saves some bytes of a message, and costs OTP a quarter of the small ones that it could send in the same time.
 */
export const headerFlags: bigint = union('FRAGMENTS')

/** What it offers further, and only nodes of this library know. */
export const reignFlags: bigint = union('CALL', 'SEND_SHORT')

/** Whether frames have a distribution header, in both directions, given what both sides offered. */
export function hasHeaders(effective: bigint): boolean {
  return (effective & headerFlags) !== 0n
}

/** Whether long messages may be cut into fragments, in both directions, given what both sides offered. */
export function hasFragments(effective: bigint): boolean {
  return (effective & flags.FRAGMENTS) !== 0n
}

/** Spells out MANDATORY_25_DIGEST. To be done with what a peer offers before anything is looked up in it. */
export function expandFlags(offered: bigint): bigint {
  return (offered & flags.MANDATORY_25_DIGEST) === 0n ? offered : offered | mandatoryFlags25
}

/** What of `required` is not among the (expanded) `offered`; `0n` when nothing is missing. */
export function missingFlags(offered: bigint, required: bigint): bigint {
  return required & ~offered
}

/** The names of the bits in `set`, lowest first; `bit 40` for one that has no name. For messages to people. */
export function flagNames(set: bigint): string[] {
  const names: string[] = []
  const named = Object.entries(flags) as [FlagName, bigint][]
  for (let bit = 0n; set >> bit !== 0n; bit++) {
    if (((set >> bit) & 1n) === 0n) continue
    names.push(named.find(([, value]) => value === 1n << bit)?.[0] ?? `bit ${bit}`)
  }
  return names
}

function union(...names: FlagName[]): bigint {
  return names.reduce((set, name) => set | flags[name], 0n)
}

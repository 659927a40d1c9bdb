/**
 * What one node says of the cluster-wide names that its own processes claim.
 *
 * Asked as one scope process of OTP's `pg` asks another: `{discover, Me}` is answered with a sync, which lists the
 * members on that node and no others. So it is known whose answer it is, and an Erlang node is asked in the same way.
 */
import type { Node } from '../cluster/node.js'
import { ReignError } from '../errors.js'
import type { Down } from '../process/notices.js'
import { Address } from '../term/address.js'
import { named } from '../term/named.js'
import { isTuple, tuple } from '../term/tuple.js'
import { type Deadline, within } from './deadline.js'

/** The scope of cluster-wide names. */
const scope = 'reign'

const discover = Symbol.for('discover')
const sync = Symbol.for('sync')
const genCast = Symbol.for('$gen_cast')

/** A name, and who claims it on one node: once for each claim. */
export interface Claim {
  readonly name: string | symbol
  readonly claimants: readonly Address<never>[]
}

/**
 * The claims of one node that is connected.
 *
 * When this resolves, `node.names` knows of them too: the other node answers it first.
 *
 * @throws `ERR_REIGN_TIMEOUT`; `ERR_REIGN_CONNECTION_LOST`; `ERR_REIGN_CALL` when the node takes no part in names: an Erlang node where nobody
 *   has started the scope (`pg:start_link(reign)`).
 */
export async function claimsOf(node: Node, peer: string, deadline: Deadline): Promise<readonly Claim[]> {
  using mailbox = node.mailbox<unknown>()
  const scopeProcess = named(scope, peer)
  const ref = mailbox.monitor(scopeProcess)
  node.send(scopeProcess, tuple(discover, mailbox.address))
  const isAnswer = (message: unknown): message is Down | readonly unknown[] =>
    isDown(message) ? message.ref === ref : syncOf(message, peer) !== undefined
  const answer = await within(deadline, mailbox.receive(isAnswer), `the names of ${peer}`)
  if (!isDown(answer)) return syncOf(answer, peer) ?? []
  if (answer.reason === Symbol.for('noproc')) {
    throw new ReignError('ERR_REIGN_CALL', `${peer} takes no part in names: no scope "${scope}" of pg runs there`)
  }
  throw new ReignError('ERR_REIGN_CONNECTION_LOST', `the connection with ${peer} is lost`)
}

function isDown(message: unknown): message is Down {
  return typeof message === 'object' && message !== null && (message as Partial<Down>).type === 'DOWN'
}

/** The claims in the sync of that node; `undefined` when it is none. Nothing that it lists is trusted to have its shape. */
function syncOf(message: unknown, peer: string): readonly Claim[] | undefined {
  if (!isTuple(message) || message[0] !== genCast) return undefined
  const cast = message[1]
  if (!isTuple(cast) || cast[0] !== sync || !(cast[1] instanceof Address) || cast[1].node !== peer) return undefined
  const groups = cast[2]
  if (!Array.isArray(groups)) return undefined
  return groups.flatMap((group) => {
    if (!isTuple(group) || group.length !== 2) return []
    const [name, members] = group
    if ((typeof name !== 'string' && typeof name !== 'symbol') || !Array.isArray(members)) return []
    const claimants = members.filter((member) => member instanceof Address && member.node === peer)
    return claimants.length === 0 ? [] : [{ name, claimants }]
  })
}

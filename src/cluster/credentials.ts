/**
 * The credentials of a node that runs: what it shows, whom it believes, and both read anew without a restart.
 *
 * New ones are taken only as a whole, and only if a node could start with them; otherwise the old ones stay. They count from
 * the next handshake on. What stands was proved with older ones, and is judged by `identity-guard.ts`.
 */
import { endOf, keyIdOf, serialText } from '../certs/chain.js'
import { readCertificates } from '../certs/pem.js'
import { currentLists } from '../certs/revocation-list.js'
import { Trust } from '../certs/trust.js'
import type { Clock } from '../clock.js'
import { ReignError } from '../errors.js'
import { certificatesRenewed, filesRefused } from '../events.js'
import type { Logger } from '../logger.js'
import type { TlsCredentials } from '../net/tls-transport.js'
import { publish } from '../process/guard.js'
import type { Expiring } from './expiry.js'
import { FileWatch } from './file-watch.js'
import { Rereader } from './rereader.js'
import type { TlsSpec } from './spec.js'

/** What {@link Credentials} need. */
export interface CredentialsParts {
  /** The name of the node, for what is said about it. */
  readonly node: string
  readonly tls: TlsSpec
  /** Reads them anew. @throws a coded error that says all that is wrong. */
  readonly read: () => Promise<{ readonly tls: TlsSpec; readonly warnings: readonly string[] }>
  /** Called when others are in use than before. */
  readonly renewed: () => void
  readonly clock: Clock
  readonly logger: Logger
}

/** What is in use. */
interface Holding {
  readonly tls: TlsSpec
  readonly shown: TlsCredentials
  readonly trust: Trust
  readonly expiring: readonly Expiring[]
  /** Whether our own certificate is in a list of its authority. */
  readonly revoked: boolean
}

/** See the head of this file. */
export class Credentials {
  readonly #parts: CredentialsParts
  readonly #watch: FileWatch
  #holding: Holding
  readonly #rereader: Rereader<Awaited<ReturnType<CredentialsParts['read']>>, boolean>

  constructor(parts: CredentialsParts) {
    this.#parts = parts
    this.#holding = holdingOf(parts.node, parts.tls)
    this.#rereader = new Rereader({
      read: () => parts.read(),
      use: (read) => this.#use(read),
      complain: (told) => {
        parts.logger.error(told, 'the certificates have changed and cannot be used: the old ones stay in use')
        if (filesRefused.hasSubscribers) {
          publish(filesRefused, { node: parts.node, what: 'certificates', code: told.code, error: told.error })
        }
      },
    })
    this.#watch = new FileWatch(
      parts.clock,
      () => this.#holding.tls.files,
      () => this.#rereader.noticed(),
    )
  }

  /**
   * For the next handshake: the same object until others are in use.
   *
   * @throws `ERR_REIGN_CERTIFICATE` when our certificate has ended: others would refuse it, without a word of why.
   */
  current(): TlsCredentials {
    const { tls, shown } = this.#holding
    if (this.#parts.clock.wallTime() <= tls.certificateEndsAt) return shown
    const day = new Date(tls.certificateEndsAt).toISOString()
    const { node } = this.#parts
    throw new ReignError(
      'ERR_REIGN_CERTIFICATE',
      `the certificate of ${node} ended on ${day}: \`reign cert ${node} --renew\` makes a new one`,
    )
  }

  /** Whom the node believes now. */
  get trust(): Trust {
    return this.#holding.trust
  }

  /** What of them ends. */
  get expiring(): readonly Expiring[] {
    return this.#holding.expiring
  }

  /** Whether our own certificate is revoked, as far as we know. */
  get revoked(): boolean {
    return this.#holding.revoked
  }

  /** Begins to watch the files that they come from; what changes there is in use some seconds later. */
  start(): void {
    // Without files (PEM text in an object) there is nothing to see.
    if (this.#holding.tls.files.length > 0) this.#watch.start()
  }

  stop(): void {
    this.#rereader.stop()
    this.#watch.stop()
  }

  /**
   * Reads them anew, and uses them if they can be used.
   *
   * @returns Whether others are in use than before.
   * @throws `ERR_REIGN_CLUSTER_SPEC`, with all that is wrong; the old ones stay in use. `ERR_REIGN_NODE_STOPPED`.
   */
  reload(): Promise<boolean> {
    return this.#rereader.reload()
  }

  #use({ tls, warnings }: Awaited<ReturnType<CredentialsParts['read']>>): boolean {
    const old = this.#holding
    // Where the files are is taken in any case: that is what is to be watched.
    this.#holding = sameMaterial(old.tls, tls) ? { ...old, tls } : holdingOf(this.#parts.node, tls)
    this.start()
    if (this.#holding.shown === old.shown) return false
    const { logger, renewed } = this.#parts
    for (const warning of warnings) logger.warn({}, warning)
    const changed = changes(old.tls, tls)
    const { certificateEndsAt: endsAt } = tls
    logger.info({ changed, endsAt: new Date(endsAt).toISOString() }, 'new certificates are in use')
    if (certificatesRenewed.hasSubscribers) publish(certificatesRenewed, { node: this.#parts.node, changed, endsAt })
    renewed()
    return true
  }
}

const materials = ['cert', 'ca', 'crl', 'ciphers'] as const

/** Which of them differ, by the names that the specification has for them. */
function changes(old: TlsSpec, tls: TlsSpec): string[] {
  const differ = materials.filter((each) => old[each] !== tls[each])
  return old.key.reveal() === tls.key.reveal() ? differ : [...differ, 'key']
}

function sameMaterial(old: TlsSpec, tls: TlsSpec): boolean {
  return changes(old, tls).length === 0
}

function holdingOf(node: string, tls: TlsSpec): Holding {
  const { cert, key, ca, crl, ciphers } = tls
  const authorities = readCertificates(ca)
  const { lists } = crl === undefined ? { lists: [] } : currentLists(crl, authorities)
  const [own] = readCertificates(cert)
  const issuer = own && authorities.find((authority) => own.checkIssued(authority) && own.verify(authority.publicKey))
  const serial = own && serialText(own.serialNumber)
  return {
    tls,
    shown: Object.freeze({ cert, key, ca, crl, ciphers }),
    trust: new Trust(
      authorities.map((each) => ({ keyId: keyIdOf(each), endsAt: endOf(each) })),
      lists,
    ),
    revoked:
      issuer !== undefined &&
      lists.some((list) => list.issuerKeyId === keyIdOf(issuer) && list.revoked.has(serial ?? '')),
    expiring: [
      {
        what: `the certificate of ${node}`,
        endsAt: tls.certificateEndsAt,
        remedy: `without a new one (\`reign cert ${node} --renew\`) it cannot connect any more`,
        vital: true,
      },
      ...authorities.map((authority, index) => ({
        what: authorities.length === 1 ? 'the authority' : `authority ${index + 1} of ${authorities.length} in ca`,
        endsAt: endOf(authority),
        remedy: 'its certificates are refused from then on',
        vital: authorities.length === 1,
      })),
      ...lists.flatMap(({ nextUpdate }, index) => {
        if (nextUpdate === undefined) return []
        const what = lists.length === 1 ? 'the revocation list' : `revocation list ${index + 1} of ${lists.length}`
        const remedy = 'without a newer one (`reign revoke`) no new connection is made'
        return [{ what, endsAt: nextUpdate, remedy, vital: true }]
      }),
    ],
  }
}

/** The domain name system as a seam: which records a name has. A test passes its own. */
import { Resolver } from 'node:dns/promises'
import { describe, ReignError } from '../errors.js'

/** A service that a name has, of a SRV record. */
export interface ServiceRecord {
  /** The host that it is on. */
  readonly host: string
  readonly port: number
}

/** Answers questions about names. Each resolves with no records where the name, or such a record of it, does not exist. */
export interface DnsResolver {
  /** The IP addresses of a host: A and AAAA records. @throws `ERR_REIGN_UNREACHABLE` when no server answers. */
  addresses(host: string, signal: AbortSignal): Promise<readonly string[]>
  /** What SRV records say, best first. @throws as {@link addresses}. */
  services(name: string, signal: AbortSignal): Promise<readonly ServiceRecord[]>
}

/** Milliseconds until another try, or another server; and how often. */
const tries = { timeout: 2_000, tries: 2 }

/** Codes of answers that say: there is none. */
const nobody: ReadonlySet<unknown> = new Set(['ENOTFOUND', 'ENODATA'])

/**
 * Asks name servers directly, those of this machine unless others are given (`10.0.0.53`, `127.0.0.1:5353`): nothing waits in the
 * few threads that files and `getaddrinfo` share, nor for longer than it takes. They know no `/etc/hosts` and no search domains:
 * names must be whole.
 */
export const dnsResolver = (servers?: readonly string[]): DnsResolver => ({
  addresses: (host, signal) =>
    asking(servers, host, signal, async (resolver) => {
      const answers = await Promise.allSettled([orNone(resolver.resolve4(host)), orNone(resolver.resolve6(host))])
      const found = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []))
      // One of the two will do: there are servers that know nothing of IPv6.
      const failure = answers.find((answer) => answer.status === 'rejected')
      if (found.length === 0 && failure !== undefined) throw failure.reason
      return found
    }),
  services: (name, signal) =>
    asking(servers, name, signal, async (resolver) => {
      const records = await orNone(resolver.resolveSrv(name))
      const sorted = records.toSorted((one, other) => one.priority - other.priority || other.weight - one.weight)
      return sorted.map((record) => ({ host: record.name, port: record.port }))
    }),
})

async function asking<T>(
  servers: readonly string[] | undefined,
  name: string,
  signal: AbortSignal,
  ask: (resolver: Resolver) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted()
  const resolver = new Resolver(tries)
  if (servers !== undefined) resolver.setServers(servers)
  const cancel = () => resolver.cancel()
  signal.addEventListener('abort', cancel)
  try {
    return await ask(resolver)
  } catch (error) {
    signal.throwIfAborted()
    throw new ReignError('ERR_REIGN_UNREACHABLE', `DNS does not answer about ${name}: ${describe(error)}`, {
      cause: error,
    })
  } finally {
    signal.removeEventListener('abort', cancel)
  }
}

async function orNone<T>(records: Promise<T[]>): Promise<T[]> {
  try {
    return await records
  } catch (error) {
    if (nobody.has((error as { code?: unknown }).code)) return []
    throw error
  }
}

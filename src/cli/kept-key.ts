/** The key that a node keeps when its certificate is renewed with `--keep-key`. */
import { createPrivateKey, type X509Certificate } from 'node:crypto'
import { resolve } from 'node:path'
import { keyIdOf, serialText } from '../certs/chain.js'
import { readCertificates } from '../certs/pem.js'
import type { ClusterSpecInput } from '../cluster/spec-schema.js'
import { ReignError } from '../errors.js'
import { Secret } from '../secret.js'
import { argumentFault, entryOf, readText } from './authority-files.js'
import { clusterFiles } from './cluster-folder.js'

/**
 * Reads the key of a node.
 *
 * @param authorities Those whose revocation lists are believed.
 * @throws `ERR_REIGN_ARGUMENT` when the certificate that it goes with is revoked: somebody else may have the key;
 *   `ERR_REIGN_CERTIFICATE` when it cannot be read, or does not go with the certificate.
 */
export async function keptKey(
  name: string,
  spec: ClusterSpecInput,
  folder: string,
  authorities: readonly X509Certificate[],
): Promise<Secret> {
  const { cert, key } = entryOf(spec, name) ?? {}
  if (cert === undefined || key === undefined) throw argumentFault(`${name} has no key to keep in ${clusterFiles.spec}`)
  const kept = new Secret(
    await readText(resolve(folder, key), `the key of ${name} (leave --keep-key out for a new one)`),
  )
  const [certificate] = readCertificates(await readText(resolve(folder, cert), `the certificate of ${name}`))
  if (certificate === undefined) throw new ReignError('ERR_REIGN_CERTIFICATE', `${cert} holds no readable certificate`)
  if (!goesWith(certificate, kept)) {
    throw new ReignError(
      'ERR_REIGN_CERTIFICATE',
      `the key of ${name} cannot be read, or is not that of its certificate`,
    )
  }
  if (await isRevoked(certificate, spec, folder, authorities)) {
    throw argumentFault(`the certificate of ${name} is revoked, so its key is not to be kept: leave --keep-key out`)
  }
  return kept
}

function goesWith(certificate: X509Certificate, key: Secret): boolean {
  try {
    return certificate.checkPrivateKey(createPrivateKey(key.reveal()))
  } catch {
    return false
  }
}

async function isRevoked(
  certificate: X509Certificate,
  { crl }: ClusterSpecInput,
  folder: string,
  authorities: readonly X509Certificate[],
): Promise<boolean> {
  if (crl === undefined) return false
  const { currentLists } = await import('../certs/revocation-list.js')
  const text = crl.includes('-----BEGIN ') ? crl : await readText(resolve(folder, crl), 'the revocation list')
  const issuer = authorities.find((authority) => certificate.checkIssued(authority))
  const issuerKeyId = issuer === undefined ? undefined : keyIdOf(issuer)
  const list = currentLists(text, authorities).lists.find((each) => each.issuerKeyId === issuerKeyId)
  return list?.revoked.has(serialText(certificate.serialNumber)) ?? false
}

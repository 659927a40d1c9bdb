/**
 * Where @peculiar/x509 comes in, and only when a certificate is to be made: the runtime never writes certificates, and
 * reads them with OpenSSL, by `node:crypto`.
 */
import { provideReflectMetadata } from './reflect-metadata.js'

/** The library's exports. */
export type X509Library = typeof import('@peculiar/x509')

/** Loads the library; later calls get the same module. Cost: some 100 ms the first time. */
export async function loadX509(): Promise<X509Library> {
  provideReflectMetadata()
  return import('@peculiar/x509')
}

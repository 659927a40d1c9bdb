/** An authority that `openssl ca` keeps, of any kind of key: what reign itself does not make, but has to read. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** How keys are made, by name. */
export const keyKinds: Readonly<Record<string, readonly string[]>> = {
  'P-256': ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256'],
  'P-384': ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-384'],
  RSA: ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048'],
  Ed25519: ['-algorithm', 'ED25519'],
  Ed448: ['-algorithm', 'ED448'],
}

/** See the head of this file. */
export class OpensslAuthority implements Disposable {
  readonly folder: string = mkdtempSync(join(tmpdir(), 'reign-openssl-'))
  readonly certificatePem: string

  constructor(kind: keyof typeof keyKinds, digest = 'sha256', numbered = true) {
    const digestLine = kind.startsWith('Ed') ? 'default_md = default' : `default_md = ${digest}`
    writeFileSync(join(this.folder, 'index.txt'), '')
    writeFileSync(join(this.folder, 'number'), '0100\n')
    writeFileSync(
      join(this.folder, 'conf'),
      `[ca]
default_ca = it
[it]
database = ${this.folder}/index.txt
${numbered ? `crlnumber = ${this.folder}/number` : ''}
${digestLine}
[plain]
authorityKeyIdentifier = keyid
[partial]
issuingDistributionPoint = critical, @scope
[scope]
onlyuser = TRUE
[delta]
2.5.29.27 = critical, DER:02:01:01
[req]
distinguished_name = nobody
[nobody]
`,
    )
    this.openssl('genpkey', ...(keyKinds[kind] ?? []), '-out', 'ca.key')
    const self = ['req', '-new', '-x509', '-key', 'ca.key', '-subj', `/CN=${kind} authority`, '-days', '30']
    this.openssl(...self, '-config', 'conf', '-addext', 'basicConstraints=critical,CA:TRUE', '-out', 'ca.pem')
    this.certificatePem = this.read('ca.pem')
  }

  openssl(...args: readonly string[]): string {
    return execFileSync('openssl', args, { cwd: this.folder, stdio: 'pipe', encoding: 'utf8' })
  }

  read(file: string): string {
    return readFileSync(join(this.folder, file), 'utf8')
  }

  /** Writes a text into its folder; gives the name of the file. */
  save(text: string): string {
    writeFileSync(join(this.folder, 'saved'), text)
    return 'saved'
  }

  /** Puts certificates into its book as revoked; none of them need exist. */
  revoke(serialNumber: string, reason?: string): void {
    const lines = this.read('index.txt')
    const when = reason === undefined ? '240102030405Z' : `240102030405Z,${reason}`
    writeFileSync(
      join(this.folder, 'index.txt'),
      `${lines}R\t491231235959Z\t${when}\t${serialNumber}\tunknown\t/CN=x\n`,
    )
  }

  /** Its list, with the extensions of a section of its configuration. */
  list(...options: readonly string[]): string {
    const key = ['-keyfile', 'ca.key', '-cert', 'ca.pem', '-config', 'conf']
    return this.openssl('ca', '-gencrl', '-crldays', '10', ...key, ...options, '-notext')
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true })
  }
}

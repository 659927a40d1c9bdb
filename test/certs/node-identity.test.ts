import { execFileSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { nodeNamesOfSubjectAltName } from '../../src/certs/node-identity.js'

describe('the text of the extension', () => {
  test.each<[string | undefined, string[]]>([
    [undefined, []],
    ['', []],
    ['URI:reign:one@127.0.0.1', ['one@127.0.0.1']],
    ['DNS:127.0.0.1, IP Address:127.0.0.1, URI:reign:one@127.0.0.1', ['one@127.0.0.1']],
    ['DNS:::1, IP Address:0:0:0:0:0:0:0:1, URI:reign:a@::1', ['a@::1']],
    ['URI:reign:a@h, DNS:h, URI:reign:b@h, URI:reign:a@h', ['a@h', 'b@h']],
    // other kinds of names, other schemes, and the same text in other places name no node
    ['DNS:reign:one@h', []],
    ['DNS:one@h, email:one@h', []],
    ['URI:https://one@h', []],
    ['URI:REIGN:one@h', []],
    ['URI:reign:', []],
    ['URI:reign:../one@h', []],
    ['URI:reign:one@h/../x', []],
    // quoted values are one value whatever they hold
    ['DNS:"x\\u002c URI:reign:victim@h"', []],
    ['DNS:"x, URI:reign:victim@h"', []],
    ['DNS:"a\\", URI:reign:victim@h, DNS:b"', []],
    ['URI:"reign:one@h"', []],
    ['DNS:"x\\u002c", URI:reign:one@h', ['one@h']],
    ['othername:<unsupported>, URI:reign:one@h', ['one@h']],
    ['DirName:"CN=x\\u002cO=y", URI:reign:one@h', ['one@h']],
    // not well-formed: nobody
    ['URI:reign:one@h, ', []],
    ['URI:reign:one@h,URI:reign:two@h', []],
    ['URI:reign:one@h, DNS:"x', []],
    ['DNS:"x"y, URI:reign:one@h', []],
    ["DNS:'x, URI:reign:one@h", []],
    ['URI:reign:one@h, nonsense', []],
    [', URI:reign:one@h', []],
    ['URI:reign:one@h\n, DNS:x', []],
  ])('%j', (text, names) => {
    expect(nodeNamesOfSubjectAltName(text)).toEqual(names)
  })
})

describe('certificates that try to pass for another node, as this Node.js prints them', () => {
  let folder = ''
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'reign-identity-'))
    execFileSync('openssl', ['ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', join(folder, 'k.pem')])
  })
  afterAll(() => rmSync(folder, { recursive: true }))

  function certificateWith(lines: string): X509Certificate {
    const config = `[req]\ndistinguished_name=dn\nx509_extensions=ext\nprompt=no\n[dn]\nCN=victim@h\n[ext]\nsubjectAltName=@san\n[san]\n${lines}\n`
    writeFileSync(join(folder, 'c.conf'), config)
    const args = [
      'req',
      '-x509',
      '-new',
      '-key',
      join(folder, 'k.pem'),
      '-days',
      '1',
      '-config',
      join(folder, 'c.conf'),
    ]
    execFileSync('openssl', [...args, '-out', join(folder, 'c.pem')], { stdio: 'pipe' })
    return new X509Certificate(readFileSync(join(folder, 'c.pem')))
  }

  test.each([
    ['DNS.1=x, URI:reign:victim@h', []],
    ['URI.1=reign:me@h, URI:reign:victim@h', []],
    ['URI.1=reign:me@h\nDNS.1=y, URI:reign:victim@h', ['me@h']],
    ['email.1=x@y, URI:reign:victim@h', []],
    ['otherName.1=1.2.3.4;UTF8:x, URI:reign:victim@h\nURI.1=reign:me@h', ['me@h']],
    ['dirName.1=dir\n[dir]\nCN=x, URI:reign:victim@h', []],
    ['URI.1=reign:victim@h\\"', []],
    ['DNS.1=h', []],
    ['DNS.1=127.0.0.1\nIP.1=127.0.0.1\nURI.1=reign:one@127.0.0.1', ['one@127.0.0.1']],
  ])('%j', (lines, names) => {
    const certificate = certificateWith(lines)
    expect(certificate.subjectAltName).toBeTypeOf('string')
    expect(nodeNamesOfSubjectAltName(certificate.subjectAltName)).toEqual(names)
  })
})

/** Texts that others write: addresses, names of nodes, endpoints, subject alternative names, formats for output, cluster files. */
import { nodeNamesOfSubjectAltName } from '../../src/certs/node-identity.js'
import { formatEndpoint, parseEndpoint } from '../../src/cluster/endpoint.js'
import { readSpecShape } from '../../src/cluster/spec-schema.js'
import { AtomBudget } from '../../src/codec/atom-budget.js'
import { decode } from '../../src/codec/index.js'
import { BadFormat, formatText } from '../../src/io/format.js'
import { TextBudget, TextTooLong } from '../../src/io/text-budget.js'
import { quoteRemote, remoteTextBytesMax } from '../../src/remote-text.js'
import { Address } from '../../src/term/address.js'
import { nodeNameProblem } from '../../src/term/node-name.js'
import type { Chance } from './chance.js'
import { fuzzBook } from './fuzz-node.js'
import { TermMaker } from './grammar.js'
import { holds, outcomeOf, type Target } from './target.js'

const node = { addressBook: fuzzBook }
const charactersMax = 4_000

/** The first byte says which kind of text it is. */
export class TextsTarget implements Target {
  readonly name = 'texts'
  #maker: TermMaker | undefined
  #atoms = new AtomBudget(1_000_000)

  seeds(): readonly Uint8Array[] {
    const spec = {
      nodes: {
        'a@127.0.0.1': { address: '127.0.0.1:9100', cert: 'a.pem', key: 'a.key' },
        'b@h.example': { member: false, listen: '[::1]:0', localAddress: '::1' },
      },
      ca: 'ca.pem',
      crl: 'crl.pem',
      cookie: { env: 'COOKIE' },
      cookies: { 'b@h.example': { file: 'x' } },
      ciphers: ['TLS_AES_128_GCM_SHA256'],
      epmd: { host: '127.0.0.1', port: 4_369, embedded: true },
      identity: 'node',
      tickTimeMs: 8_000,
      mesh: true,
    }
    const formats = [
      '~p~n',
      '~10.3.*w ~ts ~s',
      '~-20c~+~#',
      '~e ~.3f ~g',
      '~16x ~8X ~b ~.36B',
      '~~ ~i ~W ~P',
      '~*c',
      '~ltp',
    ]
    const texts: readonly (readonly [number, readonly string[]])[] = [
      [0, ['pid:x@127.0.0.1:85.0:1795486954', 'pid:a@b@c:4294967295.4294967295:0']],
      [1, ['x@127.0.0.1', 'a_b-1@h.example.org', 'a@::1', '']],
      [2, ['127.0.0.1:9100', '[::1]:9100', 'host:0', '::1', '[fe80::1%eth0]:1']],
      [
        3,
        ['DNS:127.0.0.1, IP Address:127.0.0.1, URI:reign:one@127.0.0.1', 'URI:"reign:\\u0022a@b", URI:reign:a@b', ''],
      ],
      [5, [JSON.stringify(spec), JSON.stringify({ epmd: 'auto', tls: false, cookie: 'x', Nodes: {}, ciphers: 'A:B' })]],
      [6, ['hello', '\u001b]0;x\u0007', '\u202eabc', 'é'.repeat(150)]],
    ]
    return [
      ...texts.flatMap(([kind, list]) => list.map((text) => Buffer.concat([Uint8Array.of(kind), Buffer.from(text)]))),
      ...formats.map((format) => formatInput(format, Buffer.from('836c00000003611077016163026a', 'hex'))),
    ]
  }

  /** Formats with arguments, which are terms: nothing else here has a grammar worth it. */
  make(chance: Chance): Uint8Array {
    const maker = (this.#maker ??= new TermMaker(chance))
    let format = ''
    const count = chance.below(4)
    for (let i = 0; i < count; i++) {
      const field = chance.pick(['', '', '', '10', '-10', '*', '3'])
      const precision = chance.pick(['', '', '.5', '.*', '.16', '.2.x'])
      format += `${chance.pick(['', 'a '])}~${field}${precision}${chance.pick(['', '', 't', 'l', 'tl', 'lt'])}`
      format += chance.pick([
        'w',
        'p',
        'W',
        'P',
        's',
        'e',
        'f',
        'g',
        'b',
        'B',
        'x',
        'X',
        '+',
        '#',
        'c',
        '~',
        'n',
        'i',
        'q',
      ])
    }
    const args = chance.below(5)
    maker.restart().u8(131).u8(108).u32(args)
    for (let i = 0; i < args; i++) {
      if (chance.oneIn(3)) maker.u8(97).u8(chance.below(40))
      else maker.term(3)
    }
    return formatInput(format, maker.u8(106).bytes)
  }

  renew(): void {
    this.#atoms = new AtomBudget(1_000_000)
  }

  run(input: Uint8Array): string {
    const bytes = Buffer.from(input.buffer, input.byteOffset, input.byteLength).subarray(1)
    const text = bytes.toString()
    switch ((input[0] ?? 0) % 7) {
      case 0:
        return this.#address(text)
      case 1:
        return nodeNameProblem(text) === undefined ? this.#isPlain(text) : 'no name'
      case 2:
        return this.#endpoint(text)
      case 3:
        for (const name of nodeNamesOfSubjectAltName(text)) this.#isPlain(name)
        return 'names'
      case 4:
        return this.#format(bytes)
      case 5:
        return this.#spec(text)
      default: {
        const shown = quoteRemote(bytes)
        holds(shown.length <= remoteTextBytesMax * 6 + 3, () => `${shown.length} characters`)
        // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not get through
        holds(!/[\u0000-\u001f\u007f-\u009f\u2028-\u202e]/.test(shown), () => shown)
        return 'shown'
      }
    }
  }

  #address(text: string): string {
    const read = outcomeOf(() => Address.parse(text, node), ['ERR_REIGN_ADDRESS_TEXT'])
    if (read.code !== undefined) return read.code
    holds(Address.parse(String(read.value), node) === read.value, () => 'its text is that of another')
    return 'address'
  }

  /** A name can be part of a path, an argument, a line of a log. */
  #isPlain(name: string): string {
    holds(/^[\w-]+@[\w.:-]+$/.test(name) && !name.includes('..') && name.length <= 255, () => `the name ${name}`)
    return 'name'
  }

  #endpoint(text: string): string {
    const endpoint = parseEndpoint(text, 0)
    if (typeof endpoint === 'string') return 'no endpoint'
    const { host, port } = endpoint
    const again = parseEndpoint(formatEndpoint(endpoint), 0)
    holds(typeof again === 'object' && again.host === host && again.port === port, () => 'its text is another')
    return 'endpoint'
  }

  #spec(text: string): string {
    let raw: unknown
    try {
      raw = JSON.parse(text)
    } catch {
      return 'no JSON'
    }
    const { spec, issues } = readSpecShape(raw)
    holds(
      Object.getPrototypeOf(spec) === Object.prototype || Object.getPrototypeOf(spec) === null,
      () => 'a spec of another kind',
    )
    for (const { message } of issues) holds(message.length < 2_000, () => message)
    return issues.length === 0 ? 'spec' : 'issues'
  }

  #format(bytes: Buffer): string {
    const end = bytes.indexOf(0)
    const format = bytes.toString('utf8', 0, end < 0 ? bytes.length : end)
    const args = outcomeOf(
      () =>
        decode(end < 0 ? Buffer.from('836a', 'hex') : bytes.subarray(end + 1), {
          node,
          atoms: this.#atoms,
          floats: 'exact',
        }),
      ['ERR_REIGN_TERM_', 'ERR_REIGN_ATOM_LIMIT'],
    )
    if (args.code !== undefined) return 'no arguments'
    try {
      const text = formatText(format, args.value, new TextBudget(charactersMax))
      holds(text.length <= charactersMax * 2, () => `${text.length} characters`)
      return 'text'
    } catch (error) {
      if (error instanceof BadFormat || error instanceof TextTooLong) return error.name
      throw error
    }
  }
}

function formatInput(format: string, args: Uint8Array): Buffer {
  return Buffer.concat([Uint8Array.of(4), Buffer.from(format), Uint8Array.of(0), args])
}

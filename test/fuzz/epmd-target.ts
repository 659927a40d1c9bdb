/** What is said to a port mapper, and by one. The first byte of an input says which of the four it is. */

import { readFileSync } from 'node:fs'
import {
  type EpmdNode,
  type EpmdRequest,
  encodeLookup,
  encodeLookupAnswer,
  encodeNames,
  encodeNamesAnswer,
  encodeRegister,
  encodeRegisterAnswer,
  epmdNode,
  isEpmdName,
  readLookupAnswer,
  readNamesAnswer,
  readRegisterAnswer,
  readRequest,
} from '../../src/dist/epmd-messages.js'
import { hexOf, holds, outcomeOf, type Target } from './target.js'

const codes = ['ERR_REIGN_EPMD']
const alive = 'x'

export class EpmdTarget implements Target {
  readonly name = 'epmd'

  seeds(): readonly Uint8Array[] {
    const file = new URL('../vectors/handshake-vectors.json', import.meta.url)
    const vectors: { epmd: { name: string; hex: string }[] } = JSON.parse(readFileSync(file, 'utf8'))
    const kinds: readonly (readonly [RegExp, number])[] = [
      [/_REQ/, 0],
      [/^ALIVE2_X_RESP/, 1],
      [/^PORT2_RESP/, 2],
      [/^NAMES_RESP/, 3],
    ]
    const captured = vectors.epmd.map(({ name, hex }) => {
      const kind = kinds.find(([pattern]) => pattern.test(name))?.[1] ?? 0
      return Buffer.concat([Uint8Array.of(kind), Buffer.from(hex, 'hex')])
    })
    const node: EpmdNode = { ...epmdNode('é-1', 4_370), type: 72, versionLow: 5, extra: Uint8Array.of(0, 255) }
    const made: readonly (readonly [number, Uint8Array])[] = [
      [0, encodeRegister(node)],
      [0, encodeLookup('ü')],
      [1, encodeRegisterAnswer({ op: 'registered', creation: 0xffff_ffff }, 5)],
      [2, encodeLookupAnswer({ ...node, alive })],
      [3, encodeNamesAnswer(4_369, [])],
    ]
    return [...captured, ...made.map(([kind, bytes]) => Buffer.concat([Uint8Array.of(kind), bytes]))]
  }

  run(input: Uint8Array): string {
    const bytes = input.subarray(1)
    switch ((input[0] ?? 0) & 3) {
      case 0:
        return this.#byAndBy(bytes, readRequest, requestBytes)
      case 1:
        // There are two forms, and what is read does not say which.
        return this.#byAndBy(bytes, readRegisterAnswer)
      case 2:
        return this.#byAndBy(
          bytes,
          (each) => readLookupAnswer(each, alive),
          (node) => {
            holds(node === null || (node.alive === alive && node.port > 0), () => 'another node than was asked for')
            return node === null ? undefined : encodeLookupAnswer(node)
          },
        )
      default:
        return this.#names(bytes)
    }
  }

  #names(bytes: Uint8Array): string {
    const read = outcomeOf(() => readNamesAnswer(bytes), codes)
    if (read.code !== undefined) return read.code
    const { epmdPort, nodes } = read.value
    for (const node of nodes) {
      if (!isEpmdName(node.alive) || node.port === 0) return 'odd names'
    }
    const again = encodeNamesAnswer(
      epmdPort,
      nodes.map((node) => epmdNode(node.alive, node.port)),
    )
    const twice = readNamesAnswer(again)
    holds(JSON.stringify(twice) === JSON.stringify(read.value), () => 'the same list reads differently')
    return 'names'
  }

  /** Whoever reads more than is there yet waits for the rest; what is wrong already stays wrong. */
  #byAndBy<T>(
    bytes: Uint8Array,
    read: (bytes: Uint8Array) => T | undefined,
    write?: (value: T) => Uint8Array | undefined,
  ): string {
    const whole = outcomeOf(() => read(bytes), codes)
    const half = outcomeOf(() => read(bytes.subarray(0, bytes.length >> 1)), codes)
    holds(half.code === undefined || whole.code !== undefined, () => `half of it is refused: ${half.code}`)
    if (whole.code !== undefined) return whole.code
    const { value } = whole
    if (value === undefined) return 'more is wanted'
    holds(
      half.code !== undefined || half.value === undefined || bytes.length < 2,
      () => 'half of it is as good as all of it',
    )
    const written = write?.(value)
    holds(
      written === undefined || Buffer.compare(written, bytes) === 0,
      () => `written as ${hexOf(written as Uint8Array)}`,
    )
    return 'taken'
  }
}

function requestBytes(request: EpmdRequest): Uint8Array {
  if (request.op === 'register') return encodeRegister(request.node)
  return request.op === 'lookup' ? encodeLookup(request.alive) : encodeNames()
}

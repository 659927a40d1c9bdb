/** Typed arrays and their like to bytes and back: little-endian, whatever this machine has. */
import { types } from 'node:util'

const littleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1

/** Each kind has its place as its number on the wire. `Uint8Array` is none of them: it is what bytes are. */
const kinds = [
  Int8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
] as const
const dataViewKind = kinds.length
const bufferKind = dataViewKind + 1

const kindsByName = new Map<string | undefined, number>(kinds.map((kind, number) => [kind.name, number]))
const nameOf: (this: unknown) => string | undefined = Object.getOwnPropertyDescriptor(
  Object.getPrototypeOf(Uint8Array.prototype),
  Symbol.toStringTag,
)?.get as never

/** The number of what kind of view, or buffer, a value is; `undefined` when it is none that can be sent. */
export function viewKind(value: object): number | undefined {
  if (types.isArrayBuffer(value)) return bufferKind
  if (types.isDataView(value)) return dataViewKind
  return kindsByName.get(nameOf.call(value))
}

/** The bytes of a view or a buffer: its own memory, where that is in the right order. */
export function viewBytes(value: ArrayBuffer | ArrayBufferView, kind: number): Uint8Array {
  const bytes = ArrayBuffer.isView(value)
    ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
    : new Uint8Array(value)
  return inOrder(bytes, kind)
}

/** The view or buffer of that kind over these bytes, which are its own; `undefined` when there is none. */
export function viewOf(bytes: Uint8Array<ArrayBuffer>, kind: number): ArrayBuffer | ArrayBufferView | undefined {
  const { buffer } = inOrder(bytes, kind)
  if (kind === bufferKind) return buffer
  if (kind === dataViewKind) return new DataView(buffer)
  const View = kinds[kind]
  if (View === undefined || bytes.length % View.BYTES_PER_ELEMENT !== 0) return undefined
  return new View(buffer)
}

function inOrder<T extends Uint8Array>(bytes: T, kind: number): T | Uint8Array<ArrayBuffer> {
  const width = kinds[kind]?.BYTES_PER_ELEMENT ?? 1
  if (littleEndian || width === 1) return bytes
  const swapped = Uint8Array.from(bytes)
  for (let at = 0; at + width <= swapped.length; at += width) swapped.subarray(at, at + width).reverse()
  return swapped
}

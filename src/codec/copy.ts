/** Copies of parts of buffers. */

/** A copy of these bytes: a view would keep the whole frame in memory for as long as anybody holds a few bytes of it. */
export function copyOf(bytes: Uint8Array, start: number, length: number): Uint8Array {
  const copy = new Uint8Array(length)
  if (length <= 32) for (let i = 0; i < length; i++) copy[i] = bytes[start + i] as number
  else copy.set(bytes.subarray(start, start + length))
  return copy
}

/** Copies of parts of buffers, and parts that need none. */

/** What a block of small copies has, and the most of one of them: memory of its own costs several times the copying. */
const blockBytes = 8 * 1024
const sharedBytesMax = 2 * 1024
/** Up to here a typed array lies on the heap, which costs nothing beside. */
const heapBytesMax = 64
/** How many times as much memory as it has bytes a view may keep from being freed. */
const keptTimesMax = 4

let block = new ArrayBuffer(0)
let blockUsed = 0

/** A copy of these bytes: a view would keep the whole frame in memory for as long as anybody holds a few bytes of it. */
export function copyOf(bytes: Uint8Array, start: number, length: number): Uint8Array<ArrayBuffer> {
  const copy = new Uint8Array(length)
  if (length <= 32) for (let i = 0; i < length; i++) copy[i] = bytes[start + i] as number
  else copy.set(bytes.subarray(start, start + length))
  return copy
}

/**
 * These bytes for somebody to keep, when nobody else uses the buffer any more: a view if they are a good part of it; otherwise a
 * copy, of which small ones share a block.
 */
export function keptBytes(bytes: Uint8Array, start: number, length: number): Uint8Array {
  if (length <= heapBytesMax) return copyOf(bytes, start, length)
  if (length * keptTimesMax >= bytes.buffer.byteLength) {
    return new Uint8Array(bytes.buffer, bytes.byteOffset + start, length)
  }
  if (length > sharedBytesMax) return copyOf(bytes, start, length)
  if (blockUsed + length > block.byteLength) {
    // Not of zeros, as it is written over before anybody sees it.
    block = Buffer.allocUnsafeSlow(blockBytes).buffer as ArrayBuffer
    blockUsed = 0
  }
  const copy = new Uint8Array(block, blockUsed, length)
  // Each begins where any kind of typed array may.
  blockUsed += (length + 7) & ~7
  copy.set(bytes.subarray(start, start + length))
  return copy
}

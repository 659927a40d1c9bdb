/**
 * Memory that is done with, given back at once rather than when the garbage collector comes.
 *
 * What is read from a socket lies in a buffer for each record, which are of no use any more as soon as their bytes are where they
 * belong. Nothing in the heap is as short-lived, nor as large: left to the collector, they are what calls it, and they take fresh memory each
 * time. A buffer that is transferred is gone from where it was, and what is sent by a port that is closed is gone altogether.
 */
import { MessageChannel, type MessagePort } from 'node:worker_threads'

/** Bytes from which giving back is less work than leaving it to the collector. */
const givenBytesMin = 4 * 1024

let nowhere: MessagePort | undefined

/** Frees the memory of those that nobody else looks at: their bytes must not be looked at any more either. */
export function giveBack(pieces: Iterable<{ readonly bytes: Uint8Array; readonly sole: boolean }>): void {
  const buffers: ArrayBuffer[] = []
  for (const { bytes, sole } of pieces) {
    if (sole && bytes.length >= givenBytesMin) buffers.push(bytes.buffer as ArrayBuffer)
  }
  if (buffers.length === 0) return
  if (nowhere === undefined) {
    nowhere = new MessageChannel().port1
    nowhere.close()
  }
  try {
    nowhere.postMessage(undefined, buffers)
  } catch {
    // Memory that Node.js has marked as its own: it stays where it is, and nothing is lost by that.
  }
}

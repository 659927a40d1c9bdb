/** Compressed terms, as files and databases of Erlang programs hold them. On a connection they are refused: see decode.ts. */
import { inflateSync } from 'node:zlib'
import { TermError } from '../errors.js'

/**
 * The bytes of a compressed term: what stands behind its tag.
 *
 * The size is part of what a stranger says, so it is compared with the bound before anything is made, nothing is inflated past
 * it, and the result has to have just that size and to use up all that was given.
 *
 * @throws `TermError`: `ERR_REIGN_TERM_TOO_LARGE`, `ERR_REIGN_TERM_TRUNCATED`, `ERR_REIGN_TERM_INVALID`, `ERR_REIGN_TERM_TRAILING`.
 */
export function inflated(bytes: Uint8Array, start: number, bytesMax: number): Uint8Array {
  if (bytes.length - start < 4) throw refusal('ERR_REIGN_TERM_TRUNCATED', 'a compressed term without its size', start)
  const size = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).readUInt32BE(start)
  if (size > bytesMax) {
    throw refusal('ERR_REIGN_TERM_TOO_LARGE', `a compressed term of ${size} bytes; the limit is ${bytesMax}`, start)
  }
  const stream = bytes.subarray(start + 4)
  let result: { buffer: Buffer; engine: { bytesWritten: number } }
  try {
    // One byte more than announced, as zero is no legal bound, and a stream that is too long is to be seen as such.
    const options = { maxOutputLength: size + 1, info: true }
    result = inflateSync(stream, options) as unknown as typeof result
  } catch {
    throw refusal('ERR_REIGN_TERM_INVALID', 'a compressed term that cannot be inflated to its size', start + 4)
  }
  if (result.buffer.length !== size) {
    throw refusal('ERR_REIGN_TERM_INVALID', `a compressed term of ${result.buffer.length} bytes, not ${size}`, start)
  }
  if (result.engine.bytesWritten !== stream.length) {
    throw refusal('ERR_REIGN_TERM_TRAILING', 'bytes after a compressed term', start + 4 + result.engine.bytesWritten)
  }
  return result.buffer
}

function refusal(
  code: 'ERR_REIGN_TERM_TOO_LARGE' | 'ERR_REIGN_TERM_TRUNCATED' | 'ERR_REIGN_TERM_INVALID' | 'ERR_REIGN_TERM_TRAILING',
  complaint: string,
  byteOffset: number,
): TermError {
  return new TermError(code, `${complaint} (at byte ${byteOffset})`, { byteOffset })
}

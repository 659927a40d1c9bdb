/** Bytes to numbers. */

const scratchFloat = new Float64Array(1)
const scratchWords = new Uint32Array(scratchFloat.buffer)
const scratchBig = new BigUint64Array(scratchFloat.buffer)
/** Which of the two words holds sign and exponent: depends on the byte order of this machine. */
const highWord = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1 ? 1 : 0
const lowWord = 1 - highWord

/** The double with these two halves. */
export function floatOf(high: number, low: number): number {
  scratchWords[highWord] = high
  scratchWords[lowWord] = low
  return scratchFloat[0] as number
}

/** The integer with this little-endian magnitude: a number when it is safe as one, else a bigint. */
export function integerOf(bytes: Buffer, start: number, length: number, negative: boolean): number | bigint {
  let count = length
  while (count > 0 && bytes[start + count - 1] === 0) count--
  if (count > 8) return longIntegerOf(bytes, start, count, negative)
  const low = wordOf(bytes, start, Math.min(count, 4))
  const high = wordOf(bytes, start + 4, count - 4)
  if (high < 0x20_0000) {
    const magnitude = high * 0x1_0000_0000 + low
    // Zero has no sign as an integer.
    return negative && magnitude !== 0 ? -magnitude : magnitude
  }
  scratchWords[highWord] = high
  scratchWords[lowWord] = low
  const magnitude = scratchBig[0] as bigint
  return negative ? -magnitude : magnitude
}

function wordOf(bytes: Uint8Array, start: number, count: number): number {
  let word = 0
  for (let i = count - 1; i >= 0; i--) word = word * 256 + (bytes[start + i] as number)
  return word
}

/** Through hexadecimal text, which takes time in proportion to the length; digit by digit takes its square. */
function longIntegerOf(bytes: Buffer, start: number, count: number, negative: boolean): bigint {
  const bigEndian = Buffer.from(bytes.subarray(start, start + count)).reverse()
  const magnitude = BigInt(`0x${bigEndian.toString('hex')}`)
  return negative ? -magnitude : magnitude
}

/** The number in the 31 bytes of text that nodes of before 2009 wrote a float as; `undefined` when it is none. */
export function floatOfText(bytes: Buffer, start: number, length: number): number | undefined {
  const [text = ''] = bytes.toString('latin1', start, start + length).split('\0', 1)
  // A comma, too: Erlang reads what C wrote in whatever country.
  if (!/^[+-]?\d{1,30}[.,]\d{1,30}(?:[eE][+-]?\d{1,9})?$/.test(text)) return undefined
  const value = Number(text.replace(',', '.'))
  return Number.isFinite(value) ? value : undefined
}

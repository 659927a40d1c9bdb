/** Numbers as Erlang writes them. Source: OTP's io_lib_format.erl, and `float_to_list/2` with `short`. */

/** From here on every float is an integer, and Erlang writes it with an exponent. */
const exactMax = 2 ** 53

/** The digits of a float, the first of which is not 0, and where the point is: before the digit of that number. */
function digitsOf(value: number, fractionDigits?: number): { digits: string; point: number } {
  const [mantissa = '', exponent = '0'] = Math.abs(value).toExponential(fractionDigits).split('e')
  return { digits: mantissa.replace('.', ''), point: Number(exponent) + 1 }
}

function sign(value: number): string {
  return value < 0 || Object.is(value, -0) ? '-' : ''
}

/** The shortest text that reads back as the same float: `0.1`, `1.0e-5`, `1.0e22`. */
export function floatText(value: number): string {
  if (value === 0) return `${sign(value)}0.0`
  const { digits, point } = digitsOf(value)
  const after = point - digits.length
  const exponent = String(point - 1)
  const [first, rest] = [digits.slice(0, 1), digits.slice(1)]
  const scientific = `${sign(value)}${first}.${rest === '' ? '0' : rest}e${exponent}`
  // Whichever is shorter; plain, where both are.
  const cost = exponent.length + 1 + (rest === '' ? 2 : 1)
  if (point > 0 && after < 0) return `${sign(value)}${digits.slice(0, point)}.${digits.slice(point)}`
  if (point <= 0) return 2 - point <= cost ? `${sign(value)}0.${'0'.repeat(-point)}${digits}` : scientific
  if (Math.abs(value) >= exactMax || after + 2 > cost) return scientific
  return `${sign(value)}${digits}${'0'.repeat(after)}.0`
}

/** Decimal digits, rounded to so many; whether a 1 was carried over the first. */
function rounded(digits: string, count: number): { digits: string; carried: boolean } {
  if (count >= digits.length) return { digits: digits.padEnd(count, '0'), carried: false }
  const up = digits.charCodeAt(count) >= 0x35
  const whole = BigInt(`1${digits.slice(0, count)}`) + (up ? 1n : 0n)
  const text = String(whole)
  return { digits: text.slice(1), carried: text.startsWith('2') }
}

/** `~f`: so many decimals, at least one. */
export function fixedText(value: number, decimals: number): string {
  const { digits, point } = value === 0 ? { digits: '0', point: 1 } : digitsOf(value, 20)
  const [all, whole] = point > 0 ? [digits, point] : ['0'.repeat(1 - point) + digits, 1]
  const { digits: text, carried } = rounded(all, whole + decimals)
  return `${sign(value)}${carried ? '1' : ''}${text.slice(0, whole)}.${text.slice(whole)}`
}

/** `~e`: so many digits, at least two. */
export function exponentText(value: number, precision: number): string {
  const { digits, point } = value === 0 ? { digits: '0', point: 1 } : digitsOf(value, 20)
  const { digits: text, carried } = rounded(digits, precision)
  const [shown, exponent] = carried ? [`1${text.slice(1)}`, point] : [text, point - 1]
  return `${sign(value)}${shown.slice(0, 1)}.${shown.slice(1)}e${exponent >= 0 ? '+' : ''}${exponent}`
}

/** `~g`: as {@link fixedText} from 0.1 up to 10,000, else as {@link exponentText}. */
export function generalText(value: number, precision: number): string {
  const size = Math.abs(value)
  const place = size < 0.1 ? -2 : size < 1 ? -1 : size < 1e4 ? Math.floor(Math.log10(size)) : undefined
  const fixed = place !== undefined && ((precision <= 1 && place === -1) || (precision - 1 > place && place >= -1))
  if (fixed) return fixedText(value, precision - 1 - place)
  return exponentText(value, Math.max(precision, 2))
}

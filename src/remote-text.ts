/**
 * Text that came from outside, made safe to be shown: in a log line, on a terminal, inside an error message.
 *
 * A peer that has not yet proved who it is can choose such text freely: it must not start a new log line, send escape
 * sequences to a terminal, turn the direction of writing, or be long.
 */

/** The most bytes (UTF-8) of a remote text that are shown. */
export const remoteTextBytesMax = 200

// What JSON leaves as it is, and terminals or readers take for more than a letter: C1 controls, line separators,
// marks and overrides of the direction of writing, invisible characters.
const invisible = /[\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g

/**
 * The text in JSON's quotes, its control characters escaped, cut at {@link remoteTextBytesMax} bytes.
 *
 * Bytes are read as UTF-8; what is not, shows as U+FFFD.
 */
export function quoteRemote(text: string | Uint8Array): string {
  const bytes = typeof text === 'string' ? Buffer.from(text.slice(0, remoteTextBytesMax + 1)) : text
  if (bytes.length <= remoteTextBytesMax) return quote(Buffer.from(bytes).toString('utf8'))
  // Cut before the first byte of a character, not inside it.
  let end = remoteTextBytesMax
  while (end > remoteTextBytesMax - 4 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--
  return `${quote(Buffer.from(bytes.subarray(0, end)).toString('utf8'))}…`
}

function quote(text: string): string {
  return JSON.stringify(text).replace(invisible, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
  })
}

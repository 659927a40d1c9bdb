/** Frames that were recorded between live nodes: see record.ts. */
import { readFileSync } from 'node:fs'
import { inflateRawSync } from 'node:zlib'
import { framesOf } from './header-frames.js'

/** What one side of one connection said. */
export interface Capture {
  readonly title: string
  /** The messages of its handshake, in hexadecimal. */
  readonly handshake: readonly string[]
  /** In which form its frames are. */
  readonly form: 'pass-through' | 'headers'
  /** The stream, deflated, in base64. */
  readonly stream: string
}

export const captures: readonly Capture[] = JSON.parse(
  readFileSync(new URL('./captures.json', import.meta.url), 'utf8'),
)

/** The frames of a capture, after its handshake, without ticks. */
export function framesIn({ stream }: Capture): Buffer[] {
  return framesOf(inflateRawSync(Buffer.from(stream, 'base64'))).filter((frame) => frame.length > 0)
}

/** Frames of all captures of that form, of no more than so many bytes: one for each kind and length, near enough. */
export function captured(form: Capture['form'], bytesMax: number): Buffer[] {
  const frames = captures.filter((each) => each.form === form).flatMap(framesIn)
  const kinds = new Map(frames.map((frame) => [`${frame.toString('hex', 0, 3)} ${frame.length >> 3}`, frame]))
  return [...kinds.values()].filter((frame) => frame.length <= bytesMax)
}

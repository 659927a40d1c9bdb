/** Frames with distribution headers: streams of them taken apart, cut into fragments, and made at random. */
import type { Chance } from './chance.js'
import type { ControlMaker } from './control-maker.js'

export const wholeKind = 68
export const firstKind = 69
export const laterKind = 70
const version = 131

/** The frames of a stream; what is left over at its end is the last of them. */
export function framesOf(stream: Uint8Array): Buffer[] {
  const bytes = Buffer.from(stream.buffer, stream.byteOffset, stream.byteLength)
  const frames: Buffer[] = []
  for (let at = 0; at < bytes.length; ) {
    const end = at + 4 <= bytes.length ? at + 4 + bytes.readUInt32BE(at) : bytes.length
    frames.push(bytes.subarray(Math.min(at + 4, bytes.length), Math.min(end, bytes.length)))
    at = Math.max(end, at + 4)
  }
  return frames
}

/** The stream of these frames, each with its length before it. */
export function streamOf(frames: readonly Uint8Array[]): Buffer {
  return Buffer.concat(
    frames.flatMap((frame) => {
      const length = Buffer.alloc(4)
      length.writeUInt32BE(frame.length)
      return [length, frame]
    }),
  )
}

/** Where a header that begins there ends: after its atoms. As the protocol has it, read once more. */
function headerEnd(frame: Uint8Array, start: number): number {
  const count = frame[start] as number
  if (count === 0) return start + 1
  const nibble = (i: number): number => ((frame[start + 1 + (i >> 1)] as number) >> (i % 2 === 0 ? 0 : 4)) & 15
  const long = (nibble(count) & 1) === 1
  let at = start + 1 + Math.floor(count / 2) + 1
  for (let i = 0; i < count; i++) {
    at++
    if (nibble(i) < 8) continue
    const length = long ? (frame[at] as number) * 256 + (frame[at + 1] as number) : (frame[at] as number)
    at += (long ? 2 : 1) + length
  }
  return at
}

/** A whole message as fragments of at most so many bytes. */
export function fragmentsOf(whole: Uint8Array, id: number, bytesMax: number): Buffer[] {
  const bodyAt = Math.min(headerEnd(whole, 2), whole.length)
  const count = Math.max(1, Math.ceil((whole.length - bodyAt) / bytesMax))
  return Array.from({ length: count }, (_, i) => {
    const body = whole.subarray(bodyAt + i * bytesMax, Math.min(whole.length, bodyAt + (i + 1) * bytesMax))
    const head = Buffer.alloc(18)
    head.set([version, i === 0 ? firstKind : laterKind])
    head.writeUInt32BE(id, 6)
    head.writeUInt32BE(count - i, 14)
    return Buffer.concat(i === 0 ? [head, whole.subarray(2, bodyAt), body] : [head, body])
  })
}

/** Whether a frame is a whole message behind a header. */
export function isWhole(frame: Uint8Array): boolean {
  return frame.length > 2 && frame[0] === version && frame[1] === wholeKind
}

const names = ['a', 'b', 'ok', 'é', 'true', '__proto__', 'x@127.0.0.1', 'js1@127.0.0.1', '', 'y'.repeat(255)].map(
  (name) => Buffer.from(name),
)

/** Whole messages behind headers, as one connection would bring them: each may refer to atoms of those before it. */
export function makeWhole(maker: ControlMaker, chance: Chance, filled: Set<number>): Buffer {
  const { terms } = maker
  const count = chance.below(6)
  terms.restart().u8(version).u8(wholeKind)
  terms.u8(count)
  if (count > 0) {
    const long = chance.oneIn(4)
    const entries = Array.from({ length: count }, () => {
      const known = [...filled]
      const isNew = known.length === 0 || chance.oneIn(2)
      const slot = isNew ? chance.below(2_048) : terms.wrong ? chance.below(2_048) : chance.pick(known)
      if (isNew) filled.add(slot)
      return { isNew, slot }
    })
    const nibbles = [...entries.map(({ isNew, slot }) => (isNew ? 8 : 0) | (slot >> 8)), long ? 1 : 0]
    for (let i = 0; i < Math.floor(count / 2) + 1; i++) {
      terms.u8((nibbles[i * 2] as number) | ((nibbles[i * 2 + 1] ?? 0) << 4))
    }
    for (const { isNew, slot } of entries) {
      terms.u8(slot & 255)
      if (!isNew) continue
      const name = chance.pick(names)
      if (long) terms.u16(name.length)
      else terms.u8(name.length)
      terms.raw(name)
    }
  }
  terms.frameAtoms = count
  maker.write(false)
  terms.frameAtoms = 0
  return Buffer.from(terms.bytes)
}

/** The fragments of several messages, each in its order, in any order among each other. */
export function shuffled(lists: Buffer[][], chance: Chance): Buffer[] {
  const left = lists.filter((list) => list.length > 0).map((list) => [...list])
  const frames: Buffer[] = []
  while (left.length > 0) {
    const list = chance.pick(left)
    frames.push(list.shift() as Buffer)
    if (list.length === 0) left.splice(left.indexOf(list), 1)
  }
  return frames
}

/**
 * What a connection brings, from its bytes to signals: lengths, pieces, headers with atoms, fragments.
 *
 * An input begins with two bytes: the form of the frames, and how the rest, a stream, is cut into chunks.
 */
import { AtomBudget } from '../../src/codec/atom-budget.js'
import { TermReader } from '../../src/codec/decode.js'
import { Writer } from '../../src/codec/writer.js'
import { ControlReader, controlContext, encodeSignal } from '../../src/dist/control.js'
import { hiddenFlags } from '../../src/dist/flags.js'
import { Framer } from '../../src/dist/framer.js'
import { HeaderFrames } from '../../src/dist/header-frames.js'
import { fragmentFrames, headerFrames, passThroughFrames } from '../dist/control-kit.js'
import { captured } from './captures.js'
import { Chance } from './chance.js'
import { ControlMaker } from './control-maker.js'
import { contextOf } from './control-target.js'
import { fuzzBook, peer, short } from './fuzz-node.js'
import { fragmentsOf, framesOf, isWhole, makeWhole, shuffled, streamOf } from './header-frames.js'
import { mutate } from './mutate.js'
import { holds, outcomeOf, type Target } from './target.js'

const codes = ['ERR_REIGN_CONTROL_INVALID', 'ERR_REIGN_FRAME_TOO_LARGE', 'ERR_REIGN_TERM_', 'ERR_REIGN_ATOM_LIMIT']
/** Small, so that small inputs reach them. */
const limits = { frameBytesMax: 3_000, fragmentBytesMax: 6_000, fragmentedMessagesMax: 6 }
const headBytes = 2

/** What a stream has come to. */
interface Result {
  readonly signals: number
  /** All of them, written again. */
  readonly written: Buffer
  readonly code: string | undefined
  readonly held: { readonly messages: number; readonly bytes: number }
}

export class FramesTarget implements Target {
  readonly name = 'frames'
  readonly #writing = controlContext(fuzzBook, hiddenFlags)
  readonly #writer = new Writer(1_024)
  #atoms = new AtomBudget(1_000_000)
  #maker: ControlMaker | undefined

  seeds(): readonly Uint8Array[] {
    const bytesOf = (frames: readonly { hex: string }[]) => frames.map(({ hex }) => Buffer.from(hex, 'hex'))
    const headers = [...headerFrames.map(bytesOf), bytesOf(fragmentFrames)]
    const some = bytesOf(passThroughFrames).filter((_, i) => i % 5 === 0)
    return [
      ...headers.map((frames) => inputOf(1, 0, frames)),
      ...headers.flatMap((frames) => frames.slice(0, 12).map((frame) => inputOf(1, 3, [frame]))),
      ...headers.flatMap((frames) => frames.filter(isWhole).map((frame) => inputOf(1, 9, fragmentsOf(frame, 7, 20)))),
      inputOf(0, 5, some),
      ...captured('headers', 2_000).map((frame) => inputOf(1, 2, [frame])),
    ]
  }

  make(chance: Chance): Uint8Array {
    const maker = (this.#maker ??= new ControlMaker(chance))
    const form = chance.below(3)
    const chunks = chance.below(256)
    const count = 1 + chance.below(4)
    if (form === 0) {
      const frames = Array.from({ length: count }, () => {
        maker.terms.restart().u8(112)
        maker.write(true)
        return Buffer.from(maker.terms.bytes)
      })
      return inputOf(0, chunks, frames)
    }
    const filled = new Set<number>()
    const messages = Array.from({ length: count }, () => makeWhole(maker, chance, filled))
    if (form === 1) return inputOf(1, chunks, messages)
    const parts = messages.map((each, i) => (chance.oneIn(3) ? [each] : fragmentsOf(each, i, 8 + chance.below(90))))
    return inputOf(1, chunks, chance.oneIn(2) ? parts.flat() : shuffled(parts, chance))
  }

  mutate(original: Uint8Array, others: ArrayLike<Uint8Array>, chance: Chance): Uint8Array | undefined {
    if (original.length < headBytes + 5 || chance.oneIn(4)) return undefined
    const frames: Uint8Array[] = framesOf(original.subarray(headBytes))
    const at = chance.below(frames.length)
    const frame = frames[at] as Buffer
    const other = framesOf(chance.pick(others).subarray(headBytes))
    switch (chance.below(9)) {
      case 0:
        frames.splice(at, 1)
        break
      case 1:
        frames.splice(at, 0, frame)
        break
      case 2:
        frames.splice(chance.below(frames.length), 0, ...frames.splice(at, 1))
        break
      case 3:
        if (other.length > 0) frames.splice(at, chance.below(2), chance.pick(other))
        break
      case 4:
        if (isWhole(frame)) frames.splice(at, 1, ...fragmentsOf(frame, chance.below(4), 1 + chance.below(60)))
        break
      case 5:
        // The numbers of a fragment.
        if (frame.length >= 18) {
          const changed = Buffer.from(frame)
          const field = chance.oneIn(2) ? 2 : 10
          if (chance.oneIn(3)) changed[field + chance.below(8)] = chance.u32()
          else changed.writeUInt32BE(chance.below(6), field + 4)
          frames[at] = changed
        }
        break
      default:
        frames[at] = Buffer.from(mutate(frame, other.length > 0 ? other : frames, chance))
    }
    const chunks = chance.oneIn(3) ? chance.below(256) : (original[1] as number)
    return inputOf(chance.oneIn(30) ? chance.below(2) : (original[0] as number), chunks, frames)
  }

  renew(): void {
    this.#atoms = new AtomBudget(1_000_000)
  }

  frames(input: Uint8Array): number {
    return Math.max(1, framesOf(input.subarray(headBytes)).length)
  }

  run(input: Uint8Array): string {
    if (input.length < headBytes) return 'empty'
    const headers = ((input[0] as number) & 1) === 1
    const stream = input.subarray(headBytes)
    const whole = this.#read(headers, [Buffer.from(stream)])
    const cut = this.#read(headers, chunksOf(stream, input[1] as number))
    holds(
      whole.code === cut.code && whole.signals === cut.signals && whole.written.equals(cut.written),
      () => `in one: ${whole.signals} signals, ${whole.code}; in pieces: ${cut.signals} signals, ${cut.code}`,
    )
    holds(
      whole.held.messages === cut.held.messages && whole.held.bytes === cut.held.bytes,
      () => 'other bytes are held',
    )
    if (headers && whole.code === undefined) this.#inFragments(stream, whole, input[1] as number)
    return whole.code ?? (whole.signals > 0 ? 'signals' : 'nothing')
  }

  /** Whole messages cut into fragments are the same messages. */
  #inFragments(stream: Uint8Array, result: Result, by: number): void {
    const frames = framesOf(stream)
    if (!frames.some(isWhole)) return
    const split = frames.flatMap((frame, i) => (isWhole(frame) ? fragmentsOf(frame, 0x7000_0000 + i, 1 + by) : [frame]))
    // Some fragments more than are allowed at once may be under way where the input itself has left some open.
    if (result.held.messages >= limits.fragmentedMessagesMax || result.held.bytes > limits.fragmentBytesMax / 2) return
    if (framesOf(stream).at(-1)?.length !== streamTail(stream)) return
    const again = this.#read(true, [streamOf(split)])
    if (again.code === 'ERR_REIGN_FRAME_TOO_LARGE') return
    holds(
      again.code === undefined && again.signals === result.signals && again.written.equals(result.written),
      () => `whole: ${result.signals} signals; in fragments: ${again.signals}, ${again.code}`,
    )
  }

  #read(headers: boolean, chunks: readonly Buffer[]): Result {
    const simple = new ControlReader(new TermReader(contextOf(this.#atoms)), { peer, short })
    const reader = headers ? new HeaderFrames(simple, this.#atoms, limits) : simple
    const fragments = reader instanceof HeaderFrames ? reader.fragments : undefined
    const framer = new Framer(4, limits.frameBytesMax)
    const writer = this.#writer
    writer.truncate(0)
    let signals = 0
    const take = (signal: Parameters<typeof encodeSignal>[1] | undefined) => {
      if (signal === undefined) return
      signals++
      encodeSignal(writer, signal, this.#writing)
    }
    const outcome = outcomeOf(() => {
      for (const chunk of chunks) {
        framer.push(
          chunk,
          (bytes, start, end) => {
            // An empty one is a tick.
            if (start !== end) take(reader.read(bytes, start, end))
          },
          (pieces) => {
            if (reader instanceof HeaderFrames) take(reader.readPieces(pieces))
            else take(reader.read(pieces.join(), 0, pieces.length))
          },
        )
        holds(framer.bytesHeld <= limits.frameBytesMax, () => `${framer.bytesHeld} bytes of a frame are held`)
        const held = fragments?.held
        if (held === undefined) continue
        holds(held.messages <= limits.fragmentedMessagesMax, () => `${held.messages} unfinished messages`)
        holds(held.bytes >= 0 && held.bytes <= limits.fragmentBytesMax, () => `${held.bytes} bytes of fragments`)
        holds(held.messages > 0 || held.bytes === 0, () => `${held.bytes} bytes of no message are held`)
      }
    }, codes)
    return {
      signals,
      written: Buffer.from(writer.buffer.subarray(0, writer.length)),
      code: outcome.code,
      held: fragments?.held ?? { messages: 0, bytes: 0 },
    }
  }
}

function inputOf(form: number, chunks: number, frames: readonly Uint8Array[]): Buffer {
  return Buffer.concat([Uint8Array.of(form, chunks), streamOf(frames)])
}

/** How many bytes the last frame of a stream is announced to have. */
function streamTail(stream: Uint8Array): number | undefined {
  const bytes = Buffer.from(stream.buffer, stream.byteOffset, stream.byteLength)
  for (let at = 0; at + 4 <= bytes.length; ) {
    const length = bytes.readUInt32BE(at)
    if (at + 4 + length >= bytes.length) return length
    at += 4 + length
  }
  return undefined
}

/** A stream in chunks, each in memory of its own as a socket brings them. */
function chunksOf(stream: Uint8Array, seed: number): Buffer[] {
  if (seed === 0)
    return Array.from(stream.subarray(0, 400), (byte) => Buffer.from([byte])).concat([
      Buffer.from(stream.subarray(400)),
    ])
  const chance = new Chance(seed)
  const chunks: Buffer[] = []
  for (let at = 0; at < stream.length; ) {
    const bytes = chance.oneIn(8) ? 4_000 + chance.below(3_000) : 1 + chance.below(seed)
    chunks.push(Buffer.from(stream.subarray(at, at + bytes)))
    at += bytes
  }
  return chunks
}

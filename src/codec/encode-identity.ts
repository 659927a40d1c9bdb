/** Addresses, references and ports to bytes: what was made by one run of one node and is only ever passed on. */
import type { Address } from '../term/address.js'
import type { Port } from '../term/port.js'
import type { Ref } from '../term/ref.js'
import { writeAtomName } from './encode-text.js'
import { newerReferenceExt, newPidExt, newPortExt, v4PortExt } from './tags.js'
import type { Writer } from './writer.js'

/** Port numbers from which the 64-bit form is needed. */
const newPortIdEnd = 0x1000_0000n

/** Each `write…` gives `undefined`, or what is wrong with the term. */
export function writeAddress(writer: Writer, address: Address<never>): string | undefined {
  writer.u8(newPidExt)
  const complaint = writeAtomName(writer, address.home.node)
  if (complaint !== undefined) return complaint
  writer.reserve(12)
  const at = writer.length
  writer.patchU32(at, address.id)
  writer.patchU32(at + 4, address.serial)
  writer.patchU32(at + 8, address.home.creation)
  writer.length = at + 12
  return undefined
}

export function writeRef(writer: Writer, ref: Ref): string | undefined {
  writer.u8(newerReferenceExt)
  writer.u16(ref.words.length)
  const complaint = writeAtomName(writer, ref.home.node)
  if (complaint !== undefined) return complaint
  writer.u32(ref.home.creation)
  const words = ref.words
  for (let i = 0; i < words.length; i++) writer.u32(words[i] as number)
  return undefined
}

export function writePort(writer: Writer, port: Port): string | undefined {
  // As OTP does: the older tag while the number fits, so that what came from an older node goes back as it came.
  const small = port.id < newPortIdEnd
  writer.u8(small ? newPortExt : v4PortExt)
  const complaint = writeAtomName(writer, port.node)
  if (complaint !== undefined) return complaint
  if (small) writer.u32(Number(port.id))
  else writer.u64(port.id)
  writer.u32(port.creation)
  return undefined
}

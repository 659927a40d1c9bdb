import { expect, test } from 'vitest'
import { controlContext } from '../../src/dist/control.js'
import {
  expandFlags,
  type FlagName,
  flagNames,
  flags,
  headerFlags,
  hiddenFlags,
  mandatoryFlags25,
  mandatoryFlags26,
  missingFlags,
  publishedFlags,
  reignFlags,
} from '../../src/dist/flags.js'
import { book } from './control-kit.js'

// The values are those that were seen on the wire, or read in the headers of OTP 25 and 28.
test.each<[string, bigint, bigint]>([
  ['mandatory for OTP 25', mandatoryFlags25, 0x0107_0f94n],
  ['mandatory for OTP 26 to 28', mandatoryFlags26, 0x4_0307_0f94n],
  ['hidden', hiddenFlags, 0xd_075f_5fbcn],
  ['published', publishedFlags, 0xd_075f_5fbdn],
  ['the digest bit is 26, not 36', flags.MANDATORY_25_DIGEST, 0x0400_0000n],
  ['SPAWN is above the reach of 32-bit operators', flags.SPAWN, 0x1_0000_0000n],
])('%s', (_, set, value) => {
  expect(set).toBe(value)
})

test('no two flags share a bit, and each is one bit', () => {
  const bits = Object.values(flags)
  expect(new Set(bits).size).toBe(bits.length)
  for (const bit of bits) expect(bit & (bit - 1n)).toBe(0n)
})

test('long messages are to come in fragments, and atoms where they stand: with a cache OTP sends fewer small messages', () => {
  expect(headerFlags).toBe(flags.FRAGMENTS)
})

test('the digest bit stands for everything that 25 made mandatory', () => {
  expect(expandFlags(0x4_0600_0000n)).toBe(0x4_0600_0000n | mandatoryFlags25)
  expect(missingFlags(expandFlags(0x4_0600_0000n), mandatoryFlags26)).toBe(0n)
  expect(expandFlags(0n)).toBe(0n)
})

test('what only nodes of this library know is far from what Erlang has, and nothing that anybody must have', () => {
  expect(reignFlags & (publishedFlags | headerFlags)).toBe(0n)
  for (const [name, bit] of Object.entries(flags))
    expect(['CALL', 'SEND_SHORT'].includes(name) || bit < 1n << 48n, name).toBe(true)
  expect(controlContext(book, publishedFlags | headerFlags).calls).toBe(false)
  expect(controlContext(book, publishedFlags | headerFlags | reignFlags).calls).toBe(true)
})

test('unknown bits do no harm', () => {
  const future = (1n << 63n) | (1n << 50n)
  expect(missingFlags(expandFlags(future | hiddenFlags), mandatoryFlags26)).toBe(0n)
})

test.each(flagNames(mandatoryFlags26))('%s is missed, by name', (name) => {
  const offered = mandatoryFlags26 & ~flags[name as FlagName]
  expect(flagNames(missingFlags(offered, mandatoryFlags26))).toEqual([name])
})

test('bits without a name are shown by number', () => {
  expect(flagNames((1n << 40n) | flags.SPAWN | 1n)).toEqual(['PUBLISHED', 'SPAWN', 'bit 40'])
})

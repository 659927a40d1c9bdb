/** How a socket shares the event loop with others. The sockets are stand-ins that bring as much at once as they are told. */
import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { expect, test } from 'vitest'
import { remoteAddressOf } from '../../src/net/remote-address.js'
import { SocketStream } from '../../src/net/socket-stream.js'

const chunkBytes = 16 * 1024
const turnBytesMax = 256 * 1024
const facts = { remote: remoteAddressOf('127.0.0.1', 1), secure: false, identity: undefined, alpn: undefined }
const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

/** A stream to which that many chunks have come, and what it has handed on. */
function flooded(chunks: number) {
  const socket = new Duplex({ highWaterMark: 1 << 30, read() {}, write: (_bytes, _encoding, done) => done() })
  const stream = new SocketStream(socket as unknown as Socket, facts)
  const seen = { bytes: 0 }
  for (let i = 0; i < chunks; i++) socket.push(Buffer.alloc(chunkBytes))
  stream.start({ data: (bytes) => (seen.bytes += bytes.length), drain: () => {}, closed: () => {} })
  return { socket, stream, seen }
}

/** What is handed on in the next turns, until all is. */
async function byTurns(seen: { bytes: number }, all: number): Promise<number[]> {
  const turns: number[] = []
  while (seen.bytes < all && turns.length < 1_000) {
    const before = seen.bytes
    await turn()
    turns.push(seen.bytes - before)
  }
  return turns
}

test('a flood comes in portions, with turns of the event loop between them, and to its end', async () => {
  const all = 20 * turnBytesMax
  const { seen } = flooded(all / chunkBytes)
  const turns = await byTurns(seen, all)
  expect(Math.max(...turns)).toBe(turnBytesMax)
  expect(seen.bytes).toBe(all)
})

test('a stream that its owner has paused stays so when the next turn comes', async () => {
  const all = 4 * turnBytesMax
  const { seen, stream } = flooded(all / chunkBytes)
  while (seen.bytes < turnBytesMax) await turn()
  stream.pause()
  const { bytes } = seen
  for (let i = 0; i < 5; i++) await turn()
  expect(seen.bytes).toBe(bytes)
  stream.resume()
  await byTurns(seen, all)
  expect(seen.bytes).toBe(all)
})

test('what its owner resumes within a turn does not bring more than the turn may', async () => {
  const all = 4 * turnBytesMax
  const { seen, stream } = flooded(all / chunkBytes)
  const turns: number[] = []
  while (seen.bytes < all && turns.length < 1_000) {
    const before = seen.bytes
    stream.pause()
    stream.resume()
    await turn()
    turns.push(seen.bytes - before)
  }
  expect(Math.max(...turns)).toBeLessThanOrEqual(turnBytesMax)
  expect(seen.bytes).toBe(all)
})

/** What waits for a connection: what comes out of it, and what memory it has meanwhile. */
import { expect, test } from 'vitest'
import { Backlog } from '../../src/cluster/backlog.js'
import { defaultLimits } from '../../src/limits.js'
import { SlabPool } from '../../src/net/slab-pool.js'
import { seeded } from '../support/memory-network.js'

const mib = 1024 * 1024
const limits = { ...defaultLimits, outboxSoftBytes: 1 << 30, outboxHardBytes: 1 << 30 }

/** Knows its slabs, and spoils those that are given back: whoever still reads one would see it. */
class SpoilingPool extends SlabPool {
  readonly out = new Set<Uint8Array>()

  override take(): Uint8Array {
    const slab = super.take()
    this.out.add(slab)
    return slab
  }

  override give(slab: Uint8Array): void {
    if (this.out.delete(slab)) super.give(slab.fill(0xee))
    else if (slab.length > 0) throw new Error('given back twice')
  }
}

function frameOf(n: number, length: number): Uint8Array {
  const frame = new Uint8Array(length).fill(n)
  new DataView(frame.buffer).setUint32(0, n)
  return frame
}

test('whatever the lengths of frames, they come out as they went in, in order, and slabs are given back once', () => {
  for (let seed = 1; seed <= 6; seed++) {
    const random = seeded(seed)
    const slabs = new SpoilingPool()
    const backlog = new Backlog(limits, slabs)
    const lengths = Array.from({ length: 300 }, () => {
      const most = [100, 5_000, 70_000, 65_536 - 8, 400_000][Math.floor(random() ** 2 * 5)] as number
      return most === 65_528 ? most : 4 + Math.floor(random() * most)
    })
    for (const [n, length] of lengths.entries()) {
      const writer = backlog.begin()
      if (random() < 0.1) {
        writer.raw(new Uint8Array(20_000))
        backlog.abort()
        backlog.begin().raw(frameOf(n, length))
      } else writer.raw(frameOf(n, length))
      backlog.end()
    }
    expect(backlog.count).toBe(300)
    let came = 0
    backlog.drop((frame) => {
      const wanted = frameOf(came, lengths[came] as number)
      if (Buffer.compare(frame, wanted) !== 0) expect.fail(`frame ${came} of seed ${seed} was altered`)
      came++
      // Somebody else takes slabs meanwhile, as a connection does.
      slabs.take().fill(0xdd)
    })
    expect([came, backlog.count, backlog.bytesWaiting]).toEqual([300, 0, 0])
    expect(slabs.out.size).toBe(300)
  }
})

test.each([1_000, 4_500, 16_440, 33_000, 62_000, 66_000, 140_000, 300_000, 5_000_000])(
  'frames of %d bytes take hardly more memory than they have bytes',
  (length) => {
    const backlog = new Backlog(limits, new SlabPool())
    const frame = new Uint8Array(length)
    const before = process.memoryUsage().arrayBuffers
    while (backlog.bytesWaiting < 16 * mib) {
      backlog.begin().raw(frame)
      backlog.end()
    }
    globalThis.gc?.()
    const held = process.memoryUsage().arrayBuffers - before
    expect(held).toBeLessThan(backlog.bytesWaiting * 1.15 + mib)
  },
)

import { expect, test } from 'vitest'
import { HandedOver } from '../../src/net/handed-over.js'
import { SlabPool, slabBytes } from '../../src/net/slab-pool.js'

function parts() {
  const stream = { bytesWaiting: 0 }
  const slabs = new SlabPool()
  const handedOver = new HandedOver(stream, slabs)
  const hand = (bytes: number) => {
    stream.bytesWaiting += bytes
    handedOver.count(bytes)
  }
  return { stream, slabs, handedOver, hand }
}

const slab = () => new Uint8Array(slabBytes)

test('a slab is free when the stream has come to its end, and not before', () => {
  const { stream, slabs, handedOver, hand } = parts()
  hand(10)
  handedOver.leave(slab())
  hand(20)
  handedOver.leave(slab())
  const free = (waiting: number) => {
    stream.bytesWaiting = waiting
    handedOver.free()
    return slabs.kept
  }
  expect([30, 21, 20, 19, 1, 0].map(free)).toEqual([0, 0, 1, 1, 1, 2])
  expect(handedOver.bytes).toBe(30)
})

test('what is handed over later does not keep a slab that was left before', () => {
  const { stream, slabs, handedOver, hand } = parts()
  hand(10)
  handedOver.leave(slab())
  hand(1_000)
  stream.bytesWaiting = 1_000
  handedOver.free()
  expect(slabs.kept).toBe(1)
})

test('dropped, slabs that the stream may still look at are not used again', () => {
  const { stream, slabs, handedOver, hand } = parts()
  hand(10)
  handedOver.leave(slab())
  handedOver.drop()
  stream.bytesWaiting = 0
  handedOver.free()
  expect(slabs.kept).toBe(0)
})

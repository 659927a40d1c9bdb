/**
 * What a network does to two nodes that are connected, each in an OS process of its own, over mutual TLS, one of them
 * perhaps of Erlang.
 */
import { expect } from 'vitest'
import type { Direction } from '../support/chaos-proxy.js'
import { eventually } from '../support/deadline.js'
import { deadlineMs, earliest, type Outpost, ReignOutpost, tickTimeMs } from './outpost.js'
import { onAllPairs, type Pair, withPairs } from './theatre.js'

withPairs()

const told = ['DOWN noconnection', 'EXIT noconnection']

/** That the connection came and went once, and why, as far as reign says it: Erlang has other words where TLS is between. */
async function cameAndWent(outpost: Outpost, reason: string): Promise<void> {
  expect(await outpost.comings()).toEqual(['up', outpost.kind === 'reign' ? `down ${reason}` : expect.any(String)])
}

/** The two connect again, and messages pass. */
async function isWellAgain(pair: Pair): Promise<void> {
  const before = (await pair.far.log()).length
  await pair.meet()
  await pair.near.count(pair.far, 1_001, 1_100)
  await pair.far.writes('1001..1100')
  // The news of the new connection comes before its first message, and all that the old one meant before that.
  const log = (await pair.far.log()).slice(before)
  expect(log.filter((line) => !line.startsWith('met'))).toEqual(['up', '1001..1100'])
}

onAllPairs(
  'a reset is told once to whom it concerns, after what came before it, and another connection follows',
  async (pair) => {
    const { near, far, way } = pair
    await pair.meet()
    await near.count(far, 1, 500)
    await far.count(near, 1, 500)
    await Promise.all([near.writes('1..500'), far.writes('1..500')])
    way.reset()
    await pair.parted()
    for (const each of pair.both) {
      expect((await each.fates()).toSorted()).toEqual(['1..500', ...told])
      await cameAndWent(each, 'connection_closed')
    }
    await isWellAgain(pair)
  },
)

onAllPairs(
  'a reset in the middle of a stream: what has come of it has no gaps, and nothing of it comes later',
  async (pair) => {
    const { near, far, way } = pair
    await pair.meet()
    way.impair({ bytesPerSecond: 200_000 })
    await near.count(far, 1, 20_000)
    await eventually(async () => (await far.fates()).length > 0, deadlineMs, 'the first of the stream')
    way.reset()
    await pair.parted()
    const [range = '', ...rest] = await far.fates()
    expect(range).toMatch(/^1\.\.\d+$/)
    expect(Number(range.slice(3))).toBeLessThan(20_000)
    expect(rest.toSorted()).toEqual(told)
    await isWellAgain(pair)
  },
)

onAllPairs(
  'a cut in both directions, of which TCP says nothing, is seen by both sides in the time of their ticks',
  async (pair) => {
    const { way } = pair
    await pair.meet()
    const from = performance.now()
    way.impair({ passes: 'nothing' })
    await pair.parted()
    // From T - T/4 to T + T/4 of silence; and a busy machine may be late.
    expect(performance.now() - from).toBeGreaterThan(tickTimeMs * earliest)
    expect(performance.now() - from).toBeLessThan(tickTimeMs * 1.25 + 20_000)
    for (const each of pair.both) {
      expect((await each.fates()).toSorted()).toEqual(told)
      await cameAndWent(each, 'net_tick_timeout')
    }
    way.heal()
    await isWellAgain(pair)
  },
)

/** Who hears nothing any more closes; that still gets through to the other. */
async function oneWay(pair: Pair, direction: Direction): Promise<void> {
  const { near, far, way } = pair
  await pair.meet()
  const from = performance.now()
  way.impair({ passes: 'nothing' }, direction)
  await pair.parted()
  expect(performance.now() - from).toBeGreaterThan(tickTimeMs * earliest)
  expect(performance.now() - from).toBeLessThan(tickTimeMs * 1.25 + 20_000)
  const deaf = direction === 'there' ? far : near
  for (const each of pair.both) {
    expect((await each.fates()).toSorted()).toEqual(told)
    await cameAndWent(each, each === deaf ? 'net_tick_timeout' : 'connection_closed')
  }
  way.heal()
  await isWellAgain(pair)
}

onAllPairs('a cut towards who was dialled alone is the end of the connection on both sides', (pair) =>
  oneWay(pair, 'there'),
)

onAllPairs('a cut towards who has dialled alone is the end of the connection on both sides', (pair) =>
  oneWay(pair, 'back'),
)

onAllPairs('on a way of 200 ms, give or take 150, nodes connect, call, and lose nothing', async (pair) => {
  const { near, far, way } = pair
  way.impair({ delayMs: 200, jitterMs: 150 })
  await pair.meet()
  expect(await near.ask(far)).toBe('pong')
  expect(await far.ask(near)).toBe('pong')
  await near.count(far, 1, 1_000)
  await far.writes('1..1000')
  expect(await near.echo(far, [1, 100_000, 10])).toBe(3)
  expect(await far.comings()).toEqual(['up'])
})

onAllPairs('bytes that come one by one make the same messages', async (pair) => {
  const { near, far, way } = pair
  way.impair({ pieceBytes: 1 })
  await pair.meet()
  await near.count(far, 1, 50)
  await far.writes('1..50')
  const sizes = [0, 1, 255, 256, 3_000]
  expect(await near.echo(far, sizes)).toBe(sizes.length)
})

onAllPairs('bytes that come a million at once make the same messages', async (pair) => {
  const { near, far, way } = pair
  way.impair({ gatherBytes: 1_048_576 })
  await pair.meet()
  await near.count(far, 1, 5_000)
  await far.writes('1..5000')
  const sizes = [1, 1_500_000, 0, 70_000, 255, 300_000]
  expect(await near.echo(far, sizes)).toBe(sizes.length)
  expect(await far.echo(near, sizes)).toBe(sizes.length)
})

onAllPairs('a line of 1 Mbit/s that is full for longer than the time of the ticks is kept', async (pair) => {
  const { near, far, way } = pair
  await pair.meet()
  way.impair({ bytesPerSecond: 125_000 })
  const from = performance.now()
  const sizes = Array.from({ length: 18 }, () => 40_000)
  expect(await near.echo(far, sizes)).toBe(sizes.length)
  expect(performance.now() - from).toBeGreaterThan(tickTimeMs * 1.25)
  for (const each of pair.both) expect(await each.log()).toEqual(['up', 'met'])
})

onAllPairs('a node that is back before its end was noticed takes the place of its old connection', async (pair) => {
  const { near, way } = pair
  await pair.meet()
  await near.ask(pair.far)
  // Nobody hears of its end, and it takes another way to come back.
  way.impair({ passes: 'nothing' })
  await pair.far.kill()
  await pair.start('far')
  await pair.meet(pair.far)
  expect(await near.ask(pair.far)).toBe('pong')
  const log = await near.log()
  expect(log.filter((line) => line === 'up')).toHaveLength(2)
  for (const each of told) {
    expect(log.filter((line) => line === each)).toHaveLength(1)
    // First all that the old one meant, then the news of the new one.
    expect(log.indexOf(each)).toBeLessThan(log.lastIndexOf('up'))
  }
  // What was written while nobody heard is not said later.
  expect(await pair.far.fates()).toEqual([])
})

onAllPairs('a connection that breaks again and again leaves nothing behind', async (pair) => {
  const holdings = async () => {
    // The answers come behind the monitors and links on their way.
    await Promise.all([pair.near.ask(pair.far), pair.far.ask(pair.near)])
    return Promise.all(pair.both.map((each) => (each instanceof ReignOutpost ? each.holdings() : null)))
  }
  const flap = async () => {
    await pair.meet()
    pair.way.reset()
    await pair.parted()
    await Promise.all(pair.both.map((each) => each.clear()))
  }
  await flap()
  await pair.meet()
  const before = await holdings()
  pair.way.reset()
  await pair.parted()
  await Promise.all(pair.both.map((each) => each.clear()))
  for (let n = 0; n < 20; n++) await flap()
  await pair.meet()
  const same = async () => {
    expect(await holdings()).toEqual(before)
    return true
  }
  await eventually(same, deadlineMs, 'as much as before')
})

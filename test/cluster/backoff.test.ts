import { describe, expect, test } from 'vitest'
import { Backoff, redialBackoff } from '../../src/cluster/backoff.js'
import { sees } from './cluster-kit.js'
import { Simulation } from './simulation.js'

const entropyOf = (uint32: number) => ({ uint32: () => uint32, bytes: () => new Uint8Array() })
const greatest = 2 ** 32 - 1

describe('the waits', () => {
  test('double from the first to the greatest, each down to half of that at random', () => {
    const longest = new Backoff(entropyOf(greatest), { firstMs: 100, maxMs: 1_000 })
    const shortest = new Backoff(entropyOf(0), { firstMs: 100, maxMs: 1_000 })
    expect(Array.from({ length: 6 }, () => Math.round(longest.next()))).toEqual([100, 200, 400, 800, 1_000, 1_000])
    expect(Array.from({ length: 6 }, () => shortest.next())).toEqual([50, 100, 200, 400, 500, 500])
  })

  test('begin anew after a success, and stay finite however long nobody answers', () => {
    const backoff = new Backoff(entropyOf(greatest))
    for (let n = 0; n < 5_000; n++) expect(backoff.next()).toBeLessThanOrEqual(redialBackoff.maxMs)
    backoff.reset()
    expect(Math.round(backoff.next())).toBe(redialBackoff.firstMs)
  })
})

const a = 'a@127.0.0.1'
const b = 'b@127.0.0.1'

describe('members', () => {
  test('are dialled again, ever more seldom, until they are there; then at once again', async () => {
    const simulation = new Simulation(1, [a, b], { latency: { minMs: 0, maxMs: 0 } })
    const { clock } = simulation
    const one = await simulation.start(a)
    await clock.run(60_000)
    const attempts = one.log.at('debug').length
    // 100 ms, 200, 400, ... up to 10 s, each at least half of that: between 12 and 24 in a minute.
    expect(attempts).toBeGreaterThanOrEqual(12)
    expect(attempts).toBeLessThanOrEqual(24)
    expect(new Set(one.log.codes('debug'))).toEqual(new Set(['ERR_REIGN_UNREACHABLE']))

    // Started without members of its own to dial, it is found by the first attempt of the other.
    const other = await simulation.start(b, { dialMembers: false })
    await clock.run(10_000)
    await sees(one, b)

    simulation.network.reset(a, b)
    await clock.run(150)
    await sees(one, b)
    const stopped = Promise.all([one.stop(), other.stop()])
    await clock.run(10_000)
    await stopped
    expect(clock.timersPending).toBe(0)
  })

  test('that are lost as soon as they are there are not dialled without a pause', async () => {
    const simulation = new Simulation(2, [a, b], { latency: { minMs: 0, maxMs: 0 } })
    const { clock } = simulation
    const one = await simulation.start(a)
    const other = await simulation.start(b, { dialMembers: false })
    let ups = 0
    one.onNodeUp(() => ups++)
    other.onNodeUp((node) => void other.disconnect(node))
    await clock.run(60_000)
    expect(ups).toBeGreaterThanOrEqual(12)
    expect(ups).toBeLessThanOrEqual(24)
    const stopped = Promise.all([one.stop(), other.stop()])
    await clock.run(10_000)
    await stopped
  })
})

import { describe, expect, test } from 'vitest'
import { aroundFrom, DialPace } from '../../src/cluster/dial-pace.js'
import { VirtualClock } from '../support/virtual-clock.js'
import { Simulation } from './simulation.js'

function paced() {
  const clock = new VirtualClock()
  const pace = new DialPace(clock)
  const dialled: string[] = []
  const overs = new Map<string, () => void>()
  const add = (name: string) =>
    pace.add(name, (over) => {
      dialled.push(name)
      overs.set(name, over)
    })
  return { clock, pace, dialled, add, over: (name: string) => overs.get(name)?.() }
}

describe('a pace', () => {
  test('lets four begin at once, and the next when one is over, in the order in which they came', () => {
    const { dialled, add, over, pace } = paced()
    for (const name of 'abcdefg') add(name)
    expect(dialled.join('')).toBe('abcd')
    over('c')
    over('c')
    expect(dialled.join('')).toBe('abcde')
    over('a')
    over('b')
    expect(dialled.join('')).toBe('abcdefg')
    expect(pace.waiting).toBe(0)
  })

  test('lets one more begin each quarter of a second, whatever became of the others', async () => {
    const { clock, dialled, add, over } = paced()
    for (const name of 'abcdefg') add(name)
    await clock.run(249)
    expect(dialled).toHaveLength(4)
    await clock.run(1)
    expect(dialled).toHaveLength(5)
    await clock.run(250)
    expect(dialled).toHaveLength(6)
    // Of the six that are under way, more than two are to be over before that makes room.
    for (const name of 'ab') over(name)
    expect(dialled).toHaveLength(6)
    over('c')
    expect(dialled).toHaveLength(7)
    expect(clock.timersPending).toBe(0)
  })

  test('of a name that waits already the later is dialled, once, in the place of the earlier', () => {
    const { dialled, add, over, pace } = paced()
    for (const name of 'abcde') add(name)
    pace.add('e', (done) => {
      dialled.push('E')
      done()
    })
    add('f')
    over('a')
    expect(dialled.join('')).toBe('abcdEf')
  })

  test('goes on at once from what is not needed after all, however many there are', () => {
    const { pace, dialled, add, over } = paced()
    for (const name of 'abcd') add(name)
    let skipped = 0
    for (let n = 0; n < 100_000; n++) {
      pace.add(`${n}`, (done) => {
        skipped++
        done()
      })
    }
    add('e')
    over('a')
    expect(skipped).toBe(100_000)
    expect(dialled.join('')).toBe('abcde')
  })

  test('gives nobody a turn once it has stopped', async () => {
    const { clock, pace, dialled, add, over } = paced()
    for (const name of 'abcde') add(name)
    pace.stop()
    over('a')
    await clock.run(1_000)
    expect(dialled).toHaveLength(4)
    expect(clock.timersPending).toBe(0)
  })
})

test('names go around from one’s own', () => {
  expect(aroundFrom('c', ['e', 'a', 'd', 'b'])).toEqual(['d', 'e', 'a', 'b'])
  expect(aroundFrom('z', ['e', 'a'])).toEqual(['a', 'e'])
  expect(aroundFrom('a', [])).toEqual([])
})

describe('a cluster of twenty that starts at once', () => {
  const names = Array.from({ length: 20 }, (_, n) => `n${String(n).padStart(2, '0')}@127.0.0.1`)

  test('is complete soon, and makes few handshakes twice', async () => {
    const simulation = new Simulation(1, names)
    const nodes = await Promise.all(names.map((name) => simulation.start(name)))
    await simulation.clock.run(5_000)
    for (const node of nodes) expect(node.nodes()).toHaveLength(19)
    const dials = names.flatMap((from) => names.map((to) => simulation.network.dials(from, simulation.port(to))))
    const pairs = (20 * 19) / 2
    expect(dials.reduce((sum, each) => sum + each)).toBeLessThan(1.25 * pairs)
  })

  test('is complete though most members are hosts that do not answer, and who sends waits for no turn', async () => {
    const simulation = new Simulation(1, names)
    const { clock, network } = simulation
    const [first = '', second = '', last = ''] = [names[0], names[1], names[19]]
    for (const name of names) if (![first, second, last].includes(name)) network.cut(first, name)
    // Somebody listens there, and what is sent gets lost on the way.
    await Promise.all(names.slice(1).map((name) => simulation.start(name)))
    const node = await simulation.start(first)
    const found = node.connect(last)
    await clock.run(200)
    expect(await found).toBe(true)
    await clock.run(10_000)
    expect(node.nodes().toSorted()).toEqual([second, last])
  })
})

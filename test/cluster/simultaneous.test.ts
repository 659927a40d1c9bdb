import { expect, test } from 'vitest'
import { named } from '../../src/term/named.js'
import { Simulation } from './simulation.js'

const names = ['a@127.0.0.1', 'b@127.0.0.1'] as const
const roundsEach = 100
/** Where the seeds begin: another part of the world for a longer look, `REIGN_SEED=5000 npx vitest run …`. */
const seedFrom = Number(process.env.REIGN_SEED ?? 0)

/**
 * Two nodes lose their connection, and both begin to send again at once: each send dials if need be, and so do the members'
 * own timers. Gives what each has received, and what it was told.
 */
async function round(seed: number) {
  const simulation = new Simulation(seed, names)
  const { clock, network } = simulation
  const side = async (name: string) => {
    const node = await simulation.start(name)
    const box = node.mailbox<number>()
    node.register('box', box.address)
    const events: string[] = []
    node.onNodeUp(() => events.push('up'))
    node.onNodeDown((_, reason) => events.push(reason))
    return { node, box, events, sent: 0 }
  }
  const sides = [await side(names[0]), await side(names[1])] as const
  await clock.run(1_000)
  network.reset(...names)
  for (let left = 30; left > 0; left--) {
    await clock.run(network.random() < 0.3 ? 0 : network.random() * 12)
    const from = network.random() < 0.5 ? 0 : 1
    sides[from].node.send(named('box', names[1 - from] as string), ++sides[from].sent)
  }
  await clock.run(2_000)
  const seen = sides.map(({ box, events, node }, n) => ({
    wanted: sides[1 - n]?.sent,
    received: Array.from({ length: box.length }, () => box.poll() as number),
    events: [...events],
    lost: node.deadLetters.counts.noconnection,
  }))
  const streams = network.streamCount
  const stopped = Promise.all(sides.map(({ node }) => node.stop()))
  await clock.run(10_000)
  await stopped
  return { seen, streams, streamsLeft: network.streamCount, timersLeft: clock.timersPending }
}

test.each(Array.from({ length: 10 }, (_, n) => seedFrom + n * roundsEach))(
  'two that dial each other at once have one connection, and lose nothing: rounds from %i',
  async (first) => {
    for (let seed = first; seed < first + roundsEach; seed++) {
      const { seen, streams, streamsLeft, timersLeft } = await round(seed)
      for (const { wanted, received, events, lost } of seen) {
        expect({ seed, received }).toEqual({ seed, received: Array.from({ length: wanted ?? 0 }, (_, n) => n + 1) })
        expect({ seed, events, lost }).toEqual({ seed, events: ['up', 'connection_closed', 'up'], lost: 0 })
      }
      expect({ seed, streams, streamsLeft, timersLeft }).toEqual({ seed, streams: 2, streamsLeft: 0, timersLeft: 0 })
    }
  },
)

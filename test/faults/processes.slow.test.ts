/**
 * What befalls two nodes that are connected, each in an OS process of its own, over mutual TLS, one of them perhaps of Erlang:
 * one is killed, frozen, stopped, started again.
 */
import { expect } from 'vitest'
import { eventually } from '../support/deadline.js'
import { deadlineMs, earliest, type Outpost, ReignOutpost, tickTimeMs } from './outpost.js'
import { onAllPairs, type Pair, withPairs } from './theatre.js'

withPairs()

const told = ['DOWN noconnection', 'EXIT noconnection']

/** Resolves when the other has news of the end of one. */
async function hasHeard(other: Outpost): Promise<void> {
  await Promise.all(told.map((line) => other.writes(line)))
  await eventually(async () => (await other.nodes()).length === 0, deadlineMs, `${other.name} to be alone`)
}

/** Each node in turn, with the other; they may be started anew meanwhile. */
const inTurn = ['far', 'near'] as const
const otherOf = (pair: Pair, victim: 'near' | 'far') => (victim === 'far' ? pair.near : pair.far)

onAllPairs(
  'who is killed: whoever watches or is linked is told once, at once; and its next run is as welcome',
  async (pair) => {
    for (const victim of inTurn) {
      await pair.reset()
      await pair.meet()
      const other = otherOf(pair, victim)
      await pair[victim].count(other, 1, 100)
      await other.writes('1..100')
      await pair[victim].kill()
      await hasHeard(other)
      expect((await other.fates()).toSorted()).toEqual(['1..100', ...told])
      // By the end of the connection, and not when ticks are missing.
      expect(await other.comings()).toEqual(['up', expect.stringMatching(/^down (?!net_tick_timeout)/)])
      await pair.start(victim)
      await pair.meet()
      expect(await other.ask(pair[victim])).toBe('pong')
    }
  },
)

onAllPairs(
  'addresses of an earlier run lead nowhere: noproc for links and monitors, silence for messages',
  async (pair) => {
    for (const victim of inTurn) {
      await pair.reset()
      await pair.meet()
      await pair[victim].kill()
      const other = otherOf(pair, victim)
      await hasHeard(other)
      await pair.start(victim)
      await eventually(() => pair.near.connect(pair.far), deadlineMs, 'the next connection')
      await Promise.all(pair.both.map((each) => each.clear()))
      await other.retry()
      await Promise.all(['DOWN noproc', 'EXIT noproc'].map((line) => other.writes(line)))
      // The answer comes behind whatever went to the processes of the new run.
      expect(await other.ask(pair[victim])).toBe('pong')
      expect(await pair[victim].fates()).toEqual([])
      expect((await other.fates()).toSorted()).toEqual(['DOWN noproc', 'EXIT noproc'])
    }
  },
)

onAllPairs(
  'who is frozen is dropped in the time of its ticks; when it goes on, the old connection is over for it as well',
  async (pair) => {
    for (const which of inTurn) {
      const victim = pair[which]
      const other = otherOf(pair, which)
      await pair.reset()
      await pair.meet()
      const from = performance.now()
      await victim.suspend()
      await hasHeard(other)
      expect(performance.now() - from).toBeGreaterThan(tickTimeMs * earliest)
      expect(performance.now() - from).toBeLessThan(tickTimeMs * 1.25 + 20_000)
      if (other.kind === 'reign') expect(await other.comings()).toEqual(['up', 'down net_tick_timeout'])
      victim.resume()
      await pair.parted()
      for (const each of pair.both) expect((await each.fates()).toSorted()).toEqual(told)
      // The same run: both are as they were.
      await Promise.all(pair.both.map((each) => each.clear()))
      await pair.meet()
      await other.count(victim, 1, 10)
      await victim.writes('1..10')
      expect((await other.fates()).filter((line) => line !== 'met')).toEqual([])
    }
  },
)

onAllPairs(
  'a call ends with the reason of its server, or the loss of its node; a late answer reaches nobody',
  async (pair) => {
    const { near } = pair
    await pair.meet()
    await near.call(pair.far)
    await eventually(async () => (await pair.far.waiting()) === 1, deadlineMs, 'the call')
    await pair.far.end('boom')
    await near.writes('call ended: boom')
    await pair.far.answerLate()
    // What was sent before this has arrived by now.
    expect(await near.ask(pair.far)).toBe('pong')
    expect(await near.fates()).toEqual(['call ended: boom'])

    await pair.far.kill()
    await pair.start('far')
    await eventually(() => near.connect(pair.far), deadlineMs, 'the next connection')
    await near.call(pair.far)
    await eventually(async () => (await pair.far.waiting()) === 1, deadlineMs, 'the second call')
    await pair.far.kill()
    await near.writes('call ended: noconnection')
    await pair.start('far')
  },
)

onAllPairs(
  'who is told to stop while it sends says all of it, and what its supervisors end in order says; then one end; exit code 0',
  async (pair) => {
    for (const which of inTurn) {
      const victim = pair[which]
      const other = otherOf(pair, which)
      await pair.reset()
      await pair.meet()
      await victim.count(other, 1, 20_000)
      await other.count(victim, 1, 20_000)
      if (victim instanceof ReignOutpost) await victim.tree(other)
      expect(await victim.stop()).toEqual({ code: 0, signal: null })
      await eventually(async () => (await other.comings()).length > 1, deadlineMs, `${other.name} to hear of the end`)
      expect(await other.comings()).toEqual(['up', expect.stringMatching(/^down /)])
      const ends = async () => (await other.fates()).filter((line) => /^(DOWN|EXIT) /.test(line))
      await eventually(async () => (await ends()).length === 2, deadlineMs, 'the ends of link and monitor')
      const fates = await other.fates()
      // Erlang ends its distribution as it finds it: what it said last may be lost.
      if (victim.kind === 'reign') {
        const inOrder = ['1..20000', 'got cache_put_away', 'got store_put_away']
        expect(fates.slice(0, 3)).toEqual(inOrder)
        expect(fates.slice(3).toSorted()).toEqual(['DOWN shutdown', 'EXIT shutdown'])
      }
      await pair.start(which)
      await pair.meet()
      expect(await other.ask(pair[which])).toBe('pong')
    }
  },
)

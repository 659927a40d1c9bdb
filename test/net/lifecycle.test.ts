/** Connections in memory and in virtual time: ticks, silence, overload, closing, bounds on strangers. */
import { describe, expect, test } from 'vitest'
import { ReignError } from '../../src/errors.js'
import { defaultLimits, type Limits } from '../../src/limits.js'
import { remoteAddressOf } from '../../src/net/remote-address.js'
import { VirtualClock } from '../support/virtual-clock.js'
import { MemoryNetwork } from './memory-transport.js'
import { Accepting, dial, endOf, loopback, type Watched } from './net-kit.js'

function world(limits: Partial<Limits> = {}) {
  const clock = new VirtualClock()
  const network = new MemoryNetwork()
  const common = { clock, transport: network, limits: { ...defaultLimits, ...limits } }
  const a = endOf('a@127.0.0.1', common)
  const b = endOf('b@127.0.0.1', common)
  return { clock, network, a, b }
}

async function connected(limits: Partial<Limits> = {}) {
  const made = world(limits)
  const accepting = await Accepting.on(made.b)
  const { up } = await dial(made.a, 'b@127.0.0.1', accepting.endpoint).outcome
  const [theirs] = accepting.accepted
  if (up === undefined || theirs === undefined) throw new Error('not connected')
  await made.clock.settle()
  return { ...made, accepting, ours: up, theirs }
}

const minute = 60_000

describe('ticks', () => {
  test('keep an idle connection up for ever', async () => {
    const { clock, ours, theirs } = await connected()
    await clock.run(60 * minute)
    expect([ours.connection.isUp, theirs.connection.isUp]).toEqual([true, true])
    // One each 15 s, in both directions.
    expect(ours.connection.bytesRead).toBe(4 * 240)
    expect(theirs.connection.bytesRead).toBe(4 * 240)
    expect([ours.frames, theirs.frames]).toEqual([[], []])
  })

  test('are spared by traffic', async () => {
    const { clock, ours, theirs } = await connected()
    for (let round = 0; round < 40; round++) {
      ours.send('x')
      await clock.run(10_000)
    }
    expect(theirs.connection.bytesRead).toBe(40 * 5)
  })

  test('a silent peer is given up after 60 to 75 s, as Erlang does it', async () => {
    const { clock, ours, theirs } = await connected()
    theirs.connection.onClose = () => {}
    mute(theirs)
    await clock.run(59_999)
    expect(ours.loss).toBeUndefined()
    await clock.run(15_001)
    expect(ours.loss).toEqual({ reason: 'net_tick_timeout', error: undefined })
  })

  test('a peer whose bytes wait behind our own sleep is not given up', async () => {
    const { clock, ours, theirs } = await connected()
    mute(theirs)
    await clock.run(59_000)
    // We sleep for a minute, in which bytes come; when we wake, the timer is first.
    clock.advance(1_000)
    theirs.connection.outbox.begin().raw(Buffer.from('I was here'))
    theirs.connection.outbox.end()
    theirs.connection.outbox.flush()
    expect(ours.loss).toBeUndefined()
    await clock.settle()
    expect([ours.loss, ours.frames]).toEqual([undefined, ['I was here']])
    await clock.run(30_000)
    expect(ours.loss).toBeUndefined()
  })

  test('a peer that we do not read is not given up while we do not', async () => {
    const { clock, ours } = await connected()
    ours.connection.pauseReading()
    await clock.run(10 * minute)
    expect(ours.loss).toBeUndefined()
    ours.connection.resumeReading()
    await clock.run(10 * minute)
    expect(ours.loss).toBeUndefined()
  })

  /** Takes its ticks away from a connection, as if its program hung. */
  function mute(watched: Watched): void {
    watched.connection.outbox.tick = () => {}
  }
})

describe('overload', () => {
  test('a peer that reads nothing costs no more than the limit, and is given up with a reason', async () => {
    const limits = { outboxSoftBytes: 10_000, outboxHardBytes: 100_000 }
    const { clock, ours, theirs } = await connected(limits)
    theirs.connection.pauseReading()
    let busy = 0
    for (let sent = 0; sent < 1_000 && ours.loss === undefined; sent++) {
      if (!ours.send('x'.repeat(996))) busy++
      await clock.settle()
      expect(ours.connection.outbox.bytesWaiting).toBeLessThanOrEqual(102_000)
    }
    expect(ours.loss).toEqual({ reason: 'overload', error: undefined })
    expect(busy).toBe(91)
  })

  test('the loss is told when the sender has returned', async () => {
    const { clock, ours, theirs } = await connected({ outboxSoftBytes: 10, outboxHardBytes: 100 })
    theirs.connection.pauseReading()
    ours.send('x'.repeat(90))
    ours.send('x'.repeat(90))
    expect(ours.loss).toBeUndefined()
    await clock.settle()
    expect(ours.loss?.reason).toBe('overload')
  })
})

describe('closing', () => {
  test('tells the owner before it returns, once', async () => {
    const { ours } = await connected()
    const losses: unknown[] = []
    ours.connection.onClose = (loss) => losses.push(loss)
    void ours.connection.close('net_kernel_terminated')
    expect(losses).toEqual([{ reason: 'net_kernel_terminated', error: undefined }])
    void ours.connection.close()
    expect(losses).toHaveLength(1)
  })

  test('does not wait for ever for a peer that does not read', async () => {
    const { clock, ours, theirs } = await connected()
    theirs.connection.pauseReading()
    ours.send('never read')
    let gone = false
    ours.connection.close().then(() => (gone = true))
    await clock.run(4_999)
    expect(gone).toBe(false)
    await clock.run(1)
    expect(gone).toBe(true)
  })

  test('leaves no timer behind', async () => {
    const { clock, ours, theirs } = await connected()
    void ours.connection.close()
    await clock.settle()
    expect(theirs.loss?.reason).toBe('connection_closed')
    expect(clock.timersPending).toBe(0)
  })

  test('from within a frame stops the frames behind it', async () => {
    const { clock, ours, theirs } = await connected()
    const frames: string[] = []
    theirs.connection.onFrame = (bytes, start, end) => {
      frames.push(Buffer.from(bytes.slice(start, end)).toString())
      if (frames.length === 2) void theirs.connection.close()
    }
    for (const text of ['1', '2', '3']) ours.send(text)
    await clock.settle()
    expect(frames).toEqual(['1', '2'])
  })

  test('an owner that fails to hear of it does not end the program', async () => {
    const { ours, a } = await connected()
    ours.connection.onClose = () => {
      throw new Error('a fault of the owner')
    }
    await ours.connection.close()
    expect(a.logger.lines).toMatchObject([{ level: 'error', message: 'the owner of a connection failed' }])
  })
})

describe('frames', () => {
  test('behind the handshake in the same piece are not lost, nor those that the owner sends at once', async () => {
    const { clock, a, b } = world()
    const accepting = await Accepting.on(b)
    // Greets as soon as the connection is there: the greeting follows the last message of the handshake directly.
    const nth = accepting.accepted
    const greeted = Object.assign(nth, {
      push: (...watched: Watched[]) => {
        for (const each of watched) each.send('greetings')
        return Array.prototype.push.apply(nth, watched)
      },
    })
    const { up } = await dial(a, 'b@127.0.0.1', accepting.endpoint).outcome
    await clock.settle()
    expect(greeted).toHaveLength(1)
    expect(up?.frames).toEqual(['greetings'])
  })

  test('that cannot be handled close the connection: ours to blame, an error; theirs, a warning', async () => {
    for (const [fault, level] of [
      [new TypeError('a fault of ours'), 'error'],
      [new ReignError('ERR_REIGN_TERM_TAG', 'a fault of theirs'), 'warn'],
    ] as const) {
      const { clock, ours, theirs, b } = await connected()
      theirs.connection.onFrame = () => {
        throw fault
      }
      ours.send('x')
      await clock.settle()
      expect(theirs.loss).toEqual({ reason: 'protocol', error: fault })
      expect(ours.loss?.reason).toBe('connection_closed')
      expect(b.logger.lines).toMatchObject([{ level }])
    }
  })
})

describe('strangers', () => {
  const far = (last: number) => remoteAddressOf(`192.0.2.${last}`, 4_000)

  test('are bounded per address, but those from loopback only in all', async () => {
    const { clock, network, b } = world({ pendingConnectionsPerAddressMax: 3, pendingConnectionsMax: 8 })
    const accepting = await Accepting.on(b)
    const open = (from: ReturnType<typeof far>) => {
      network.dialledFrom = from
      return network.connect(accepting.endpoint)[0]
    }
    const one = Array.from({ length: 5 }, () => open(far(1)))
    const two = Array.from({ length: 3 }, () => open(far(2)))
    const here = Array.from({ length: 4 }, () => open(remoteAddressOf('::1', 4_000)))
    await clock.settle()
    const closed = (streams: { over: boolean }[]) => streams.map((stream) => stream.over)
    // The oldest give way: of the same address, and for those from loopback, of all.
    expect(closed(one)).toEqual([true, true, true, true, false])
    expect(closed(two)).toEqual([false, false, false])
    expect(closed(here)).toEqual([false, false, false, false])
    expect(accepting.listener.pending).toBe(8)
    expect(b.logger.lines.map(({ fields }) => [fields.code, fields.remote])).toEqual([
      ['ERR_REIGN_OVERLOAD', '192.0.2.1:4000'],
    ])
    await clock.run(7_000)
    expect(accepting.listener.pending).toBe(0)
    expect(closed([...one, ...two, ...here])).not.toContain(false)
    expect(clock.timersPending).toBe(0)
    // And now there is room again.
    expect(open(far(1)).over).toBe(false)
  })

  test('a friend gets in, however many of them hold all the connections there may be', async () => {
    const { clock, network, a, b } = world({ pendingConnectionsMax: 8 })
    const accepting = await Accepting.on(b)
    const strangers = Array.from({ length: 20 }, () => network.connect(accepting.endpoint)[0])
    await clock.settle()
    expect(accepting.listener.pending).toBe(8)
    const { outcome } = dial(a, 'b@127.0.0.1', accepting.endpoint)
    await clock.settle()
    expect((await outcome).up?.connection.peer.name).toBe('b@127.0.0.1')
    expect(strangers.map(({ over }) => over)).toEqual([...Array(13).fill(true), ...Array(7).fill(false)])
  })

  test('those that have shown a certificate do not give way: when there are only such, who comes is refused', async () => {
    const { clock, network, b } = world({ pendingConnectionsMax: 3 })
    Object.assign(network, { secure: true, identity: { nodeNames: ['a@127.0.0.1'] } })
    const accepting = await Accepting.on(b)
    const open = () => network.connect(accepting.endpoint)[0]
    const streams = [open(), open(), open()]
    await clock.settle()
    streams.push(open())
    await clock.settle()
    expect(streams.map(({ over }) => over)).toEqual([false, false, false, true])
    expect(b.logger.lines.map(({ fields }) => fields.code)).toEqual(['ERR_REIGN_OVERLOAD'])
  })

  test('who are not done when the listener closes are cut off', async () => {
    const { clock, network, b } = world()
    const accepting = await Accepting.on(b)
    const [stranger] = network.connect(accepting.endpoint)
    await clock.settle()
    await accepting.listener.close()
    await clock.settle()
    expect([stranger.over, accepting.listener.pending, clock.timersPending]).toEqual([true, 0, 0])
  })

  test('an owner that fails to decide refuses, and does not end the program', async () => {
    const { a, b } = world()
    const accepting = await Accepting.on(b)
    accepting.verdict = () => {
      throw new Error('a fault of the owner')
    }
    const { failure } = await dial(a, 'b@127.0.0.1', accepting.endpoint).outcome
    expect(failure?.reason).toBe('closed')
    expect(b.logger.lines).toMatchObject([{ fields: { error: expect.stringContaining('a fault of the owner') } }])
  })
})

describe('secure streams that prove nothing', () => {
  test.each([
    ['no identity', undefined],
    ['an identity without names', { nodeNames: [] }],
    ['the identity of another', { nodeNames: ['c@127.0.0.1'] }],
  ])('%s is not enough', async (_, identity) => {
    const { network, a, b } = world()
    Object.assign(network, { secure: true, identity })
    const accepting = await Accepting.on(b, loopback)
    const { failure } = await dial(a, 'b@127.0.0.1', accepting.endpoint).outcome
    expect(failure).toMatchObject({ reason: 'identity', error: { code: 'ERR_REIGN_IDENTITY' } })
  })
})

test('challenges are given back, however a handshake ends', async () => {
  const { clock, network, a, b } = world()
  const accepting = await Accepting.on(b)
  const { up } = await dial(a, 'b@127.0.0.1', accepting.endpoint).outcome
  expect([a.challenges.size, b.challenges.size]).toEqual([0, 0])
  void up?.connection.close()
  const wrong = endOf('a@127.0.0.1', { clock, transport: network, secret: 'wrong' })
  expect((await dial(wrong, 'b@127.0.0.1', accepting.endpoint).outcome).failure?.reason).toBe('closed')
  expect([wrong.challenges.size, b.challenges.size]).toEqual([0, 0])
  // One that goes silent at the last step.
  const silent = endOf('a@127.0.0.1', { clock, transport: network })
  const { attempt } = dial(silent, 'b@127.0.0.1', accepting.endpoint)
  attempt.cancel()
  await clock.run(7_000)
  expect([silent.challenges.size, b.challenges.size, accepting.listener.pending]).toEqual([0, 0, 0])
})

import { getEventListeners } from 'node:events'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { any, atom, type Mailbox, Node, tuple } from '../../src/index.js'
import { sliceMs } from '../../src/process/scheduler.js'
import { VirtualClock } from '../support/virtual-clock.js'

type Said = { type: 'said'; text: string; by?: string }
type Left = { type: 'left'; by: string }
type Message = Said | Left

let clock: VirtualClock
let node: Node
let mailbox: Mailbox<unknown>

beforeEach(async () => {
  clock = new VirtualClock()
  node = await Node.local({ clock })
  mailbox = node.mailbox()
})
afterEach(() => node.stop())

const send = (...messages: unknown[]) => {
  for (const message of messages) mailbox.address.send(message)
}
const said = (text: string): Said => ({ type: 'said', text })

/** What a promise has come to, once everything is at rest. */
async function fate(promise: Promise<unknown>): Promise<unknown> {
  let seen: unknown = 'pending'
  promise.then(
    (value) => {
      seen = { value }
    },
    (error) => {
      seen = { code: error?.code, error }
    },
  )
  await clock.settle()
  return seen
}

describe('what is wanted', () => {
  test('nothing in particular: the oldest message', async () => {
    send(1, 2)
    expect(await mailbox.receive()).toBe(1)
    expect(await mailbox.receive()).toBe(2)
    const next = mailbox.receive()
    send(3)
    expect(await next).toBe(3)
  })

  test('a pattern: the oldest message that it accepts, the others stay in order', async () => {
    send(said('a'), { type: 'left', by: 'x' }, said('b'))
    expect(await mailbox.receive({ type: 'left' })).toEqual({ type: 'left', by: 'x' })
    expect(await mailbox.receive({ type: 'said', text: 'b' })).toEqual(said('b'))
    expect(mailbox.length).toBe(1)
    expect(await mailbox.receive()).toEqual(said('a'))
  })

  test('a pattern of tuples, with any in it', async () => {
    const ok = atom('ok')
    send([ok, 1], tuple(ok, 1, 2), tuple(ok, 'yes'))
    expect(await mailbox.receive(tuple(ok, any))).toEqual(tuple(ok, 'yes'))
    expect(await mailbox.receive([ok, any, any])).toEqual(tuple(ok, 1, 2))
    expect(await mailbox.receive([ok, any])).toEqual([ok, 1])
  })

  test('a type guard, or any function that says yes or no', async () => {
    const box = node.mailbox<Message>()
    for (const message of [said('a'), { type: 'left', by: 'x' } as const, said('b')]) box.address.send(message)
    const left: Left = await box.receive((message) => message.type === 'left')
    expect(left.by).toBe('x')
    expect(await box.receive((message) => message.type === 'said' && message.text > 'a')).toEqual(said('b'))
    expect(await box.receive((message): boolean => message.type === 'said')).toEqual(said('a'))
  })

  test('from the middle, and the rest are as they were', async () => {
    for (let i = 0; i < 1_000; i++) send(i)
    expect(await mailbox.receive((n) => n === 500)).toBe(500)
    expect(mailbox.length).toBe(999)
    const rest: unknown[] = []
    while (mailbox.length > 0) rest.push(await mailbox.receive())
    expect(rest).toEqual(Array.from({ length: 1_000 }, (_, i) => i).filter((i) => i !== 500))
  })

  test('undefined and null are messages as good as any', async () => {
    send(undefined, null)
    expect(mailbox.length).toBe(2)
    expect(await mailbox.receive((message) => message === null)).toBe(null)
    expect(await mailbox.receive()).toBe(undefined)
    const waiting = mailbox.receive((message) => message === undefined)
    send(null, undefined)
    expect(await waiting).toBe(undefined)
    expect(await mailbox.receive(null)).toBe(null)
  })

  test('a message that is a promise arrives as what it comes to: await sees through it', async () => {
    send(Promise.resolve('inside'))
    expect(await mailbox.receive()).toBe('inside')
  })
})

describe('options or pattern', () => {
  test('an object of timeout and signal alone, as the only argument, is the options', async () => {
    send({ timeout: 0 })
    expect(await mailbox.receive({ timeout: 0 })).toEqual({ timeout: 0 })
    expect(await fate(mailbox.receive({ timeout: 0 }))).toMatchObject({ code: 'ERR_REIGN_TIMEOUT' })
    expect(await fate(mailbox.receive({}))).toBe('pending')
  })

  test('with a second argument the first is the pattern, whatever it looks like', async () => {
    send({ timeout: 1 }, { timeout: 0 })
    expect(await mailbox.receive({ timeout: 0 }, {})).toEqual({ timeout: 0 })
    expect(mailbox.length).toBe(1)
  })

  test('an object with any other key is a pattern', async () => {
    send({ timeout: 0 }, { timeout: 0, type: 'x' })
    expect(await mailbox.receive({ timeout: 0, type: 'x' })).toEqual({ timeout: 0, type: 'x' })
  })

  test('poll takes no options: its argument is always what is wanted', () => {
    send({ timeout: 1 }, { timeout: 0 })
    expect(mailbox.poll({ timeout: 0 })).toEqual({ timeout: 0 })
    expect(mailbox.poll({ timeout: 0 })).toBe(undefined)
    expect(mailbox.length).toBe(1)
  })

  test('undefined stands for any message, with options or without', async () => {
    send(1, 2)
    expect(await mailbox.receive(undefined)).toBe(1)
    expect(await mailbox.receive(undefined, { timeout: 5 })).toBe(2)
    expect(await fate(mailbox.receive(undefined, { timeout: 0 }))).toMatchObject({ code: 'ERR_REIGN_TIMEOUT' })
  })
})

describe('time-outs', () => {
  test('0 looks at what is queued, and does not wait', async () => {
    send('x')
    expect(await mailbox.receive({ timeout: 0 })).toBe('x')
    await expect(mailbox.receive({ timeout: 0 })).rejects.toMatchObject({
      name: 'TimeoutError',
      code: 'ERR_REIGN_TIMEOUT',
      timeoutMs: 0,
    })
    send('y')
    await expect(mailbox.receive({ type: 'z' }, { timeout: 0 })).rejects.toMatchObject({ code: 'ERR_REIGN_TIMEOUT' })
    expect(mailbox.length).toBe(1)
    expect(clock.timersSet).toBe(0)
  })

  test('less than 0 is 0: what is left of a deadline may be nothing', async () => {
    send('x')
    expect(await mailbox.receive({ timeout: -5 })).toBe('x')
    expect(await fate(mailbox.receive({ timeout: -5 }))).toMatchObject({ code: 'ERR_REIGN_TIMEOUT' })
  })

  test('a finite one ends the wait at its time, not before', async () => {
    const waiting = mailbox.receive({ timeout: 100 })
    const outcome = waiting.catch((error) => error)
    await clock.run(99)
    expect(await fate(waiting)).toBe('pending')
    await clock.run(1)
    expect(await outcome).toMatchObject({ code: 'ERR_REIGN_TIMEOUT', timeoutMs: 100, message: /within 100 ms/ })
    send('late')
    expect(mailbox.length).toBe(1)
  })

  test('a message in time ends the wait, and takes the timer with it', async () => {
    const waiting = mailbox.receive({ type: 'said' }, { timeout: 100 })
    await clock.run(50)
    send({ type: 'other' }, said('a'))
    expect(await waiting).toEqual(said('a'))
    expect(clock.holdsProgram).toBe(false)
    await clock.run(100)
    expect(mailbox.length).toBe(1)
  })

  test('an infinite one waits for ever', async () => {
    const waiting = mailbox.receive({ timeout: Number.POSITIVE_INFINITY })
    await clock.run(1_000_000)
    expect(clock.timersSet).toBe(0)
    send('at last')
    expect(await waiting).toBe('at last')
  })

  test('one that is no number is refused, and the wait never was', async () => {
    send('x')
    for (const timeout of [Number.NaN, '5', null]) {
      const refused = mailbox.receive({ timeout: timeout as number })
      expect(await fate(refused)).toMatchObject({ code: 'ERR_REIGN_ARGUMENT' })
    }
    expect(await mailbox.receive({ timeout: 5 })).toBe('x')
    const waiting = mailbox.receive()
    send('y')
    expect(await waiting).toBe('y')
  })

  test('of several waits, each ends at its own time, equal times in the order in which they began', async () => {
    const ends: string[] = []
    for (const [name, timeout] of [
      ['a', 30],
      ['b', 10],
      ['c', 30],
      ['d', 20],
    ] as const) {
      mailbox.receive({ type: 'never' }, { timeout }).catch(() => ends.push(`${name} ${clock.now()}`))
    }
    await clock.run(100)
    expect(ends).toEqual(['b 10', 'd 20', 'a 30', 'c 30'])
  })
})

describe('an abort signal', () => {
  test('that is aborted already ends the wait at once, whatever is queued, and takes nothing', async () => {
    send('x')
    const reason = new Error('no longer')
    expect(await fate(mailbox.receive({ signal: AbortSignal.abort(reason) }))).toMatchObject({ error: reason })
    expect(await fate(mailbox.receive('x', { signal: AbortSignal.abort(reason) }))).toMatchObject({ error: reason })
    expect(mailbox.length).toBe(1)
  })

  test('ends the wait with its reason', async () => {
    const abort = new AbortController()
    const waiting = mailbox.receive({ signal: abort.signal, timeout: 1_000 })
    expect(await fate(waiting)).toBe('pending')
    abort.abort('enough')
    await expect(waiting).rejects.toBe('enough')
    expect(clock.holdsProgram).toBe(false)
    send('x')
    expect(mailbox.length).toBe(1)
  })

  test('has no effect after the message, and is listened to no more', async () => {
    const abort = new AbortController()
    const waits = [
      mailbox.receive({ signal: abort.signal }),
      mailbox.receive({ type: 'said' }, { signal: abort.signal }),
    ]
    expect(getEventListeners(abort.signal, 'abort')).toHaveLength(2)
    send(said('a'), said('b'))
    expect(await Promise.all(waits)).toEqual([said('a'), said('b')])
    expect(getEventListeners(abort.signal, 'abort')).toHaveLength(0)
    abort.abort()
    send('x')
    expect(await mailbox.receive()).toBe('x')
  })

  test('is listened to no more after a time-out or the end of the mailbox', async () => {
    const abort = new AbortController()
    const timedOut = fate(mailbox.receive({ signal: abort.signal, timeout: 10 }))
    await clock.run(10)
    await timedOut
    expect(getEventListeners(abort.signal, 'abort')).toHaveLength(0)
    const closed = mailbox.receive({ signal: abort.signal }).catch((error) => error)
    mailbox.close()
    expect(await closed).toMatchObject({ code: 'ERR_REIGN_CLOSED' })
    expect(getEventListeners(abort.signal, 'abort')).toHaveLength(0)
  })
})

describe('several who wait', () => {
  test('are served in the order in which they began to wait', async () => {
    const got: string[] = []
    const wait = async (name: string) => {
      got.push(`${name} ${await mailbox.receive()}`)
    }
    const all = Promise.all(['a', 'b', 'c'].map(wait))
    send(1, 2, 3)
    await all
    expect(got).toEqual(['a 1', 'b 2', 'c 3'])
  })

  test('a message goes to the first who accepts it, be it by pattern, by function, by loop, or without condition', async () => {
    const got: Record<string, unknown> = {}
    const note = (name: string) => (value: unknown) => {
      got[name] = value
    }
    const iterator = mailbox[Symbol.asyncIterator]()
    const waits = [
      mailbox.receive({ type: 'left' }).then(note('pattern')),
      mailbox.receive((message) => message === 7).then(note('function')),
      iterator.next().then(note('loop')),
      mailbox.receive().then(note('any')),
    ]
    send('to the loop')
    send({ type: 'left', by: 'x' })
    send(8)
    send(7)
    await Promise.all(waits)
    expect(got).toEqual({
      pattern: { type: 'left', by: 'x' },
      function: 7,
      loop: { value: 'to the loop', done: false },
      any: 8,
    })
    expect(mailbox.length).toBe(0)
  })

  test('one who has left is passed over', async () => {
    const abort = new AbortController()
    const first = mailbox.receive({ signal: abort.signal }).catch(() => 'left')
    const second = mailbox.receive()
    abort.abort()
    send('x')
    expect([await first, await second]).toEqual(['left', 'x'])
  })

  test('who comes later takes what is queued, however many wait for something else', async () => {
    const waiting = mailbox.receive({ type: 'never' })
    send('x')
    expect(await mailbox.receive()).toBe('x')
    expect(await fate(waiting)).toBe('pending')
  })

  test('all are told of the close, in whichever way they wait', async () => {
    const abort = new AbortController()
    const iterator = mailbox[Symbol.asyncIterator]()
    const waits = [
      mailbox.receive(),
      mailbox.receive({ type: 'x' }),
      mailbox.receive(() => false),
      mailbox.receive({ timeout: 50 }),
      mailbox.receive({ signal: abort.signal }),
    ]
    const outcomes = Promise.allSettled(waits)
    const end = iterator.next()
    mailbox.close('over')
    for (const outcome of await outcomes) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'ERR_REIGN_CLOSED', reason: 'over' } })
    }
    expect(await end).toEqual({ value: undefined, done: true })
    expect(clock.holdsProgram).toBe(false)
    await expect(mailbox.receive()).rejects.toMatchObject({ name: 'ClosedError', code: 'ERR_REIGN_CLOSED' })
    await expect(mailbox.receive({ type: 'x' }, { timeout: 0 })).rejects.toMatchObject({ code: 'ERR_REIGN_CLOSED' })
    expect(() => mailbox.poll()).toThrow(expect.objectContaining({ code: 'ERR_REIGN_CLOSED' }))
    expect(await iterator.next()).toEqual({ value: undefined, done: true })
  })
})

describe('a function that throws', () => {
  const throwsOn = (wanted: unknown) => (message: unknown) => {
    if (message === wanted) throw new Error(`cannot look at ${String(wanted)}`)
    return false
  }

  test('at a queued message: its wait ends with the error, and nothing is taken', async () => {
    send(1, 2, 3)
    await expect(mailbox.receive(throwsOn(2))).rejects.toThrow('cannot look at 2')
    expect(() => mailbox.poll(throwsOn(2))).toThrow('cannot look at 2')
    expect(mailbox.length).toBe(3)
  })

  test('at an arrival: its wait ends with the error, the sender sees nothing, and others get the message', async () => {
    const failing = mailbox.receive(throwsOn(1)).catch((error) => error.message)
    const other = mailbox.receive()
    expect(() => send(1)).not.toThrow()
    expect(await failing).toBe('cannot look at 1')
    expect(await other).toBe(1)
  })

  test('at an arrival that nobody else wants: the message is queued', async () => {
    const failing = mailbox.receive(throwsOn(1)).catch((error) => error.message)
    send(1)
    expect(await failing).toBe('cannot look at 1')
    expect(await mailbox.receive()).toBe(1)
  })
})

describe('what a search costs', () => {
  test('each queued message is looked at once per wait, each arrival once', async () => {
    const looks: unknown[] = []
    const watch = (message: unknown) => {
      looks.push(message)
      return message === 'wanted'
    }
    send('a', 'b', 'c')
    const waiting = mailbox.receive(watch)
    await clock.settle()
    expect(looks).toEqual(['a', 'b', 'c'])
    send('d')
    await clock.settle()
    send('e', 'wanted', 'f')
    expect(await waiting).toBe('wanted')
    expect(looks).toEqual(['a', 'b', 'c', 'd', 'e', 'wanted'])
    // A new wait starts anew.
    looks.length = 0
    expect(mailbox.poll(watch)).toBe(undefined)
    expect(looks).toEqual(['a', 'b', 'c', 'd', 'e', 'f'])
  })

  test('an arrival is looked at once by each who waits, until one wants it', async () => {
    const looks: string[] = []
    const watch = (name: string, wanted: number) => (message: unknown) => {
      looks.push(`${name} ${message}`)
      return message === wanted
    }
    const waits = [mailbox.receive(watch('a', 1)), mailbox.receive(watch('b', 2)), mailbox.receive(watch('c', 2))]
    send(2, 1, 2)
    await Promise.all(waits)
    expect(looks).toEqual(['a 2', 'b 2', 'a 1', 'c 2'])
  })

  const probe = (ref: object) => {
    const counter = { looks: 0 }
    const message = {
      get ref() {
        counter.looks++
        return ref
      },
    }
    return { counter, message }
  }

  test.each([
    ['makeRef', (box: Mailbox<unknown>) => box.makeRef()],
    ['alias', (box: Mailbox<unknown>) => box.alias()],
    ['monitor', (box: Mailbox<unknown>) => box.monitor(box.address)],
  ] as const)('a pattern with a reference of %s skips what was queued before it was made', async (_, make) => {
    const old = probe({})
    for (let i = 0; i < 1_000; i++) send(old.message)
    const ref = make(mailbox)
    const young = probe({})
    send(young.message, { ref })
    expect(await mailbox.receive({ ref })).toEqual({ ref })
    expect(old.counter.looks).toBe(0)
    expect(young.counter.looks).toBe(1)
    expect(mailbox.poll({ ref })).toBe(undefined)
    expect(old.counter.looks).toBe(0)
  })

  test('a reference of another mailbox spares nothing, and finds what is there', async () => {
    const other = node.mailbox()
    other.address.send('something')
    send('first')
    const ref = other.makeRef()
    const old = probe({})
    send(old.message, { ref })
    expect(await mailbox.receive({ ref })).toEqual({ ref })
    expect(old.counter.looks).toBe(1)
  })

  test('the notice of a monitor set on nobody is found, though it came as the reference was made', async () => {
    send('queued before')
    const gone = node.mailbox()
    gone.close()
    const ref = mailbox.monitor(gone.address)
    expect(await mailbox.receive({ type: 'DOWN', ref })).toMatchObject({ reason: atom('noproc') })
  })
})

describe('poll', () => {
  test('gives the next that is wanted if it is there, and never waits', () => {
    expect(mailbox.poll()).toBe(undefined)
    send(1, { type: 'said' }, 2)
    expect(mailbox.poll({ type: 'said' })).toEqual({ type: 'said' })
    expect(mailbox.poll((message) => message === 2)).toBe(2)
    expect(mailbox.poll((message) => message === 2)).toBe(undefined)
    expect(mailbox.poll()).toBe(1)
    expect(mailbox.length).toBe(0)
  })

  test('takes nothing from those who wait: what they want never was queued', async () => {
    const waiting = mailbox.receive({ type: 'said' })
    send('x', said('a'))
    expect(mailbox.poll()).toBe('x')
    expect(mailbox.poll()).toBe(undefined)
    expect(await waiting).toEqual(said('a'))
  })
})

describe('iteration', () => {
  test('gives message after message, and ends with the mailbox', async () => {
    const got: unknown[] = []
    const loop = (async () => {
      for await (const message of mailbox) got.push(message)
      return 'over'
    })()
    send(1, 2)
    await clock.settle()
    send(undefined)
    await clock.settle()
    mailbox.close()
    expect(await loop).toBe('over')
    expect(got).toEqual([1, 2, undefined])
  })

  test('leaving the loop closes nothing, and what comes then stays', async () => {
    send(1, 2, 3)
    for await (const message of mailbox) if (message === 2) break
    expect(mailbox.length).toBe(1)
    send(4)
    expect([await mailbox.receive(), await mailbox.receive()]).toEqual([3, 4])
  })

  test('an iterator that is left behind while it waits takes no message with it', async () => {
    const iterator = mailbox[Symbol.asyncIterator]()
    const waiting = iterator.next()
    expect(await iterator.return?.()).toEqual({ value: undefined, done: true })
    expect(await waiting).toEqual({ value: undefined, done: true })
    send('x')
    expect(await mailbox.receive()).toBe('x')
  })

  test('two loops share the messages, none gets one twice', async () => {
    const got: unknown[] = []
    const loop = async () => {
      for await (const message of mailbox) got.push(message)
    }
    const loops = Promise.all([loop(), loop()])
    for (let i = 0; i < 100; i++) send(i)
    await clock.settle()
    mailbox.close()
    await loops
    expect(got.sort((a, b) => Number(a) - Number(b))).toEqual(Array.from({ length: 100 }, (_, i) => i))
  })
})

describe('closing', () => {
  test('using closes the mailbox at the end of the block', () => {
    let address: object
    {
      using inner = node.mailbox()
      address = inner.address
      expect(node.isAlive(inner.address)).toBe(true)
    }
    expect(node.isAlive(address as never)).toBe(false)
  })

  test('twice is once', async () => {
    const ref = mailbox.monitor(mailbox.address)
    const watcher = node.mailbox()
    const watch = watcher.monitor(mailbox.address)
    mailbox.close('first')
    mailbox.close('second')
    expect(await watcher.receive({ ref: watch })).toMatchObject({ reason: 'first' })
    expect(watcher.length).toBe(0)
    expect(ref).toBeDefined()
  })

  test('what was queued and what still comes are dead letters', () => {
    send(1, 2)
    mailbox.close()
    send(3)
    expect(mailbox.length).toBe(0)
    expect(node.deadLetters.counts.noproc).toBe(3)
  })

  test('a message on its way to one who waits is a dead letter, when the mailbox closes before their turn', async () => {
    // A slice that is used up: from here on, those who get a message have to wait for a turn of the event loop.
    const busy = node.mailbox()
    for (let i = 0; i < 2; i++) {
      void busy.receive()
      busy.address.send(i)
      clock.advance(sliceMs)
    }
    const waiting = mailbox.receive().catch((error) => error.code)
    send('on its way')
    mailbox.close()
    expect(await fate(waiting)).toEqual({ value: 'ERR_REIGN_CLOSED' })
    expect(node.deadLetters.counts.noproc).toBe(1)
  })
})

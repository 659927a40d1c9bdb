/** In what form payloads go between nodes: what two agree on, what arrives of each value, and what is sent before they have met. */
import { deepStrictEqual } from 'node:assert/strict'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { StartOptions } from '../../src/cluster/node.js'
import { Node } from '../../src/cluster/node.js'
import { atom, Bits, bytes, ExportFun, float, improperList, Port } from '../../src/codec/index.js'
import { type Codec, type CodecChoice, type Down, type Mailbox, named, tuple } from '../../src/index.js'
import type { Address } from '../../src/term/address.js'
import { Simulation } from '../../src/testing/simulation.js'
import { deadlineMs, eventually, within } from '../support/deadline.js'
import { next, TestCluster, type TestNode } from './cluster-kit.js'

class Money {
  readonly cents: number
  constructor(cents: number) {
    this.cents = cents
  }
}

/** A form for one class. */
const money: Codec = {
  name: 'money/1',
  encode: (value) => (value instanceof Money ? Buffer.from(String(value.cents)) : undefined),
  decode: (bytes) => {
    const cents = Number(Buffer.from(bytes).toString())
    if (Number.isNaN(cents)) throw new Error('no amount')
    return new Money(cents)
  },
}

/** What is no term of Erlang, but a value of JavaScript all the same. */
const beyondErlang: [string, unknown][] = [
  ['a Date', new Date(1_764_000_000_123)],
  ['a Set', new Set<unknown>([1, 'a', new Set()])],
  ['a typed array', Float64Array.of(1.5, Number.NaN)],
  ['a DataView', new DataView(Uint8Array.of(1, 2).buffer)],
  ['an ArrayBuffer', Uint8Array.of(1, 2).buffer],
  ['not-a-number', Number.NaN],
  ['an infinity', Number.POSITIVE_INFINITY],
]

/** What arrives as something else from a node of Erlang, or one that speaks like it. */
const otherInErlang: [string, unknown, unknown][] = [
  ['bytes that are text', bytes('ab'), 'ab'],
  ['a small bigint', 5n, 5],
  ['a Float', float(1), 1],
  ['a Map with atoms for keys', new Map([[atom('a'), 1]]), { a: 1 }],
  ['an object without a prototype', Object.assign(Object.create(null), { a: 1 }), { a: 1 }],
]

/** What is the same in both. */
const common: [string, unknown][] = [
  ['texts', ['', 'ab', 'öäü', '\ufeffx', '🙂']],
  ['bytes that are no text', Uint8Array.of(0xff, 0)],
  ['integers', [0, -1, 256, 2 ** 31, -(2 ** 53) + 1]],
  ['a large bigint', 2n ** 64n],
  ['numbers with a fraction, and minus zero', [0.1, -1.5, -0, 1e300]],
  ['what JavaScript has itself', [true, false, undefined, null]],
  ['an atom', atom('ok')],
  ['a list', [[], [1, 2], ['x']]],
  ['an improper list', improperList([1], 2)],
  ['a tuple', tuple(atom('ok'), tuple())],
  ['an object', { a: { b: undefined }, __proto_: 1 }],
  ['an object with names that objects inherit', JSON.parse('{"__proto__": 1, "constructor": {}}')],
  ['a Map', new Map<unknown, unknown>([['a', 1], [2, { b: 1 }]])], // biome-ignore format: one row
  ['bits', new Bits(Uint8Array.of(0xa0), 3)],
  ['a port', new Port('x@127.0.0.1', 4n, 7)],
  ['a fun', new ExportFun('lists', 'map', 2)],
]

const [a, b] = ['a@127.0.0.1', 'b@127.0.0.1']
const codecOf = (node: TestNode, peer: string) =>
  node.log.at('info').find(({ message, fields }) => message === 'node up' && fields.peer === peer)?.fields.codec

interface Question {
  readonly value: unknown
  readonly to: Address<{ back: unknown; self: Address<Question> }>
}

/** A process of a node that answers each message with the same, as another node knows it. */
async function echo(node: Node, from: Node): Promise<Address<Question>> {
  const process: Address<Question> = node.spawn<Question>(async (self) => {
    for await (const { value, to } of self) to.send({ back: value, self: process })
  })
  node.register('echo', process)
  using mailbox = from.mailbox<{ back: unknown; self: Address<Question> }>()
  from.send(named('echo', node.name), { value: 1, to: mailbox.address })
  return (await next(mailbox)).self
}

async function through(echoing: Address<Question>, value: unknown, from: Node): Promise<unknown> {
  using mailbox = from.mailbox<{ back: unknown; self: Address<Question> }>()
  echoing.send({ value, to: mailbox.address })
  return (await next(mailbox)).back
}

describe.each<[string, readonly CodecChoice[] | undefined]>([
  ['js', undefined],
  ['etf', ['etf']],
])('two nodes that speak %s, over TLS', (codec, codecs) => {
  let cluster: TestCluster
  let one: TestNode
  let other: TestNode
  let echoing: Address<Question>
  beforeAll(async () => {
    cluster = await TestCluster.make({ tls: true })
    one = await cluster.start(a, { codecs })
    other = await cluster.start(b, { codecs })
    await cluster.meet(one, other)
    echoing = await echo(other, one)
  })
  afterAll(() => cluster?.[Symbol.asyncDispose]())

  const there = (value: unknown) => through(echoing, value, one)

  test('say so', async () => {
    await eventually(() => codecOf(other, a) === codec, deadlineMs, 'the other')
    expect(codecOf(one, b)).toBe(codec)
  })

  test.each(common)('%s', async (_, value) => {
    deepStrictEqual(await there(value), value)
  })

  test.each(otherInErlang)('%s', async (_, value, theirs) => {
    // Objects have a prototype when they come, whatever they had.
    const arrives = codec === 'etf' || Object.getPrototypeOf(value) === null ? theirs : value
    deepStrictEqual(await there(value), arrives)
  })

  test.each(beyondErlang)('%s', async (_, value) => {
    if (codec === 'js') return deepStrictEqual(await there(value), value)
    expect(() => echoing.send({ value, to: echoing as never })).toThrow(
      expect.objectContaining({ code: 'ERR_REIGN_TERM_UNSUPPORTED', path: '$.value' }),
    )
  })

  test('an error', async () => {
    const sent = Object.assign(new RangeError('no room', { cause: 'full' }), { code: 'E_FULL' })
    const back = await there(sent)
    if (codec === 'etf') expect(String(back)).toMatch(/^\{\{'?RangeError'?,/)
    else {
      expect(back).toBeInstanceOf(RangeError)
      expect(back).toMatchObject({ message: 'no room', code: 'E_FULL', cause: 'full', stack: sent.stack })
    }
  })

  test('addresses and references are the very same when they come back', async () => {
    using mailbox = one.mailbox()
    const ref = mailbox.monitor(echoing)
    const back = (await there([ref, mailbox.address, echoing])) as unknown[]
    expect(back[0]).toBe(ref)
    expect(back[1]).toBe(mailbox.address)
    expect(back[2]).toBe(echoing)
  })

  test('what no node can be sent is refused at the sender', () => {
    for (const value of [() => 1, new Money(1), Symbol('own'), /x/, '\ud800']) {
      expect(() => echoing.send({ value, to: echoing as never })).toThrow(
        expect.objectContaining({ code: 'ERR_REIGN_TERM_UNSUPPORTED', path: '$.value' }),
      )
    }
  })

  test('long ones, in fragments', async () => {
    const text = 'aö'.repeat(700_000)
    const long = Uint8Array.from({ length: 2_000_000 }, (_, i) => i * 167)
    expect((await there(text)) === text).toBe(true)
    expect(Buffer.compare((await there(long)) as Uint8Array, long)).toBe(0)
  })

  test('names, groups, monitors, calls of functions and ends work the same', async () => {
    using mine = one.mailbox<unknown>()
    using theirs = other.mailbox<unknown>()
    other.names.register('shop', theirs.address)
    await within(deadlineMs, one.names.sync(), 'the names')
    await eventually(() => one.names.lookup('shop') !== undefined, deadlineMs, 'the name')
    other.groups.join('group', theirs.address)
    await eventually(() => one.groups.members('group').length === 1, deadlineMs, 'the group')
    expect(one.groups.members('group')[0]).toBe(one.names.lookup('shop'))
    other.expose('here', { same: (value) => value, ends: () => { throw tuple(atom('no'), 'room') } }) // biome-ignore format: short
    expect(await one.erpc(b).call('here', 'same', ['text'])).toBe('text')
    await expect(one.erpc(b).call('here', 'ends', [])).rejects.toMatchObject({ class: 'throw' })
    const process = other.spawn(async (self) => {
      await self.receive()
      self.exit(tuple(atom('closed'), bytes('ab')))
    })
    const back = (await there(process)) as Address<unknown>
    const ref = mine.monitor(back)
    back.send('go')
    const down = (await next(mine)) as Down
    expect(down).toMatchObject({ type: 'DOWN', ref })
    deepStrictEqual(down.reason, tuple(atom('closed'), codec === 'js' ? bytes('ab') : 'ab'))
  })
})

describe('what two nodes agree on', () => {
  test.each<[string, readonly CodecChoice[] | undefined, readonly CodecChoice[] | undefined, string]>([
    ['one that speaks like Erlang', undefined, ['etf'], 'etf'],
    ['one with a codec of its own', undefined, [money], 'js'],
    ['one that has its own beside ETF alone', undefined, [money, 'etf'], 'etf'],
    ['one that has the same, and more', ['js'], [money, 'js'], 'js'],
    ['two with the same of their own', [money], [money], 'money/1'],
    ['who listens decides: by its order', ['js', money], [money, 'js'], 'money/1'],
  ])('%s', async (_, dials, listens, codec) => {
    await using cluster = await TestCluster.make({ tls: true })
    const one = await cluster.start(a, { codecs: dials })
    const other = await cluster.start(b, { codecs: listens })
    await cluster.meet(one, other)
    expect(codecOf(one, b)).toBe(codec)
    await eventually(() => codecOf(other, a) === codec, deadlineMs, 'the other')
    if (codec !== 'money/1') return
    const back = await through(await echo(other, one), [new Money(5), new Date(0)], one)
    deepStrictEqual(back, [new Money(5), new Date(0)])
  })

  test('without TLS there is nothing to agree by: nodes speak as Erlang does, from the first message on', async () => {
    await using cluster = await TestCluster.make()
    const one = await cluster.start(a)
    const other = await cluster.start(b)
    expect(() => one.send(named('there', b), new Date())).toThrow('a Date is no term')
    await cluster.meet(one, other)
    expect(codecOf(one, b)).toBe('etf')
  })

  test.each<[string, unknown]>([
    ['no list', 'js'],
    ['no codec', ['protobuf']],
    ['one without a name', [{ ...money, name: '' }]],
    ['a name that does not fit', [{ ...money, name: 'a b' }]],
    ['one that cannot read', [{ name: 'x', encode: () => undefined }]],
    ['two of one name', [money, { ...money }]],
    ['one that is called like a form of ours', ['js', { ...money, name: 'js' }]],
  ])('%s is refused', async (_, codecs) => {
    const options = { cluster: { nodes: { [a]: {} }, tls: false, cookie: 'a-cookie-of-the-tests-alone' }, codecs }
    await expect(Node.start(a, options as never as StartOptions)).rejects.toMatchObject({ code: 'ERR_REIGN_ARGUMENT' })
  })
})

/** What an operator should look at, but for what is so on purpose: to go without TLS. */
const complaints = ({ log }: Simulation) =>
  log.filter(({ level, message }) => ['warn', 'error'].includes(level) && !message.startsWith('tls is false'))

describe('before two nodes have met', () => {
  const nodes = ['a@sim', 'b@sim']
  const values = [new Date(5), bytes('ab'), 1n, new Set([1]), 'text', Uint8Array.of(255), { a: Number.NaN }]

  /** Two nodes of which one sends as soon as it has started, and what arrives at the other. */
  async function early(
    codecs: { one?: readonly CodecChoice[]; other?: readonly CodecChoice[] },
    send: (one: Node) => void,
    run: (world: { simulation: Simulation; one: Node; got: unknown[] }) => unknown,
  ): Promise<void> {
    await using simulation = new Simulation({ nodes })
    const other = await simulation.start('b@sim', { codecs: codecs.other })
    const got: unknown[] = []
    other.register(
      'there',
      other.spawn(async (self) => {
        for await (const message of self) got.push(message)
      }),
    )
    const one = await simulation.start('a@sim', { codecs: codecs.one })
    expect(one.nodes()).toEqual([])
    send(one)
    await simulation.run(10_000)
    expect(one.nodes()).toEqual(['b@sim'])
    await run({ simulation, one, got })
  }

  test('what is sent arrives as what it was', () =>
    early(
      {},
      (one) => {
        for (const value of values) one.send(named('there', 'b@sim'), value)
      },
      ({ got }) => deepStrictEqual(got, values),
    ))

  test('to a node that turns out to speak as Erlang does it goes as to such a node, in order, and what has no term is lost', () =>
    early(
      { other: ['etf'] },
      (one) => {
        for (const value of values) one.send(named('there', 'b@sim'), value)
        one.deadLetters.subscribe(() => {})
      },
      ({ simulation, one, got }) => {
        deepStrictEqual(got, ['ab', 1, 'text', Uint8Array.of(255)])
        expect(one.deadLetters.counts.noconnection).toBe(3)
        const told = complaints(simulation)
        expect(told.map(({ message }) => message)).toEqual(['lost a message that the node cannot be sent'])
        expect(told[0]?.fields).toMatchObject({ peer: 'b@sim', code: 'ERR_REIGN_TERM_UNSUPPORTED' })
        // Now it is known what that node speaks.
        expect(() => one.send(named('there', 'b@sim'), new Date())).toThrow('a Date is no term')
      },
    ))

  test('monitors and addresses of before are those of after, also where all of it is written anew', async () => {
    const boxes: Mailbox<Down>[] = []
    await early(
      { other: ['etf'] },
      (one) => {
        const mailbox = one.mailbox<Down>()
        boxes.push(mailbox)
        mailbox.monitor(named('there', 'b@sim'))
        one.send(named('there', 'b@sim'), mailbox.address)
      },
      async ({ simulation, got }) => {
        deepStrictEqual(
          got.map((address) => String(address)),
          [String(boxes[0]?.address)],
        )
        const other = simulation.node('b@sim')
        other.exit(other.whereis('there') as Address<never>, tuple(atom('because'), bytes('ab')))
        await simulation.run(1_000)
        expect(boxes[0]?.poll()).toMatchObject({ type: 'DOWN', reason: tuple(atom('because'), 'ab') })
      },
    )
  })

  test('a codec of its own is asked before, and again for a node that has another', () =>
    early(
      { one: [money], other: ['js'] },
      (one) => {
        one.send(named('there', 'b@sim'), new Money(5))
        one.send(named('there', 'b@sim'), [new Date(0)])
      },
      ({ one, got }) => {
        deepStrictEqual(got, [[new Date(0)]])
        expect(one.deadLetters.counts.noconnection).toBe(1)
      },
    ))

  test('one that cannot read what it has written loses that message alone', () =>
    early(
      { one: [{ ...money, encode: (value) => (value instanceof Money ? bytes('none') : undefined) }], other: ['js'] },
      (one) => {
        one.deadLetters.subscribe(() => {})
        one.send(named('there', 'b@sim'), new Money(5))
        one.send(named('there', 'b@sim'), 'next')
      },
      ({ one, got }) => {
        deepStrictEqual(got, ['next'])
        expect(one.deadLetters.counts.noconnection).toBe(1)
      },
    ))
})

describe('what a peer writes that cannot be read', () => {
  const broken: Codec = { ...money, encode: (value) => (value instanceof Money ? bytes('none') : undefined) }

  test('closes the connection, with one line that has the code, and nothing else notices', async () => {
    await using simulation = new Simulation({ nodes: ['a@sim', 'b@sim', 'c@sim'] })
    const [one, two] = [
      await simulation.start('a@sim', { codecs: [money] }),
      await simulation.start('b@sim', { codecs: [broken] }),
    ]
    await simulation.start('c@sim', { codecs: [money] })
    await simulation.startAll()
    const lost: string[] = []
    one.onNodeDown((node, reason) => lost.push(`${node} ${reason}`))
    const mailbox = one.mailbox<unknown>()
    one.register('there', mailbox.address)
    two.send(named('there', 'a@sim'), 'before')
    two.send(named('there', 'a@sim'), new Money(1))
    two.send(named('there', 'a@sim'), 'behind')
    await simulation.run(500)
    expect(lost).toEqual(['b@sim protocol'])
    expect(mailbox.poll()).toBe('before')
    expect(mailbox.length).toBe(0)
    const told = complaints(simulation).filter(({ node }) => node === 'a@sim')
    expect(told).toHaveLength(1)
    expect(told[0]).toMatchObject({
      message: 'closed a connection: the peer broke the protocol',
      fields: { peer: 'b@sim', code: 'ERR_REIGN_TERM_INVALID' },
    })
  })

  test('groups that another node calls by what is no term are none', async () => {
    await using simulation = new Simulation({ nodes: ['a@sim', 'b@sim'] })
    const [one, two] = await simulation.startAll()
    if (one === undefined || two === undefined) throw new Error('both run')
    const scope = one.groups.scope('shop')
    two.groups.scope('shop')
    await simulation.run(1_000)
    const name = { at: new Date(0) }
    // As a scope process that has such a group would tell it.
    const theirs = two.whereis('shop') as Address<never>
    const member = two.mailbox().address
    const tell = (message: unknown) =>
      two.router.signal('a@sim', { op: 'named-message', from: theirs, to: atom('shop'), message })
    tell(tuple(atom('join'), theirs, name, member))
    tell(tuple(atom('$gen_cast'), tuple(atom('sync'), theirs, [tuple(name, [member]), tuple('good', [member])])))
    tell(tuple(atom('leave'), theirs, member, [name]))
    tell(tuple(atom('join'), theirs, 'known', member))
    await simulation.run(1_000)
    expect(scope.groups().sort()).toEqual(['good', 'known'])
    expect(complaints(simulation)).toEqual([])
  })
})

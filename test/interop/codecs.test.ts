/** Two nodes of reign and one of Erlang in one cluster: each pair in its own form, and what one gives to another goes on. */
import { deepStrictEqual } from 'node:assert/strict'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Node } from '../../src/cluster/node.js'
import type { Down } from '../../src/process/notices.js'
import type { Address } from '../../src/term/address.js'
import { atom } from '../../src/term/atom.js'
import { named } from '../../src/term/named.js'
import { bytes } from '../../src/term/text.js'
import { type Tuple, tuple } from '../../src/term/tuple.js'
import { within } from '../support/deadline.js'
import type { ErlangNode } from './erl.js'
import { deadlineMs, Neighbours, office, receive, shop } from './neighbours.js'

/** A process that answers with what it gets, says whether that is the same as what it once gave out, and ends when told to. */
const module = `
start() -> Given = given(), spawn(fun() -> loop(Given) end).
given() -> {make_ref(), fun lists:map/2, fun(X) -> X + 1 end, <<5:3>>, [a|b], 1.5, <<255>>, #{{k} => 1 bsl 70}, "list"}.
loop(Given) -> receive
  {give, To} -> To ! Given, loop(Given);
  {same, Term, To} -> To ! {same, Term =:= Given}, loop(Given);
  {echo, Term, To} -> To ! {echo, Term, self()}, loop(Given);
  {stop, Reason} -> exit(Reason)
end.
`

let neighbours: Neighbours
let one: Node
let two: Node
let erl: ErlangNode
/** The process of Erlang, as the first node knows it. */
let theirs: Address<unknown>
/** The same, as the second has got it from the first. */
let passedOn: Address<unknown>
beforeAll(async () => {
  neighbours = await Neighbours.make(office)
  one = await neighbours.startReign('tls')
  two = await neighbours.startReign('tls', office)
  erl = await neighbours.startErl('tls')
  await erl.load('codecs', module)
  expect(await within(deadlineMs, one.connect(office), 'the two of ours')).toBe(true)
  expect(await erl.eval(`net_adm:ping('${shop}')`)).toBe('pong')
  using box = one.mailbox<Address<unknown>>()
  one.register('box', box.address)
  await erl.eval(`{box, '${shop}'} ! codecs:start()`)
  theirs = await receive(box, 'the address')
  using inbox = two.mailbox<{ at: Date; address: Address<unknown> }>()
  two.register('inbox', inbox.address)
  one.send(named('inbox', office), { at: new Date(5), address: theirs })
  const got = await receive<{ at: Date; address: Address<unknown> }>(inbox, 'the address that was passed on')
  // As no node of Erlang could have brought it.
  deepStrictEqual(got.at, new Date(5))
  passedOn = got.address
})
afterAll(async () => {
  await erl?.stop()
  await Promise.all([one?.stop(), two?.stop()])
  await neighbours?.[Symbol.asyncDispose]()
})

test('the address of a process of Erlang that came over such a link is one: messages, answers and its end cross', async () => {
  expect(passedOn.node).toBe(theirs.node)
  using mailbox = two.mailbox<Tuple>()
  passedOn.send(tuple(atom('echo'), ['text', bytes('ab'), 2n ** 70n, { a: 1 }], mailbox.address))
  const [, term, self] = await receive<Tuple>(mailbox, 'the answer')
  // To Erlang all of it went as it goes to Erlang.
  deepStrictEqual(term, ['text', 'ab', 2n ** 70n, { a: 1 }])
  expect(self).toBe(passedOn)
  expect(() => passedOn.send(tuple(atom('echo'), new Date(), mailbox.address))).toThrow(
    expect.objectContaining({ code: 'ERR_REIGN_TERM_UNSUPPORTED', path: '$[1]' }),
  )
})

test('what Erlang gave to one comes back to it from the other as the same term', async () => {
  using here = one.mailbox<Tuple>()
  using there = two.mailbox<Tuple>()
  theirs.send(tuple(atom('give'), here.address))
  const given = await receive<Tuple>(here, 'what it gives')
  two.register('there', there.address)
  one.send(named('there', office), given)
  const same = await receive<Tuple>(there, 'what was passed on')
  passedOn.send(tuple(atom('same'), same, there.address))
  deepStrictEqual(await receive(there, 'the verdict'), tuple(atom('same'), true))
})

test('and the address of a process of ours that Erlang got from one leads to the other', async () => {
  using mailbox = two.mailbox<unknown>()
  using here = one.mailbox<Address<unknown>>()
  one.register('here', here.address)
  two.send(named('here', shop), mailbox.address)
  theirs.send(tuple(atom('give'), await receive<Address<unknown>>(here, 'the address')))
  expect(await receive<Tuple>(mailbox, 'what Erlang sends there')).toHaveLength(9)
})

test('its end, with any reason, is told to a node that has its address from another', async () => {
  using mailbox = two.mailbox<Down | Tuple>()
  const ref = mailbox.monitor(passedOn)
  // The word to stop goes another way: it must not arrive before the monitor.
  passedOn.send(tuple(atom('echo'), atom('monitored'), mailbox.address))
  await receive(mailbox, 'its answer behind the monitor')
  theirs.send(tuple(atom('stop'), tuple(atom('enough'), bytes('ab'))))
  const down = await receive<Down>(mailbox, 'the end')
  expect(down).toMatchObject({ type: 'DOWN', ref })
  deepStrictEqual(down.reason, tuple(atom('enough'), 'ab'))
})

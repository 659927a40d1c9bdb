/** What the process `rex` answers, asked as Erlang's `rpc` asks it. With real Erlang nodes: interop/rpc.test.ts. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Address, atom, type Mailbox, named, type Process, tuple } from '../../src/index.js'
import { Stage } from '../process/puppet.js'

let stage: Stage
let mailbox: Mailbox
const order: string[] = []
const going = new Map<string, () => void>()
beforeEach(async () => {
  stage = await Stage.open()
  mailbox = stage.node.mailbox()
  order.length = 0
  going.clear()
  stage.node.expose('jobs', {
    give: (value: unknown) => value,
    throws: (value: unknown) => {
      throw value
    },
    exits(this: Process, reason: unknown) {
      this.exit(reason)
    },
    /** Says when it begins, and ends when it is told to. */
    hold: (name: string) => {
      order.push(`${name} begins`)
      return new Promise((resolve) => {
        going.set(name, () => {
          order.push(`${name} ends`)
          resolve(name)
        })
      })
    },
  })
})
afterEach(() => stage.node.stop())

const rex = () => named('rex', stage.node.name)
const request = (kind: string, name: string, args: unknown, leader: unknown = atom('user')) =>
  tuple(atom(kind), atom('jobs'), atom(name), args, leader)
const ask = (kind: string, name: string, args: unknown = []) =>
  stage.node.call(rex(), request(kind, name, args), { timeout: Number.POSITIVE_INFINITY })
const badrpc = (reason: unknown) => tuple(atom('badrpc'), tuple(atom('EXIT'), reason))
const send = (message: unknown) => stage.node.send(rex(), message)

test.each(['call', 'block_call'])('a %s is answered with the value, what was thrown, or badrpc', async (kind) => {
  expect(await ask(kind, 'give', [42])).toBe(42)
  expect(await ask(kind, 'throws', ['up'])).toBe('up')
  expect(await ask(kind, 'exits', ['gone'])).toEqual(badrpc('gone'))
  expect(await ask(kind, 'exits', [atom('normal')])).toEqual(badrpc(atom('normal')))
  const undef = (name: string, args: unknown) =>
    badrpc(tuple(atom('undef'), [tuple(atom('jobs'), atom(name), args, [])]))
  expect(await ask(kind, 'nothing', [1])).toEqual(undef('nothing', [1]))
  const call = [atom('jobs'), atom('give'), 'no list']
  expect(await ask(kind, 'give', 'no list')).toEqual(
    badrpc(tuple(atom('badarg'), [tuple(atom('erlang'), atom('apply'), call, [])])),
  )
})

test('a call whose process is killed is answered with that', async () => {
  const answer = ask('call', 'hold', ['a'])
  await stage.settle()
  const worker = stage.node.processes().find((each) => stage.node.processInfo(each)?.initial_call === 'jobs:hold/1')
  stage.node.exit(worker as Address<never>, atom('kill'))
  expect(await answer).toEqual(badrpc(atom('killed')))
})

test('blocking calls wait for each other, others for nobody; who fails blocks no longer', async () => {
  const answers = [
    ask('block_call', 'hold', ['a']),
    ask('block_call', 'throws', ['b']),
    ask('block_call', 'hold', ['c']),
  ]
  const free = ask('call', 'hold', ['free'])
  await stage.settle()
  expect(order).toEqual(['a begins', 'free begins'])
  going.get('free')?.()
  expect(await free).toBe('free')
  going.get('a')?.()
  await stage.settle()
  expect(order.slice(2)).toEqual(['free ends', 'a ends', 'c begins'])
  going.get('c')?.()
  expect(await Promise.all(answers)).toEqual(['a', 'b', 'c'])
})

test('so many blocking calls may wait, no more', async () => {
  const first = ask('block_call', 'hold', ['a'])
  const waiting = Array.from({ length: 1_000 }, () => ask('block_call', 'give', [1]))
  expect(await ask('block_call', 'give', [1])).toEqual(badrpc(atom('system_limit')))
  await stage.settle()
  going.get('a')?.()
  expect(await first).toBe('a')
  expect(new Set(await Promise.all(waiting))).toEqual(new Set([1]))
})

test('a cast runs, and nobody is told', async () => {
  send(tuple(atom('$gen_cast'), request('cast', 'hold', ['a'])))
  await stage.settle()
  expect(order).toEqual(['a begins'])
})

test('what C nodes send is answered to their address', async () => {
  const { address } = mailbox
  send(tuple(address, request('call', 'give', [1])))
  send(tuple(address, atom('features_request')))
  await stage.settle()
  const here = atom(stage.node.name)
  expect([mailbox.poll(), mailbox.poll()]).toEqual(
    expect.arrayContaining([tuple(atom('rex'), 1), tuple(atom('features_reply'), here, [atom('erpc')])]),
  )
})

test('a broadcast to a name arrives there, and says whether somebody has the name', async () => {
  const here = atom(stage.node.name)
  stage.node.register('desk', mailbox.address)
  using other = stage.node.mailbox()
  send(tuple(other.address, tuple(atom('sbcast'), atom('desk'), 'hello')))
  send(tuple(other.address, tuple(atom('send'), atom('desk'), 'to answer')))
  send(tuple(other.address, tuple(atom('sbcast'), atom('nobody'), 'hello')))
  send(tuple(other.address, tuple(atom('send'), 'no atom', 'hello')))
  await stage.settle()
  expect([mailbox.poll(), mailbox.poll()]).toEqual(['hello', tuple(other.address, 'to answer')])
  expect([other.poll(), other.poll(), other.poll(), other.poll()]).toEqual([
    tuple(atom('rex'), here, here),
    tuple(atom('rex'), here, tuple(atom('nonexisting_name'), atom('nobody'))),
    tuple(atom('rex'), here, tuple(atom('nonexisting_name'), 'no atom')),
    undefined,
  ])
})

test('what is neither leaves it as it was', async () => {
  for (const message of [
    undefined,
    'text',
    tuple(),
    tuple(1, 2),
    tuple(mailbox.address, 5),
    tuple(atom('$gen_cast'), 1),
  ]) {
    send(message)
  }
  expect(await stage.node.call(rex(), atom('stop'))).toBe(atom('ignored'))
  expect(await ask('call', 'give', [1])).toBe(1)
  expect(mailbox.length).toBe(0)
})

import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  genServer,
  genStatem,
  insertEvent,
  keepState,
  nextState,
  noReply,
  postpone,
  replyTo,
  startIn,
  supervisor,
  sys,
} from '../../src/behaviour/index.js'
import { type Address, atom, callIn, charlistText, isTuple, tuple } from '../../src/index.js'
import { silent } from '../../src/logger.js'
import { Stage } from '../process/puppet.js'
import { cell } from './cell.js'

let stage: Stage
let lines: { event: string }[]
let address: Address<unknown>
beforeEach(async () => {
  lines = []
  stage = await Stage.open({ logger: { ...silent, info: (fields) => lines.push(fields as { event: string }) } })
  address = await stage.node.start({ name: 'cell' }, cell(), { value: 1 })
})
afterEach(() => stage.node.stop())

/** The request that `sys` of Erlang makes, as a raw message. */
const ask = async (request: unknown): Promise<unknown> => {
  using mailbox = stage.node.mailbox<readonly unknown[]>()
  const tag = mailbox.makeRef()
  address.send(tuple(atom('system'), tuple(mailbox.address, tag), request))
  const [got, answer] = await mailbox.receive()
  expect(got).toBe(tag)
  return answer
}

describe('a state', () => {
  test('is told as it is, by address and by name', async () => {
    expect(await sys.getState(stage.node, address)).toEqual({ value: 1 })
    expect(await sys.getState(stage.node, 'cell')).toEqual({ value: 1 })
  })

  test('is replaced by what a function makes of it, which is told', async () => {
    expect(await sys.replaceState(stage.node, address, () => 2)).toBe(2)
    expect(await stage.node.call(address, 'get')).toBe(2)
  })

  test('stays when the function throws', async () => {
    const replaced = sys.replaceState(stage.node, address, () => {
      throw new Error('no')
    })
    await expect(replaced).rejects.toMatchObject({ code: 'ERR_REIGN_SYS' })
    expect(await stage.node.call(address, 'get')).toEqual({ value: 1 })
  })

  test('is not replaced by what is no function here', async () => {
    expect(await ask(tuple(atom('replace_state'), 'fun'))).toMatchObject([
      atom('error'),
      { 0: atom('callback_failed') },
    ])
  })
})

describe('a status', () => {
  test('has the form of OTP’s', async () => {
    const answer = await ask(atom('get_status'))
    expect(answer).toMatchObject([
      atom('status'),
      address,
      tuple(atom('module'), atom('cell')),
      [[{ 0: atom('$initial_call') }, { 0: atom('$ancestors') }], atom('running'), address, [], { length: 3 }],
    ])
    const [header, , data] = ((answer as unknown[])[3] as unknown[])[4] as [unknown[], unknown, [unknown, unknown[][]]]
    expect(charlistText(header[1])).toBe('Status for cell cell')
    const [[key, state] = []] = data[1]
    expect([charlistText(key), state]).toEqual(['State', { value: 1 }])
  })

  test('shows the state as it is to be shown', async () => {
    const secretive = await stage.node.start(cell({ format: () => 'hidden' }), 'secret')
    const { misc, module } = await sys.getStatus(stage.node, secretive)
    expect(module).toBe(atom('cell'))
    expect(JSON.stringify(misc)).toContain('hidden')
    expect(JSON.stringify(misc)).not.toContain('secret')
  })
})

describe('suspended', () => {
  test('it takes system messages alone, and goes on with the others in their order', async () => {
    await sys.suspend(stage.node, address)
    const [first, second] = [stage.node.call(address, 'get'), stage.node.call(address, 'other', { timeout: 1_000 })]
    await stage.settle()
    expect(stage.node.processInfo(address)?.message_queue_len).toBe(2)
    expect((await sys.getStatus(stage.node, address)).state).toBe('suspended')
    await sys.replaceState(stage.node, address, () => 'changed')
    await sys.resume(stage.node, address)
    expect(await first).toBe('changed')
    const late = expect(second).rejects.toMatchObject({ code: 'ERR_REIGN_TIMEOUT' })
    await stage.clock.run(1_000)
    await late
    expect((await sys.getStatus(stage.node, address)).state).toBe('running')
  })

  test('it still ends with its parent', async () => {
    const parent = await stage.puppet({ trapExit: true })
    const ends: unknown[] = []
    const child = await parent.self.start(cell({ trapExit: true, ends }), 0)
    await sys.suspend(stage.node, child)
    parent.throw('gone')
    await stage.settle()
    expect([ends, stage.node.isAlive(child)]).toEqual([['gone'], false])
  })
})

describe('what happens', () => {
  test('is traced to the log of the node', async () => {
    await sys.trace(stage.node, address, true)
    await stage.node.call(address, 'get')
    expect(lines).toHaveLength(1)
    expect(lines[0]).toMatchObject({ process: address.toString(), name: 'cell' })
    expect(lines[0]?.event).toContain('get')
    await sys.trace(stage.node, address, false)
    await stage.node.call(address, 'get')
    expect(lines).toHaveLength(1)
  })

  test('is kept, the last so many', async () => {
    await sys.log(stage.node, address, 2)
    for (const word of ['a', 'b', 'c']) address.send(word)
    expect(await sys.log(stage.node, address, 'get')).toEqual([tuple(atom('in'), 'b'), tuple(atom('in'), 'c')])
    await sys.log(stage.node, address, false)
    expect(await sys.log(stage.node, address, 'get')).toEqual([])
  })

  test('is counted', async () => {
    expect(await sys.statistics(stage.node, address, 'get')).toBeUndefined()
    await sys.statistics(stage.node, address, true)
    for (const word of ['a', 'b', 'c']) address.send(word)
    expect(await sys.statistics(stage.node, address, 'get')).toEqual({ messagesIn: 3, messagesOut: 0 })
    await sys.noDebug(stage.node, address)
    expect(await sys.statistics(stage.node, address, 'get')).toBeUndefined()
  })
})

describe('a function that is installed', () => {
  const see = (seen: unknown[], event: unknown, name: unknown) => {
    if (Array.isArray(event) && event[1] === 'done') return atom('done')
    if (Array.isArray(event) && event[1] === 'throw') throw new Error('no')
    return [...seen, tuple(event, name)]
  }
  const kept = async () => {
    const status = (await ask(atom('get_status'))) as [unknown, unknown, unknown, unknown[]]
    return status[3]?.[3]
  }

  test('gets each event, with what it returned for the one before, until it is removed', async () => {
    await sys.install(stage.node, address, 'spy', see, [])
    address.send('one')
    address.send('two')
    const events = ['one', 'two'].map((word) => tuple(tuple(atom('in'), word), 'cell'))
    expect(await kept()).toEqual([tuple('spy', tuple(atom('see'), events))])
    await sys.remove(stage.node, address, 'spy')
    await sys.remove(stage.node, address, 'nobody')
    address.send('three')
    expect(await kept()).toEqual([])
  })

  test('replaces the one with its id, stands beside others, and goes with them by no_debug', async () => {
    await sys.install(stage.node, 'cell', 1, see, ['first'])
    await sys.install(stage.node, 'cell', 1, see, ['second'])
    await sys.install(stage.node, 'cell', tuple(1), see, ['third'])
    await sys.statistics(stage.node, 'cell', true)
    expect(await kept()).toEqual([
      tuple(atom('statistics'), true),
      tuple(1, tuple(atom('see'), ['second'])),
      tuple(tuple(1), tuple(atom('see'), ['third'])),
    ])
    await sys.noDebug(stage.node, 'cell')
    expect(await kept()).toEqual([])
  })

  test.each(['done', 'throw'])('is there no more when it says so, or throws: %s', async (word) => {
    await sys.install(stage.node, address, 'spy', see, [])
    address.send(word)
    expect(await kept()).toEqual([])
    expect(await stage.node.call(address, 'get')).toEqual({ value: 1 })
  })

  test('is of this node: one of another is refused, in words', async () => {
    const reason = {
      0: atom('callback_failed'),
      2: [atom('error'), 'TypeError: functions of other nodes cannot be run here'],
    }
    for (const given of [tuple('fun', 0), tuple('id', 'fun', 0)]) {
      expect(await ask(tuple(atom('debug'), tuple(atom('install'), given)))).toMatchObject([atom('error'), reason])
    }
    expect(await kept()).toEqual([])
  })

  test('does instead of a log in a file, which nobody can have written here', async () => {
    await expect(sys.logToFile(stage.node, address, '/tmp/x')).rejects.toMatchObject({
      code: 'ERR_REIGN_SYS',
      cause: atom('open_file'),
    })
    await sys.logToFile(stage.node, address, false)
  })
})

describe('what happens in the behaviours', () => {
  const eventsOf = async (what: Address<unknown>, act: () => unknown) => {
    await sys.statistics(stage.node, what, true)
    await sys.log(stage.node, what, 10)
    await act()
    await stage.settle()
    const counts = await sys.statistics(stage.node, what, 'get')
    return { counts, events: await sys.log(stage.node, what, 'get') }
  }
  const [input, out, noreply, caller] = [atom('in'), atom('out'), atom('noreply'), expect.anything()]

  test('is told of a server: what comes, what is answered, and the state that it leaves', async () => {
    const server = await stage.node.start(
      genServer({
        init: () => 1,
        calls: { get: (state) => state },
        casts: { none: () => {} },
        handleInfo: () => noReply(),
      }),
    )
    const { counts, events } = await eventsOf(server.address, async () => {
      await server.call.get()
      server.cast.none()
      server.address.send('info')
    })
    expect(counts).toEqual({ messagesIn: 3, messagesOut: 1 })
    expect(events).toEqual([
      tuple(input, caller),
      tuple(out, 1, caller, 1),
      tuple(input, caller),
      tuple(noreply, 1),
      tuple(input, 'info'),
      tuple(noreply, 1),
    ])
  })

  test('is told of a machine: events in their states, and what becomes of them', async () => {
    const machine = await stage.node.start(
      genStatem({
        init: () => startIn('closed', 0),
        states: {
          closed: (event) => (event.type === 'cast' ? nextState('open', insertEvent('on')) : keepState(postpone)),
          open: (event) => (event.type === 'call' ? keepState(replyTo(event.from, 'passed')) : undefined),
        },
      }),
    )
    const { counts, events } = await eventsOf(machine.address, async () => {
      const passed = stage.node.call(machine.address, 'pass')
      machine.address.send(tuple(atom('$gen_cast'), 'open'))
      expect(await passed).toBe('passed')
    })
    expect(counts).toEqual({ messagesIn: 3, messagesOut: 1 })
    const call = tuple(tuple(atom('call'), caller), 'pass')
    const [cast, internal] = [tuple(atom('cast'), 'open'), tuple(atom('internal'), 'on')]
    const [closed, open] = [atom('closed'), atom('open')]
    expect(events).toEqual([
      tuple(input, call, closed),
      tuple(atom('postpone'), call, closed, closed),
      tuple(input, cast, closed),
      tuple(atom('consume'), cast, closed, open),
      tuple(input, internal, open),
      tuple(atom('consume'), internal, open, open),
      tuple(out, 'passed', caller),
      tuple(atom('consume'), call, open, open),
    ])
  })

  test('is told of a supervisor as of a server', async () => {
    const top = await stage.node.start(supervisor({ children: [] }))
    const { counts, events } = await eventsOf(top.address, async () => {
      await top.whichChildren()
      top.address.send('info')
    })
    expect(counts).toEqual({ messagesIn: 2, messagesOut: 1 })
    expect(events).toEqual([
      tuple(input, caller),
      tuple(out, [], caller, caller),
      tuple(input, 'info'),
      tuple(noreply, caller),
    ])
  })
})

describe('a system message', () => {
  test('terminate ends it with that reason, after its terminate', async () => {
    const ends: unknown[] = []
    const other = await stage.node.start(cell({ ends }), 0)
    using mailbox = stage.node.mailbox()
    mailbox.monitor(other)
    await sys.terminate(stage.node, other, 'enough')
    expect(await mailbox.receive()).toMatchObject({ type: 'DOWN', reason: 'enough' })
    expect(ends).toEqual(['enough'])
  })

  test.each([atom('juggle'), tuple(atom('change_code'), atom('m'), 1, []), tuple(atom('terminate')), 'text'])(
    'that nobody knows is said to be unknown: %s',
    async (request) => {
      expect(await ask(request)).toEqual(tuple(atom('error'), tuple(atom('unknown_system_msg'), request)))
    },
  )

  test.each([tuple(atom('trace'), 'x'), tuple(atom('log'), tuple(true, 0)), tuple(atom('install'), 1), 'what'])(
    'debug %s is said to be unknown',
    async (what) => {
      expect(await ask(tuple(atom('debug'), what))).toBe(atom('unknown_debug'))
    },
  )

  test('without a caller is a message like any other', async () => {
    const messages: unknown[] = []
    const other = await stage.node.start(cell({ handle: (message) => void messages.push(message) }), 0)
    const odd = [tuple(atom('system')), tuple(atom('system'), 1, 2), tuple(atom('system'), tuple(1, 2), 3)]
    for (const message of odd) other.send(message)
    await stage.settle()
    expect(messages).toEqual(odd)
    expect(odd.every((each) => isTuple(each) && callIn(each) === undefined)).toBe(true)
  })
})

/** Output of processes, on one node; with Erlang nodes: interop/io.test.ts. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  type Address,
  atom,
  type IoServer,
  improperList,
  type Mailbox,
  named,
  type Process,
  tuple,
} from '../../src/index.js'
import type { Logger } from '../../src/logger.js'
import { Stage } from '../process/puppet.js'

let stage: Stage
let mailbox: Mailbox
const written: string[] = []
const lines: unknown[] = []
const log = (fields: object, message: string) => lines.push({ ...fields, message })
const logger: Logger = { error: log, warn: log, info: log, debug: log, trace: log }
beforeEach(async () => {
  written.length = 0
  lines.length = 0
  stage = await Stage.open({ logger, output: (text) => void written.push(text) })
  mailbox = stage.node.mailbox()
})
afterEach(() => stage.node.stop())

const user = () => stage.node.whereis('user') as Address<unknown>
/** What an io server answers to a request, asked as Erlang asks it. */
const ask = async (request: unknown, server = user()) => {
  server.send(tuple(atom('io_request'), mailbox.address, 'tag', request))
  await stage.settle()
  const reply = mailbox.poll()
  expect((reply as unknown[]).slice(0, 2)).toEqual([atom('io_reply'), 'tag'])
  return (reply as unknown[])[2]
}
const error = (reason: string) => tuple(atom('error'), atom(reason))
const put = (...rest: unknown[]) => tuple(atom('put_chars'), ...rest)
const [unicode, latin1, ioLib] = [atom('unicode'), atom('latin1'), atom('io_lib')]

describe('a request', () => {
  test('to write: text in each of its forms, and encodings', async () => {
    const texts: [unknown, string][] = [
      [put(unicode, 'text'), 'text'],
      [put(unicode, [[104, 'a', ['llo', 8364]], 33]), 'hallo€!'],
      [put(unicode, improperList([104], 'ä')), 'hä'],
      [put(unicode, new Uint8Array([0xc3, 0xa4])), 'ä'],
      [put(latin1, new Uint8Array([0xe4])), 'ä'],
      // Two bytes that happen to be UTF-8 are two characters all the same.
      [put(latin1, 'ä'), 'Ã¤'],
      [put([104, 105]), 'hi'],
      [put(unicode, ioLib, atom('format'), ['~p is ~s~n', [tuple(1, [97]), 'x']]), '{1,"a"} is x\n'],
      [put(ioLib, atom('fwrite'), ['~w', [[97]]]), '[97]'],
      [put(unicode, ioLib, atom('write'), [tuple(atom('a'), 'b')]), '{a,<<98>>}'],
      [put(unicode, ioLib, atom('print'), [tuple(atom('a'), 'b')]), '{a,<<"b">>}'],
      [put(unicode, ioLib, atom('nl'), []), '\n'],
    ]
    for (const [request, text] of texts) {
      written.length = 0
      expect([await ask(request), ...written]).toEqual([atom('ok'), text])
    }
    written.length = 0
    expect(await ask(put(unicode, ''))).toBe(atom('ok'))
  })

  test('that is none is said to be, and writes nothing', async () => {
    const wrong: [unknown, unknown][] = [
      [put(unicode, [256, -1]), error('no_translation')],
      [put(latin1, [256]), error('no_translation')],
      [put(unicode, new Uint8Array([255])), error('no_translation')],
      [put(unicode, atom('a')), error('no_translation')],
      [put(unicode, tuple(104)), error('no_translation')],
      [put(atom('utf16'), 'text'), error('request')],
      [put(unicode, ioLib, atom('format'), ['~w', []]), error('badarg')],
      [put(unicode, ioLib, atom('format'), ['~w', 'x']), error('badarg')],
      [put(unicode, ioLib, atom('format'), [tuple(), []]), error('badarg')],
      [put(unicode, ioLib, atom('indentation'), ['x', 1]), error('request')],
      [put(unicode, atom('os'), atom('cmd'), ['id']), error('request')],
      [put(), error('request')],
      [tuple(), error('request')],
      [atom('halt'), error('request')],
      ['text', error('request')],
      [tuple(atom('get_geometry'), atom('columns')), error('enotsup')],
      [tuple(atom('setopts'), [tuple(atom('encoding'), latin1)]), error('enotsup')],
      [tuple(atom('requests'), 'x'), error('request')],
    ]
    for (const [request, answer] of wrong) expect([request, await ask(request)]).toEqual([request, answer])
    expect(written).toEqual([])
  })

  test('to read finds the end', async () => {
    expect(await ask(tuple(atom('get_line'), unicode, '> '))).toBe(atom('eof'))
    expect(await ask(tuple(atom('get_chars'), unicode, '> ', 3))).toBe(atom('eof'))
    expect(await ask(tuple(atom('get_until'), unicode, '', atom('m'), atom('f'), []))).toBe(atom('eof'))
    expect(await ask(atom('getopts'))).toEqual([tuple(atom('encoding'), unicode)])
    expect(await ask(tuple(atom('setopts'), [atom('binary'), tuple(atom('encoding'), unicode)]))).toBe(atom('ok'))
  })

  test('of several is done one after the other, until one fails', async () => {
    expect(await ask(tuple(atom('requests'), [put(unicode, 'a'), atom('getopts'), put(unicode, 'b')]))).toBe(atom('ok'))
    const failing = tuple(atom('requests'), [put(unicode, 'c'), put(unicode, [-1]), put(unicode, 'd')])
    expect(await ask(failing)).toEqual(error('no_translation'))
    expect(await ask(tuple(atom('requests'), [tuple(atom('requests'), [put(unicode, 'e')])]))).toBe(atom('ok'))
    expect(await ask(tuple(atom('requests'), []))).toBe(atom('ok'))
    expect(written.join('')).toBe('abce')
  })

  test('for more text than there may be is refused, whatever makes it', async () => {
    const much = 'x'.repeat(700_000)
    const big = Array.from({ length: 300_000 }, (_, i) => i)
    for (const request of [
      put(unicode, [much, much]),
      put(unicode, ioLib, atom('format'), ['~1000000000s', ['x']]),
      put(unicode, ioLib, atom('format'), ['~*c', [1_000_000_000, 97]]),
      put(unicode, ioLib, atom('format'), ['~.1000000000f', [0.5]]),
      put(unicode, ioLib, atom('format'), ['~999999w~999999w', [1, 2]]),
      put(unicode, ioLib, atom('format'), ['~w~w', [big, big]]),
      put(unicode, ioLib, atom('format'), ['~s~s', [much, much]]),
      tuple(
        atom('requests'),
        Array.from({ length: 2 }, () => put(unicode, ioLib, atom('write'), [Array.from({ length: 600_000 }, () => 1)])),
      ),
    ]) {
      expect(await ask(request)).toEqual(error('system_limit'))
    }
  })

  test('that is no request, or says no address, is dropped', async () => {
    for (const message of ['text', tuple(atom('io_request'), 1, 2, 3), tuple(atom('io_request'), mailbox.address, 1)]) {
      user().send(message)
    }
    await stage.settle()
    expect([mailbox.length, written]).toEqual([0, []])
    expect(await ask(put(unicode, 'still there'))).toBe(atom('ok'))
  })
})

describe('an output that takes its time', () => {
  let server: IoServer
  const going: (() => void)[] = []
  beforeEach(() => {
    going.length = 0
    server = stage.node.ioServer((text) => {
      written.push(text)
      return new Promise<void>((resolve) => going.push(resolve))
    })
  })

  test('is given one text after the other, and who writes waits for it', async () => {
    const io = stage.node.io(server.address as Address<never>)
    const done: string[] = []
    void io.putChars('a').then(() => done.push('a'))
    void io.putChars('b').then(() => done.push('b'))
    await stage.settle()
    expect([written, done]).toEqual([['a'], []])
    going.shift()?.()
    await stage.settle()
    expect([written, done]).toEqual([['a', 'b'], ['a']])
    going.shift()?.()
    await stage.settle()
    expect(done).toEqual(['a', 'b'])
  })

  test('keeps so much waiting, and refuses what is more', async () => {
    const send = (text: string) =>
      server.address.send(tuple(atom('io_request'), mailbox.address, text.length, put(unicode, text)))
    const much = 'x'.repeat(1024 * 1024)
    for (let i = 0; i < 4; i++) send(much)
    send('y')
    await stage.settle()
    expect(mailbox.poll()).toEqual(tuple(atom('io_reply'), 1, error('system_limit')))
    expect(mailbox.length).toBe(0)
    for (let i = 0; i < 4; i++) {
      going.shift()?.()
      await stage.settle()
    }
    expect(mailbox.length).toBe(4)
    for (let i = 0; i < 1_001; i++) send('')
    send('z')
    await stage.settle()
    expect(mailbox.length).toBe(4 + 1_001)
    for (let i = 0; i < 1_001; i++) send('z')
    await stage.settle()
    // One is being written, of the others a thousand wait, the writing one among them.
    expect(mailbox.length).toBe(4 + 1_001 + 2)
  })
})

describe('output that fails', () => {
  test.each([
    [
      'throws',
      () => {
        throw new Error('full')
      },
    ],
    ['rejects', () => Promise.reject(new Error('full'))],
  ])('as it %s is told to who wrote, and to the log; the next is written', async (_, fail) => {
    let fails = true
    using server = stage.node.ioServer((text) => (fails ? fail() : written.push(text)))
    expect(await ask(put(unicode, 'a'), server.address)).toEqual(error('eio'))
    fails = false
    expect(await ask(put(unicode, 'b'), server.address)).toBe(atom('ok'))
    expect(written).toEqual(['b'])
    expect(lines).toContainEqual({ error: 'Error: full', message: 'output could not be written' })
  })

  test('is no function', () => {
    expect(() => stage.node.ioServer('x' as never)).toThrow(expect.objectContaining({ code: 'ERR_REIGN_ARGUMENT' }))
  })

  test('may write itself', async () => {
    using server: IoServer = stage.node.ioServer((text) => {
      written.push(text)
      if (text === 'a') void stage.node.io(server.address as Address<never>).putChars('from within')
    })
    const io = stage.node.io(server.address as Address<never>)
    await Promise.all([io.putChars('a'), io.putChars('b')])
    await stage.settle()
    expect(written.sort()).toEqual(['a', 'b', 'from within'])
  })
})

describe('a process', () => {
  test('writes to its group leader, which is that of its node unless it has another', async () => {
    using other = stage.node.ioServer((text) => void written.push(`other: ${text}`))
    const puppet = await stage.puppet()
    await puppet.self.io.putChars('text')
    await puppet.self.io.format('~p~n', [tuple(1, 'a')])
    expect(puppet.self.groupLeader).toBe(user())
    puppet.self.groupLeader = other.address as Address<never>
    await puppet.self.io.putChars('more')
    expect(written).toEqual(['text', '{1,<<"a">>}\n', 'other: more'])
    expect(() => (puppet.self.groupLeader = 'x' as never)).toThrow(
      expect.objectContaining({ code: 'ERR_REIGN_ARGUMENT' }),
    )
  })

  test('hands its group leader to those that it spawns, however it does', async () => {
    using other = stage.node.ioServer(() => {})
    const leaders: unknown[] = []
    const child = (self: Process) => void leaders.push(self.groupLeader)
    const puppet = await stage.puppet()
    puppet.self.groupLeader = other.address as Address<never>
    puppet.self.spawn(child)
    puppet.self.spawnLink(child)
    puppet.self.spawnMonitor(child)
    stage.node.expose('jobs', {
      leader(this: Process) {
        return this.groupLeader
      },
    })
    const called = puppet.self.erpc(stage.node.name).call('jobs', 'leader', [])
    await stage.settle()
    expect([...leaders, await called]).toEqual([other.address, other.address, other.address, other.address])
    expect(await stage.node.erpc(stage.node.name).call('jobs', 'leader', [])).toBe(user())
  })

  test('reads what there is: a line, or the end', async () => {
    const puppet = await stage.puppet()
    expect(await puppet.self.io.getLine('> ')).toBe(undefined)
    const answers = ['line\n', [108, 105, 110, 101], tuple(atom('error'), atom('enotsup'))]
    const server = stage.node.spawn(async (self: Process<readonly [symbol, Address<unknown>, unknown, unknown]>) => {
      for (const answer of answers) {
        const [, from, tag] = await self.receive()
        from.send(tuple(atom('io_reply'), tag, answer))
      }
    })
    const io = stage.node.io(server as Address<never>)
    expect([await io.getLine('>'), await io.getLine('>')]).toEqual(['line\n', 'line'])
    await expect(io.getLine('>')).rejects.toMatchObject({ code: 'ERR_REIGN_IO', reason: atom('enotsup') })
  })

  test('is told when its group leader is gone, refuses, or takes too long', async () => {
    const puppet = await stage.puppet()
    const silent = stage.node.spawn((self: Process) => self.receive(() => false))
    const io = stage.node.io(silent as Address<never>)
    const late = io.putChars('x', { timeout: 100 })
    const ended = io.putChars('x')
    const failures = Promise.allSettled([late, ended, stage.node.io(named('user', 'far@away')).putChars('x')])
    await stage.clock.run(101)
    stage.node.exit(silent as Address<never>, 'gone')
    expect((await failures).map((each) => each.status === 'rejected' && each.reason)).toMatchObject([
      { code: 'ERR_REIGN_TIMEOUT' },
      { code: 'ERR_REIGN_IO', reason: 'gone' },
      { code: 'ERR_REIGN_IO', reason: atom('noconnection') },
    ])
    await expect(puppet.self.io.format('~w', [])).rejects.toMatchObject({
      code: 'ERR_REIGN_IO',
      reason: atom('badarg'),
    })
    puppet.self.groupLeader = silent as Address<never>
    await expect(puppet.self.io.putChars('x')).rejects.toMatchObject({ code: 'ERR_REIGN_IO', reason: atom('noproc') })
    const waiting = puppet.self.io.putChars('x').catch((why) => why.code)
    puppet.throw('end')
    await stage.settle()
    expect(['ERR_REIGN_IO', 'ERR_REIGN_EXIT']).toContain(await waiting)
  })

  test('leaves nothing behind, whatever it wrote', async () => {
    const puppet = await stage.puppet()
    await puppet.self.io.putChars('x')
    await puppet.self.io.format('~w', []).catch(() => {})
    expect(stage.node.processInfo(puppet.self.self)).toMatchObject({ monitors: [], message_queue_len: 0 })
  })
})

test('without an output texts are lines of the log, quoted and cut', async () => {
  const plain = await Stage.open({ logger })
  await plain.node.io().putChars(`\x1b[31m${'x'.repeat(300)}\n`)
  const { message, text } = lines.at(-1) as { message: string; text: string }
  expect(message).toBe('output of a process')
  expect(text.startsWith('"\\u001b[31mxxx')).toBe(true)
  expect(text.length).toBeLessThan(250)
  await plain.node.stop()
})

/** Visitors: nodes that dial and are not dialled; which one a command is, and what happens when two want to be the same. */
import { rmSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Interrupted } from '../../src/cli/interrupted.js'
import { isHeld, lockPath, takeLock } from '../../src/cli/name-lock.js'
import { identityOf, readRoster } from '../../src/cli/roster.js'
import { takeTurn } from '../../src/cli/visit.js'
import { systemClock } from '../../src/clock.js'
import { EpmdClient } from '../../src/net/epmd-client.js'
import { KeptLog } from '../cluster/cluster-kit.js'
import { eventually, within } from '../support/deadline.js'
import { CommandCluster, deadlineMs, exitCode, one, seesOnly, two, visitor } from './command-cluster.js'

let cluster: CommandCluster
beforeEach(async () => {
  cluster = await CommandCluster.make()
})
afterEach(() => cluster[Symbol.asyncDispose]())

const never = new AbortController().signal

describe('a visitor as a node', () => {
  test('dials the members; listens nowhere, and is registered nowhere', async () => {
    const [a, b] = [await cluster.start(one), await cluster.start(two)]
    const guest = await cluster.start(visitor)
    await seesOnly(guest, one, two)
    await seesOnly(a, two, visitor)
    expect(guest.endpoint).toBeUndefined()
    const registered = await new EpmdClient({ port: cluster.epmd.port, clock: systemClock }).names('127.0.0.1')
    expect(registered.nodes.map(({ alive }) => alive).sort()).toEqual(['one', 'two'])
    const mailbox = b.mailbox<string>()
    b.names.register('inn', mailbox.address)
    await eventually(() => guest.names.lookup('inn') !== undefined, deadlineMs)
    guest.names.send('inn', 'a room')
    expect(await mailbox.receive({ timeout: deadlineMs })).toBe('a room')
    await guest.stop()
    await seesOnly(a, two)
  })

  test('is dialled by nobody, before it comes or after it has left', async () => {
    const log = new KeptLog()
    const a = await cluster.start(one, { logger: log })
    const guest = await cluster.start(visitor)
    await seesOnly(a, visitor)
    await guest.stop()
    await seesOnly(a)
    // The other member is not there, and is dialled again and again: so the visitor would be.
    const tried = () => log.at('debug').filter(({ message }) => message === 'no connection')
    await eventually(() => tried().length >= 4, deadlineMs)
    expect(new Set(tried().map(({ fields }) => fields.peer))).toEqual(new Set([two]))
  })

  test('listens when it is told to', async () => {
    const guest = await cluster.start(visitor, { listen: true, dialMembers: false })
    expect(guest.endpoint?.port).toBeGreaterThan(0)
    const a = await cluster.start(one)
    expect(await a.connect(visitor)).toBe(true)
  })

  test('does not take over the connections of another of its name, and neither does a member', async () => {
    const a = await cluster.start(one)
    const lost: string[] = []
    a.onNodeDown((name) => lost.push(name))
    await cluster.start(visitor)
    await seesOnly(a, visitor)
    const second = await cluster.start(visitor, { dialMembers: false })
    expect(await second.connect(one)).toBe(false)
    const command = await cluster.reign(['ping', one])
    expect(command).toMatchObject({ code: 1, out: '' })
    expect(command.err).toMatch(/^reign: ERR_REIGN_HANDSHAKE: .*"one@127\.0\.0\.1" is connected with us already\n$/)
    expect(a.nodes()).toEqual([visitor])
    expect(lost).toEqual([])
    await cluster.start(two, { dialMembers: false }).then((node) => node.connect(one))
    const log = new KeptLog()
    const again = await cluster.start(two, { dialMembers: false, listen: false, logger: log })
    expect(await again.connect(one)).toBe(false)
    expect(log.codes('error')).toEqual(['ERR_REIGN_NAME_IN_USE'])
    expect(lost).toEqual([])
  })

  test('with dialMembers: false a member is dialled when something is sent to it', async () => {
    const a = await cluster.start(one)
    const met: string[] = []
    a.onNodeUp((name) => met.push(name))
    const b = await cluster.start(two, { dialMembers: false, listen: false })
    expect(await b.ping(one)).toBe(true)
    expect(met).toEqual([two])
  })
})

describe('which visitor a command is', () => {
  test('the one that is asked for, or the first whose files are here', async () => {
    const met: string[] = []
    const a = await cluster.start(one)
    a.onNodeUp((name) => met.push(name))
    expect((await cluster.place.reign(['cert', '--visitor', 'ops@127.0.0.1'])).code).toBe(0)
    expect((await cluster.reign(['ping', one, '-c', '1'])).code).toBe(0)
    expect((await cluster.reign(['ping', one, '-c', '1', '--as', 'ops@127.0.0.1'])).code).toBe(0)
    rmSync(cluster.place.path('cluster', `${visitor}.key`))
    expect((await cluster.reign(['ping', one, '-c', '1'])).code).toBe(0)
    expect(met).toEqual([visitor, 'ops@127.0.0.1', 'ops@127.0.0.1'])
  })

  test('also where certificate and key stand in the file itself', async () => {
    await cluster.start(one)
    cluster.rewriteNode(visitor, { cert: cluster.read(`${visitor}.pem`), key: cluster.read(`${visitor}.key`) })
    for (const file of ['pem', 'key']) rmSync(cluster.place.path('cluster', `${visitor}.${file}`))
    expect((await cluster.reign(['ping', one, '-c', '1'])).code).toBe(0)
  })

  test('none without TLS needs files', async () => {
    const cookie = cluster.read('cookie')
    cluster.rewrite(({ epmd }) => ({ nodes: { [one]: {}, [visitor]: { member: false } }, cookie, tls: false, epmd }))
    await cluster.start(one)
    const { code, err } = await cluster.reign(['ping', one, '-c', '1'])
    expect(code).toBe(0)
    expect(err).toMatch(/^reign: warning: tls is false: .*\n$/)
  })

  test.each<[string, string[], RegExp]>([
    ['a member', ['--as', one], /ERR_REIGN_ARGUMENT: one@127\.0\.0\.1 is a member, .*--as takes a visitor/],
    ['a mistyped one', ['--as', 'konsole@127.0.0.1'], /ERR_REIGN_ARGUMENT: .*: did you mean console@127\.0\.0\.1\?/],
    ['nobody', ['--as', 'zz@h'], /ERR_REIGN_ARGUMENT: zz@h is no visitor in .*cluster\.json: `reign cert --visitor`/],
    ['another folder', ['--dir', 'nowhere'], /ERR_REIGN_CLUSTER_SPEC: .*nowhere: cannot be read/],
  ])('not %s', async (_, words, message) => {
    for (const command of [['ping', two], ['names'], ['nodes']]) {
      const { code, out, err } = await cluster.reign([...command, ...words])
      expect({ code, out }).toEqual({ code: 1, out: '' })
      expect(err).toMatch(message)
      expect(err.trimEnd().split('\n')).toHaveLength(1)
    }
  })

  test('none is there, or none has its files here', async () => {
    rmSync(cluster.place.path('cluster', `${visitor}.key`))
    const missing = await cluster.reign(['names'])
    expect(missing.code).toBe(1)
    expect(missing.err).toMatch(
      /^reign: ERR_REIGN_CERTIFICATE: .*console@127\.0\.0\.1 needs .*console@127\.0\.0\.1\.key\n$/,
    )
    cluster.rewriteNode(visitor, { cert: undefined })
    expect((await cluster.reign(['names'])).err).toContain('console@127.0.0.1 needs cert in the file')
    cluster.rewriteNode(visitor, { member: true })
    const none = await cluster.reign(['names'])
    expect(none.code).toBe(1)
    expect(none.err).toMatch(/^reign: ERR_REIGN_ARGUMENT: .*has no visitor .*`reign cert --visitor NAME` makes one\n$/)
    cluster.rewrite((spec) => ({ ...spec, tiks: 1 }) as typeof spec)
    expect((await cluster.reign(['names'])).err).toMatch(/^reign: ERR_REIGN_CLUSTER_SPEC: .*tiks is not known/)
  })
})

describe('two commands at once', () => {
  test('take turns', async () => {
    const a = await cluster.start(one)
    const lost: string[] = []
    a.onNodeDown((_, reason) => lost.push(reason))
    const first = cluster.process(['ping', one, '--count', '20', '--interval', '20'])
    await first.expectOutput(/\n {3}1 /, deadlineMs)
    const second = await cluster.reign(['names', '--node', one])
    expect(second).toMatchObject({ code: 0, err: '' })
    // The second has waited for the end of the first: both went through, each with a connection of its own.
    expect(await exitCode(first)).toBe(0)
    expect(first.output).toContain('20 of 20 answered')
    await eventually(() => lost.length === 2, deadlineMs)
  })

  test('are two visitors where there are two', async () => {
    const a = await cluster.start(one)
    expect((await cluster.place.reign(['cert', '--visitor', 'ops@127.0.0.1'])).code).toBe(0)
    const first = cluster.process(['ping', one, '--count', '1000000', '--interval', '10'])
    await first.expectOutput(/\n {3}1 /, deadlineMs)
    const met: string[] = []
    a.onNodeUp((name) => met.push(name))
    expect((await cluster.reign(['ping', one, '-c', '1'])).code).toBe(0)
    expect(met).toEqual(['ops@127.0.0.1'])
    expect(first.ending).toBeUndefined()
  })

  test('when the first does not end, the second says so', async () => {
    const roster = await readRoster('cluster', cluster.place.cwd)
    const held = await takeTurn(roster, [visitor], { clock: systemClock, stop: never, timeoutMs: 1 })
    const late = takeTurn(roster, [visitor], { clock: systemClock, stop: never, timeoutMs: 50 })
    await expect(late).rejects.toMatchObject({
      code: 'ERR_REIGN_NAME_IN_USE',
      message: expect.stringContaining('another command is console@127.0.0.1, and goes on'),
    })
    const stop = new AbortController()
    const told = takeTurn(roster, [visitor], { clock: systemClock, stop: stop.signal, timeoutMs: 60_000 })
    stop.abort(new Interrupted('SIGINT'))
    await expect(told).rejects.toBe(stop.signal.reason)
    await held.lock.release()
  })

  test('one that was killed leaves nothing that bars the next', async () => {
    await cluster.start(one)
    const first = cluster.process(['ping', one, '--count', '1000000', '--interval', '10'])
    await first.expectOutput(/\n {3}1 /, deadlineMs)
    await first.kill()
    expect((await cluster.reign(['ping', one, '-c', '1'])).code).toBe(0)
  })

  test('of one name in two clusters have nothing to do with each other', async () => {
    await using other = await CommandCluster.make()
    const [here, there] = await Promise.all([cluster, other].map(({ place }) => readRoster('cluster', place.cwd)))
    if (here === undefined || there === undefined) throw new Error('both are there')
    expect(await identityOf(here, visitor)).not.toBe(await identityOf(there, visitor))
    const deadline = { clock: systemClock, stop: never, timeoutMs: 1 }
    const first = await takeTurn(here, [visitor], deadline)
    const second = await takeTurn(there, [visitor], deadline)
    await first.lock.release()
    await second.lock.release()
  })
})

describe('the lock', () => {
  test('is one holder’s; who waits hears of its end, and finds it free', async () => {
    const subject = `test ${process.pid} a`
    const first = await takeLock(subject)
    if (!isHeld(first)) throw new Error('it is free')
    const second = await takeLock(subject)
    if (isHeld(second)) throw new Error('it is taken')
    let released = false
    void second.released.then(() => {
      released = true
    })
    const third = await takeLock(`${subject}b`)
    expect(isHeld(third)).toBe(true)
    expect(released).toBe(false)
    await first.release()
    await within(deadlineMs, second.released, 'the news')
    const next = await takeLock(subject)
    expect(isHeld(next)).toBe(true)
    for (const lock of [next, third]) if (isHeld(lock)) await lock.release()
  })

  test('of many that want it at once, one has it', async () => {
    const subject = `test ${process.pid} c`
    const locks = await Promise.all(Array.from({ length: 20 }, () => takeLock(subject)))
    expect(locks.filter(isHeld)).toHaveLength(1)
    for (const lock of locks) if (!isHeld(lock)) lock.forget()
    for (const lock of locks) if (isHeld(lock)) await lock.release()
  })

  test('where there is no place for it, the command goes on without', async () => {
    const before = process.env.TMPDIR
    process.env.TMPDIR = cluster.place.path('nowhere')
    try {
      expect(lockPath('x')).toContain(cluster.place.path('nowhere'))
      const lock = await takeLock('x')
      if (!isHeld(lock)) throw new Error('nobody has it')
      await lock.release()
    } finally {
      if (before === undefined) delete process.env.TMPDIR
      else process.env.TMPDIR = before
    }
  })
})

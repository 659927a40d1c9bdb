/** How commands end when they are told to, and when nobody listens to them any more. */
import { createServer } from 'node:net'
import { PassThrough } from 'node:stream'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { plainStyle, styleFor, terminalStyle } from '../../src/cli/style.js'
import { within } from '../support/deadline.js'
import { OsProcess } from '../support/os-process.js'
import { CommandCluster, deadlineMs, exitCode, main, one, two, visitor } from './command-cluster.js'

let cluster: CommandCluster
beforeEach(async () => {
  cluster = await CommandCluster.make()
})
afterEach(() => cluster[Symbol.asyncDispose]())

describe('a signal', () => {
  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 0],
  ] as const)('%s ends a command that waits, with %i and without a word', async (signal, code) => {
    await cluster.start(two)
    const server = createServer((socket) => socket.on('error', () => {}))
    const knocked = new Promise((resolve) => server.once('connection', resolve))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    try {
      const address = server.address()
      const port = typeof address === 'object' && address !== null ? address.port : 0
      cluster.rewriteNode(one, { address: `127.0.0.1:${port}` })
      const ran = cluster.process(['names', '--timeout', '600000'])
      await within(deadlineMs, knocked, 'the command to dial')
      ran.signal(signal)
      expect(await exitCode(ran)).toBe(code)
      expect(ran.output).toBe('')
    } finally {
      server.close()
    }
  })

  test('the second one ends it at once', async () => {
    const frozen = cluster.process(['chat', one])
    await frozen.expectOutput(/nobody else is here yet/, deadlineMs)
    const hasty = cluster.process(['chat', two])
    const patient = cluster.process(['chat', visitor])
    // Each has to know of both others: what it says goes to those whom it knows of when it reads the line.
    for (const [chat, other] of [
      [hasty, visitor],
      [patient, two],
    ] as const) {
      await chat.expectOutput(/one@127\.0\.0\.1 is here/, deadlineMs)
      await chat.expectOutput(new RegExp(`${other} is here`), deadlineMs)
    }
    await frozen.suspend()
    // More than the buffers of the operating system hold: it has to wait for the one that does not read.
    for (const chat of [hasty, patient]) chat.stdin.write(`${'x'.repeat(14_000_000)}\n`)
    // At once, as of so much output only the end is kept.
    await Promise.all([hasty, patient].map((chat) => chat.expectOutput(/: x{100}/, deadlineMs)))
    for (const chat of [hasty, patient]) chat.signal('SIGTERM')
    hasty.signal('SIGINT')
    const first = await within(deadlineMs, Promise.race([hasty.ended, patient.ended.then(() => 'patient')]), 'an end')
    expect(first).toEqual({ code: expect.any(Number), signal: null })
    expect([130, 143]).toContain((await hasty.ended).code)
    // The other waits for the one that does not read, and ends well when that goes on.
    frozen.resume()
    expect(await exitCode(patient)).toBe(0)
  })
})

test('a reader that leaves ends it without a word', async () => {
  await cluster.start(two)
  const command = `${process.execPath} ${main} ping ${two} --count 100000 --interval 0 | head -n 2; echo "left"`
  const ran = new OsProcess('/bin/sh', { args: ['-c', command], cwd: cluster.place.cwd })
  expect(await exitCode(ran)).toBe(0)
  expect(ran.output).toMatch(/^two@127\.0\.0\.1: connected in .*\n {3}1 {2}.* ms\nleft\n$/)
})

describe('emphasis', () => {
  const tty = Object.assign(new PassThrough(), { isTTY: true })

  test('is for terminals, where nobody has asked for none', () => {
    expect(styleFor(tty, { TERM: 'xterm' })).toBe(terminalStyle)
    expect(styleFor(tty, { NO_COLOR: '' })).toBe(terminalStyle)
    expect(styleFor(tty, { NO_COLOR: '1' })).toBe(plainStyle)
    expect(styleFor(tty, { TERM: 'dumb' })).toBe(plainStyle)
    expect(styleFor({}, {})).toBe(plainStyle)
  })

  test('is taken back after the text', () => {
    expect(terminalStyle.bold('a') + terminalStyle.bad('b')).toBe('\u001b[1ma\u001b[22m\u001b[31mb\u001b[39m')
    expect(plainStyle.bold('a') + plainStyle.dim('b')).toBe('ab')
  })
})

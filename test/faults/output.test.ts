/** Where log lines and output go is full, is gone, or is not read: no node may notice. */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { deadlineMs, exitCode, main } from '../cli/command-cluster.js'
import { startNode } from '../support/child-node.js'
import { eventually } from '../support/deadline.js'
import { freshBuild, projectFolder } from '../support/fresh-build.js'
import { OsProcess } from '../support/os-process.js'

const full = ['/bin/sh', '-c', 'exec "$@" 2>/dev/full', 'sh']

/** Has crash reports written, and more than a pipe takes; then calls a server. */
const talker = `
  import { callIn, Node } from 'reign'
  const node = await Node.local()
  const text = 'x'.repeat(2_000)
  process.on('message', async () => {
    const box = node.mailbox()
    for (let n = 0; n < 300; n++) {
      box.monitor(node.spawn(function broken() { throw new Error(text) }))
      await box.receive()
      // Reports of crashes are written at a pace; this is not.
      node.logger.error({ text }, 'more')
    }
    const server = node.spawn(async (self) => {
      for await (const message of self) self.reply(callIn(message).from, 'well')
    })
    process.send({ answer: await node.call(server, 'are you?') })
  })
  process.send('ready')`

describe('a node that logs crash after crash goes on, and answers,', () => {
  test('when the disk is full', async () => {
    await using child = await startNode({ source: talker, via: full })
    await child.expect((message) => message === 'ready', deadlineMs)
    child.send('go')
    expect(await child.expect(() => true, deadlineMs)).toEqual({ answer: 'well' })
  })

  test('when the reader of its standard error has left', async () => {
    await using child = await startNode({ source: talker })
    await child.expect((message) => message === 'ready', deadlineMs)
    child.process.child.stderr?.destroy()
    child.send('go')
    expect(await child.expect(() => true, deadlineMs)).toEqual({ answer: 'well' })
  })

  test('when the reader does not read; when it does again, the log says what is lost', async () => {
    await using child = await startNode({ source: talker })
    await child.expect((message) => message === 'ready', deadlineMs)
    const { stderr } = child.process.child
    stderr?.pause()
    child.send('go')
    expect(await child.expect(() => true, deadlineMs)).toEqual({ answer: 'well' })
    stderr?.resume()
    child.send('go')
    expect(await child.expect(() => true, deadlineMs)).toEqual({ answer: 'well' })
    // However fast it is read now, some lines have been lost, and each that was written is whole.
    const look = () => /"lostLines":[1-9]/.test(child.process.output)
    await eventually(look, deadlineMs, 'a count of lost lines')
    for (const line of child.process.output.split('\n').slice(0, -1))
      expect(JSON.parse(line)).toHaveProperty('level', 50)
  })
})

describe('a program of `reign run` goes on, and stops in order,', () => {
  const folder = join(projectFolder, '.cache', 'applications', `output-${process.pid}`)
  beforeAll(async () => {
    await freshBuild()
    await mkdir(folder, { recursive: true })
    await writeFile(
      join(folder, 'clock.mjs'),
      `
      import { appendFileSync } from 'node:fs'
      import { defineApplication, genServer, supervisor } from 'reign/otp'
      const worker = genServer({
        trapExit: true,
        init: (path) => {
          // Says something again and again, as programs do, and on the quiet that it is alive.
          let n = 0
          const timer = setInterval(() => {
            console.log('tick')
            console.error('tock')
            appendFileSync(path, \`\${++n}\\n\`)
          }, 5)
          return { path, timer }
        },
        terminate: ({ path, timer }) => {
          clearInterval(timer)
          appendFileSync(path, 'stopped\\n')
        },
      })
      export default defineApplication({
        name: 'clock',
        start: ({ args }) => supervisor({ children: [{ id: 'clock', start: worker, args }] }),
      })`,
    )
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  test.each([
    ['when the reader of its output leaves', '| head -n 1'],
    ['when that of its errors leaves as well', '2>&1 | head -n 1'],
    ['when the disk is full', '>/dev/full 2>/dev/full'],
  ])('%s', async (title, whereto) => {
    const path = join(folder, title.replaceAll(' ', '-'))
    await writeFile(path, '')
    // The shell writes down which process it is, and what it ended with.
    const run = `sh -c 'echo $$ >"$0.pid"; exec "$@"' "$0" "$@"`
    const line = `{ ${run}; echo "code $?" >>"$0"; } ${whereto}`
    const args = ['-c', line, path, process.execPath, main, 'run', join(folder, 'clock.mjs'), '--', path]
    await using shell = new OsProcess('/bin/sh', { args, env: { NODE_OPTIONS: undefined, VITEST: undefined } })
    const lines = async () => (await readFile(path, 'utf8')).trim().split('\n')
    await eventually(async () => (await lines()).length > 100, deadlineMs, 'a hundred ticks')
    process.kill(Number(await readFile(`${path}.pid`, 'utf8')), 'SIGTERM')
    expect(await exitCode(shell)).toBe(0)
    expect((await lines()).slice(-2)).toEqual(['stopped', 'code 0'])
  })
})

test('another command whose output cannot be written fails, and says so in a line', async () => {
  await freshBuild()
  const args = ['-c', `"$@" >/dev/full`, 'sh', process.execPath, main, '--help']
  const command = new OsProcess('/bin/sh', { args })
  expect(await exitCode(command)).toBe(1)
  expect(command.output).toMatch(/^reign: cannot write: ENOSPC.*\n$/)
})

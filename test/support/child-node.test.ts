import { existsSync } from 'node:fs'
import { expect, test } from 'vitest'
import { builtUrl, startNode } from './child-node.js'
import { within } from './deadline.js'

const echo = `
  process.on('message', (message) => process.send({ echo: message }))
  process.send('ready')
`
const isReady = (message: unknown) => message === 'ready'

test('a program says and hears JSON', async () => {
  await using child = await startNode({ source: echo, args: ['x'] })
  await child.expect(isReady, 10_000)
  child.send({ some: ['json', null, 1.5] })
  expect(await child.expect(() => true, 10_000)).toEqual({ echo: { some: ['json', null, 1.5] } })
})

test('a program runs on the build of the sources as they are', async () => {
  await using child = await startNode({
    source: `import { normal } from '${builtUrl('exit-reason.js')}'; process.send(normal.description)`,
  })
  expect(await child.expect(() => true, 10_000)).toBe('normal')
  expect(await child.exit(10_000)).toBe(0)
})

test('expect takes the first that matches and leaves the others in order', async () => {
  await using child = await startNode({
    source: `for (const n of [1, 2, 3, 4]) process.send(n); process.channel.ref()`,
  })
  const even = (message: unknown): message is number => typeof message === 'number' && message % 2 === 0
  expect(await child.expect(even, 10_000)).toBe(2)
  expect(await child.expect(even, 10_000)).toBe(4)
  expect(await child.expect(() => true, 10_000)).toBe(1)
  expect(await child.expect(() => true, 10_000)).toBe(3)
  await expect(child.expect(() => true, 50)).rejects.toThrow(/not within 50 ms[\s\S]*messages not taken: \(none\)/)
})

test('a program that ends without the message fails the wait at once, with what it printed', async () => {
  await using child = await startNode({ source: `process.send('other'); console.error('why'); process.exitCode = 5` })
  await expect(child.expect(isReady, 30_000)).rejects.toThrow(/ended without[\s\S]*"other"[\s\S]*why/)
  expect(await child.exit(1_000)).toBe(5)
  expect(() => child.send('too late')).toThrow('listens no more')
})

test('suspended it does not answer, resumed it does, killed it is gone, and its file with it', async () => {
  const child = await startNode({ source: echo })
  await child.expect(isReady, 10_000)
  const file = child.process.child.spawnargs.find((arg) => arg.endsWith('.mjs')) ?? ''
  expect(existsSync(file)).toBe(true)
  await child.suspend()
  child.send(1)
  const answer = child.expect(() => true, 10_000)
  await expect(within(100, answer, 'an answer')).rejects.toThrow('not within 100 ms')
  child.resume()
  expect(await answer).toEqual({ echo: 1 })
  expect(await child.kill()).toEqual({ code: null, signal: 'SIGKILL' })
  await expect(child.exit(1_000)).rejects.toThrow('ended by SIGKILL')
  await expect.poll(() => existsSync(file)).toBe(false)
})

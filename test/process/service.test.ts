import { afterEach, beforeEach, expect, test } from 'vitest'
import { named } from '../../src/index.js'
import { silent } from '../../src/logger.js'
import { Stage } from './puppet.js'

let stage: Stage
let crashes: number
beforeEach(async () => {
  crashes = 0
  stage = await Stage.open({ logger: { ...silent, error: () => crashes++ } })
})
afterEach(() => stage.node.stop())

test('a service handles each message at once, by whichever way it comes', () => {
  const seen: unknown[] = []
  const service = stage.node.service((message) => seen.push(message), 'window')
  stage.node.send('window', 1)
  stage.node.send(service.self, 2)
  stage.node.send(service.makeAlias(true), 3)
  expect(seen).toEqual([1, 2, 3])
})

test('to others it is a process like any: named, linked, monitored, exited', async () => {
  const seen: unknown[] = []
  const service = stage.node.service((message) => seen.push(message), 'window')
  const a = await stage.puppet()
  const mailbox = stage.node.mailbox()
  const ref = mailbox.monitor(named('window', stage.node.name))
  a.self.link(service.self)
  expect(stage.node.whereis('window')).toBe(service.self)
  a.throw('x')
  await stage.settle()
  expect(seen).toEqual([{ type: 'EXIT', from: a.self.address, reason: 'x' }])
  stage.node.exit(service.self, Symbol.for('kill'))
  expect(mailbox.peek()).toEqual([
    { type: 'DOWN', ref, address: named('window', stage.node.name), reason: Symbol.for('killed') },
  ])
  expect(stage.node.whereis('window')).toBe(undefined)
})

test('a handler that throws ends the service, never the sender', () => {
  const mailbox = stage.node.mailbox<{ reason: unknown }>()
  const service = stage.node.service(() => {
    throw new Error('fault')
  })
  mailbox.monitor(service.self)
  expect(() => stage.node.send(service.self, 1)).not.toThrow()
  expect(stage.node.isAlive(service.self)).toBe(false)
  expect(mailbox.peek()).toEqual([expect.objectContaining({ reason: new Error('fault') })])
  expect(crashes).toBe(1)
})

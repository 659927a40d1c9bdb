import { expect, test } from 'vitest'
import { startNode } from '../support/child-node.js'

test('a node without a logger writes warnings and errors as JSON lines on standard error, at once, and nothing else', async () => {
  await using child = await startNode({
    source: `
      import { Node } from 'reign'
      const node = await Node.local()
      const address = node.spawn(function broken() { throw new Error('a fault') })
      const box = node.mailbox()
      box.monitor(address)
      await box.receive()
      // Written though the program ends in this turn.
      process.exit(3)
    `,
  })
  expect(await child.exit(15_000)).toBe(3)
  const lines = child.process.output.trim().split('\n')
  expect(lines).toHaveLength(1)
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({ level: 50, function: 'broken', reason: 'Error: a fault' })
  expect(child.process.stdout).toBe('')
})

import { expect, test } from 'vitest'
import { KeptLog } from '../cluster/cluster-kit.js'
import { Stage } from '../process/puppet.js'

test('of a flood of crashes a hundred are reported each second, and how many were not', async () => {
  const log = new KeptLog()
  await using stage = await Stage.open({ logger: log })
  const crash = () => {
    throw new Error('what others make happen')
  }
  for (let n = 0; n < 250; n++) stage.node.spawn(crash)
  await stage.settle()
  expect(log.at('error')).toHaveLength(100)
  stage.clock.advance(1_000)
  stage.node.spawn(crash)
  await stage.settle()
  expect(log.at('error').slice(100)).toMatchObject([{ fields: { untold: 150, function: 'crash' } }])
})

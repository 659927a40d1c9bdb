/** Plain TCP beyond this machine: only where the specification insists. */
import { networkInterfaces } from 'node:os'
import { expect, test } from 'vitest'
import { sees, TestCluster } from './cluster-kit.js'

const outside = Object.values(networkInterfaces())
  .flatMap((each) => each ?? [])
  .find((each) => !each.internal && each.family === 'IPv4')
const host = outside?.address ?? ''

test.runIf(outside)('nodes on other addresses than loopback connect where the specification lets them', async () => {
  await using cluster = await TestCluster.make({ spec: { plainTcpBeyondLoopback: true } })
  const one = await cluster.start(`a@${host}`)
  const two = await cluster.start(`b@${host}`)
  expect(two.endpoint?.host).toBe(host)
  expect(await one.connect(two.name, { address: `${host}:${two.endpoint?.port}` })).toBe(true)
  await sees(two, one.name)
})

test.runIf(outside)('and where it does not, a run-time address changes nothing about that', async () => {
  await using cluster = await TestCluster.make()
  const one = await cluster.start('a@127.0.0.1')
  expect(await one.connect(`b@${host}`, { address: `${host}:9` })).toBe(false)
  expect(one.log.codes('debug')).toContain('ERR_REIGN_INSECURE')
})

/** A reign node and an Erlang node that are connected, the one with a module that its test brings: for comparing behaviours with OTP's. */
import { readFile } from 'node:fs/promises'
import { expect } from 'vitest'
import { TestCluster, type TestNode } from '../cluster/cluster-kit.js'
import { type ErlangNode, startErlang } from './erl.js'

/** See the head of this file. */
export interface OtpPeer extends AsyncDisposable {
  readonly cluster: TestCluster
  readonly node: TestNode
  readonly erl: ErlangNode
}

/** @param module The Erlang module, whose source is beside this file. */
export async function otpPeer(
  module: string,
  names: { readonly reign: string; readonly erlang: string },
): Promise<OtpPeer> {
  const cluster = await TestCluster.make()
  const node = await cluster.start(names.reign)
  const source = await readFile(new URL(`./${module}.erl`, import.meta.url), 'utf8')
  const [cookie, epmdPort] = ['a-cookie-of-the-tests-alone', cluster.epmd.port]
  const erl = await startErlang({ name: names.erlang, cookie, epmdPort, hidden: true, code: { [module]: source } })
  expect(await erl.eval(`net_adm:ping('${names.reign}')`)).toBe('pong')
  return {
    cluster,
    node,
    erl,
    async [Symbol.asyncDispose]() {
      await erl.stop()
      await cluster[Symbol.asyncDispose]()
    },
  }
}

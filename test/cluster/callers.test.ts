/** What two nodes know of the calls between them, while they last and when they are over. */
import { expect, test } from 'vitest'
import { genServer } from '../../src/behaviour/gen-server.js'
import type { Caller } from '../../src/process/call.js'
import { named } from '../../src/term/named.js'
import type { Ref } from '../../src/term/ref.js'
import { TestCluster } from './cluster-kit.js'

const a = 'a@127.0.0.1'
const b = 'b@127.0.0.1'

/** The reference in the tag of a caller. */
const refOf = (from: Caller | undefined) => (from?.[1] as { tail: Ref } | undefined)?.tail

const kept: Caller[] = []
const server = genServer({
  module: 'server',
  init: () => ({}),
  calls: {
    plain: () => 1,
    keep(_state: object) {
      if (this.from !== undefined) kept.push(this.from)
      return refOf(this.from)
    },
  },
  handleCall(_state: object, _request: unknown, from: Caller) {
    kept.push(from)
    return refOf(from)
  },
})

test('the reference of a call is known to neither side when the call is over, unless somebody holds it', async () => {
  await using cluster = await TestCluster.make()
  const [one, other] = [await cluster.start(a), await cluster.start(b)]
  await cluster.meet(one, other)
  await other.start({ name: 'server' }, server)
  const handle = one.server<typeof server>(named('server', b))
  const { creation } = one.addressBook.self
  const find = (node: typeof one, { words }: { words: readonly number[] }) => {
    return node.addressBook.signalRef(a, creation, words)
  }
  for (const ask of [() => handle.call.keep(), () => one.call(named('server', b), 'anything')]) {
    const ref = (await ask()) as Ref
    await handle.call.plain()
    // Whoever holds it, here in a reply and there in a list, has what the next message would bring.
    expect(find(one, ref)).toBe(ref)
    expect(find(other, ref)).toBe(refOf(kept.at(-1)))
    expect(find(other, ref)).not.toBe(ref)
  }
  const [before] = one.addressBook.freshWords()
  await handle.call.plain()
  await handle.call.plain()
  const words = one.addressBook.freshWords().with(0, Number(before) + 1)
  // Nobody holds it, so that it is made anew each time that it comes.
  for (const node of [one, other]) expect(find(node, { words })).not.toBe(find(node, { words }))
})

/** Atoms that nodes of reign bring each other, in each form of payloads: how many one may bring, and that the others do not notice. */
import { expect, test } from 'vitest'
import { atom, type Codec, type CodecChoice, named } from '../../src/index.js'
import { Simulation } from '../../src/testing/index.js'

/** Writes all values itself, and leaves their atoms to reign. */
const parts: Codec = {
  name: 'parts/1',
  encode: (value, terms) => terms.encode(value),
  decode: (bytes, terms) => terms.decode(bytes),
}

test.each<[string, CodecChoice]>([
  ['js', 'js'],
  ['etf', 'etf'],
  ['a codec of its own', parts],
])(
  'in the form %s: who brings more than it may loses its connection, and nobody else is refused anything',
  async (_, codec) => {
    const limits = { atomCountPerPeerMax: 200, atomCountMax: 10_000 }
    await using simulation = new Simulation({
      nodes: ['a@sim', 'b@sim', 'c@sim'],
      options: { limits, codecs: [codec] },
    })
    const [one, flood, calm] = await simulation.startAll()
    if (one === undefined || flood === undefined || calm === undefined) throw new Error('all run')
    const inbox = one.mailbox<unknown>()
    one.register('there', inbox.address)
    const lost: string[] = []
    one.onNodeDown((node, reason) => lost.push(`${node} ${reason}`))
    const send = (from: typeof flood, n: number) => from.send(named('there', 'a@sim'), atom(`${from.name} ${n}`))
    for (let n = 0; n < 300; n++) send(flood, n)
    await simulation.run(400)
    expect(lost).toEqual(['b@sim protocol'])
    const lines = simulation.log.filter(({ node, fields }) => node === 'a@sim' && 'code' in fields)
    expect(lines).toMatchObject([{ level: 'warn', fields: { peer: 'b@sim', code: 'ERR_REIGN_ATOM_LIMIT' } }])
    expect(inbox.length).toBeGreaterThan(100)
    expect(inbox.length).toBeLessThanOrEqual(200)
    while (inbox.poll() !== undefined);
    for (let n = 0; n < 100; n++) send(calm, n)
    await simulation.run(400)
    expect(inbox.length).toBe(100)
    expect(lost).toEqual(['b@sim protocol'])
  },
)

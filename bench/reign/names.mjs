/** Names across the cluster: two nodes of one program, over mutual TLS, with ten thousand names. Usage: names.mjs <cluster folder> */
import { amount, isWanted, libraryModule, measure, now, repetitions, report } from '../measure.mjs'

const { Node } = await libraryModule('index.js')

const cluster = process.argv[2]
const [a, b] = ['a@127.0.0.1', 'b@127.0.0.1']
const one = await Node.start(a, { cluster, dialMembers: false })
const other = await Node.start(b, { cluster, dialMembers: false })
await one.connect(b)
const names = 10_000
const [mine, theirs] = [one.mailbox().address, other.mailbox().address]
const half = (n) => (n % 2 === 0 ? [one, mine] : [other, theirs])
for (let n = 0; n < names; n++) {
  const [node, address] = half(n)
  node.names.register(`name ${n}`, address)
}
await one.names.sync({ timeout: 60_000 })

const texts = Array.from({ length: names }, (_, n) => `name ${n}`)
for (const [name, first] of [
  ['lookup_local', 0],
  ['lookup_remote', 1],
]) {
  await measure(name, 'us', () => {
    const count = amount(2_000_000)
    const start = now()
    for (let i = 0, n = first; i < count; i++, n = (n + 2) % names) one.names.lookup(texts[n])
    return ((now() - start) * 1_000) / count
  })
}

await measure('register_unregister', 'us', async () => {
  const count = amount(20_000)
  const start = now()
  for (let i = 0; i < count; i++) {
    one.names.register(`more ${i}`, mine)
    one.names.unregister(`more ${i}`, mine)
  }
  const taken = ((now() - start) * 1_000) / count
  await one.names.sync({ timeout: 60_000 })
  return taken
})

// From the instant that the nodes are connected again until each knows all names of the other.
if (isWanted('heal_10000')) {
  const runs = []
  for (let i = 0; i < repetitions; i++) {
    one.disconnect(b)
    while (other.nodes().length > 0) await new Promise((resolve) => setImmediate(resolve))
    await one.connect(b)
    const start = now()
    await one.names.sync({ timeout: 60_000 })
    runs.push(now() - start)
    for (const node of [one, other]) {
      if (node.names.seen().length !== names) throw new Error(`${node.name} knows ${node.names.seen().length} names`)
    }
  }
  report('heal_10000', 'ms', runs)
}

await Promise.all([one.stop(), other.stop()])
process.exit(0)

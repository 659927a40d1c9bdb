/**
 * A node of bench/cluster.mjs, in a part of its own:
 *
 *   node member.mjs listener    NAME CLUSTER [LIMITS]     says when it is ready, when it hears something, and when a node is lost
 *   node member.mjs starter     NAME CLUSTER NODE         sends to the listener at once
 *   node member.mjs reconnector NAME CLUSTER NODE COUNT   loses its connection and makes it again, and says how long that took
 *   node member.mjs member      NAME CLUSTER COUNT        says when it is connected with so many
 */
import { Node, named } from '../../lib/index.js'

const [part, name, cluster, ...args] = process.argv.slice(2)
const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`)

const parts = {
  async listener(limits = '{}') {
    const node = await Node.start(name, { cluster, dialMembers: false, limits: JSON.parse(limits) })
    node.onNodeDown((lost) => say({ lost }))
    node.spawn({ name: 'box' }, async (self) => {
      for await (const message of self) say({ heard: message })
    })
    say({ ready: true })
  },

  async starter(to) {
    const node = await Node.start(name, { cluster, dialMembers: false })
    node.send(named('box', to), 'hello')
  },

  async reconnector(to, count) {
    const node = await Node.start(name, { cluster, dialMembers: false })
    await node.connect(to)
    const reconnects = []
    while (reconnects.length < Number(count)) {
      node.disconnect(to)
      // The other side is to have seen it as well.
      await new Promise((resolve) => setTimeout(resolve, 200))
      const start = performance.now()
      await node.connect(to)
      if (!(await node.ping(to))) throw new Error('no answer')
      reconnects.push(performance.now() - start)
    }
    say({ reconnects })
  },

  async member(count) {
    const node = await Node.start(name, { cluster })
    let told = false
    const look = () => {
      if (told || node.nodes().length < Number(count)) return
      told = true
      say({ complete: true })
    }
    node.onNodeUp(look)
    look()
  },
}

await parts[part](...args)

/**
 * `npm run scale`: how what nodes say to each other grows with their number. Simulates clusters, counts frames and bytes, writes the tables
 * of docs/scale.md and its plot. Sizes of whole meshes by `--mesh 10,20,50`, of single joins by `--join 10,100,1000`.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { Outbox } from '../../src/net/outbox.js'
import { Simulation } from '../../src/testing/simulation.js'
import { SimulatedStream } from '../../src/testing/stream.js'

/** What has been said, since the beginning. */
interface Count {
  frames: number
  bytes: number
}

const total: Count = { frames: 0, bytes: 0 }
const { end } = Outbox.prototype
Outbox.prototype.end = function (this: Outbox, ...args) {
  total.frames++
  return end.apply(this, args)
}
const { write } = SimulatedStream.prototype
SimulatedStream.prototype.write = function (this: SimulatedStream, bytes) {
  total.bytes += bytes.length
  return write.call(this, bytes)
}

/** What something costs. */
async function costOf(simulation: Simulation, act: () => Promise<unknown>): Promise<Count & { ms: number }> {
  const before = { ...total, ms: simulation.now }
  await act()
  return {
    frames: total.frames - before.frames,
    bytes: total.bytes - before.bytes,
    ms: simulation.now - before.ms,
  }
}

/** Lets time pass until something is so; looked at every tenth of a second, as a look at all nodes takes a while. */
async function until(simulation: Simulation, condition: () => boolean): Promise<void> {
  for (let left = 3_000; !condition(); left--) {
    if (left === 0) throw new Error(`not so within five virtual minutes: ${condition}`)
    await simulation.run(100)
  }
}

const namesOf = (count: number) => Array.from({ length: count }, (_, n) => `n${n}@sim`)

const all = (simulation: Simulation, connected: number) =>
  simulation.running.every((node) => node.nodes().length === connected)

/** A node that joins others, and claims a name: all that is said is between it and each of them. */
async function joining(count: number) {
  const names = namesOf(count)
  await using simulation = new Simulation({ nodes: names })
  const { spec } = simulation
  for (const name of names.slice(1)) {
    const cluster = { ...spec, nodes: { [name]: spec.nodes?.[name] ?? {} } }
    const node = await simulation.start(name, { cluster })
    node.names.register(`of ${name}`, node.mailbox().address)
  }
  const [newcomer] = names as [string]
  const join = await costOf(simulation, async () => {
    const node = await simulation.start(newcomer)
    await until(simulation, () => node.nodes().length === count - 1 && node.names.seen().length === count - 1)
    // What is still under way belongs to it.
    await simulation.run(200)
  })
  const node = simulation.node(newcomer)
  const name = await costOf(simulation, async () => {
    node.names.register('one more', node.mailbox().address)
    await simulation.run(200)
  })
  return { count, join, name }
}

/** A whole mesh: a minute in which nothing happens, and two halves that lose and find each other. */
async function meeting(count: number) {
  const names = namesOf(count)
  await using simulation = new Simulation({ nodes: names })
  const start = await costOf(simulation, async () => {
    for (const name of names) {
      const node = await simulation.start(name)
      node.names.register(`of ${name}`, node.mailbox().address)
    }
    await until(simulation, () => all(simulation, count - 1))
    await simulation.run(1_000)
  })
  const idle = await costOf(simulation, () => simulation.run(60_000))
  const half = names.slice(0, count / 2)
  for (const one of half) for (const other of names.slice(count / 2)) simulation.cut(one, other)
  await until(simulation, () => all(simulation, count / 2 - 1))
  // Those that redial have had time to become slow about it.
  await simulation.run(60_000)
  simulation.heal()
  const heal = await costOf(simulation, async () => {
    const agreed = () => simulation.running.every((node) => node.names.seen().length === count)
    await until(simulation, () => all(simulation, count - 1) && agreed())
  })
  return { count, start, idle, heal }
}

const number = (value: number) => Math.round(value).toLocaleString('en')
const kilobytes = (bytes: number) => (bytes / 1_024).toLocaleString('en', { maximumFractionDigits: 1 })

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---:'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

/** Lines over two logarithmic axes. */
function plot(
  lines: readonly { readonly title: string; readonly points: readonly (readonly [number, number])[] }[],
): string {
  const [width, height, left, bottom] = [640, 400, 70, 40]
  const [xMax, yMax] = [3.2, 6.2]
  const x = (value: number) => left + ((Math.log10(value) - 0.8) / (xMax - 0.8)) * (width - left - 150)
  const y = (value: number) => height - bottom - (Math.log10(Math.max(1, value)) / yMax) * (height - bottom - 20)
  const colours = ['#1b6ca8', '#c1440e', '#2e7d32', '#7b1fa2']
  const parts = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000].map(
    (tick) =>
      `<line x1="${left}" x2="${width - 150}" y1="${y(tick)}" y2="${y(tick)}" stroke="#ddd"/>` +
      `<text x="${left - 8}" y="${y(tick) + 4}" text-anchor="end">${tick.toLocaleString('en')}</text>`,
  )
  for (const tick of [10, 100, 1_000]) {
    parts.push(
      `<text x="${x(tick)}" y="${height - bottom + 18}" text-anchor="middle">${tick.toLocaleString('en')} nodes</text>`,
    )
  }
  for (const [at, { title, points }] of lines.entries()) {
    const colour = colours[at % colours.length]
    const path = points.map(([count, value]) => `${x(count).toFixed(1)},${y(value).toFixed(1)}`)
    const [last] = points.slice(-1) as [readonly [number, number]]
    parts.push(
      `<polyline points="${path.join(' ')}" fill="none" stroke="${colour}" stroke-width="2"/>`,
      ...path.map(
        (point) => `<circle cx="${point.split(',')[0]}" cy="${point.split(',')[1]}" r="3" fill="${colour}"/>`,
      ),
      `<text x="${x(last[0]) + 8}" y="${y(last[1]) + 4}" fill="${colour}">${title}</text>`,
    )
  }
  const style = 'font-family="sans-serif" font-size="12"'
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" ${style}>\n<title>Frames by the number of nodes, for a name, a join, a heal and an idle minute</title>\n<rect width="${width}" height="${height}" fill="#fff"/>\n${parts.join('\n')}\n</svg>\n`
}

const { values } = parseArgs({
  options: {
    mesh: { type: 'string', default: '10,20,50,100' },
    join: { type: 'string', default: '10,20,50,100,200,500,1000' },
  },
})
const sizes = (text: string) => text.split(',').map(Number)

const joins = []
for (const count of sizes(values.join)) {
  joins.push(await joining(count))
  console.log(`a join of ${count} nodes is done`)
}
const meshes = []
for (const count of sizes(values.mesh)) {
  meshes.push(await meeting(count))
  console.log(`a mesh of ${count} nodes is done`)
}

const joinTable = table(
  ['nodes', 'connections', 'frames of a join', 'KiB', 'virtual ms', 'frames of a name', 'KiB'],
  joins.map(({ count, join, name }) => [
    number(count),
    number(count - 1),
    number(join.frames),
    kilobytes(join.bytes),
    number(join.ms),
    number(name.frames),
    kilobytes(name.bytes),
  ]),
)
const meshTable = table(
  [
    'nodes',
    'connections',
    'frames of the start',
    'KiB',
    'virtual s',
    'frames of an idle minute',
    'frames of a heal',
    'KiB',
    'virtual s',
  ],
  meshes.map(({ count, start, idle, heal }) => [
    number(count),
    number((count * (count - 1)) / 2),
    number(start.frames),
    kilobytes(start.bytes),
    (start.ms / 1_000).toFixed(1),
    number(idle.frames),
    number(heal.frames),
    kilobytes(heal.bytes),
    (heal.ms / 1_000).toFixed(1),
  ]),
)
console.log(`\n${joinTable}\n\n${meshTable}`)
const page = readFileSync('docs/scale.md', 'utf8')
const filled = page
  .replace(/(<!-- joins -->\n)[\s\S]*?(<!-- -->)/, `$1\n${joinTable}\n\n$2`)
  .replace(/(<!-- meshes -->\n)[\s\S]*?(<!-- -->)/, `$1\n${meshTable}\n\n$2`)
writeFileSync('docs/scale.md', filled)
writeFileSync(
  'docs/scale.svg',
  plot([
    { title: 'a name', points: joins.map(({ count, name }) => [count, name.frames]) },
    { title: 'a join', points: joins.map(({ count, join }) => [count, join.frames]) },
    { title: 'a heal', points: meshes.map(({ count, heal }) => [count, heal.frames]) },
    { title: 'an idle minute', points: meshes.map(({ count, idle }) => [count, idle.frames]) },
  ]),
)

/**
 * Small messages to one process, while a message of 60 MiB goes to another on the same node: how long each takes there and back.
 *
 *   node bench/soak/long-message.mjs [--rounds 20] [--of bytes|ascii|text]
 *
 * Two OS processes over mutual TLS. Prints a JSON line, in milliseconds. `text` is of characters of two bytes each.
 */
import { execFileSync, fork } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { atom, Node } from '../../lib/index.js'
import { freePorts } from '../free-ports.mjs'
import { inFolder } from './in-folder.mjs'

const lengthBytes = 60 * 1024 * 1024
const [a, b] = ['a@127.0.0.1', 'b@127.0.0.1']
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: 'string', default: '20' }, of: { type: 'string', default: 'bytes' } },
})

/** Answers small messages with themselves, and long ones with their length, until its parent is gone. */
async function serve(cluster) {
  const node = await Node.start(b, { cluster })
  node.spawn({ name: 'echo' }, async (self) => {
    for await (const [from, message] of self) from.send(message)
  })
  node.spawn({ name: 'sink' }, async (self) => {
    for await (const [from, message] of self) from.send(message.length)
  })
  process.on('disconnect', () => process.exit(0))
  process.send('ready')
}

const long = {
  // No text, which would be made a string of where it arrives.
  bytes: () => new Uint8Array(lengthBytes).fill(0xfe),
  ascii: () => 'a'.repeat(lengthBytes),
  text: () => 'é'.repeat(lengthBytes / 2),
}

async function main(folder) {
  const [epmdPort, ...ports] = await freePorts(3)
  process.env.ERL_EPMD_PORT = String(epmdPort)
  const cli = fileURLToPath(new URL('../../lib/cli/main.js', import.meta.url))
  execFileSync(process.execPath, [cli, 'init', `${a}:${ports[0]}`, `${b}:${ports[1]}`, '--dir', folder])
  const child = fork(fileURLToPath(import.meta.url), ['serve', folder])
  await new Promise((resolve) => child.once('message', resolve))
  const node = await Node.start(a, { cluster: folder })
  await node.connect(b)
  const [echo, sink] = await Promise.all(
    ['echo', 'sink'].map((name) => node.erpc(b).call('erlang', 'whereis', [atom(name)])),
  )
  const [answers, receipts] = [node.mailbox(), node.mailbox()]
  const trip = async () => {
    const start = performance.now()
    echo.send([answers.address, 1])
    await answers.receive()
    return performance.now() - start
  }
  for (let i = 0; i < 300; i++) await trip()
  const calm = []
  for (let i = 0; i < 1_000; i++) calm.push(await trip())
  const message = long[values.of]()
  const beside = []
  for (let round = 0; round < Number(values.rounds); round++) {
    let arrived = false
    sink.send([receipts.address, message])
    const receipt = receipts.receive().then(() => {
      arrived = true
    })
    while (!arrived) {
      beside.push(await trip())
      await sleep(1)
    }
    await receipt
    await sleep(100)
  }
  const at = (times, share) => times.toSorted((x, y) => x - y)[Math.floor(times.length * share)]
  const [calmMs, besideMs] = [calm, beside].map((times) => ({ p50: at(times, 0.5), p99: at(times, 0.99) }))
  console.log(JSON.stringify({ of: values.of, trips: beside.length, calmMs, besideMs }))
  child.disconnect()
  await node.stop()
}

if (positionals[0] === 'serve') await serve(positionals[1])
else process.exit(await inFolder(main))

/**
 * The floor: the same cases over a bare socket, length-prefixed frames and nothing else. `node remote.mjs tls|tcp CLUSTER_FOLDER`.
 * The first byte of a frame says what to do with it: 0 echo it, 1 count it, 2 tell the count, 3 answer it with what a call is answered
 * with, which has as many bytes as ours.
 *
 * The cases with `:kept` are those of large messages once more, with less taken for granted: each has a prefix and a body that are not the same
 * bytes as those of the one before, and comes to lie in a buffer of its own, which is kept until the next one is there.
 */
import { fork } from 'node:child_process'
import { readFileSync } from 'node:fs'
import net from 'node:net'
import { join } from 'node:path'
import tls from 'node:tls'
import { fileURLToPath } from 'node:url'
import { amount, measure, measureLatency, now, rate } from '../measure.mjs'

const [carrier, cluster, role] = process.argv.slice(2)

const credentials = (name) => ({
  cert: readFileSync(join(cluster, `${name}.pem`)),
  key: readFileSync(join(cluster, `${name}.key`)),
  ca: readFileSync(join(cluster, 'ca.pem')),
  minVersion: 'TLSv1.3',
})

/** Calls back with each whole frame; what is incomplete waits in a list, so that a large frame is joined once. */
function frames(socket, onFrame) {
  let chunks = []
  let have = 0
  socket.on('data', (chunk) => {
    chunks.push(chunk)
    have += chunk.length
    while (have >= 4) {
      if (chunks[0].length < 4) chunks = [Buffer.concat(chunks)]
      const need = 4 + chunks[0].readUInt32BE(0)
      if (have < need) return
      if (chunks[0].length < need) chunks = [Buffer.concat(chunks)]
      const [first] = chunks
      onFrame(first.subarray(4, need))
      have -= need
      if (first.length === need) chunks.shift()
      else chunks[0] = first.subarray(need)
    }
  })
}

/** Calls back with each whole frame, which has been copied to a buffer of its own, a chunk at a time. */
function copiedFrames(socket, onFrame) {
  const prefix = Buffer.alloc(4)
  let into = prefix
  let have = 0
  socket.on('data', (chunk) => {
    for (let at = 0; at < chunk.length; ) {
      const count = Math.min(chunk.length - at, into.length - have)
      into.set(chunk.subarray(at, at + count), have)
      have += count
      at += count
      if (have < into.length) return
      have = 0
      const whole = into
      into = whole === prefix ? Buffer.allocUnsafeSlow(prefix.readUInt32BE(0)) : prefix
      if (whole !== prefix) onFrame(whole)
    }
  })
}

function frame(what, size) {
  const bytes = Buffer.alloc(4 + size, 7)
  bytes.writeUInt32BE(size, 0)
  bytes[4] = what
  return bytes
}

/** What follows the length in the frames of one call between two nodes of this library, and of its reply. */
const callBytes = 84
const replyBytes = 69

/** Gives a function that writes a frame; all that one turn of the event loop writes leaves together. */
function gathered(socket) {
  let waiting = []
  const flush = () => {
    socket.write(waiting.length === 1 ? waiting[0] : Buffer.concat(waiting))
    waiting = []
  }
  return (bytes) => {
    if (waiting.push(bytes) === 1) setImmediate(flush)
  }
}

function peer() {
  const serve = (readFrames) => (socket) => {
    let count = 0
    // Not the last one alone: whoever works on a message has the next one come meanwhile.
    const kept = [undefined, undefined]
    const write = gathered(socket)
    socket.setNoDelay(true).on('error', () => {})
    readFrames(socket, (body) => {
      if (body[0] === 1) kept[count++ & 1] = body
      else if (body[0] === 3) {
        const bytes = frame(3, replyBytes)
        bytes[5] = body[1]
        write(bytes)
      } else if (body[0] === 0) {
        const bytes = Buffer.allocUnsafe(4 + body.length)
        bytes.writeUInt32BE(body.length, 0)
        body.copy(bytes, 4)
        socket.write(bytes)
      } else {
        const bytes = frame(2, 5)
        bytes.writeUInt32BE(count, 5)
        count = 0
        socket.write(bytes)
      }
    })
  }
  const options = { ...credentials('b@127.0.0.1'), requestCert: true, rejectUnauthorized: true }
  const ports = [frames, copiedFrames].map((readFrames) => {
    const server =
      carrier === 'tls' ? tls.createServer(options, serve(readFrames)) : net.createServer(serve(readFrames))
    return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server.address().port)))
  })
  Promise.all(ports).then((all) => process.send?.(all))
  process.on('disconnect', () => process.exit(0))
}

async function main() {
  const child = fork(fileURLToPath(import.meta.url), [carrier, cluster, 'peer'])
  const [port, keptPort] = await new Promise((resolve) => child.once('message', resolve))
  let take = () => {}
  const connected = async (port) => {
    const socket = await new Promise((resolve) => {
      const to = { host: '127.0.0.1', port }
      const options = { ...credentials('a@127.0.0.1'), ...to, checkServerIdentity: () => undefined }
      const made = carrier === 'tls' ? tls.connect(options, () => resolve(made)) : net.connect(to, () => resolve(made))
    })
    frames(socket.setNoDelay(true), (body) => take(body))
    return socket
  }
  const socket = await connected(port)
  const answer = () =>
    new Promise((resolve) => {
      take = resolve
    })

  for (const [size, tag, count] of [
    [32, '32B', 10_000],
    [1_024, '1KiB', 10_000],
    [65_536, '64KiB', 2_000],
  ]) {
    const bytes = frame(0, size)
    await measureLatency(`pingpong_${tag}`, amount(count), () => {
      const echoed = answer()
      socket.write(bytes)
      return echoed
    })
  }
  for (const [size, tag, count, batch] of [
    [44, 'small', 1_000_000, 64],
    [1_040, '1KiB', 300_000, 64],
    [65_600, '64KiB', 8_000, 1],
    [1_048_640, '1MiB', 500, 1],
  ]) {
    const bytes = Buffer.concat(Array.from({ length: batch }, () => frame(1, size)))
    await measure(`oneway_${tag}`, 'msgs/s', async () => {
      const n = Math.ceil(amount(count) / batch) * batch
      const start = now()
      for (let sent = 0; sent < n; sent += batch) {
        if (!socket.write(bytes)) await new Promise((resolve) => socket.once('drain', resolve))
      }
      const counted = answer()
      socket.write(frame(2, 5))
      const got = (await counted).readUInt32BE(1)
      if (got !== n) throw new Error(`sent ${n}, counted ${got}`)
      return rate(n, now() - start)
    })
  }

  const keptSocket = await connected(keptPort)
  for (const [size, tag, count] of [
    [65_600, '64KiB', 8_000],
    [1_048_640, '1MiB', 500],
  ]) {
    const body = frame(1, size).subarray(4)
    await measure(`oneway_${tag}:kept`, 'msgs/s', async () => {
      const n = amount(count)
      const start = now()
      for (let sent = 0; sent < n; sent++) {
        const prefix = Buffer.allocUnsafe(4)
        prefix.writeUInt32BE(size, 0)
        keptSocket.cork()
        keptSocket.write(prefix)
        const more = keptSocket.write(body)
        keptSocket.uncork()
        if (!more) await new Promise((resolve) => keptSocket.once('drain', resolve))
      }
      const counted = answer()
      keptSocket.write(frame(2, 5))
      const got = (await counted).readUInt32BE(1)
      if (got !== n) throw new Error(`sent ${n}, counted ${got}`)
      return rate(n, now() - start)
    })
  }

  // Each client has a number, which the reply brings back to it.
  const settle = []
  take = (body) => settle[body[1]](body)
  const write = gathered(socket)
  const calls = async (client, n) => {
    const armed = (resolve) => {
      settle[client] = resolve
    }
    for (let i = 0; i < n; i++) {
      const bytes = frame(3, callBytes)
      bytes[5] = client
      const answered = new Promise(armed)
      write(bytes)
      await answered
    }
  }
  for (const prefix of ['calls', 'genserver_calls']) {
    for (const [clients, count] of [
      [1, 10_000],
      [100, 1_000],
    ]) {
      await measure(`${prefix}_${clients}`, 'calls/s', async () => {
        const n = amount(count)
        const start = now()
        await Promise.all(Array.from({ length: clients }, (_, client) => calls(client, n)))
        return rate(clients * n, now() - start)
      })
    }
  }
  process.exit(0)
}

await (role === 'peer' ? peer() : main())

/** Somebody who knocks at a node and does not speak the protocol, or not for long. Whatever comes of it, nobody else is to see it. */
import type { ByteStream } from '../../src/net/transport.js'
import { Random } from '../../src/testing/random.js'
import type { Simulation } from '../../src/testing/simulation.js'
import { nameOf } from './plan.js'

/** A hello of a node, as captured: `N`, flags, creation, and a name. */
function hello(random: Random): Uint8Array {
  const name = random.chance(0.5) ? nameOf(random.int(5)) : 'stranger@sim'
  const body = Buffer.alloc(15 + name.length)
  body.write('N')
  body.writeBigUInt64BE(0x0000_000d_07df_7fbdn, 1)
  body.writeUInt32BE(random.int(2 ** 32), 9)
  body.writeUInt16BE(name.length, 13)
  body.write(name, 15)
  return withLength(body)
}

function withLength(body: Uint8Array): Uint8Array {
  const bytes = Buffer.alloc(4 + body.length)
  bytes.writeUInt32BE(body.length)
  bytes.set(body, 4)
  return bytes
}

const noise = (random: Random, length: number) => Uint8Array.from({ length }, () => random.int(256))

/** What it says: nothing, noise, a hello that is cut off, altered, or good, and then what does not belong there. */
function speech(random: Random): Uint8Array[] {
  switch (random.int(6)) {
    case 0:
      return []
    case 1:
      return [noise(random, 1 + random.int(200))]
    case 2:
      return [hello(random).subarray(0, 1 + random.int(20))]
    case 3: {
      const altered = hello(random)
      altered[random.int(altered.length)] = random.int(256)
      return [altered]
    }
    case 4:
      return [hello(random), withLength(noise(random, random.int(60)))]
    default:
      return [hello(random), withLength(Buffer.concat([Buffer.from('r'), noise(random, 20)])), noise(random, 100)]
  }
}

/** Dials a node, says something, and hangs up, or does not. */
export function knock(simulation: Simulation, door: string, seed: number): void {
  const random = new Random(seed)
  const machine = 'stranger@sim'
  const port = { host: '127.0.0.1', port: simulation.port(door) }
  const { signal } = new AbortController()
  const { clock } = simulation
  const talk = (stream: ByteStream) => {
    stream.start({ data: () => {}, drain: () => {}, closed: () => {} })
    let afterMs = 0
    for (const words of speech(random)) {
      clock.setTimer(() => stream.write(words), (afterMs += random.between(0, 3_000)))
    }
    const last = random.chance(0.5) ? () => stream.destroy() : () => stream.close()
    clock.setTimer(last, afterMs + random.between(0, 20_000))
  }
  simulation.network
    .transport(machine)
    .dial(port, { node: door, alpn: [], signal })
    .then(talk, () => {})
}

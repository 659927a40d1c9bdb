/**
 * Control messages, right ones and such with an element too many or too few, after a login over plain TCP at a live Erlang node: whether it
 * closes the connection, compared with what reign does.
 */
import { connect } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { decode } from '../../src/codec/index.js'
import { digest } from '../../src/dist/digest.js'
import { hiddenFlags } from '../../src/dist/flags.js'
import { type HandshakeMessage, readToInitiator, writeHandshakeMessage } from '../../src/dist/handshake-messages.js'
import { ReignError } from '../../src/errors.js'
import { Secret } from '../../src/secret.js'
import type { Address } from '../../src/term/address.js'
import { book, controlReader, frame } from '../dist/control-kit.js'
import { controlNames, rightControl, wrongControl } from '../fuzz/wrong-control.js'
import { deadlineMs, eventually, within } from '../support/deadline.js'
import { type Epmd, startEpmd } from './epmd.js'
import { type ErlangNode, startErlang } from './erl.js'

const stranger = 'stranger@127.0.0.1'
const creation = 5
const from = book.address(stranger, 1, 0, creation)
const own = book.ref(stranger, creation, [1, 2, 3])

let epmd: Epmd
let erl: ErlangNode
let port: number
beforeAll(async () => {
  epmd = await startEpmd()
  erl = await startErlang({ name: 'x@127.0.0.1', cookie: 'secret', epmdPort: epmd.port })
  port = (await epmd.names()).get('x') ?? 0
})
afterAll(async () => {
  await erl?.kill()
  await epmd?.stop()
})

function prefixed(bytes: Uint8Array, lengthBytes: 2 | 4): Buffer {
  const all = Buffer.alloc(lengthBytes + bytes.length)
  all.writeUIntBE(bytes.length, 0, lengthBytes)
  all.set(bytes, lengthBytes)
  return all
}

/** Whether Erlang takes a frame: then what is asked behind it is answered, on the same connection. */
async function isTaken(bytes: Uint8Array): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  let received = Buffer.alloc(0)
  let closed = false
  socket.on('data', (chunk: Buffer) => {
    received = Buffer.concat([received, chunk])
  })
  socket.on('error', () => {})
  const over = new Promise<void>((resolve) =>
    socket.on('close', () => {
      closed = true
      resolve()
    }),
  )
  const say = (message: HandshakeMessage) => socket.write(prefixed(writeHandshakeMessage(message), 2))
  const messages = (): Buffer[] => {
    const all: Buffer[] = []
    for (let at = 0; at + 2 <= received.length; ) {
      const end = at + 2 + received.readUInt16BE(at)
      if (end > received.length || all.length === 3) break
      all.push(received.subarray(at + 2, end))
      at = end
    }
    return all
  }
  const heard = (count: number) =>
    eventually(() => messages().length >= count && messages(), deadlineMs, `${count} messages`)
  try {
    say({ tag: 'name', flags: hiddenFlags, creation, name: stranger })
    const [status, second] = await heard(2)
    expect(String(status)).toMatch(/^sok/)
    const asked = readToInitiator(second as Buffer)
    if (asked.tag !== 'challenge') throw new Error(`not a challenge: ${asked.tag}`)
    say({ tag: 'reply', challenge: 9, digest: digest(new Secret('secret'), asked.challenge) })
    await heard(3)
    const start = messages().reduce((sum, message) => sum + 2 + message.length, 0)
    socket.write(prefixed(bytes, 4))
    // The answer to this says `noproc`, and nothing else that it says has that atom and this word of a reference.
    const asking = book.ref(stranger, creation, [7, 7, 0x7e57_7e57])
    socket.write(prefixed(frame([19, from, Symbol.for('nobody_is_called_so'), asking]), 4))
    const mark = Buffer.from('7e577e57', 'hex')
    await eventually(() => closed || received.indexOf(mark, start) >= 0, deadlineMs, 'an answer, or the end')
    return received.indexOf(mark, start) >= 0
  } finally {
    socket.destroy()
    await within(deadlineMs, over, 'the end of the connection')
    await erl.waitFor(`not lists:member('${stranger}', nodes(connected))`, deadlineMs)
  }
}

/** Whether reign takes it. */
function weTake(bytes: Uint8Array): boolean {
  try {
    controlReader({ peer: { node: stranger, creation } }).read(bytes, 0, bytes.length)
    return true
  } catch (error) {
    if (error instanceof ReignError) return false
    throw error
  }
}

test('a control message of another arity ends the connection there as it does here, and what is right ends neither', async () => {
  // Of a process that is gone, so that nothing is done to anybody.
  const gone = await erl.bytes('term_to_binary(spawn(fun() -> ok end))')
  const speakers = { from, to: decode(gone, { node: { addressBook: book } }) as Address<never>, own }
  const differences: string[] = []
  let compared = 0
  for (const [op, name] of controlNames) {
    // Those of this library alone are none to Erlang; and of a trace token that is none, OTP 25 ends as a whole.
    if (op >= 128 || name.endsWith('_TT')) continue
    // Of elements of a wrong kind, OTP 25 cannot be asked: of some it ends, as a whole.
    const wrong = wrongControl(op, speakers).filter(([what]) => what.startsWith('an element too'))
    for (const [what, bytes] of [['right', rightControl(op, speakers)] as const, ...wrong]) {
      const theirs = await isTaken(bytes)
      compared++
      if (theirs !== weTake(bytes)) differences.push(`${name}, ${what}: ${theirs ? 'taken' : 'closed'} there`)
    }
  }
  expect(compared).toBeGreaterThan(50)
  // See docs/wire-control.md, "Where Erlang judges otherwise".
  expect(differences).toEqual(['NODE_LINK, right: closed there', 'SPAWN_REPLY, right: closed there'])
})

/**
 * How fast terms become bytes and come back, beside msgpackr, JSON and v8.serialize.
 *
 *   npm run bench:codec
 *
 * Each codec runs in a process of its own, as the types that one has seen slow the others down. A figure is the median of
 * five runs. `REIGN_LIB` names another build of the library than ../lib.
 */
import { execFileSync } from 'node:child_process'
import { fileURLToPath, pathToFileURL } from 'node:url'
import v8 from 'node:v8'

const lib =
  process.env.REIGN_LIB === undefined ? new URL('../lib/', import.meta.url) : pathToFileURL(`${process.env.REIGN_LIB}/`)
const runMs = Number(process.env.BENCH_RUN_MS ?? 400)
const runs = 5

/** The same message in all codecs: seven fields, two of them the addresses of a sender and a receiver. */
const chat = {
  to: { node: 'reign1@127.0.0.1', id: 123_456, creation: 1_764_000_000 },
  from: { node: 'reign2@127.0.0.1', id: 654_321, creation: 1_764_000_001 },
  kind: 'chat.say',
  ref: 4242,
  text: 'hello, world',
  sent: 1_764_000_000_123,
  tags: ['a', 'b', 'c'],
}
const kilobyte = Uint8Array.from({ length: 1024 }, (_, i) => (i * 167 + 255) & 0xff)

async function etf() {
  const { encode, decode } = await import(new URL('codec/index.js', lib))
  return { encode, decode }
}

/** As a connection uses it: into its slab, out of a frame, with real addresses in place of the two objects. */
async function wire() {
  const { encodeTerm } = await import(new URL('codec/encode.js', lib))
  const { Writer } = await import(new URL('codec/writer.js', lib))
  const { TermReader } = await import(new URL('codec/decode.js', lib))
  const { AtomBudget } = await import(new URL('codec/atom-budget.js', lib))
  const { detachedBook } = await import(new URL('codec/detached-book.js', lib))
  const book = detachedBook()
  const writer = new Writer(1 << 16)
  const reader = new TermReader({
    address: (...numbers) => book.address(...numbers),
    ref: (...parts) => book.ref(...parts),
    atoms: new AtomBudget(),
    binaries: 'text',
    floats: 'number',
    depthMax: 1_000,
    termCountMax: 4_000_000,
    bigintBytesMax: 65_536,
  })
  return {
    prepare: (value) =>
      value.to === undefined
        ? value
        : {
            ...value,
            to: book.address(value.to.node, value.to.id, 0, value.to.creation),
            from: book.address(value.from.node, value.from.id, 0, value.from.creation),
          },
    encode(value) {
      writer.length = 0
      encodeTerm(writer, value, book)
      return writer
    },
    finish: (written) => Buffer.from(written.buffer.subarray(0, written.length)),
    decode(bytes) {
      reader.load(bytes, 0, bytes.length)
      return reader.read()
    },
  }
}

const codecs = {
  'reign/etf': etf,
  'reign on the wire': wire,
  JSON: () => ({
    encode: (value) => Buffer.from(JSON.stringify(value)),
    decode: (bytes) => JSON.parse(bytes.toString()),
  }),
  'v8.serialize': () => ({ encode: v8.serialize, decode: v8.deserialize }),
  msgpackr: async () => {
    const { Packr } = await import('msgpackr')
    const packr = new Packr({ useRecords: false })
    return { encode: (value) => packr.pack(value), decode: (bytes) => packr.unpack(bytes) }
  },
}

/** Some give bytes as a Buffer, which JSON writes in another way. */
const shown = (value) => JSON.stringify(value instanceof Uint8Array ? [...value] : value)
const same = (a, b) => shown(a) === shown(b)

function rate(step) {
  let count = 0
  let result
  const started = performance.now()
  let now = started
  while (now - started < runMs) {
    for (let i = 0; i < 200; i++) result = step()
    count += 200
    now = performance.now()
  }
  if (result === undefined) throw new Error('the step gave nothing')
  return (count / (now - started)) * 1_000
}

function median(step) {
  rate(step)
  const rates = Array.from({ length: runs }, () => rate(step)).sort((a, b) => a - b)
  return rates[(runs - 1) / 2]
}

async function measure(name, payload) {
  const codec = await codecs[name]()
  // JSON has no bytes: what people send there is Base64.
  const inJson = name === 'JSON' && payload === 'binary'
  const plain = payload === 'chat' ? chat : inJson ? Buffer.from(kilobyte).toString('base64') : kilobyte
  const value = codec.prepare?.(plain) ?? plain
  const finish = codec.finish ?? ((made) => made)
  const bytes = finish(codec.encode(value))
  if (!same(codec.decode(bytes), value)) throw new Error(`${name} does not bring a ${payload} back`)
  const encode = inJson ? () => codec.encode(Buffer.from(kilobyte).toString('base64')) : () => codec.encode(value)
  const decode = inJson ? () => Buffer.from(codec.decode(bytes), 'base64') : () => codec.decode(bytes)
  return { name, payload, encode: median(encode), decode: median(decode), bytes: bytes.length }
}

if (process.argv[2] === '--measure') {
  console.log(JSON.stringify(await measure(process.argv[3], process.argv[4])))
} else {
  const self = fileURLToPath(import.meta.url)
  const million = (perSecond) => (perSecond / 1e6).toFixed(2).padStart(12)
  console.log(
    `Node.js ${process.version}, ${process.arch}; million terms a second, median of ${runs} runs of ${runMs} ms`,
  )
  for (const payload of ['chat', 'binary']) {
    console.log(payload === 'chat' ? '\na chat message of 7 fields' : '\na binary of 1 KiB')
    console.log(`${'codec'.padEnd(20)}${'encode'.padStart(12)}${'decode'.padStart(12)}${'bytes'.padStart(8)}`)
    for (const name of Object.keys(codecs)) {
      const line = execFileSync(process.execPath, [self, '--measure', name, payload], { encoding: 'utf8' })
      const { encode, decode, bytes } = JSON.parse(line)
      console.log(`${name.padEnd(20)}${million(encode)}${million(decode)}${String(bytes).padStart(8)}`)
    }
  }
}

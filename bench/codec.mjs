/**
 * How fast terms become bytes and come back, beside msgpackr, JSON and v8.serialize.
 *
 *   npm run bench:codec              all messages
 *   npm run bench:codec -- chat      some of them: chat, rows, binary, bulk
 *
 * Each codec runs in a process of its own, as the types that one has seen slow the others down. A figure is the median of
 * five runs. `REIGN_LIB` names another build of the library than ../lib.
 */
import { execFileSync } from 'node:child_process'
import { fileURLToPath, pathToFileURL } from 'node:url'
import v8 from 'node:v8'

const lib =
  process.env.REIGN_LIB === undefined ? new URL('../lib/', import.meta.url) : pathToFileURL(`${process.env.REIGN_LIB}/`)
const runMs = Number(process.env.BENCH_RUN_MS ?? 200)
const runs = 5
/** Between two looks at the clock. */
const stepsAtOnce = 20

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
/** What a query might give: objects of one kind. */
const rows = Array.from({ length: 100 }, (_, id) => ({ id, name: `name ${id}`, price: id * 1.5, tags: ['a', 'b'] }))
const bytes = (length) => Uint8Array.from({ length }, (_, i) => (i * 167 + 255) & 0xff)
const messages = {
  chat: { title: 'a chat message of 7 fields', value: chat },
  rows: { title: 'an array of 100 objects of 4 fields', value: rows },
  binary: { title: 'a binary of 1 KiB', value: bytes(1_024) },
  bulk: { title: 'a binary of 64 KiB', value: bytes(65_536) },
}

async function etf() {
  const { encode, decode } = await import(new URL('codec/index.js', lib))
  return { encode, decode }
}

/** As a connection uses it: into its slab, out of a frame, with real addresses in place of the two objects. */
const wire = (javascript) => async () => {
  const { encodeTerm } = await import(new URL('codec/encode.js', lib))
  const { Writer } = await import(new URL('codec/writer.js', lib))
  const { TermReader } = await import(new URL('codec/decode.js', lib))
  const { AtomBudget } = await import(new URL('codec/atom-budget.js', lib))
  const { detachedBook } = await import(new URL('codec/detached-book.js', lib))
  const book = detachedBook()
  const encoding = { refLeaves: (ref) => book.refLeaves(ref), javascript }
  const writer = new Writer(1 << 17)
  const reader = new TermReader({
    address: (...numbers) => book.address(...numbers),
    ref: (...parts) => book.ref(...parts),
    atoms: new AtomBudget(),
    binaries: 'text',
    floats: 'number',
    depthMax: 1_000,
    termCountMax: 4_000_000,
    bigintBytesMax: 65_536,
    memory: 'shared',
    javascript,
  })
  return {
    prepare: (value) =>
      value.to === undefined // of a chat message alone
        ? value
        : {
            ...value,
            to: book.address(value.to.node, value.to.id, 0, value.to.creation),
            from: book.address(value.from.node, value.from.id, 0, value.from.creation),
          },
    encode(value) {
      writer.length = 0
      encodeTerm(writer, value, encoding)
      return writer
    },
    finish: (written) => Buffer.from(written.buffer.subarray(0, written.length)),
    decode(bytes) {
      reader.load(bytes, 0, bytes.length)
      return reader.readPayload()
    },
  }
}

const codecs = {
  'reign/etf': etf,
  'etf on the wire': wire(false),
  'js on the wire': wire(true),
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
  /** Both ends remember the kinds of objects that went before: of those, keys are not sent again. */
  'msgpackr, records': async () => {
    const { Packr } = await import('msgpackr')
    const packr = new Packr({ structures: [] })
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
    for (let i = 0; i < stepsAtOnce; i++) result = step()
    count += stepsAtOnce
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
  const given = messages[payload].value
  // JSON has no bytes: what people send there is Base64.
  const inJson = name === 'JSON' && given instanceof Uint8Array
  const plain = inJson ? Buffer.from(given).toString('base64') : given
  const value = codec.prepare?.(plain) ?? plain
  const finish = codec.finish ?? ((made) => made)
  const written = finish(codec.encode(value))
  if (!same(codec.decode(written), value)) throw new Error(`${name} does not bring a ${payload} back`)
  const encode = inJson ? () => codec.encode(Buffer.from(given).toString('base64')) : () => codec.encode(value)
  const decode = inJson ? () => Buffer.from(codec.decode(written), 'base64') : () => codec.decode(written)
  return { name, payload, encode: median(encode), decode: median(decode), bytes: written.length }
}

if (process.argv[2] === '--measure') {
  console.log(JSON.stringify(await measure(process.argv[3], process.argv[4])))
} else {
  const self = fileURLToPath(import.meta.url)
  const asked = process.argv.slice(2)
  const million = (perSecond) => (perSecond / 1e6).toFixed(3).padStart(12)
  console.log(
    `Node.js ${process.version}, ${process.arch}; million terms a second, median of ${runs} runs of ${runMs} ms`,
  )
  for (const [payload, { title }] of Object.entries(messages)) {
    if (asked.length > 0 && !asked.includes(payload)) continue
    console.log(`\n${title}`)
    console.log(`${'codec'.padEnd(20)}${'encode'.padStart(12)}${'decode'.padStart(12)}${'bytes'.padStart(8)}`)
    for (const name of Object.keys(codecs)) {
      const line = execFileSync(process.execPath, [self, '--measure', name, payload], { encoding: 'utf8' })
      const { encode, decode, bytes: length } = JSON.parse(line)
      console.log(`${name.padEnd(20)}${million(encode)}${million(decode)}${String(length).padStart(8)}`)
    }
  }
}

/**
 * Somebody beside who sees that an input does not end: a loop without an end would otherwise say nothing, and to no one.
 *
 * A thread of its own, to which the input under way is told through shared memory. After half a minute with one input it prints that, and
 * ends the program.
 */
import { Worker } from 'node:worker_threads'
import { inputBytesMax } from './mutate.js'

const patienceMs = 30_000
const headWords = 3

const source = `
const { workerData: memory } = require('node:worker_threads')
const { writeSync } = require('node:fs')
const words = new Int32Array(memory, 0, ${headWords})
let last = -1
setInterval(() => {
  const [number, length, name] = words
  if (number !== last) return void (last = number)
  if (length < 0) return
  const bytes = Buffer.from(memory, ${headWords * 4})
  writeSync(2, 'an input does not end: ' + bytes.toString('latin1', 0, name) + ' ' + bytes.toString('hex', name, name + length) + '\\n')
  process.kill(process.pid, 'SIGKILL')
}, ${patienceMs})
`

/** See the head of this file. */
export class Watchdog {
  readonly #memory = new SharedArrayBuffer(headWords * 4 + 64 + inputBytesMax * 2)
  readonly #words = new Int32Array(this.#memory, 0, headWords)
  readonly #bytes = Buffer.from(this.#memory, headWords * 4)
  readonly #worker = new Worker(source, { eval: true, workerData: this.#memory })
  #name = ''

  begins(target: string, input: Uint8Array): void {
    if (target !== this.#name) {
      this.#name = target
      this.#words[2] = this.#bytes.write(target, 'latin1')
    }
    const at = this.#words[2] as number
    const length = Math.min(input.length, this.#bytes.length - at)
    this.#bytes.set(length < input.length ? input.subarray(0, length) : input, at)
    this.#words[1] = length
    this.#words[0] = ((this.#words[0] as number) + 1) | 0
  }

  /** Nothing is under way until the next input. */
  rest(): void {
    this.#words[1] = -1
  }

  stop(): void {
    this.rest()
    void this.#worker.terminate()
  }
}

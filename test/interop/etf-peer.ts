/**
 * A live Erlang that answers questions about the External Term Format over its standard input and output: packets with
 * four length bytes, no distribution, no network.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const answerMs = 60_000

/** What can be asked: see etf_peer.erl. */
export type EtfQuestion = 'e' | 'g' | 'c'

export class EtfPeer {
  readonly #folder: string
  readonly #child: ChildProcess
  #received: Buffer[] = []
  #receivedBytes = 0
  #waiting: ((packet: Buffer) => void) | undefined
  #stderr = ''

  private constructor(folder: string) {
    this.#folder = folder
    // Nothing of the environment that another test may have set for its own nodes.
    this.#child = spawn('erl', ['-noinput', '-boot', 'start_clean', '-pa', folder, '-eval', 'etf_peer:main().'], {
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    this.#child.stdout?.on('data', (chunk: Buffer) => this.#take(chunk))
    this.#child.stderr?.on('data', (chunk: Buffer) => {
      this.#stderr = (this.#stderr + chunk.toString()).slice(-4_000)
    })
  }

  /** Compiles the Erlang side and starts it. */
  static start(): EtfPeer {
    const folder = mkdtempSync(join(tmpdir(), 'reign-etf-'))
    execFileSync('erlc', ['-o', folder, fileURLToPath(new URL('etf_peer.erl', import.meta.url))])
    return new EtfPeer(folder)
  }

  /** The items that the peer answers to these. */
  async ask(question: EtfQuestion, items: readonly Uint8Array[]): Promise<Buffer[]> {
    return itemsOf(await this.#exchange(Buffer.concat([Buffer.from(question), ...items.flatMap(withLength)])))
  }

  /** Terms that the peer makes at random from a seed, in its own encoding. It remembers them for question `c`. */
  async make(seed: number, count: number): Promise<Buffer[]> {
    const question = Buffer.alloc(9, 'g')
    question.writeUInt32BE(seed, 1)
    question.writeUInt32BE(count, 5)
    return itemsOf(await this.#exchange(question))
  }

  /** Ends the peer; resolves when it is gone. */
  async stop(): Promise<void> {
    const { exitCode, signalCode } = this.#child
    if (exitCode === null && signalCode === null) {
      const gone = new Promise((resolve) => this.#child.once('exit', resolve))
      // The end of its input is what it stops at; the signal is for one that hangs.
      this.#child.stdin?.end()
      const killer = setTimeout(() => this.#child.kill('SIGKILL'), 5_000)
      await gone
      clearTimeout(killer)
    }
    rmSync(this.#folder, { recursive: true, force: true })
  }

  #exchange(packet: Buffer): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const fail = (why: string) => reject(new Error(`the Erlang side ${why}: ${this.#stderr}`))
      const deadline = setTimeout(() => fail(`gave no answer within ${answerMs} ms`), answerMs)
      const onExit = () => fail('has exited')
      this.#child.once('exit', onExit)
      this.#waiting = (answer) => {
        clearTimeout(deadline)
        this.#child.off('exit', onExit)
        resolve(answer)
      }
      this.#child.stdin?.write(Buffer.concat(withLength(packet)))
    })
  }

  /** Joins what has come only once it is all there: answers have megabytes. */
  #take(chunk: Buffer): void {
    this.#received.push(chunk)
    this.#receivedBytes += chunk.length
    if (this.#receivedBytes < 4) return
    if ((this.#received[0]?.length ?? 0) < 4) this.#received = [Buffer.concat(this.#received)]
    const end = 4 + (this.#received[0]?.readUInt32BE(0) ?? 0)
    if (this.#receivedBytes < end) return
    const packet = Buffer.concat(this.#received).subarray(4, end)
    // One question at a time: nothing can follow an answer.
    this.#received = []
    this.#receivedBytes = 0
    this.#waiting?.(packet)
  }
}

function withLength(item: Uint8Array): [Buffer, Uint8Array] {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(item.length)
  return [length, item]
}

function itemsOf(packet: Buffer): Buffer[] {
  const items: Buffer[] = []
  for (let at = 0; at < packet.length; ) {
    const end = at + 4 + packet.readUInt32BE(at)
    items.push(packet.subarray(at + 4, end))
    at = end
  }
  return items
}

/** Lines in and out of one terminal: what arrives is shown above the line that is being typed. A pipe is a terminal without a prompt. */
import { clearScreenDown, createInterface, cursorTo, type Interface, moveCursor } from 'node:readline'

/** Standard input and output, or what a test has for them. */
export interface TerminalStreams {
  readonly input: NodeJS.ReadableStream & { readonly isTTY?: boolean }
  readonly output: NodeJS.WritableStream & { readonly isTTY?: boolean }
}

/** See the head of this file. */
export class LineTerminal {
  /** Whether somebody sits there, types, and sees. */
  readonly interactive: boolean
  readonly #streams: TerminalStreams
  readonly #prompt: string
  #reader: Interface | undefined
  #closed = false
  #interrupted = false

  constructor(prompt: string, streams: TerminalStreams = { input: process.stdin, output: process.stdout }) {
    this.#prompt = prompt
    this.#streams = streams
    this.interactive = streams.input.isTTY === true && streams.output.isTTY === true
  }

  /** Whether Ctrl-C has ended it. While a line is edited, the terminal sends a character for that and no signal. */
  get interrupted(): boolean {
    return this.#interrupted
  }

  /** Shows a line. */
  say(line: string): void {
    const reader = this.#reader
    const { output } = this.#streams
    if (!this.interactive || reader === undefined || this.#closed) {
      output.write(`${line}\n`)
      return
    }
    // The line that is being typed may have several rows: from its first on, all is written anew.
    const { rows } = reader.getCursorPos()
    if (rows > 0) moveCursor(output, 0, -rows)
    cursorTo(output, 0)
    clearScreenDown(output)
    output.write(`${line}\n`)
    // Not public, and without it only a line of several rows is shown in the wrong place: the reader would go up once more.
    ;(reader as { prevRows?: number }).prevRows = 0
    reader.prompt(true)
  }

  /** The lines that come in, until the input ends or {@link close}. To be asked for once. */
  async *lines(): AsyncGenerator<string> {
    if (this.#closed) return
    const { input, output } = this.#streams
    const reader = createInterface(
      this.interactive ? { input, output, prompt: this.#prompt } : { input, crlfDelay: Number.POSITIVE_INFINITY },
    )
    this.#reader = reader
    reader.on('SIGINT', () => {
      this.#interrupted = true
      this.close()
    })
    if (this.interactive) reader.prompt()
    try {
      for await (const line of reader) {
        yield line
        if (this.interactive && !this.#closed) reader.prompt()
      }
    } finally {
      this.close()
    }
  }

  /** Reads no more. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#reader?.close()
    // The prompt stays behind on its line.
    if (this.interactive && this.#reader !== undefined) this.#streams.output.write('\n')
  }
}

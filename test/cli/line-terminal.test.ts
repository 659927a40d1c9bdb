/** The terminal of the chat, with streams for a terminal: what is shown above the line that is being typed. */
import { PassThrough } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { LineTerminal } from '../../src/cli/line-terminal.js'
import { eventually, within } from '../support/deadline.js'

const controlSequence = new RegExp(`^${'\u001b'}\\[(\\d*)([A-Za-z])`)

/** A screen of a few columns that knows the sequences that are used, and no others. */
class Screen {
  readonly columns: number
  readonly #rows: string[] = ['']
  #row = 0
  #column = 0

  constructor(columns: number) {
    this.columns = columns
  }

  get text(): string {
    return this.#rows.join('\n')
  }

  write(text: string): void {
    for (let rest = text; rest !== ''; ) {
      const sequence = controlSequence.exec(rest)
      if (sequence !== null) this.#command(String(sequence[2]), Number(sequence[1] || Number.NaN))
      else if (rest.startsWith('\u001b')) throw new Error(`unknown: ${JSON.stringify(rest.slice(0, 10))}`)
      else this.#character(rest[0] ?? '')
      rest = rest.slice(sequence?.[0].length ?? 1)
    }
  }

  #command(letter: string, count: number): void {
    const times = Number.isNaN(count) ? 1 : count
    if (letter === 'A') this.#row = Math.max(0, this.#row - times)
    else if (letter === 'B') this.#to(this.#row + times)
    else if (letter === 'C') this.#column += times
    else if (letter === 'D') this.#column = Math.max(0, this.#column - times)
    else if (letter === 'G') this.#column = times - 1
    else if (letter === 'J' && count === 0) {
      this.#rows[this.#row] = this.#here().slice(0, this.#column)
      this.#rows.length = this.#row + 1
    } else throw new Error(`unknown: ${count}${letter}`)
  }

  #character(character: string): void {
    if (character === '\r') this.#column = 0
    else if (character === '\n') {
      this.#to(this.#row + 1)
      this.#column = 0
    } else {
      if (this.#column === this.columns) {
        this.#to(this.#row + 1)
        this.#column = 0
      }
      const here = this.#here().padEnd(this.#column)
      this.#rows[this.#row] = here.slice(0, this.#column) + character + here.slice(this.#column + 1)
      this.#column++
    }
  }

  #to(row: number): void {
    while (this.#rows.length <= row) this.#rows.push('')
    this.#row = row
  }

  #here(): string {
    return this.#rows[this.#row] ?? ''
  }
}

class FakeTty {
  readonly screen = new Screen(20)
  readonly input = Object.assign(new PassThrough(), { isTTY: true })
  readonly output = Object.assign(new PassThrough(), { isTTY: true, columns: 20 })
  readonly terminal: LineTerminal = new LineTerminal('me> ', this)
  readonly lines: string[] = []
  readonly ended: Promise<void>

  constructor() {
    this.output.setEncoding('utf8').on('data', (text: string) => this.screen.write(text))
    this.ended = (async () => {
      for await (const line of this.terminal.lines()) this.lines.push(line)
    })()
  }

  shows(text: string): Promise<true> {
    return eventually(
      () => {
        expect(this.screen.text.replace(/ +$/gm, '')).toBe(text)
        return true
      },
      15_000,
      'the screen',
    )
  }
}

describe('somebody at a terminal', () => {
  test('sees what arrives above what is being typed', async () => {
    const tty = new FakeTty()
    await tty.shows('me>')
    tty.input.write('hel')
    await tty.shows('me> hel')
    tty.terminal.say('bob: a')
    tty.terminal.say('bob: b')
    await tty.shows('bob: a\nbob: b\nme> hel')
    tty.input.write('lo\r')
    await eventually(() => tty.lines.length === 1, 15_000)
    expect(tty.lines).toEqual(['hello'])
    await tty.shows('bob: a\nbob: b\nme> hello\nme>')
  })

  test('also while that has several rows', async () => {
    const tty = new FakeTty()
    const long = 'x'.repeat(30)
    tty.input.write(long)
    await tty.shows(`me> ${'x'.repeat(16)}\n${'x'.repeat(14)}`)
    tty.terminal.say('bob: a')
    await tty.shows(`bob: a\nme> ${'x'.repeat(16)}\n${'x'.repeat(14)}`)
    tty.terminal.say('bob: b')
    await tty.shows(`bob: a\nbob: b\nme> ${'x'.repeat(16)}\n${'x'.repeat(14)}`)
    tty.input.write('y\r')
    await eventually(() => tty.lines.length === 1, 15_000)
    expect(tty.lines).toEqual([`${long}y`])
  })

  test.each([
    ['Ctrl-D', '\u0004', false],
    ['Ctrl-C', '\u0003', true],
  ])('ends it with %s', async (_, key, interrupted) => {
    const tty = new FakeTty()
    await tty.shows('me>')
    tty.input.write(key)
    await within(15_000, tty.ended, 'the end of the lines')
    expect(tty.terminal.interrupted).toBe(interrupted)
    tty.terminal.say('bob: too late')
    await tty.shows('me>\nbob: too late\n')
  })
})

describe('a pipe', () => {
  test('has no prompt; its lines come whole, and end with it', async () => {
    const [input, output] = [new PassThrough(), new PassThrough()]
    const terminal = new LineTerminal('me> ', { input, output })
    expect(terminal.interactive).toBe(false)
    terminal.say('* hello')
    input.write('one\ntw')
    input.end('o\r\nthree')
    const lines: string[] = []
    for await (const line of terminal.lines()) lines.push(line)
    expect(lines).toEqual(['one', 'two', 'three'])
    expect(String(output.read())).toBe('* hello\n')
  })

  test('can be left before its end', async () => {
    const input = new PassThrough()
    const terminal = new LineTerminal('', { input, output: new PassThrough() })
    input.write('one\n')
    const lines: string[] = []
    const ended = (async () => {
      for await (const line of terminal.lines()) lines.push(line)
    })()
    await eventually(() => lines.length === 1, 15_000)
    terminal.close()
    await within(15_000, ended, 'the end of the lines')
    for await (const line of terminal.lines()) throw new Error(line)
    expect(terminal.interrupted).toBe(false)
  })
})

/** Waits of the demo for what is to come true: they end with the child process that it is about, the step, or the command. */
import type { ChildProcess } from 'node:child_process'
import type { Readable } from 'node:stream'
import { ReignError } from '../errors.js'
import { quoteRemote } from '../remote-text.js'
import type { CommandContext } from './context.js'

/** How long any one step may take before the demo calls itself failed, in milliseconds. */
const stepMs = 20_000

/** See the head of this file. */
export class DemoWatch {
  readonly #name: string
  readonly #context: CommandContext
  readonly #looks = new Set<() => void>()
  #ended: ReignError | undefined

  constructor(name: string, child: ChildProcess | undefined, context: CommandContext) {
    this.#name = name
    this.#context = context
    if (child !== undefined) this.#follow(name, child)
  }

  /** Something has changed. */
  look(): void {
    for (const look of [...this.#looks]) look()
  }

  /** Resolves when `reached` gives `true`. */
  until(reached: () => boolean, what: () => string): Promise<void> {
    const { clock, stop } = this.#context
    return new Promise((resolve, reject) => {
      const settle = (outcome: () => void) => {
        clock.clearTimer(timer)
        stop.removeEventListener('abort', look)
        this.#looks.delete(look)
        outcome()
      }
      const look = () => {
        if (stop.aborted) settle(() => reject(stop.reason))
        else if (reached()) settle(resolve)
        else if (this.#ended !== undefined) settle(() => reject(this.#ended))
      }
      const late = () => {
        const text = `${this.#name} has not come so far within ${stepMs} ms that ${what()}`
        settle(() => reject(new ReignError('ERR_REIGN_TIMEOUT', text)))
      }
      const timer = clock.setTimer(late, stepMs)
      stop.addEventListener('abort', look)
      this.#looks.add(look)
      look()
    })
  }

  #follow(name: string, child: ChildProcess): void {
    let errors = ''
    const stderr: Readable | null = child.stderr
    stderr?.setEncoding('utf8').on('data', (text: string) => {
      errors = (errors + text).slice(-2_000)
    })
    const ended = (how: string) => {
      const last = errors.trim() === '' ? '' : `: ${quoteRemote(errors.trim())}`
      this.#ended ??= new ReignError('ERR_REIGN_CONNECTION_LOST', `${name} ${how}${last}`)
      this.look()
    }
    child.once('error', (error) => ended(`could not be started: ${error.message}`))
    child.once('close', (code, signal) => ended(signal === null ? `ended with code ${code}` : `was ended by ${signal}`))
  }
}

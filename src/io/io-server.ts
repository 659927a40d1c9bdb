/**
 * Where the output of processes goes: Erlang's io protocol, as its server. What `io:format` on another node sends to a group leader of this
 * one is answered here, and its text given to a function.
 *
 * There is nothing to be read: reading answers `eof`. All is bounded: a text, what waits to be written, and what a format may make.
 * Source: "The Erlang I/O Protocol" of OTP's documentation; protocol reference, "io protocol".
 */
import type { Clock } from '../clock.js'
import { describe, ReignError } from '../errors.js'
import { LogPace } from '../log-pace.js'
import type { Logger } from '../logger.js'
import type { Service } from '../process/service.js'
import { quoteRemote } from '../remote-text.js'
import { Address } from '../term/address.js'
import { isTuple, tuple } from '../term/tuple.js'
import { charactersText, type Encoding, NoText } from './characters.js'
import { BadFormat, formatText } from './format.js'
import { termText } from './term-text.js'
import { TextBudget, TextTooLong } from './text-budget.js'

/**
 * Takes what processes write. A promise that it gives is waited for before the next text comes, and before the process goes on that
 * has written: so a slow output slows down who writes.
 *
 * @param from The process that wrote.
 */
export type Output = (text: string, from: Address<never>) => unknown

/** Characters (UTF-16 units) of one text. */
const textMax = 1024 * 1024
/** Characters that wait to be written. */
const waitingMax = 4 * textMax
/** Lines of output a second in a log. */
const loggedMax = 100
/** Requests that wait for those before them. */
const requestsMax = 1_000

const [ioRequest, ioReply, ok, error, eof, request, encoding, unicode] = [
  'io_request',
  'io_reply',
  'ok',
  'error',
  'eof',
  'request',
  'encoding',
  'unicode',
].map(Symbol.for) as [symbol, symbol, symbol, symbol, symbol, symbol, symbol, symbol]

const failed = (reason: string): readonly unknown[] => tuple(error, Symbol.for(reason))
const notSupported = failed('enotsup')
const notKnown = tuple(error, request)
const tooMuch = failed('system_limit')

/** What a request comes to: its answer, after its text was written, if it has any. */
interface Work {
  readonly text: string
  readonly answer: unknown
}

interface Waiting extends Work {
  readonly from: Address<unknown>
  readonly replyAs: unknown
}

/** See the head of this file. Its address is a group leader, `self.groupLeader = server.address`. */
export class IoServer implements Disposable {
  readonly #service: Service
  readonly #output: Output
  readonly #logger: Logger
  readonly #pace: LogPace
  readonly #queue: Waiting[] = []
  #waiting = 0
  #writes = false

  /** @internal Made by `node.ioServer`. */
  constructor(open: (handle: (message: unknown) => void) => Service, output: Output, logger: Logger, clock: Clock) {
    if (typeof output !== 'function') {
      throw new ReignError('ERR_REIGN_ARGUMENT', 'output is a function that takes text')
    }
    this.#output = output
    this.#logger = logger
    this.#pace = new LogPace(clock)
    this.#service = open((message) => this.#handle(message))
  }

  /** Who is to be the group leader of those that write here. */
  get address(): Address<unknown> {
    return this.#service.self as Address<unknown>
  }

  /** Ends it: who writes here from now on is told so. Erlang: the end of a group leader. */
  close(): void {
    this.#service.terminate(Symbol.for('normal'))
  }

  [Symbol.dispose](): void {
    this.close()
  }

  #handle(message: unknown): void {
    if (!isTuple(message) || message.length !== 4 || message[0] !== ioRequest) return
    const [, from, replyAs, wanted] = message
    if (!(from instanceof Address)) return
    const work = workOf(wanted)
    const waiting = { ...work, from: from as Address<unknown>, replyAs }
    const isFull = this.#waiting + work.text.length > waitingMax || this.#queue.length >= requestsMax
    if (isFull) return answerTo({ ...waiting, answer: tooMuch })
    this.#waiting += work.text.length
    this.#queue.push(waiting)
    this.#write()
  }

  /** Writes what waits, one text after the other. */
  #write(): void {
    // Whoever writes from within the function that writes comes after it.
    if (this.#writes) return
    this.#writes = true
    for (let next = this.#queue[0]; next !== undefined; next = this.#queue[0]) {
      const written = this.#give(next)
      if (written === undefined) continue
      void written.then(() => {
        this.#writes = false
        this.#write()
      })
      return
    }
    this.#writes = false
  }

  /** Gives one text to the function, and answers; a promise when that takes a while. */
  #give(waiting: Waiting): Promise<void> | undefined {
    const done = (answer: unknown) => {
      this.#queue.shift()
      this.#waiting -= waiting.text.length
      answerTo({ ...waiting, answer })
    }
    const gaveUp = (why: unknown) => {
      this.#pace.tell((untold) => this.#logger.warn({ error: describe(why), ...untold }, 'output could not be written'))
      done(failed('eio'))
    }
    try {
      const written = waiting.text === '' ? undefined : this.#output(waiting.text, waiting.from as Address<never>)
      if (!isPromise(written)) return done(waiting.answer) as undefined
      return Promise.resolve(written).then(() => done(waiting.answer), gaveUp)
    } catch (why) {
      return gaveUp(why) as undefined
    }
  }
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { then?: unknown } | undefined)?.then === 'function'
}

/** Answers go nowhere when who asked has ended, as everywhere. */
function answerTo({ from, replyAs, answer }: Waiting): void {
  from.send(tuple(ioReply, replyAs, answer))
}

/** What a request asks for; what is wrong with it is its answer. */
function workOf(wanted: unknown, budget: TextBudget = new TextBudget(textMax)): Work {
  try {
    return run(wanted, budget)
  } catch (why) {
    if (why instanceof TextTooLong) return answered(tooMuch)
    if (why instanceof NoText) return answered(failed('no_translation'))
    if (why instanceof BadFormat) return answered(failed('badarg'))
    throw why
  }
}

function run(wanted: unknown, budget: TextBudget): Work {
  if (wanted === Symbol.for('getopts')) return answered([tuple(encoding, unicode)])
  if (!isTuple(wanted)) return answered(notKnown)
  const [kind, ...args] = wanted as unknown as readonly unknown[]
  switch (typeof kind === 'symbol' ? kind.description : undefined) {
    case 'put_chars':
      return put(args, budget)
    case 'requests':
      return args.length === 1 && Array.isArray(args[0]) ? all(args[0], budget) : answered(notKnown)
    case 'setopts':
      return answered(Array.isArray(args[0]) && args[0].every(isSettable) ? ok : notSupported)
    case 'get_line':
    case 'get_chars':
    case 'get_until':
    case 'get_password':
      return answered(eof)
    case 'get_geometry':
      return answered(notSupported)
    default:
      return answered(notKnown)
  }
}

function answered(answer: unknown): Work {
  return { text: '', answer }
}

/** Those that say what is the case anyway. */
function isSettable(option: unknown): boolean {
  if (option === Symbol.for('list') || option === Symbol.for('binary')) return true
  if (!isTuple(option) || option.length !== 2) return false
  const [name, value] = option as readonly unknown[]
  if (name === encoding) return value === unicode || value === Symbol.for('utf8')
  return name === Symbol.for('binary') || name === Symbol.for('echo')
}

/** One after the other, until one fails: the answer is that of the last, and what came before it is written. */
function all(list: readonly unknown[], budget: TextBudget): Work {
  let done: Work = answered(ok)
  let text = ''
  for (const each of list) {
    done = workOf(each, budget)
    text += done.text
    if (isTuple(done.answer)) break
  }
  return { text, answer: done.answer }
}

/** `{put_chars, Encoding, Chars}`, `{put_chars, Encoding, M, F, Args}`, and the forms without an encoding, which are older. */
function put(args: readonly unknown[], budget: TextBudget): Work {
  const named = args.length === 2 || args.length === 4
  const [first, ...rest] = named ? args : [Symbol.for('latin1'), ...args]
  const kind = encodingOf(first)
  if (kind === undefined) return answered(notKnown)
  if (rest.length === 1) return { text: charactersText(rest[0], kind, budget), answer: ok }
  const [module, name, given] = rest
  if (rest.length !== 3 || module !== Symbol.for('io_lib') || !Array.isArray(given)) return answered(notKnown)
  const text = ioLib(typeof name === 'symbol' ? name.description : undefined, given, budget)
  return text === undefined ? answered(notKnown) : { text, answer: ok }
}

function encodingOf(name: unknown): Encoding | undefined {
  if (name === unicode || name === Symbol.for('utf8')) return 'unicode'
  return name === Symbol.for('latin1') ? 'latin1' : undefined
}

/** The functions of Erlang's `io_lib` that are asked for by name. No other code is run for others. */
function ioLib(name: string | undefined, args: readonly unknown[], budget: TextBudget): string | undefined {
  if ((name === 'format' || name === 'fwrite') && args.length === 2) return formatText(args[0], args[1], budget)
  const style = { encoding: 'latin1', depth: -1 } as const
  if (name === 'write' && args.length === 1) return termText(args[0], { ...style, strings: false }, budget)
  if (name === 'print' && args.length === 1) return termText(args[0], { ...style, strings: true }, budget)
  if (name === 'nl' && args.length === 0) return '\n'
  return undefined
}

/** Output to a log: quoted, cut, and so many lines a second, as everything that comes from others. */
export function loggedOutput(logger: Logger, clock: Clock): Output {
  const pace = new LogPace(clock, { linesMax: loggedMax })
  return (text, from) =>
    pace.tell((untold) =>
      logger.info({ process: String(from), text: quoteRemote(text), ...untold }, 'output of a process'),
    )
}

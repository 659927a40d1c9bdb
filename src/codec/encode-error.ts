/**
 * Errors as Erlang writes them: `{{Name, Message}, Stack}`, which Erlang's shells and loggers print as a crash with a trace.
 *
 * Only names that programs are made of become atoms (an Erlang node never frees one), so nothing that a user typed does:
 * what is no plain identifier is replaced.
 */
import { RaisedError } from '../errors.js'
import { atom } from '../term/atom.js'
import { charlist } from '../term/text.js'
import { type Tuple, tuple } from '../term/tuple.js'

/** Frames of the stack that are sent. */
const framesMax = 16
const identifier = /^[A-Za-z_$][\w$]{0,63}$/
/** `    at async Shop.quote [as ask] (file:///srv/shop.js:12:5)`, of which most parts may be missing. */
const frame =
  /^ {4}at (?:async )?(?:new )?(?:([^\s()]{1,128}) (?:\[as [^\]\s]{1,128}\] )?\()?(?:file:\/\/)?([^()]{1,1024}):(\d{1,9}):\d{1,9}\)?$/

/**
 * The term of an error.
 *
 * Name: `error.name` when it is an identifier, else `Error`. Message: a text. Stack: a list of
 * `{Module, Function, 0, [{file, Charlist}, {line, Line}]}` of at most 16 frames, of the lines that name a file; the module is the
 * name of the file without its ending, the function its last part, `anonymous` where there is none.
 */
export function errorTerm(error: Error): Tuple {
  if (error instanceof RaisedError) return tuple(error.reason, error.stackTrace) as unknown as Tuple
  const name = textOf(error, 'name')
  const message = textOf(error, 'message')
  const tag = atom(identifier.test(name) ? name : 'Error')
  return tuple(tuple(tag, message), stackFrames(textOf(error, 'stack'), message)) as unknown as Tuple
}

/** One text of an error. Any of them may be missing, something else, or a getter that throws. */
function textOf(error: Error, key: 'name' | 'message' | 'stack'): string {
  try {
    const text: unknown = error[key]
    return typeof text === 'string' ? text.toWellFormed() : ''
  } catch {
    return ''
  }
}

function stackFrames(stack: string, message: string): unknown[] {
  // The message stands before the frames and may itself look like one.
  const at = message === '' ? -1 : stack.indexOf(message)
  const frames: unknown[] = []
  for (const line of (at < 0 ? stack : stack.slice(at + message.length)).split('\n')) {
    const [, called, file, lineNumber] = frame.exec(line) ?? []
    if (file === undefined) continue
    const where = [tuple(atom('file'), charlist(file)), tuple(atom('line'), Number(lineNumber))]
    frames.push(tuple(moduleOf(file), functionOf(called), 0, where))
    if (frames.length === framesMax) break
  }
  return frames
}

function moduleOf(file: string): symbol {
  const base = /([\w$.@-]{1,64})\.\w{1,4}$/.exec(file)?.[1]
  return atom(base ?? 'anonymous')
}

function functionOf(called: string | undefined): symbol {
  const last = called?.slice(called.lastIndexOf('.') + 1) ?? ''
  return atom(identifier.test(last) ? last : 'anonymous')
}

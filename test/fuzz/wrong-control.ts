/** Control messages that are wrong in one place each, made by the table of their forms. */
import { controlOps } from '../../src/dist/control.js'
import type { Address } from '../../src/term/address.js'
import type { Ref } from '../../src/term/ref.js'
import { tuple } from '../../src/term/tuple.js'
import { frame } from '../dist/control-kit.js'
import { forms, type Kind } from './reference-control.js'

/** Who says them, and to whom. */
export interface Speakers {
  readonly from: Address<never>
  readonly to: Address<never>
  /** A reference of who speaks. */
  readonly own: Ref
}

/** The names of all control messages by their numbers. */
export const controlNames: ReadonlyMap<number, string> = new Map(
  Object.entries(controlOps).map(([name, op]) => [op as number, name]),
)

const ok = Symbol.for('ok')

/** A control message with nothing wrong with it. */
export function rightControl(op: number, speakers: Speakers): Buffer {
  const { elements, payload } = partsOf(op, speakers)
  return frame([op, ...elements], ...payload)
}

/** The ways in which it can be wrong, each with what it is. */
export function wrongControl(op: number, speakers: Speakers): [string, Buffer][] {
  const { kinds, elements, payload } = partsOf(op, speakers)
  const wrong: [string, Buffer][] = [
    ['an element too many', frame([op, ...elements, ok], ...payload)],
    payload.length > 0 ? ['no payload', frame([op, ...elements])] : ['a payload', frame([op, ...elements], ok)],
    ['something behind it', Buffer.concat([frame([op, ...elements], ...payload), Buffer.from('836a', 'hex')])],
  ]
  if (elements.length > 0) wrong.push(['an element too few', frame([op, ...elements.slice(0, -1)], ...payload)])
  for (const [i, kind] of kinds.entries()) {
    // A text is right in no place but where anything is.
    if (kind !== 'any') wrong.push([`a text as element ${i + 2}`, frame([op, ...elements.with(i, 'x')], ...payload)])
    // Nobody speaks for the processes of another.
    if (kind.startsWith('pid of the peer')) {
      wrong.push([`the pid of another as element ${i + 2}`, frame([op, ...elements.with(i, speakers.to)], ...payload)])
    }
  }
  return wrong
}

function partsOf(op: number, { from, to, own }: Speakers) {
  const right: Readonly<Record<Kind, unknown>> = {
    any: ok,
    pid: to,
    'pid of the peer': from,
    'pid of the peer, ever': from,
    reference: own,
    'reference of the peer': own,
    atom: ok,
    'pid or atom': ok,
    'pid of the peer or atom': ok,
    'pid of the peer, ever, or atom': ok,
    'unlink id': 1,
    flags: 0,
    'process number': 7,
    function: tuple(ok, ok, 0),
    list: [],
  }
  const form = forms[op]
  if (form === undefined) throw new Error(`no form ${op}`)
  const elements: readonly unknown[] = form.elements.map((kind) => right[kind])
  return { kinds: form.elements, elements, payload: form.payload === undefined ? [] : [right[form.payload]] }
}

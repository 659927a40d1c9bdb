/** Control messages made at random, by the table of their forms: most of them right. */
import type { Chance } from './chance.js'
import { peer, self } from './fuzz-node.js'
import { TermMaker } from './grammar.js'
import { forms, type Kind } from './reference-control.js'

const numbers = Object.keys(forms).map(Number)

/** See the head of this file. */
export class ControlMaker {
  readonly #chance: Chance
  readonly terms: TermMaker

  constructor(chance: Chance) {
    this.#chance = chance
    this.terms = new TermMaker(chance)
  }

  /** Writes the control tuple and its payload, each with a version byte if `versioned`. */
  write(versioned: boolean): void {
    const { terms } = this
    const chance = this.#chance
    const op = chance.pick(numbers)
    const form = forms[op]
    if (form === undefined) throw new Error('no such form')
    const arity = form.elements.length + 1 + (terms.wrong ? chance.below(3) - 1 : 0)
    if (versioned) terms.u8(131)
    if (chance.oneIn(8)) terms.u8(105).u32(arity)
    else terms.u8(104).u8(arity)
    this.#number(terms.wrong ? chance.below(256) : op)
    // How many arguments a spawned function takes is known by what its payload will be.
    const args = chance.below(3)
    for (const kind of form.elements) this.#element(kind, args)
    if (terms.wrong) terms.term(0)
    if (form.payload === undefined ? !terms.wrong : terms.wrong) return
    if (versioned) terms.u8(131)
    if (form.payload === 'list') this.#arguments(args)
    else terms.term(3)
    if (terms.wrong) terms.u8(chance.u32())
  }

  #number(op: number): void {
    const form = this.#chance.below(12)
    if (form === 0) this.terms.u8(98).u32(op)
    else if (form === 1) this.terms.u8(110).u8(1).u8(0).u8(op)
    else this.terms.u8(97).u8(op)
  }

  #element(kind: Kind, args: number): void {
    const { terms } = this
    const chance = this.#chance
    if (terms.wrong) {
      terms.term(1)
      return
    }
    switch (kind) {
      case 'any':
        return void terms.term(2)
      case 'pid':
        return void terms.pid(chance.oneIn(8) ? undefined : self.node, self.creation)
      case 'pid of the peer':
        return void terms.pid(peer.node, peer.creation)
      case 'pid of the peer, ever':
        return void terms.pid(peer.node)
      case 'reference':
        return void terms.ref()
      case 'reference of the peer':
        return void terms.ref(peer.node)
      case 'atom':
        return void terms.atom()
      case 'pid or atom':
      case 'pid of the peer or atom':
      case 'pid of the peer, ever, or atom':
        return void (chance.oneIn(2) ? terms.atom() : terms.pid(peer.node, peer.creation))
      case 'unlink id':
        return this.#unlinkId()
      case 'flags':
        return void terms.u8(97).u8(chance.below(4))
      case 'process number':
        return void terms.u8(98).u32(chance.u32() >>> (1 + chance.below(31)))
      case 'function':
        return void terms.u8(104).u8(3).atom('m').atom('f').u8(97).u8(args)
      case 'list':
        return this.#arguments(chance.below(3))
    }
  }

  #unlinkId(): void {
    const chance = this.#chance
    if (chance.oneIn(3)) {
      const bytes = chance.pick([7, 8, 8, 9])
      this.terms.u8(110).u8(bytes).u8(0)
      for (let i = 0; i < bytes; i++) this.terms.u8(chance.pick([0, 1, 255]))
    } else this.terms.u8(97).u8(chance.below(256))
  }

  /** A list of so many, as Erlang may write it: in one of two forms where it is of bytes. */
  #arguments(count: number): void {
    const { terms } = this
    const chance = this.#chance
    if (count === 0) terms.u8(106)
    else if (chance.oneIn(3)) {
      terms.u8(107).u16(count)
      for (let i = 0; i < count; i++) terms.u8(chance.u32())
    } else {
      terms.u8(108).u32(count)
      for (let i = 0; i < count; i++) terms.term(2)
      terms.u8(106)
    }
  }
}

/** Where the answers of io servers come in: an address of the node's own, so that they take no place among anybody's messages. */
import type { Entity } from '../process/entity.js'
import { type IoReplies, sendIoRequest } from '../process/io.js'
import type { Target } from '../process/notices.js'
import type { Service } from '../process/service.js'
import { Ref } from '../term/ref.js'
import { isTuple } from '../term/tuple.js'

const ioReply = Symbol.for('io_reply')

/** See the head of this file. */
export class IoReplyDesk implements IoReplies {
  readonly #service: Service
  readonly #waiting = new Map<Ref, (reply: unknown) => void>()

  constructor(open: (handle: (message: unknown) => void) => Service) {
    this.#service = open((message) => {
      if (!isTuple(message) || message.length !== 3 || message[0] !== ioReply || !(message[1] instanceof Ref)) return
      this.#waiting.get(message[1])?.(message[2])
    })
  }

  ask(caller: Entity, leader: Target, request: unknown, take: (reply: unknown) => void): Ref {
    const ref = caller.host.addressBook.makeRef()
    this.#waiting.set(ref, take)
    try {
      sendIoRequest(caller, leader, this.#service.self, ref, request)
    } catch (error) {
      this.#waiting.delete(ref)
      throw error
    }
    return ref
  }

  forget(ref: Ref): void {
    this.#waiting.delete(ref)
  }
}

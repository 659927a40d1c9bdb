/**
 * xstate: state machines as actors. `send` to one that is idle runs it before it returns, so that there is no mailbox in between; an answer
 * is a callback in the event.
 */
import { createActor, fromTransition } from 'xstate'
import { rateOf, rateOfCalls } from './rate.mjs'

const counter = () =>
  createActor(
    fromTransition((seen, event) => {
      event.answer?.(seen)
      return seen + 1
    }, 0),
  ).start()

function tell() {
  const actor = counter()
  return rateOf((n) => {
    for (let i = 0; i < n; i++) actor.send({ type: 'add', by: 1 })
  })
}

function ask(atOnce) {
  const actor = counter()
  return rateOfCalls(atOnce, () => new Promise((answer) => actor.send({ type: 'get', answer })))
}

export const cases = { tell, 'ask-1': () => ask(1), 'ask-64': () => ask(64) }

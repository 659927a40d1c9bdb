/** Timers: messages to oneself, later. */
import { scenarios } from '../scenario.js'
import { t } from '../term.js'

export const timers = scenarios('Timers', (scenario) => {
  scenario('a message in some milliseconds', async ({ a, b }) => {
    const [p, q] = [await a.actor('p'), await b.actor('q')]
    for (const actor of [p, q]) {
      await actor.sendAfter(5, t('tick', actor))
      await actor.sees(1)
    }
  })

  scenario('a time-out carries its reference', async ({ a, b }) => {
    const [p, q] = [await a.actor('p'), await b.actor('q')]
    for (const actor of [p, q]) {
      await actor.startTimer(5, 'tick')
      await actor.sees(1)
    }
  })

  scenario('a timer that is cancelled sends nothing; one that has fired cannot be', async ({ a, b }) => {
    const [p, q] = [await a.actor('p'), await b.actor('q')]
    for (const actor of [p, q]) {
      const timer = await actor.sendAfter(60_000, 'unseen')
      await actor.cancel(timer)
      await actor.cancel(timer)
      const fired = await actor.sendAfter(1, 'seen')
      await actor.sees(1)
      await actor.cancel(fired)
    }
  })

  scenario('timers fire in the order of their times', async ({ a, b }) => {
    const [p, q] = [await a.actor('p'), await b.actor('q')]
    for (const actor of [p, q]) {
      await actor.batch((batch) => {
        batch.sendAfter(120, 'third')
        batch.sendAfter(60, 'second')
        batch.startTimer(1, 'first')
      })
      await actor.sees(3)
    }
  })

  scenario('a timer of no time', async ({ a, b }) => {
    const [p, q] = [await a.actor('p'), await b.actor('q')]
    for (const actor of [p, q]) {
      await actor.startTimer(0, 'at once')
      await actor.sees(1)
    }
  })
})

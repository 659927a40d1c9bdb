/** One lot under the hammer: auction.erl. Bids rise until nobody has bid for a while; then it is sold, and its auction is over. */
import { type Address, atom, type Down, type Tuple, tuple } from 'reign'
import { genStatem, keepState, protocol, replyTo, startIn, stateTimeout, stopMachine } from 'reign/otp'

/** What is asked of an auction, by whom it may be: `gen_statem:call(Auction, {bid, <<"ann">>, 120})`. */
export interface Auction {
  calls: {
    lot: () => string
    best: () => symbol | Tuple
    bid: (bidder: string, amount: number) => symbol | Tuple
  }
  casts: { watch: (watcher: Address<unknown>) => void }
}

interface Data {
  readonly lot: string
  readonly reserve: number
  readonly idleMs: number
  best: { bidder: string; amount: number } | undefined
  readonly watchers: Map<unknown, Address<unknown>>
}

const hammer = (data: Data) => stateTimeout(data.idleMs, atom('hammer'))
const floorOf = ({ best, reserve }: Data) => (best === undefined ? reserve : best.amount + 1)
const tell = (data: Data, what: readonly unknown[]) => {
  for (const watcher of data.watchers.values()) watcher.send(what)
}

export const auction = genStatem({
  module: 'auction',
  protocol: protocol<Auction>(),
  init(lot: string, reserve: number, idleMs: number) {
    const data: Data = { lot, reserve, idleMs, best: undefined, watchers: new Map() }
    return startIn('open', data, hammer(data))
  },
  states: {
    open(event, data) {
      if (event.type === 'stateTimeout') {
        const { lot, best } = data
        tell(data, best ? tuple(atom('sold'), lot, best.bidder, best.amount) : tuple(atom('unsold'), lot))
        return stopMachine(atom('normal'))
      }
      if (event.type === 'cast') {
        const [, watcher] = event.content as [symbol, Address<unknown>]
        data.watchers.set(this.self.monitor(watcher), watcher)
      }
      if (event.type === 'info') data.watchers.delete((event.content as Down).ref)
      if (event.type !== 'call') return
      // A request without arguments is its name alone, an atom; one with arguments is a tuple that begins with it.
      const [name, ...args] = Array.isArray(event.content) ? event.content : [event.content]
      if (name === atom('lot')) return keepState(replyTo(event.from, data.lot))
      if (name === atom('best')) {
        const { best } = data
        return keepState(replyTo(event.from, best ? tuple(best.bidder, best.amount) : atom('none')))
      }
      const [bidder, amount] = args as [string, number]
      if (amount < floorOf(data)) return keepState(replyTo(event.from, tuple(atom('too_low'), floorOf(data))))
      tell(data, tuple(atom('bid'), data.lot, bidder, amount))
      data.best = { bidder, amount }
      return keepState(replyTo(event.from, atom('accepted')), hammer(data))
    },
  },
})

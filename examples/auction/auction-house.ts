/** Knows the lots that are under the hammer, and what came of those that were: auction_house.erl. */
import { type Address, atom, type Process, tuple } from 'reign'
import { dynamicSupervisorAt, genServer, type Server } from 'reign/otp'
import type { Auction } from './auction.js'
import { floor } from './floor.js'

interface State {
  readonly auctions: Map<string, Address<unknown>>
  readonly results: Map<string, unknown>
}

const ok = atom('ok')
const error = atom('error')

function follow(self: Process<unknown>, auction: Server<Auction>): void {
  self.monitor(auction.target)
  auction.cast.watch(self.address)
}

export const auctionHouse = genServer({
  module: 'auction_house',
  // Auctions outlive the house: one that is started again finds those that are running.
  async init(): Promise<State> {
    const { self } = this
    const auctions = new Map<string, Address<unknown>>()
    for (const { child } of await dynamicSupervisorAt(self, 'auction_floor', floor).whichChildren()) {
      if (child === undefined || child === 'restarting') continue
      const running = self.server<Auction>(child)
      auctions.set(await running.call.lot(), child)
      follow(self, running)
    }
    return { auctions, results: new Map() }
  },
  calls: {
    async open({ auctions }, lot: string, reserve: number, idleMs: number) {
      if (auctions.has(lot)) return tuple(error, atom('already_open'))
      const { self } = this
      const started = await dynamicSupervisorAt(self, 'auction_floor', floor).startChild(lot, reserve, idleMs)
      if (started === undefined) return tuple(error, atom('ignored'))
      auctions.set(lot, started.address)
      follow(self, started)
      return tuple(ok, started.address)
    },
    find({ auctions }, lot: string) {
      const auction = auctions.get(lot)
      return auction ? tuple(ok, auction) : tuple(error, atom('not_open'))
    },
    lots: ({ auctions }) => [...auctions.keys()].sort(),
    result: ({ results }, lot: string) => results.get(lot) ?? atom('unknown'),
  },
  casts: {
    forget: ({ results }, lot: string) => results.delete(lot),
  },
  handleInfo({ auctions, results }, message) {
    if (Array.isArray(message)) {
      const [what, lot, ...rest] = message as [symbol, string, ...unknown[]]
      if (what === atom('sold')) results.set(lot, tuple(atom('sold'), ...rest))
      if (what === atom('unsold')) results.set(lot, atom('unsold'))
      return
    }
    const { type, address } = message as { type?: string; address?: Address<unknown> }
    if (type !== 'DOWN') return
    for (const [lot, auction] of auctions) if (auction === address) auctions.delete(lot)
  },
})

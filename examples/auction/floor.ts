/** Where the auctions are: a supervisor of any number of them. auction_sup.erl, `init(floor)`. */
import { dynamicSupervisor } from 'reign/otp'
import { auction } from './auction.js'

export const floor = dynamicSupervisor({ start: auction, restart: 'temporary', shutdown: 1_000 })

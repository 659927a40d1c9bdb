/**
 * The floor with its auctions, and the house: auction_sup.erl. When the floor is lost, the house begins anew; without the house,
 * auctions go on.
 */
import { atom } from 'reign'
import { supervisor } from 'reign/otp'
import { auctionHouse } from './auction-house.js'
import { floor } from './floor.js'

export const auctionSup = supervisor({
  strategy: 'rest_for_one',
  intensity: { restarts: 3, within: 5_000 },
  children: [
    { id: atom('floor'), start: floor, name: 'auction_floor' },
    { id: atom('house'), start: auctionHouse, name: 'auction_house' },
  ],
})

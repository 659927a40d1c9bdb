/** The program: `reign run ./app.js --name shop@127.0.0.1`. */
import { defineApplication } from 'reign/otp'
import { auctionSup } from './auction-sup.js'

export default defineApplication({ name: 'auction', start: () => auctionSup })

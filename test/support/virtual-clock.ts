/** Where the tests of the library itself get their time from: what `reign/testing` gives to everyone. */
export { VirtualClock } from '../../src/testing/virtual-clock.js'

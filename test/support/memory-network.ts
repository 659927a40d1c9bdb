/** Where the tests of the library itself get their network from: what `reign/testing` simulates clusters on. */
export { type Latency, SimulatedNetwork as MemoryNetwork } from '../../src/testing/network.js'
export { seeded, seededEntropy } from '../../src/testing/random.js'

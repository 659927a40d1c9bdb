/** `reign/testing`: processes and clusters in virtual time, with faults at will. See docs/testing.md. */
export { type ExploreOptions, explore, SeedError } from './explore.js'
export type { Latency } from './network.js'
export { Random } from './random.js'
export {
  type Delivery,
  type Interceptor,
  type LoggedLine,
  Simulation,
  type SimulationOptions,
} from './simulation.js'
export { VirtualClock, type VirtualClockOptions } from './virtual-clock.js'
export { type Fault, type FaultKind, faultKinds, type WeatherOptions, weather } from './weather.js'

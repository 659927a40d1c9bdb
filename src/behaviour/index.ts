/** Erlang/OTP's behaviours: named exports, and nothing computed. */
export type {
  AnyBehaviour,
  Behaviour,
  BehaviourOptions,
  HandleOf,
  StartArguments,
  Starter,
  Starting,
} from '../process/behaviour.js'
export type { Engine, LoopIdentity } from './engine.js'
export { loop } from './loop.js'
export { startable } from './startable.js'
export type { SysStatistics, SysStatus } from './sys-calls.js'
export * as sys from './sys-calls.js'

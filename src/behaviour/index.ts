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
export type {
  Calls,
  Casts,
  MultiReply,
  Protocol,
  ProtocolOf,
  Server,
  Servers,
  StartedServer,
} from '../process/server.js'
export type { Engine, LoopIdentity } from './engine.js'
export {
  type GenServer,
  type GenServerDefinition,
  genServer,
  type Handlers,
  type ProtocolFrom,
} from './gen-server.js'
export { loop } from './loop.js'
export { Begin, begin, type Ignore, ignore, type Next, noReply, Outcome, reenter, reply, stop } from './outcome.js'
export { type Answer, Requests } from './requests.js'
export type { ServerContext } from './server-engine.js'
export { startable } from './startable.js'
export type { SysStatistics, SysStatus } from './sys-calls.js'
export * as sys from './sys-calls.js'

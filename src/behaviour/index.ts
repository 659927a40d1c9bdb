/** Erlang/OTP's behaviours: named exports, and nothing computed. */
export {
  type Application,
  type ApplicationContext,
  type ApplicationDefinition,
  type ApplicationRoot,
  type ApplicationType,
  type Config,
  defineApplication,
  type Rooted,
} from '../application/application.js'
export {
  type ApplicationEnd,
  type ApplicationOptions,
  type RunningApplication,
  startApplication,
} from '../application/start-application.js'
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
export { Agent, type AgentBehaviour, type AgentState, agent, agentAt } from './agent.js'
export { checked, checkedInfo, checkedRequest, type InfoNotice } from './checked.js'
export {
  type AnyChildSpec,
  type ChildArguments,
  type ChildHandle,
  type ChildRules,
  type ChildSpec,
  type ChildStart,
  child,
  type Restart,
  type Shutdown,
} from './child-spec.js'
export {
  type DynamicDefinition,
  DynamicSupervisor,
  dynamicSupervisor,
  dynamicSupervisorAt,
} from './dynamic-supervisor.js'
export type { Engine, LoopIdentity } from './engine.js'
export {
  type AnyEventHandler,
  type EventHandler,
  type EventHandlerDefinition,
  eventHandler,
  type HandlerContext,
  type HandlerFunctions,
  Leaving,
  removeHandler,
  swapHandler,
} from './event-handler.js'
export {
  EventManager,
  type EventsOf,
  eventManagerAt,
  type HandlerArgument,
  type HandlerExit,
  type HandlerHandle,
  type HandlerRef,
  type HeardOf,
  handlerExitIn,
} from './event-manager.js'
export { type CheckedEventDefinition, type GenEvent, type GenEventDefinition, genEvent } from './gen-event.js'
export {
  type GenServer,
  type GenServerDefinition,
  genServer,
  type Handlers,
  type ProtocolFrom,
  type StateIn,
} from './gen-server.js'
export {
  type EventsDefinition,
  type GenStatem,
  genStatem,
  protocol,
  type StateFunction,
  type StatemBase,
  type StatemProtocol,
  type StatesDefinition,
} from './gen-statem.js'
export { loop } from './loop.js'
export {
  Begin,
  begin,
  type Ignore,
  ignore,
  type Next,
  noReply,
  Outcome,
  type ReplyIn,
  reenter,
  reply,
  stop,
} from './outcome.js'
export { type Answer, Requests } from './requests.js'
export type { Intensity } from './restart-window.js'
export type { ServerContext } from './server-engine.js'
export { startable } from './startable.js'
export type { AcceptedProtocol, ContentsOf, RequestSchema, StatemAccepts } from './statem-accepts.js'
export type { StatemContext } from './statem-engine.js'
export type { AnyRequest, StatemContents, StatemEvent } from './statem-event.js'
export type { AutoShutdown, Strategy } from './supervision.js'
export { type CheckedChildren, type SupervisorDefinition, supervisor } from './supervisor.js'
export { type ChildCounts, type ChildInfo, Supervisor, supervisorAt } from './supervisor-handle.js'
export type { SysStatistics, SysStatus } from './sys-calls.js'
export * as sys from './sys-calls.js'
export { Task, type TaskFunction, type TaskResult } from './task.js'
export * as task from './task-calls.js'
export type { TaskMapOptions } from './task-map.js'
export {
  TaskSupervisor,
  type TaskSupervisorDefinition,
  taskSupervisor,
  taskSupervisorAt,
} from './task-supervisor.js'
export {
  type Action,
  cancelTimeout,
  Entry,
  eventTimeout,
  type Inserted,
  insertEvent,
  keepState,
  namedTimeout,
  nextState,
  postpone,
  repeatState,
  replyTo,
  startIn,
  stateTimeout,
  stopMachine,
  type TimeoutKind,
  Transition,
  updateTimeout,
} from './transition.js'

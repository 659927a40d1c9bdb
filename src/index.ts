/** The everyday interface of reign: named exports, and nothing computed. */
export type { Proof, ProvenCertificate } from './certs/proof.js'
export type { Clock } from './clock.js'
export {
  type DiscoverOptions,
  type Discovery,
  type DiscoveryContext,
  discoverBy,
  type FoundNode,
} from './cluster/discovery.js'
export {
  type DnsDiscoveryOptions,
  discoverDns,
  discoverSrv,
  type SrvDiscoveryOptions,
} from './cluster/dns-discovery.js'
export { discoverEpmd, type EpmdDiscoveryOptions } from './cluster/epmd-discovery.js'
export type { Global, ResolveMethod } from './cluster/global.js'
export type { ExchangeState } from './cluster/group-exchange.js'
export type { GroupJoin, GroupLeave } from './cluster/group-monitors.js'
export type { GroupScope, SyncOptions } from './cluster/group-scope.js'
export type { Groups } from './cluster/groups.js'
export type { CodecChoice } from './cluster/link-codecs.js'
export type { Reloaded } from './cluster/membership.js'
export type { MultipleClaim, NameClaims } from './cluster/name-conflicts.js'
export type { ClaimChange, ClaimOptions, ClusterName, Names, NamesView } from './cluster/names.js'
export { type ConnectOptions, Node, type StartOptions, type StopOptions } from './cluster/node.js'
export type { NodeDown, NodeUp } from './cluster/node-events.js'
export type { NodeKind } from './cluster/node-kind.js'
export { ClusterSpecError, type SpecIssue } from './cluster/spec-error.js'
export type { ClusterSpecInput, CookieInput, NodeSpecInput } from './cluster/spec-schema.js'
export type { Codec, CodecTerms } from './codec/codec.js'
export type { Entropy } from './entropy.js'
export {
  CallError,
  ClosedError,
  ErpcError,
  type ErpcOrigin,
  ExitError,
  HandlerError,
  IoError,
  RefusedError,
  ReignError,
  type ReignErrorCode,
  StartError,
  TaskError,
  TermError,
  TimeoutError,
} from './errors.js'
export { type DeadLetter, type DeadLetterCause, type DiagnosticEvents, observe } from './events.js'
export type { IoServer, Output } from './io/io-server.js'
export type { Limits } from './limits.js'
export type { Logger, LogMethod } from './logger.js'
export type { Memory } from './memory.js'
export type { DnsResolver, ServiceRecord } from './net/resolver.js'
export type {
  ByteStream,
  DialOptions,
  Endpoint,
  IncomingStream,
  ListenOptions,
  PeerIdentity,
  RemoteAddress,
  StreamEvents,
  Transport,
  TransportListener,
} from './net/transport.js'
export type { ExposedFunction } from './node/exposed.js'
export type { ProcessInfo } from './node/inspect.js'
export type { LocalOptions } from './node/local-options.js'
export type {
  AnyBehaviour,
  Behaviour,
  BehaviourOptions,
  HandleOf,
  StartArguments,
  Starter,
  Starting,
} from './process/behaviour.js'
export type { MailboxLimit, OverflowPolicy } from './process/bounded-queue.js'
export { type Caller, callIn } from './process/call.js'
export type { DeadLetters } from './process/dead-letters.js'
export type { AliasMode } from './process/entity.js'
export type { Erpc, ErpcResult, MultiErpc } from './process/erpc.js'
export type { Inbox, MonitorOptions } from './process/inbox.js'
export { Io } from './process/io.js'
export { Mailbox, type MailboxOptions } from './process/mailbox.js'
export { type Any, any, type Matched, type Pattern } from './process/match.js'
export type { Down, Exit, Target, TimeoutNotice } from './process/notices.js'
export {
  type AcceptingFunction,
  type AcceptingOptions,
  Process,
  type ProcessFunction,
  type SpawnOptions,
} from './process/process.js'
export type { RemoteFunctions, RemoteModule, RemoteValue } from './process/remote-module.js'
export { RemoteStream, type StreamOptions } from './process/remote-stream.js'
export type { Runnable, Scheduler } from './process/scheduler.js'
export type { MultiReply, Protocol, Server, Servers, StartedServer } from './process/server.js'
export { type Destination, type NameRegistry, ViaName, via } from './process/via.js'
export type { ReceiveOptions } from './process/waiter.js'
export type { InputOf, Issue, OutputOf, Schema, SchemaResult } from './schema.js'
export type { Signal, SignalTarget, SpawnFunction } from './signal.js'
export { Address } from './term/address.js'
export { atom, atomName } from './term/atom.js'
export { Bits } from './term/bits.js'
export { sameTerm } from './term/equal.js'
export { Float, float } from './term/float.js'
export { ExportFun, Fun } from './term/fun.js'
export { ImproperList, improperList } from './term/improper-list.js'
export { Named, named } from './term/named.js'
export { Port } from './term/port.js'
export { Ref } from './term/ref.js'
export { bytes, charlist, charlistText } from './term/text.js'
export { isTuple, Tuple, type TupleOf, tuple } from './term/tuple.js'

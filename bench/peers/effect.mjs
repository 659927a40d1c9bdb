/**
 * effect: a queue with a fiber that takes from it, which is what an actor is made of there; and an entity of its cluster on another
 * program, over a plain socket, with messages that are not stored and a table of runners that is one fixed line instead of a database.
 */
import { NodeClusterSocket } from '@effect/platform-node'
import { Deferred, Effect, Layer, Option, Queue, Schema } from 'effect'
import { Entity, MachineId, MessageStorage, Runner, RunnerAddress, RunnerStorage } from 'effect/cluster'
import { Rpc } from 'effect/rpc'
import { Count, rateOf } from './rate.mjs'

const run = (work) => Effect.runPromise(Effect.scoped(work))

/** `count` calls by so many fibers. */
const calls = (count, atOnce, call) => {
  const fiber = Effect.gen(function* () {
    for (let i = 0; i < count / atOnce; i++) yield* call
  })
  return Effect.all(
    Array.from({ length: atOnce }, () => fiber),
    { concurrency: 'unbounded', discard: true },
  )
}
const rateOfFibers = (atOnce, call) =>
  Effect.promise(() => rateOf((count) => Effect.runPromise(calls(count, atOnce, call))))

const tell = () =>
  run(
    Effect.gen(function* () {
      const count = new Count()
      const inbox = yield* Queue.unbounded()
      yield* Effect.forkScoped(Effect.forever(Effect.map(Queue.take(inbox), () => count.one())))
      const say = (n) =>
        Effect.gen(function* () {
          for (let i = 0; i < n; i++) yield* Queue.offer(inbox, { by: 1 })
        })
      return yield* Effect.promise(() => rateOf((n) => Promise.all([count.expect(n), Effect.runPromise(say(n))])))
    }),
  )

const ask = (atOnce) =>
  run(
    Effect.gen(function* () {
      const inbox = yield* Queue.unbounded()
      const answer = ({ by, reply }) => Deferred.succeed(reply, by + 1)
      yield* Effect.forkScoped(Effect.forever(Effect.flatMap(Queue.take(inbox), answer)))
      const call = Effect.gen(function* () {
        const reply = yield* Deferred.make()
        yield* Queue.offer(inbox, { by: 1, reply })
        return yield* Deferred.await(reply)
      })
      return yield* rateOfFibers(atOnce, call)
    }),
  )

const Counter = Entity.make('Counter', [Rpc.make('Get', { payload: { by: Schema.Number }, success: Schema.Number })])
const counting = Counter.toLayer(Effect.succeed({ Get: ({ payload }) => Effect.succeed(payload.by + 1) }))

/** The one program that serves has all shards. */
function storageOf(address) {
  const runner = Runner.make({ address, groups: ['default'], weight: 1 })
  const none = () => Effect.void
  const all = (_address, shards) => Effect.succeed(Array.from(shards))
  const runners = Layer.succeed(RunnerStorage.RunnerStorage, {
    register: () => Effect.succeed(MachineId.make(1)),
    getRunners: Effect.succeed([[runner, true]]),
    acquire: all,
    refresh: all,
    unregister: none,
    setRunnerHealth: none,
    release: none,
    releaseAll: none,
  })
  return Layer.merge(runners, MessageStorage.layerNoop)
}

const addressOf = (port) => RunnerAddress.make('127.0.0.1', port)

const askThere = (atOnce, port) => {
  const shardingConfig = { runnerAddress: Option.none() }
  const client = NodeClusterSocket.layer({ clientOnly: true, storage: 'byo', shardingConfig })
  const asking = Effect.gen(function* () {
    const counter = (yield* Counter.client)('one')
    const call = counter.Get({ by: 1 })
    yield* call
    return yield* rateOfFibers(atOnce, call)
  })
  return run(asking.pipe(Effect.provide(client.pipe(Layer.provideMerge(storageOf(addressOf(port)))))))
}

export const cases = {
  tell,
  'ask-1': () => ask(1),
  'ask-64': () => ask(64),
  'remote-ask-1': (port) => askThere(1, port),
  'remote-ask-64': (port) => askThere(64, port),
}

export async function serve(port) {
  const address = Option.some(addressOf(port))
  const shardingConfig = { runnerAddress: address, runnerListenAddress: address }
  const server = NodeClusterSocket.layer({ storage: 'byo', shardingConfig })
  const layer = counting.pipe(Layer.provideMerge(server), Layer.provide(storageOf(addressOf(port))))
  Effect.runFork(Layer.launch(layer))
  // It does not say when it has its shards; a client's first call waits for that.
  await new Promise((resolve) => setTimeout(resolve, 1_000))
}

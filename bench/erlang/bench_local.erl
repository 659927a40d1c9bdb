%% One node: the cases of bench/reign/local.mjs, under the same names.
-module(bench_local).
-behaviour(gen_server).
-export([main/0, start_link/0, init/1, handle_call/3, handle_cast/2]).

main() ->
    bench:measure("pingpong", "roundtrips/s", fun pingpong/0),
    [bench:measure("fanin_" ++ integer_to_list(P) ++ "to1", "msgs/s", fun() -> fanin(P) end) || P <- [1, 10]],
    bench:measure("ring_1000", "hops/s", fun ring/0),
    spawning(bench:amount(100000), "100k", bench:repetitions()),
    spawning(bench:amount(1000000), "1M", min(2, bench:repetitions())),
    Server = spawn(fun server/0),
    {ok, Gen} = gen_server:start(?MODULE, [], []),
    [begin
         Measure = fun(Case, N, Once) ->
             bench:measure(Case ++ "_q" ++ Tag, "ops/s", fun() ->
                 [self() ! {noise, I} || I <- lists:seq(1, Queued)],
                 M = bench:amount(N),
                 bench:timed(M, fun() -> Once(M) end)
             end)
         end,
         Measure("selective_pattern", Plain, fun(M) -> by_key(Server, M) end),
         Measure("selective_ref", 100000, fun(M) -> by_ref(Server, M) end),
         Measure("call", 100000, fun(M) -> calls(Gen, M) end)
     end || {Queued, Tag, Plain} <- [{0, "0", 100000}, {1000, "1k", 20000}, {100000, "100k", 2000}]],
    bench:measure("call_1", "calls/s", fun() ->
        N = bench:amount(300000),
        bench:timed(N, fun() -> calls(Gen, N) end)
    end),
    bench:measure("call_50", "calls/s", fun() ->
        N = bench:amount(10000),
        bench:timed(50 * N, fun() -> bench:parallel(50, fun() -> calls(Gen, N) end) end)
    end),
    Timers = bench:amount(100000),
    bench:measure("timers_100k_set", "timers/s", fun() ->
        T0 = bench:us(),
        Refs = set_timers(Timers),
        T1 = bench:us(),
        cancel_timers(Refs),
        bench:rate(Timers, T1 - T0)
    end),
    bench:measure("timers_100k_cancel", "timers/s", fun() ->
        Refs = set_timers(Timers),
        bench:timed(Timers, fun() -> cancel_timers(Refs) end)
    end),
    bench:measure("timers_100k_fire", "timers/s", fun() ->
        bench:timed(Timers, fun() ->
            [erlang:send_after(1 + I rem 10, self(), {fired, I}) || I <- lists:seq(0, Timers - 1)],
            fired(Timers)
        end)
    end),
    bench:measure("genserver_call_1", "calls/s", fun() ->
        N = bench:amount(300000),
        bench:timed(N, fun() -> calls(Gen, N) end)
    end),
    bench:measure("genserver_call_50", "calls/s", fun() ->
        N = bench:amount(10000),
        bench:timed(50 * N, fun() -> bench:parallel(50, fun() -> calls(Gen, N) end) end)
    end),
    bench:measure("genserver_call_q100k", "calls/s", fun() ->
        [self() ! {noise, I} || I <- lists:seq(1, 100000)],
        N = bench:amount(100000),
        bench:timed(N, fun() -> calls(Gen, N) end)
    end),
    Children = bench:amount(10000),
    Supervised = fun(Case, Once) ->
        bench:measure("supervised_10k_" ++ Case, "children/s", fun() -> bench:rate(Children, Once()) end)
    end,
    Supervised("start", fun() ->
        T0 = bench:us(),
        {ok, Top} = supervisor:start_link(?MODULE, {children, Children}),
        Us = bench:us() - T0,
        gen_server:stop(Top),
        Us
    end),
    Supervised("stop", fun() ->
        {ok, Top} = supervisor:start_link(?MODULE, {children, Children}),
        T0 = bench:us(),
        gen_server:stop(Top),
        bench:us() - T0
    end),
    Supervised("dynamic", fun() ->
        {ok, Top} = supervisor:start_link(?MODULE, dynamic),
        T0 = bench:us(),
        [{ok, _} = supervisor:start_child(Top, []) || _ <- lists:seq(1, Children)],
        Us = bench:us() - T0,
        gen_server:stop(Top),
        Us
    end),
    halt().

set_timers(N) -> [erlang:send_after(60000 + I rem 1000, self(), I) || I <- lists:seq(0, N - 1)].

cancel_timers(Refs) -> [erlang:cancel_timer(Ref) || Ref <- Refs].

fired(0) -> ok;
fired(N) -> receive {fired, _} -> fired(N - 1) end.

pingpong() ->
    N = bench:amount(500000),
    Echo = spawn(fun echo/0),
    Rate = bench:timed(N, fun() -> ping(Echo, N) end),
    exit(Echo, kill),
    Rate.

echo() -> receive {From, Value} -> From ! Value, echo() end.

ping(_, 0) -> ok;
ping(Echo, N) -> Echo ! {self(), N}, receive N -> ping(Echo, N - 1) end.

fanin(Producers) ->
    Each = bench:amount(1000000) div Producers,
    Self = self(),
    bench:timed(Each * Producers, fun() ->
        [spawn(fun() -> produce(Self, Each) end) || _ <- lists:seq(1, Producers)],
        consume(Each * Producers)
    end).

produce(_, 0) -> ok;
produce(To, N) -> To ! {seq, N}, produce(To, N - 1).

consume(0) -> ok;
consume(N) -> receive {seq, _} -> consume(N - 1) end.

ring() ->
    Hops = bench:amount(1000000),
    Self = self(),
    First = spawn(fun() -> receive {next, Next} -> member(Next, Self) end end),
    Last = lists:foldl(fun(_, Next) -> spawn(fun() -> member(Next, Self) end) end, First, lists:seq(2, 1000)),
    First ! {next, Last},
    bench:timed(Hops, fun() -> First ! Hops, receive done -> ok end end).

member(Next, Home) ->
    receive
        0 -> Home ! done, member(Next, Home);
        N -> Next ! N - 1, member(Next, Home)
    end.

spawning(Count, Tag, Reps) ->
    case bench:wanted("spawn_" ++ Tag) of
        false -> ok;
        true ->
            Once = fun() -> bench:fresh(fun() -> spawn_once(Count) end) end,
            Once(),
            Runs = [Once() || _ <- lists:seq(1, Reps)],
            bench:report("spawn_" ++ Tag ++ "_spawn", "spawns/s", [A || {A, _, _} <- Runs]),
            bench:report("spawn_" ++ Tag ++ "_live_and_exit", "procs/s", [B || {_, B, _} <- Runs]),
            bench:report("spawn_" ++ Tag ++ "_idle_bytes", "bytes", [C || {_, _, C} <- Runs])
    end.

spawn_once(Count) ->
    erlang:garbage_collect(),
    Self = self(),
    Left = atomics:new(1, []),
    atomics:put(Left, 1, Count),
    Before = erlang:memory(processes),
    Life = fun() ->
        receive go -> case atomics:sub_get(Left, 1, 1) of 0 -> Self ! all_gone; _ -> ok end end
    end,
    T0 = bench:us(),
    Pids = spawn_many(Count, Life, []),
    T1 = bench:us(),
    Bytes = (erlang:memory(processes) - Before) / Count,
    T2 = bench:us(),
    [Pid ! go || Pid <- Pids],
    receive all_gone -> ok end,
    T3 = bench:us(),
    {bench:rate(Count, T1 - T0), bench:rate(Count, T1 - T0 + T3 - T2), Bytes}.

spawn_many(0, _, Pids) -> Pids;
spawn_many(N, Life, Pids) -> spawn_many(N - 1, Life, [spawn(Life) | Pids]).

server() -> receive {From, Key} -> From ! {reply, Key}, server() end.

%% The key existed before: every receive looks through the queue.
by_key(_, 0) -> ok;
by_key(Server, N) -> Server ! {self(), N}, receive {reply, N} -> by_key(Server, N - 1) end.

%% The key is made here: the receive skips what was queued before.
by_ref(_, 0) -> ok;
by_ref(Server, N) ->
    Ref = make_ref(),
    Server ! {self(), Ref},
    receive {reply, Ref} -> by_ref(Server, N - 1) end.

calls(_, 0) -> ok;
calls(Gen, N) -> ok = gen_server:call(Gen, {get, N}, infinity), calls(Gen, N - 1).

start_link() -> gen_server:start_link(?MODULE, [], []).

init([]) -> {ok, none};
init({children, N}) -> {ok, {#{}, [child(I) || I <- lists:seq(1, N)]}};
init(dynamic) -> {ok, {#{strategy => simple_one_for_one}, [child(any)]}}.

child(Id) -> #{id => Id, start => {?MODULE, start_link, []}}.

handle_call({get, _}, _From, State) -> {reply, ok, State}.
handle_cast(_, State) -> {noreply, State}.

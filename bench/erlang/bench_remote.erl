%% Two nodes in two OS processes: the cases of bench/reign/remote.mjs. Node b runs peer/0, node a runs main/0.
-module(bench_remote).
-behaviour(gen_server).
-export([main/0, peer/0, idle/1, flood/2, init/1, handle_call/3, handle_cast/2]).

-define(B, 'b@127.0.0.1').

peer() ->
    register(echo, spawn(fun echo/0)),
    register(sink, spawn(fun() -> sink(0) end)),
    {ok, _} = gen_server:start({local, server}, ?MODULE, [], []),
    io:format("ready~n").

main() ->
    pong = net_adm:ping(?B),
    [begin
         Payload = crypto:strong_rand_bytes(Size),
         bench:latency("pingpong_" ++ Tag, bench:amount(Count), fun() ->
             {echo, ?B} ! {self(), Payload},
             receive <<_/binary>> -> ok end
         end)
     end || {Size, Tag, Count} <- [{32, "32B", 10000}, {1024, "1KiB", 10000}, {65536, "64KiB", 2000}]],
    [begin
         Payload = crypto:strong_rand_bytes(Size),
         bench:measure("oneway_" ++ Tag, "msgs/s", fun() -> oneway(Payload, bench:amount(Count), Tag) end)
     end || {Size, Tag, Count} <- [{16, "small", 300000}, {1024, "1KiB", 100000}, {65536, "64KiB", 3000}, {1048576, "1MiB", 200}]],
    bench:measure("calls_1", "calls/s", fun() ->
        N = bench:amount(10000),
        bench:timed(N, fun() -> calls(N) end)
    end),
    bench:measure("calls_100", "calls/s", fun() ->
        N = bench:amount(1000),
        bench:timed(100 * N, fun() -> bench:parallel(100, fun() -> calls(N) end) end)
    end),
    bench:measure("genserver_calls_1", "calls/s", fun() ->
        N = bench:amount(10000),
        bench:timed(N, fun() -> calls(N) end)
    end),
    bench:measure("genserver_calls_100", "calls/s", fun() ->
        N = bench:amount(1000),
        bench:timed(100 * N, fun() -> bench:parallel(100, fun() -> calls(N) end) end)
    end),
    case bench:wanted("down") of
        true -> downs(bench:amount(10000));
        false -> ok
    end,
    halt().

echo() -> receive {From, Payload} -> From ! Payload, echo() end.

sink(N) ->
    receive
        {count, From} -> From ! {count, N}, sink(0);
        _ -> sink(N + 1)
    end.

oneway(Payload, N, Tag) ->
    Send = case Tag of
               "small" -> fun(I) -> {sink, ?B} ! {seq, I, Payload} end;
               _ -> fun(_) -> {sink, ?B} ! Payload end
           end,
    bench:timed(N, fun() ->
        each(N, Send),
        {sink, ?B} ! {count, self()},
        receive {count, N} -> ok end
    end).

each(0, _) -> ok;
each(N, Fun) -> Fun(N), each(N - 1, Fun).

%% For a peer that asks: the rate at which N small messages get to Sink and are counted there.
flood(Sink, N) ->
    Payload = crypto:strong_rand_bytes(16),
    bench:timed(N, fun() ->
        each(N, fun(I) -> Sink ! {seq, I, Payload} end),
        Sink ! {count, self()},
        receive {count, N} -> ok end
    end).

calls(0) -> ok;
calls(N) -> ok = gen_server:call({server, ?B}, {get, N}, infinity), calls(N - 1).

%% The first is not counted, as in all cases, but said on its own. Who has started b starts it again.
downs(N) ->
    [{Cold, _} | Warm] = [down_once(N) || _ <- lists:seq(0, bench:repetitions())],
    bench:report("down_kill_to_last_cold", "ms", [Cold]),
    bench:report("down_kill_to_last", "ms", [FromKill || {FromKill, _} <- Warm]),
    bench:report("down_first_to_last", "ms", [FromFirst || {_, FromFirst} <- Warm]).

down_once(N) ->
    Result = bench:fresh(fun() -> down(N) end),
    await_peer(),
    Result.

await_peer() ->
    case net_adm:ping(?B) of
        pong -> ok;
        pang -> timer:sleep(10), await_peer()
    end.

%% Monitors on processes of b, which is killed: from the kill, and from the first notice, to the last.
down(N) ->
    OsPid = rpc:call(?B, os, getpid, []),
    Pids = rpc:call(?B, ?MODULE, idle, [N]),
    [monitor(process, Pid) || Pid <- Pids],
    rpc:call(?B, erlang, node, []),
    T0 = bench:us(),
    os:cmd("kill -9 " ++ OsPid),
    First = await(1),
    Last = await(N - 1),
    {(Last - T0) / 1000, (Last - First) / 1000}.

idle(N) -> [spawn(fun() -> receive stop -> ok end end) || _ <- lists:seq(1, N)].

await(0) -> bench:us();
await(N) -> receive {'DOWN', _, process, _, _} -> ok end, case N of 1 -> bench:us(); _ -> await(N - 1) end.

init([]) -> {ok, none}.
handle_call({get, _}, _From, State) -> {reply, ok, State}.
handle_cast(_, State) -> {noreply, State}.

%% What the Erlang programs share: repetitions, and one JSON line for each case, as bench/measure.mjs.
-module(bench).
-export([amount/1, fresh/1, latency/3, measure/3, parallel/2, rate/2, repetitions/0, report/3, timed/2, us/0, wanted/1]).

us() -> erlang:monotonic_time(microsecond).

rate(N, Us) -> N * 1.0e6 / max(Us, 1).

repetitions() -> list_to_integer(os:getenv("BENCH_REPS", "5")).

amount(N) ->
    Text = os:getenv("BENCH_SCALE", "1"),
    Scale = try list_to_float(Text) catch error:badarg -> list_to_integer(Text) end,
    max(1, round(N * Scale)).

wanted(Case) ->
    case string:lexemes(os:getenv("BENCH_CASES", ""), ",") of
        [] -> true;
        Wishes -> lists:any(fun(Wish) -> lists:prefix(Wish, Case) end, Wishes)
    end.

%% The rate of N units that Fun does.
timed(N, Fun) ->
    T0 = us(),
    Fun(),
    rate(N, us() - T0).

%% In a process of its own, so that no heap or mailbox is carried over.
fresh(Fun) ->
    {Pid, Ref} = spawn_monitor(fun() -> exit({result, Fun()}) end),
    receive
        {'DOWN', Ref, process, Pid, {result, Result}} -> Result;
        {'DOWN', Ref, process, Pid, Reason} -> error({failed, Reason})
    end.

measure(Case, Unit, Fun) ->
    case wanted(Case) of
        false -> ok;
        true ->
            fresh(Fun),
            report(Case, Unit, [fresh(Fun) || _ <- lists:seq(1, repetitions())])
    end.

%% Count rounds one after the other: rate, median and 99th percentile.
latency(Case, Count, Round) ->
    case wanted(Case) of
        false -> ok;
        true ->
            Once = fun() -> fresh(fun() -> rounds(Count, Round) end) end,
            Once(),
            Runs = [Once() || _ <- lists:seq(1, repetitions())],
            report(Case, "roundtrips/s", [A || {A, _, _} <- Runs]),
            report(Case ++ "_p50", "us", [B || {_, B, _} <- Runs]),
            report(Case ++ "_p99", "us", [C || {_, _, C} <- Runs])
    end.

rounds(Count, Round) ->
    T0 = us(),
    Each = lists:sort([begin S = erlang:monotonic_time(nanosecond), Round(),
                             (erlang:monotonic_time(nanosecond) - S) / 1000 end || _ <- lists:seq(1, Count)]),
    Rate = rate(Count, us() - T0),
    {Rate, lists:nth(Count div 2 + 1, Each), lists:nth(max(1, trunc(Count * 0.99)), Each)}.

parallel(Clients, Fun) ->
    Refs = [element(2, spawn_monitor(Fun)) || _ <- lists:seq(1, Clients)],
    [receive {'DOWN', Ref, process, _, normal} -> ok end || Ref <- Refs],
    ok.

report(Case, Unit, Runs) ->
    Texts = [float_to_list(float(Run), [{decimals, 3}, compact]) || Run <- Runs],
    io:format("{\"case\":\"~s\",\"unit\":\"~s\",\"runs\":[~s]}~n", [Case, Unit, lists:join(",", Texts)]).

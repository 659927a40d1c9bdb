%% A node of bench/cluster.mjs, in a part of its own: the same as bench/reign/member.mjs.
-module(bench_cluster).
-export([listener/0, starter/1, reconnector/1, member/1]).

say(Key, Value) -> io:put_chars(io_lib:format("{\"~s\": ~s}~n", [Key, Value])).

listener() ->
    register(box, self()),
    ok = net_kernel:monitor_nodes(true),
    say("ready", "true"),
    listen().

listen() ->
    receive
        {nodedown, Node} -> say("lost", io_lib:format("\"~s\"", [Node])), listen();
        {nodeup, _} -> listen();
        {ping, From} -> From ! pong, listen();
        _ -> say("heard", "true"), listen()
    end.

starter([To]) ->
    {box, list_to_atom(To)} ! hello,
    receive after infinity -> ok end.

reconnector([To, Count]) ->
    Node = list_to_atom(To),
    true = net_kernel:connect_node(Node),
    Runs = [reconnect(Node) || _ <- lists:seq(1, list_to_integer(Count))],
    say("reconnects", ["[", lists:join(",", [float_to_list(Ms, [{decimals, 3}]) || Ms <- Runs]), "]"]),
    receive after infinity -> ok end.

reconnect(Node) ->
    monitor_node(Node, true),
    true = erlang:disconnect_node(Node),
    receive {nodedown, Node} -> ok end,
    receive after 200 -> ok end,
    T0 = erlang:monotonic_time(microsecond),
    true = net_kernel:connect_node(Node),
    {box, Node} ! {ping, self()},
    receive pong -> (erlang:monotonic_time(microsecond) - T0) / 1000 end.

%% The mesh makes itself, once all are connected with one.
member([Count, First]) ->
    join(list_to_atom(First)),
    complete(list_to_integer(Count)),
    say("complete", "true"),
    receive after infinity -> ok end.

join(First) when First =:= node() -> ok;
join(First) ->
    case net_adm:ping(First) of
        pong -> ok;
        pang -> receive after 100 -> join(First) end
    end.

complete(Count) ->
    case length(nodes()) of
        Count -> ok;
        _ -> receive after 20 -> complete(Count) end
    end.

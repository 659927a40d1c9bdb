%% What runs on an Erlang node whose connections are tormented: the twin of outpost-program.ts, with the same commands and the
%% same words in what it writes down.
-module(witness).
-export([start/0, connect/1, disconnect/1, greet/1, count/3, echo/2, ask/1, call/1, waiting/0, 'end'/1, 'answerLate'/0]).
-export([retry/0, log/0, clear/0, nodes/0, holdings/0, known/0, take/1, holder/1, claim/1, claimants/1]).

start() ->
    [register(Name, spawn(Run)) || {Name, Run} <- [{witness, fun witness/0}, {mortal, fun() -> mortal([]) end}]],
    ok.

%% --- the witness

witness() ->
    process_flag(trap_exit, true),
    ok = net_kernel:monitor_nodes(true, [{node_type, all}, nodedown_reason]),
    loop([], none).

loop(Lines, Friend) ->
    receive
        N when is_integer(N) -> loop(counted(N, Lines), Friend);
        {'$gen_call', From, ping} -> gen_server:reply(From, pong), loop(Lines, Friend);
        {greet, Other} -> {witness, Other} ! {hello, self()}, loop(Lines, Friend);
        {hello, Pid} -> monitor(process, Pid), link(Pid), Pid ! {welcome, self()}, loop(["met" | Lines], Pid);
        {welcome, Pid} -> monitor(process, Pid), loop(["met" | Lines], Pid);
        {watch, Pid} -> monitor(process, Pid), loop(Lines, Friend);
        {echo, From, Content} -> From ! Content, loop(Lines, Friend);
        retry -> Friend ! stale, link(Friend), monitor(process, Friend), loop(Lines, Friend);
        {'DOWN', _, process, _, Reason} -> loop(["DOWN " ++ word(Reason) | Lines], Friend);
        {'EXIT', _, Reason} -> loop(["EXIT " ++ word(Reason) | Lines], Friend);
        {nodeup, Node, _} -> put({around, Node}, yes), loop(["up" | Lines], Friend);
        {nodedown, Node, Info} -> erase({around, Node}), loop(["down " ++ word(proplists:get_value(nodedown_reason, Info)) | Lines], Friend);
        {log, From} -> From ! {log, Lines}, loop(Lines, Friend);
        {around, From} -> From ! {around, [Node || {around, Node} <- get_keys(yes)]}, loop(Lines, Friend);
        clear -> loop([], Friend);
        {write, Line} -> loop([Line | Lines], Friend);
        Other -> loop(["got " ++ word(Other) | Lines], Friend)
    end.

counted(N, [{From, To} | Lines]) when N =:= To + 1 -> [{From, N} | Lines];
counted(N, Lines) -> [{N, N} | Lines].

word(Term) -> lists:flatten(io_lib:format("~0tp", [Term])).

%% --- the mortal

mortal(Callers) ->
    receive
        {'$gen_call', From, _} -> mortal([From | Callers]);
        {callers, Pid} -> Pid ! {callers, Callers}, mortal(Callers);
        Reason -> persistent_term:put(callers, Callers), exit(Reason)
    end.

caller(Other) ->
    Line = try gen_server:call({mortal, Other}, slow, 60000) of
        _ -> "answered"
    catch exit:{Reason, _} ->
        %% OTP puts the name of the node into this one.
        "call ended: " ++ word(case Reason of {nodedown, _} -> noconnection; _ -> Reason end)
    end,
    witness ! {write, Line},
    afterwards().

afterwards() ->
    receive Message -> witness ! {write, "afterwards " ++ word(Message)}, afterwards() end.

%% --- the test asks

connect(Other) -> net_kernel:connect_node(Other).
disconnect(Other) -> erlang:disconnect_node(Other).
greet(Other) -> witness ! {greet, Other}, ok.
count(Other, From, To) -> [{witness, Other} ! N || N <- lists:seq(From, To)], ok.

%% Sends contents of these sizes to and fro, at once, and tells how many came back as they were, in order.
echo(Other, Sizes) ->
    [{witness, Other} ! {echo, self(), content(Size)} || Size <- Sizes],
    length([same || Size <- Sizes, receive Content -> Content =:= content(Size) after 60000 -> exit(late) end]).

content(Size) -> << <<(128 + ((N * 7 + Size) rem 128))>> || N <- lists:seq(0, Size - 1) >>.

ask(Other) -> gen_server:call({witness, Other}, ping, 60000).
call(Other) -> spawn(fun() -> caller(Other) end), ok.
waiting() -> mortal ! {callers, self()}, receive {callers, Callers} -> length(Callers) end.
'end'(Reason) -> mortal ! Reason, ok.
'answerLate'() -> [gen_server:reply(From, late) || From <- persistent_term:get(callers)], ok.
retry() -> witness ! retry, ok.
clear() -> witness ! clear, ok.
%% Also those whose end the witness has not written down yet.
nodes() ->
    witness ! {around, self()},
    lists:usort(erlang:nodes(connected) ++ receive {around, Nodes} -> Nodes end).
holdings() -> {length(processes()), length(erlang:ports())}.

known() -> gen_server:call(global_name_server, get_known).
take(Name) ->
    Holder = idle(),
    witness ! {watch, Holder},
    global:register_name(Name, Holder) =:= yes.
holder(Name) -> case global:whereis_name(Name) of undefined -> none; Pid -> erlang:node(Pid) end.
%% The names of reign are groups.
claim(Name) ->
    case whereis(reign) of undefined -> {ok, Scope} = pg:start(reign), unlink(Scope); _ -> ok end,
    pg:join(reign, atom_to_binary(Name), idle()).
claimants(Name) -> [erlang:node(Pid) || Pid <- pg:get_members(reign, atom_to_binary(Name))].
idle() -> spawn(fun() -> receive stop -> ok end end).

log() ->
    witness ! {log, self()},
    receive {log, Lines} -> lists:join("\n", lists:reverse([line(Line) || Line <- Lines])) end.

line({From, To}) -> io_lib:format("~b..~b", [From, To]);
line(Line) -> Line.

%% What rpc.test.ts exposes on a reign node, on an Erlang node: so that callers can be shown either.
-module(rpc_peer).
-export([give/1, throws/1, exits/1, fails/1, sleep/0, group_leader/0, note/2, hold/2, pid/0, says/1, linked/2]).

give(Value) -> Value.
throws(Value) -> throw(Value).
exits(Reason) -> exit(Reason).
fails(Reason) -> error(Reason).
sleep() -> receive after infinity -> ok end.
group_leader() -> erlang:group_leader().
pid() -> self().

%% Tells somebody who runs it.
note(To, What) -> To ! {What, self()}, noted.

%% Says that it has begun, and goes on when it is told to.
hold(To, Name) ->
    To ! {begun, Name, self()},
    receive go -> Name end.

%% Waits for a message, linked with a process that ends; what it traps is given back.
linked(To, Reason) ->
    spawn_link(fun() -> exit(Reason) end),
    To ! {waiting, self()},
    receive go -> went_on end.

%% Writes to where the caller's output goes.
says(Text) -> io:put_chars(Text).

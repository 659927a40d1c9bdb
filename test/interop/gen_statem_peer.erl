%% A gen_statem of Erlang's own that does what the machine of gen-statem.test.ts does, so that callers can be shown either.
-module(gen_statem_peer).
-behaviour(gen_statem).
-export([start/0, callback_mode/0, init/1, closed/3, open/3]).

start() -> gen_statem:start({local, gate}, ?MODULE, [], []).

callback_mode() -> [state_functions, state_enter].

init([]) -> {ok, closed, #{passed => 0, log => []}}.

closed(enter, From, Data) -> {keep_state, log({enter, From, closed}, Data)};
closed(cast, open, Data) ->
    {next_state, open, log(opened, Data), [{next_event, internal, one}, {next_event, internal, two}]};
closed({call, From}, log, #{log := Log}) -> {keep_state_and_data, [{reply, From, lists:reverse(Log)}]};
closed(info, What, Data) -> {keep_state, log({info, What}, Data)};
closed(_, _, _) -> {keep_state_and_data, [postpone]}.

open(enter, From, Data) -> {keep_state, log({enter, From, open}, Data)};
open(internal, What, Data) -> {keep_state, log({internal, What}, Data)};
open(cast, close, Data) -> {next_state, closed, Data};
open(cast, again, Data) -> {repeat_state, Data};
open(cast, times, _) ->
    {keep_state_and_data, [{state_timeout, 0, x}, {{timeout, a}, 0, y}, {{timeout, b}, 50000, z}, {{timeout, b}, update, w},
                           {{timeout, b}, cancel}, {{timeout, c}, update, v}]};
open(cast, soon, _) -> {keep_state_and_data, [{state_timeout, 20, late}]};
open(cast, idle, _) -> {keep_state_and_data, [{timeout, 20, quiet}]};
open(cast, What, Data) -> {keep_state, log({cast, What}, Data)};
open(state_timeout, What, Data) -> {keep_state, log({state_timeout, What}, Data)};
open(timeout, What, Data) -> {keep_state, log({timeout, What}, Data)};
open({timeout, Name}, What, Data) -> {keep_state, log({timeout, Name, What}, Data)};
open({call, From}, pass, #{passed := N} = Data) -> {keep_state, Data#{passed := N + 1}, [{reply, From, N + 1}]};
open({call, From}, log, #{log := Log}) -> {keep_state_and_data, [{reply, From, lists:reverse(Log)}]};
open({call, From}, quit, Data) -> {stop_and_reply, shutdown, [{reply, From, bye}], Data};
open({call, _}, gone, _) -> exit(gone);
open({call, _}, nonsense, _) -> nonsense;
open({call, _}, dance, _) -> {keep_state_and_data, [dance]};
open(info, What, Data) -> {keep_state, log({info, What}, Data)}.

log(What, #{log := Log} = Data) -> Data#{log := [What | Log]}.

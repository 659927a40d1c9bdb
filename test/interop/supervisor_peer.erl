%% What test/interop/supervisor.test.ts has on our side, here: a supervisor with three children, and one of any number.
-module(supervisor_peer).
-behaviour(supervisor).
-export([start/0, init/1, child/1]).

start() ->
    {ok, Top} = supervisor:start_link({local, top}, ?MODULE, top),
    {ok, Pool} = supervisor:start_link({local, pool}, ?MODULE, pool),
    unlink(Top), unlink(Pool),
    ok.

init(top) ->
    Worker = fun(Id) -> #{id => Id, start => {?MODULE, child, [run]}, modules => [child]} end,
    {ok, {#{intensity => 5, period => 5},
          [(Worker(<<"a">>))#{restart => transient, shutdown => brutal_kill},
           Worker(<<"b">>),
           (Worker(<<"c">>))#{restart => temporary}]}};
init(pool) ->
    {ok, {#{strategy => simple_one_for_one},
          [#{id => undefined, start => {?MODULE, child, []}, restart => temporary, modules => [child]}]}}.

child(run) -> {ok, spawn_link(fun() -> receive stop -> ok end end)};
child(none) -> ignore;
child(Reason) -> {error, Reason}.

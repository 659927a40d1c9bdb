%% A gen_server of Erlang's own that does what the server of gen-server.test.ts does, so that callers can be shown either.
-module(gen_server_peer).
-behaviour(gen_server).
-export([start/0, start/1, init/1, handle_call/3, handle_cast/2, handle_info/2, handle_continue/2, terminate/2]).

start() -> gen_server:start({local, suite}, ?MODULE, 10, []).
start(Name) -> gen_server:start({local, Name}, ?MODULE, 10, []).

init(Value) -> {ok, {Value, []}}.

handle_call({add, By}, _From, {Value, Log}) -> {reply, Value + By, {Value + By, Log}};
handle_call(value, _From, {Value, _} = State) -> {reply, Value, State};
handle_call({value}, From, State) -> handle_call(value, From, State);
handle_call({echo, Term}, _From, State) -> {reply, Term, State};
handle_call({later, Ms}, From, State) ->
    erlang:send_after(Ms, self(), {answer, From}),
    {noreply, State};
handle_call(never, _From, State) -> {noreply, State};
handle_call(who, {Pid, _}, State) -> {reply, Pid, State};
handle_call(go, _From, State) -> {reply, gone, State, {continue, on}};
handle_call({idle, Ms}, _From, State) -> {reply, idle, State, Ms};
handle_call(hibernate, _From, State) -> {reply, slept, State, hibernate};
handle_call(log, _From, {_, Log} = State) -> {reply, lists:reverse(Log), State};
handle_call({stop, Reason, Reply}, _From, State) -> {stop, Reason, Reply, State};
handle_call({stop, Reason}, _From, State) -> {stop, Reason, State};
handle_call(fail, _From, _State) -> error(asked_to_fail);
handle_call(Other, _From, {Value, Log}) -> {reply, {unknown, Other}, {Value, [{call, Other} | Log]}}.

handle_cast(reset, {_, Log}) -> {noreply, {0, Log}};
handle_cast({stop, Reason}, State) -> {stop, Reason, State};
handle_cast(Other, {Value, Log}) -> {noreply, {Value, [{cast, Other} | Log]}}.

handle_info({answer, From}, State) -> gen_server:reply(From, answered), {noreply, State};
handle_info(Other, {Value, Log}) -> {noreply, {Value, [{info, Other} | Log]}}.

handle_continue(on, {Value, Log}) -> {noreply, {Value, [continued | Log]}}.

terminate(Reason, _State) ->
    case whereis(witness) of undefined -> ok; Pid -> Pid ! {terminated, Reason} end.

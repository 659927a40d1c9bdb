%% A handler of Erlang's own that does what the handler of gen-event.test.ts does, for managers of either side.
-module(gen_event_peer).
-behaviour(gen_event).
-export([start/1, init/1, handle_event/2, handle_call/2, handle_info/2, terminate/2]).

start(Name) ->
    {ok, Pid} = gen_event:start({local, Name}),
    Pid.

init({{again, Label}, Left}) -> {ok, {Label, [{left, Left}]}};
init(refuse) -> {refused, politely};
init(crash) -> error(asked_to_fail);
init(Label) -> {ok, {Label, []}}.

handle_event(leave, _) -> remove_handler;
handle_event(crash, _) -> error(asked_to_fail);
handle_event({swap, Label}, State) -> {swap_handler, swapped_out, State, {?MODULE, Label}, {again, Label}};
handle_event(Event, {Label, Heard}) -> {ok, {Label, [Event | Heard]}}.

handle_call(heard, {_, Heard} = State) -> {ok, lists:reverse(Heard), State};
handle_call({echo, Term}, State) -> {ok, Term, State};
handle_call(hibernate, State) -> {ok, slept, State, hibernate};
handle_call(leave, _) -> {remove_handler, left};
handle_call(crash, _) -> error(asked_to_fail);
handle_call(Other, State) -> {ok, {unknown, Other}, State}.

handle_info({'EXIT', _, Reason}, {Label, Heard}) -> {ok, {Label, [{exited, Reason} | Heard]}};
handle_info(Message, {Label, Heard}) -> {ok, {Label, [{info, Message} | Heard]}}.

terminate(Why, {Label, _}) ->
    case whereis(witness) of undefined -> ok; Pid -> Pid ! {terminated, Label, Why} end,
    {end_of, Label}.

%% What the test harness (erl.ts) talks to inside an Erlang node: evaluates expressions that arrive on file descriptor 3.
%%
%% Not over distribution: the harness must work while distribution is what is being tested, broken or absent.
%%
%% A frame is a 4-byte length, then <<Id:32, Field/binary...>>, each field with a 4-byte length of its own.
%%   request  [Where, Form, Expression, Name1, Value1, ...]   Where: <<>> for a process of its own, else the name of a shell
%%            [<<"cancel">>]                                  kills the process that works at request Id
%%   reply    [<<"value">>, Result] | [<<"raised">>, Class, Reason, Stack]
%% Form is <<"text">> (the result printed by ~0tp) or <<"bytes">> (the result is iodata, sent as it is). Values are binaries.
-module(reign_agent).
-export([start/0, wait_until/2, compile/1]).

start() ->
    spawn(fun() ->
        Port = open_port({fd, 3, 3}, [{packet, 4}, binary, eof]),
        reply(Port, 0, [<<"value">>, erlang:system_info(otp_release)]),
        loop(Port, #{}, #{})
    end).

%% Jobs: request => {process at work, its monitor}. Shells: name => process.
loop(Port, Jobs, Shells) ->
    receive
        {Port, {data, <<Id:32, Rest/binary>>}} ->
            case [Field || <<Size:32, Field:Size/binary>> <= Rest] of
                [<<"cancel">>] ->
                    [exit(Pid, kill) || {Pid, _} <- [maps:get(Id, Jobs, none)]],
                    loop(Port, Jobs, Shells);
                [Where, Form, Expression | New] ->
                    {Pid, Known} = place(Where, Shells),
                    Monitor = monitor(process, Pid, [{tag, {down, Id}}]),
                    Pid ! {job, Id, Form, Expression, New},
                    loop(Port, Jobs#{Id => {Pid, Monitor}}, Known)
            end;
        {done, Id, Reply} ->
            #{Id := {_, Monitor}} = Jobs,
            demonitor(Monitor, [flush]),
            reply(Port, Id, Reply),
            loop(Port, maps:remove(Id, Jobs), Shells);
        {{down, Id}, _, process, _, Reason} ->
            %% It ended by something else than its expression: a link, or a kill.
            reply(Port, Id, [<<"raised">>, <<"exit">>, print(Reason), <<"[]">>]),
            loop(Port, maps:remove(Id, Jobs), Shells);
        {Port, eof} ->
            %% The test run is gone, in whichever way.
            halt(0, [{flush, false}])
    end.

reply(Port, Id, Fields) ->
    port_command(Port, [<<Id:32>> | [[<<(iolist_size(Field)):32>>, Field] || Field <- Fields]]).

%% The process to evaluate in. One of its own ends with its expression, as `normal`; a shell stays.
place(<<>>, Shells) ->
    Agent = self(),
    {spawn(fun() -> work(Agent, erl_eval:new_bindings()) end), Shells};
place(Where, Shells) when is_map_key(Where, Shells) ->
    {maps:get(Where, Shells), Shells};
place(Where, Shells) ->
    Agent = self(),
    Pid = spawn(fun() -> shell(Agent, erl_eval:new_bindings()) end),
    {Pid, Shells#{Where => Pid}}.

shell(Agent, Bindings) ->
    shell(Agent, work(Agent, Bindings)).

%% An expression that raises leaves the bindings as they were before it.
work(Agent, Bindings) ->
    receive
        {job, Id, Form, Expression, New} ->
            {Reply, Kept} =
                try
                    {value, Value, After} = erl_eval:exprs(parse(Expression), bind(New, Bindings)),
                    {[<<"value">>, form(Form, Value)], After}
                catch
                    Class:Reason:Stack ->
                        {[<<"raised">>, print(Class), print(Reason), print(lists:sublist(Stack, 5))], Bindings}
                end,
            Agent ! {done, Id, Reply},
            Kept
    end.

bind([Name, Value | Rest], Bindings) -> bind(Rest, erl_eval:add_binding(binary_to_atom(Name), Value, Bindings));
bind([], Bindings) -> Bindings.

form(<<"text">>, Value) -> print(Value);
form(<<"bytes">>, Value) -> iolist_to_binary(Value).

print(Term) -> unicode:characters_to_binary(io_lib:format("~0tp", [Term])).

parse(Expression) ->
    case erl_scan:string(unicode:characters_to_list([Expression, " ."])) of
        {ok, Tokens, _} ->
            case erl_parse:parse_exprs(Tokens) of
                {ok, Exprs} -> Exprs;
                {error, {_, Module, What}} -> exit({syntax, lists:flatten(Module:format_error(What))})
            end;
        {error, {_, Module, What}, _} ->
            exit({syntax, lists:flatten(Module:format_error(What))})
    end.

%% Evaluates until it gives true, looking every 10 ms. Whatever else it gives, or raises, is "not yet".
wait_until(Expression, DeadlineMs) ->
    look(parse(Expression), erlang:monotonic_time(millisecond) + DeadlineMs).

look(Exprs, Deadline) ->
    Seen =
        try
            element(2, erl_eval:exprs(Exprs, erl_eval:new_bindings()))
        catch
            Class:Reason -> {raised, Class, Reason}
        end,
    Late = erlang:monotonic_time(millisecond) >= Deadline,
    if
        Seen =:= true ->
            true;
        Late ->
            exit({still, Seen});
        true ->
            receive
            after 10 -> look(Exprs, Deadline)
            end
    end.

%% Compiles and loads the module in that file; gives its name.
compile(File) ->
    case compile:file(unicode:characters_to_list(File), [binary, return, debug_info]) of
        {ok, Module, Beam, _Warnings} ->
            {module, Module} = code:load_binary(Module, unicode:characters_to_list(File), Beam),
            Module;
        {error, Errors, _Warnings} ->
            Text = fun({Where, By, What}) -> io_lib:format("~0tp ~ts", [Where, By:format_error(What)]) end,
            exit({compile, [lists:flatten(Text(Row)) || {_, Rows} <- Errors, Row <- Rows]})
    end.

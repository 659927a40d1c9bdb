%% What a differential scenario drives on an Erlang node: named actors that do as they are told and write down what they
%% see. Its twin for reign is reign-agent.ts: the same commands, the same lines of text.
%%
%% The conductor asks by request/1, through the pipe of the harness and never over distribution. A reply is lines of text. Terms
%% are written by text/1, which both twins share by hand: pids and references by their numbers, for the conductor to name.
-module(differential_agent).
-export([start/0, request/1, pid/1, ref/1, spawned/2, returns/0, throws/1, gives/1, throws_it/1, exits/1]).

%% --- the agent: keeps the actors of this node, their events and their ends -------------------------------------------

start() ->
    Starter = self(),
    spawn(fun() ->
        register(?MODULE, self()),
        Starter ! ready,
        agent(#{actors => #{}, pending => #{}, waiters => []})
    end),
    receive
        ready -> <<>>
    end.

%% Asks the agent, from the process that evaluates the conductor's expression.
request({disconnect, Node}) -> text(erlang:disconnect_node(Node));
request({ping, Node}) -> text(net_adm:ping(Node));
request({queued, Name, Count}) -> queued(ask({pid, Name}), Count);
request(Request) -> ask(Request).

ask(Request) ->
    Ref = monitor(process, ?MODULE),
    ?MODULE ! {request, {self(), Ref}, Request},
    receive
        {Ref, Reply} ->
            demonitor(Ref, [flush]),
            Reply;
        {'DOWN', Ref, _, _, Reason} ->
            exit({agent, Reason})
    end.

answer({Pid, Ref}, Reply) -> Pid ! {Ref, Reply}.

%% Waits until so many messages are queued at an actor that does not receive. Nothing announces it.
queued(Pid, Count) ->
    case process_info(Pid, message_queue_len) of
        {_, Length} when Length < Count ->
            receive
            after 2 -> queued(Pid, Count)
            end;
        _ ->
            <<"ok">>
    end.

%% actors: Name => #{pid, events (latest first), ended}. pending: Id => {Name, Asking}. waiters: {Name, For, Asking}.
agent(State) ->
    #{actors := Actors, pending := Pending, waiters := Waiters} = State,
    receive
        {request, From, {spawn, Name, Trap}} ->
            {Pid, _} = spawn_monitor(fun() -> actor(Name, Trap) end),
            answer(From, text(Pid)),
            agent(State#{actors := Actors#{Name => newborn(Pid)}});
        {born, Pid, Name} ->
            monitor(process, Pid),
            Pid ! '$welcome',
            agent(look(Name, State#{actors := Actors#{Name => newborn(Pid)}}));
        {request, From, {_, Name}} when not is_map_key(Name, Actors) ->
            answer(From, <<"no such actor">>),
            agent(State);
        {request, From, {pid, Name}} ->
            #{Name := #{pid := Pid}} = Actors,
            answer(From, Pid),
            agent(State);
        {request, From, {do, Name, Ops}} ->
            case Actors of
                #{Name := #{pid := Pid, ended := false}} ->
                    Id = make_ref(),
                    Pid ! {'$do', Id, Ops},
                    agent(State#{pending := Pending#{Id => {Name, From}}});
                _ ->
                    answer(From, <<"dead">>),
                    agent(State)
            end;
        {request, From, {release, Name}} ->
            #{Name := #{pid := Pid}} = Actors,
            Pid ! '$release',
            answer(From, <<"ok">>),
            agent(State);
        {request, From, {wait, Name, For}} ->
            agent(look(Name, State#{waiters := [{Name, For, From} | Waiters]}));
        {request, From, {address, Name}} ->
            #{Name := #{pid := Pid}} = Actors,
            answer(From, text(Pid)),
            agent(State);
        {request, From, {events, Name}} ->
            #{Name := #{events := Events, ended := Ended}} = Actors,
            answer(From, lines(lists:reverse(Events) ++ [["ended ", Ended] || Ended =/= false])),
            agent(State);
        {request, From, {state, Name}} ->
            #{Name := #{pid := Pid}} = Actors,
            answer(From, relations(Pid)),
            agent(State);
        {request, From, forget} ->
            [exit(Pid, kill) || #{pid := Pid} <- maps:values(Actors)],
            [receive {'DOWN', _, _, Pid, _} -> ok end || #{pid := Pid, ended := false} <- maps:values(Actors)],
            [catch gen_server:stop(Scope) || Scope <- registered(), lists:prefix("pg_", atom_to_list(Scope))],
            answer(From, <<"ok">>),
            agent(#{actors => #{}, pending => #{}, waiters => []});
        {event, Name, Text} ->
            case Actors of
                #{Name := #{events := Events} = Actor} ->
                    agent(look(Name, State#{actors := Actors#{Name := Actor#{events := [Text | Events]}}}));
                _ ->
                    agent(State)
            end;
        {done, Id, Results} ->
            {{_, From}, Rest} = maps:take(Id, Pending),
            answer(From, lines(Results)),
            agent(State#{pending := Rest});
        {'DOWN', _, process, Pid, Reason} ->
            case [Name || {Name, #{pid := P}} <- maps:to_list(Actors), P =:= Pid] of
                [Name] ->
                    #{Name := Actor} = Actors,
                    Gone = maps:filter(fun(_, {N, _}) -> N =:= Name end, Pending),
                    [answer(From, <<"dead">>) || {_, From} <- maps:values(Gone)],
                    Ended = State#{
                        actors := Actors#{Name := Actor#{ended := text(Reason)}},
                        pending := maps:without(maps:keys(Gone), Pending)
                    },
                    agent(look(Name, Ended));
                [] ->
                    agent(State)
            end;
        _ ->
            agent(State)
    end.

newborn(Pid) -> #{pid => Pid, events => [], ended => false}.

%% Answers those who wait for what has come about.
look(Name, State = #{actors := Actors, waiters := Waiters}) ->
    {Done, Left} = lists:partition(fun({N, For, _}) -> N =:= Name andalso is_so(For, Actors) end, Waiters),
    [answer(From, <<"ok">>) || {_, _, From} <- Done],
    State#{waiters := Left};
look(_, State) ->
    State.

is_so({events, Name, Count}, Actors) ->
    case Actors of
        #{Name := #{events := Events}} -> length(Events) >= Count;
        _ -> false
    end;
is_so({ended, Name}, Actors) ->
    case Actors of
        #{Name := #{ended := Ended}} -> Ended =/= false;
        _ -> false
    end;
is_so({born, Name}, Actors) ->
    is_map_key(Name, Actors).

%% One line each, of the items that stand side by side in both languages. What the agent itself does is left out.
relations(Pid) ->
    case process_info(Pid, [links, monitors, monitored_by]) of
        undefined ->
            <<>>;
        [{_, Links}, {_, Monitors}, {_, MonitoredBy}] ->
            Agent = whereis(?MODULE),
            lines(
                [["link ", text(P)] || P <- Links] ++
                    [["monitor ", text(T)] || {process, T} <- Monitors] ++
                    [["monitored_by ", text(P)] || P <- MonitoredBy, P =/= Agent]
            )
    end.

lines(Texts) -> lists:join("\n", Texts).

%% --- the actors -------------------------------------------------------------------------------------------------------

%% What other nodes spawn here.
spawned(Name, Trap) ->
    ?MODULE ! {born, self(), Name},
    receive
        '$welcome' -> actor(Name, Trap)
    end.

returns() -> ok.

throws(Reason) -> error(Reason).

gives(Term) -> Term.

throws_it(Term) -> throw(Term).

exits(Reason) -> exit(Reason).

actor(Name, Trap) ->
    process_flag(trap_exit, Trap),
    loop(#{name => Name, known => #{}, callers => []}).

loop(State) ->
    receive
        {'$do', Id, Ops} ->
            case do(Ops, Id, [], State) of
                stop -> ok;
                Next -> loop(Next)
            end;
        {'$sync', From, Ref} ->
            From ! {'$synced', Ref},
            loop(State);
        {'$gen_call', {Pid, _} = From, Request} ->
            event(State, ["call ", text(Pid), " ", text(Request)]),
            #{callers := Callers} = State,
            loop(State#{callers := Callers ++ [From]});
        {'EXIT', From, Reason} ->
            event(State, ["exit ", text(From), " ", text(Reason)]),
            loop(State);
        {'DOWN', Ref, process, Object, Reason} ->
            event(State, ["down ", text(Ref), " ", text(Object), " ", text(Reason)]),
            loop(State);
        {timeout, Ref, Message} ->
            event(State, ["timeout ", text(Ref), " ", text(Message)]),
            loop(State);
        {Ref, Kind, Group, Pids} when is_reference(Ref), Kind =:= join; is_reference(Ref), Kind =:= leave ->
            event(State, [text(Kind), " ", text(Ref), " ", text(Group), " ", text(Pids)]),
            loop(State);
        {Kind, Node, _} when Kind =:= nodeup; Kind =:= nodedown ->
            event(State, [atom_to_list(Kind), " ", text(Node)]),
            loop(State);
        Message ->
            event(State, ["got ", text(Message)]),
            loop(State)
    end.

event(#{name := Name}, Text) -> ?MODULE ! {event, Name, Text}.

done(Id, Results) -> ?MODULE ! {done, Id, lists:reverse(Results)}.

%% What ends or blocks the actor is acknowledged before it is done, and so must be the last of its batch.
do([], Id, Results, State) ->
    done(Id, Results),
    State;
do([return], Id, Results, _) ->
    done(Id, ["ok" | Results]),
    stop;
do([{throw, Reason}], Id, Results, _) ->
    done(Id, ["ok" | Results]),
    error(Reason);
do([{exits, Reason}], Id, Results, _) ->
    done(Id, ["ok" | Results]),
    exit(Reason);
do([hold], Id, Results, State) ->
    done(Id, ["ok" | Results]),
    receive
        '$release' -> State
    end;
do([{call, Target, Request, Timeout}], Id, Results, State) ->
    done(Id, ["ok" | Results]),
    try gen:call(Target, '$gen_call', Request, Timeout) of
        {ok, Reply} -> event(State, ["reply ", text(Reply)])
    catch
        %% What gen makes of `noconnection`, undone: reign gives the reason of the DOWN as it is.
        exit:{nodedown, _} -> event(State, "failed noconnection");
        exit:Reason -> event(State, ["failed ", text(Reason)])
    end,
    State;
do([{erpc, Node, Function, Args, Timeout}], Id, Results, State) ->
    done(Id, ["ok" | Results]),
    event(
        State,
        try erpc:call(Node, ?MODULE, Function, Args, Timeout) of
            Value -> ["gave ", text(Value)]
        catch
            throw:Term -> ["raised throw ", text(Term)];
            exit:{exception, Reason} -> ["raised exit ", text(Reason)];
            exit:{signal, Reason} -> ["signal ", text(Reason)];
            error:{exception, Reason, _} -> ["raised error ", thrown(Reason)];
            error:{erpc, Reason} -> ["erpc ", text(Reason)]
        end
    ),
    State;
do([Op | Ops], Id, Results, State) ->
    {Result, Next} =
        try
            op(Op, State)
        catch
            error:_ -> {"error", State}
        end,
    do(Ops, Id, [Result | Results], Next).

op({send, Target, Message}, State) ->
    Target ! Message,
    {"ok", State};
op({link, Pid}, State) ->
    link(Pid),
    {"ok", State};
op({unlink, Pid}, State) ->
    unlink(Pid),
    {"ok", State};
op({exit, Pid, Reason}, State) ->
    exit(Pid, Reason),
    {"ok", State};
op({trap, Flag}, State) ->
    process_flag(trap_exit, Flag),
    {"ok", State};
op({monitor, Key, Target, none}, State) ->
    known(Key, monitor(process, Target), State);
op({monitor, Key, Target, Alias}, State) ->
    known(Key, monitor(process, Target, [{alias, Alias}]), State);
op({demonitor, Key}, State = #{known := Known}) ->
    demonitor(maps:get(Key, Known), [flush]),
    {"ok", State};
op({alias, Key, Mode}, State) ->
    known(Key, alias([Mode]), State);
op({unalias, Key}, State = #{known := Known}) ->
    {text(unalias(maps:get(Key, Known))), State};
op({register, Name, Pid}, State) ->
    register(Name, Pid),
    {"ok", State};
op({unregister, Name}, State) ->
    {text(whereis(Name) =/= undefined andalso unregister(Name)), State};
op({whereis, Name}, State) ->
    {text(whereis(Name)), State};
op({spawn, Key, Node, Function, Args, Ties}, State = #{known := Known}) ->
    Request = spawn_request(Node, ?MODULE, Function, Args, Ties),
    receive
        {spawn_reply, Request, ok, Pid} ->
            {[text(Request), " ", text(Pid)], State#{known := Known#{Key => Request}}};
        {spawn_reply, Request, error, Reason} ->
            {["refused ", text(Reason)], State}
    end;
op({reply, Reply}, State = #{callers := [From | Callers]}) ->
    gen:reply(From, Reply),
    {"ok", State#{callers := Callers}};
op({send_after, Key, Ms, Message}, State) ->
    known(Key, erlang:send_after(Ms, self(), Message), State);
op({start_timer, Key, Ms, Message}, State) ->
    known(Key, erlang:start_timer(Ms, self(), Message), State);
op({cancel, Key}, State = #{known := Known}) ->
    {text(erlang:cancel_timer(maps:get(Key, Known)) =/= false), State};
op({monitor_nodes, Flag}, State) ->
    ok = net_kernel:monitor_nodes(Flag, [{node_type, all}]),
    {"ok", State};
op({until_queued, Count}, State) ->
    {queued(self(), Count), State};
op({pg, Scope, Op}, State) ->
    try
        pg(Scope, Op, State)
    catch
        exit:{noproc, _} -> {"noproc", State}
    end;
op({sync, Pid}, State) ->
    Ref = make_ref(),
    Pid ! {'$sync', self(), Ref},
    {synced(Ref), State}.

pg(Scope, start, State) ->
    case pg:start(Scope) of
        {ok, _} -> {"ok", State};
        {error, {already_started, _}} -> {"ok", State}
    end;
pg(Scope, stop, State) ->
    {text(gen_server:stop(Scope)), State};
pg(Scope, pid, State) ->
    {text(whereis(Scope)), State};
pg(Scope, {join, Group, Pids}, State) ->
    {text(pg:join(Scope, Group, Pids)), State};
pg(Scope, {leave, Group, Pids}, State) ->
    {text(pg:leave(Scope, Group, Pids)), State};
pg(Scope, {members, Group}, State) ->
    {text(pg:get_members(Scope, Group)), State};
pg(Scope, {local_members, Group}, State) ->
    {text(pg:get_local_members(Scope, Group)), State};
pg(Scope, groups, State) ->
    {text(lists:sort(pg:which_groups(Scope))), State};
pg(Scope, local_groups, State) ->
    {text(lists:sort(pg:which_local_groups(Scope))), State};
pg(Scope, {monitor, Key, Group}, State = #{known := Known}) ->
    {Ref, Members} = pg:monitor(Scope, Group),
    {[text(Ref), " ", text(Members)], State#{known := Known#{Key => Ref}}};
pg(Scope, {monitor_scope, Key}, State = #{known := Known}) ->
    {Ref, Groups} = pg:monitor_scope(Scope),
    {[text(Ref), " ", text(Groups)], State#{known := Known#{Key => Ref}}};
pg(Scope, {demonitor, Key}, State = #{known := Known}) ->
    {text(pg:demonitor(Scope, maps:get(Key, Known))), State};
pg(Scope, {until, Group, Count}, State) ->
    {has(Scope, Group, Count, 20000), State}.

%% Waits until a group has so many members. To be told would be to test what is to be tested.
has(Scope, Group, Count, Left) ->
    case length(pg:get_members(Scope, Group)) of
        Count -> "ok";
        Length when Left =:= 0 -> ["has ", integer_to_list(Length)];
        _ ->
            receive
            after 2 -> has(Scope, Group, Count, Left - 1)
            end
    end.

%% Two may want to meet each other at the same time.
synced(Ref) ->
    receive
        {'$synced', Ref} ->
            "ok";
        {'$sync', From, Other} ->
            From ! {'$synced', Other},
            synced(Ref)
    after 60000 -> "no answer"
    end.

known(Key, Ref, State = #{known := Known}) -> {text(Ref), State#{known := Known#{Key => Ref}}}.

%% --- terms as text ----------------------------------------------------------------------------------------------------

text(Term) when is_atom(Term) ->
    Name = atom_to_binary(Term),
    case re:run(Name, "^[a-z][A-Za-z0-9_@]*$") of
        nomatch -> ["'", Name, "'"];
        _ -> Name
    end;
text(Term) when is_integer(Term) -> integer_to_list(Term);
text(Term) when is_binary(Term), byte_size(Term) > 200 ->
    ["\"", binary:part(Term, 0, 10), "\"(", integer_to_list(byte_size(Term)), " bytes)"];
text(Term) when is_binary(Term) -> ["\"", Term, "\""];
text(Term) when is_pid(Term) ->
    <<131, 88, Rest/binary>> = term_to_binary(Term),
    {Node, <<Id:32, Serial:32, Creation:32>>} = node_name(Rest),
    io_lib:format("<pid:~ts:~b.~b:~b>", [Node, Id, Serial, Creation]);
text(Term) when is_reference(Term) ->
    <<131, 90, _:16, Rest/binary>> = term_to_binary(Term),
    {Node, <<Creation:32, Words/binary>>} = node_name(Rest),
    Numbers = lists:join(".", [integer_to_list(Word) || <<Word:32>> <= Words]),
    io_lib:format("<ref:~ts:~s:~b>", [Node, Numbers, Creation]);
text([]) -> "[]";
text(Term) when is_list(Term) -> ["[", elements(Term), "]"];
text({Reason, Stack} = Term) ->
    case is_stack(Stack) of
        true -> ["crashed(", thrown(Reason), ")"];
        false -> tuple(Term)
    end;
text(Term) when is_tuple(Term) -> tuple(Term);
text(Term) when is_map(Term) ->
    Pairs = [[text(Key), " => ", text(Value)] || {Key, Value} <- maps:to_list(Term)],
    ["#{", lists:join(",", lists:sort([iolist_to_binary(Pair) || Pair <- Pairs])), "}"].

tuple(Term) -> ["{", lists:join(",", [text(Element) || Element <- tuple_to_list(Term)]), "}"].

elements([Last]) -> text(Last);
elements([First | Rest]) when is_list(Rest) -> [text(First), ",", elements(Rest)];
elements([First | Tail]) -> [text(First), "|", text(Tail)].

is_stack([_ | _] = Frames) when length(Frames) > 0 ->
    lists:all(fun({M, F, _, At}) -> is_atom(M) andalso is_atom(F) andalso is_list(At); (_) -> false end, Frames);
is_stack(_) ->
    false.

%% The message of an error of JavaScript, and an error reason of Erlang, are the same line.
thrown({Name, Message}) when is_atom(Name), is_binary(Message) -> Message;
thrown(Reason) -> text(Reason).

node_name(<<119, Size, Name:Size/binary, Rest/binary>>) -> {Name, Rest};
node_name(<<118, Size:16, Name:Size/binary, Rest/binary>>) -> {Name, Rest};
node_name(<<100, Size:16, Name:Size/binary, Rest/binary>>) -> {Name, Rest}.

%% The reverse of text/1, for what the conductor has got to know by name.
pid(Text) ->
    [<<"pid">>, Node, Numbers, Creation] = binary:split(Text, <<":">>, [global]),
    [Id, Serial] = binary:split(Numbers, <<".">>),
    binary_to_term(<<131, 88, 119, (byte_size(Node)), Node/binary, (number(Id)):32, (number(Serial)):32, (number(Creation)):32>>).

ref(Text) ->
    [<<"ref">>, Node, Numbers, Creation] = binary:split(Text, <<":">>, [global]),
    Words = [number(Word) || Word <- binary:split(Numbers, <<".">>, [global])],
    Tail = <<<<Word:32>> || Word <- [number(Creation) | Words]>>,
    binary_to_term(<<131, 90, (length(Words)):16, 119, (byte_size(Node)), Node/binary, Tail/binary>>).

number(Digits) -> binary_to_integer(Digits).

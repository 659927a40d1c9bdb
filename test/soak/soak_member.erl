%% A node of Erlang in the soak: the twin of member.ts, with the same workloads, messages and oracles, and the same operations. These give
%% JSON, as text.
-module(soak_member).
-behaviour(gen_server).
-export([start/3, nodes/0, still/0, go/0, mark/0, status/0, rest/0, tails/0, views/0, holdings/0, memory/0]).
-export([init/1, handle_call/3, handle_cast/2]).

-define(STREAMS, 2).
-define(BEAT, 50).
-define(WATCH_BEAT, 100).
-define(VICTIMS, 20).
-define(OVERDUE, 60000).
-define(CLAIM_BEAT, 250).
-define(GROUPS, 4).
-define(MEMBERS, 3).
-define(CALL_BEAT, 200).
-define(SLOW, 300).
-define(PATIENT, 5000).
-define(HASTY, 100).
-define(LATE, 60000).

%% PerSecond: messages of each sender.
start(Others, Seed, PerSecond) ->
    Parent = self(),
    spawn(fun() ->
        soak = ets:new(soak, [named_table, public, {write_concurrency, true}]),
        ets:insert(soak, [{still, true}, {sent, 0}, {heard, 0}, {lost, 0}, {violations, 0}, {pending, 0}]),
        {ok, _} = pg:start_link(),
        {ok, _} = pg:start_link(reign),
        {ok, _} = gen_server:start_link({local, counter}, ?MODULE, [], []),
        Subscribed = self(),
        register(sink, spawn_link(fun() -> monitor_nodes(), Subscribed ! ready, sink(views(nodes(connected)), #{}) end)),
        receive ready -> ok end,
        register(keeper, spawn_link(fun keeper/0)),
        Numbered = lists:zip(lists:seq(1, length(Others)), Others),
        Senders = [spawn_link(fun() -> seed(Seed, {sender, N, K}), sender(Other, K, PerSecond) end)
                   || {N, Other} <- Numbered, K <- lists:seq(0, ?STREAMS - 1)],
        Watchers = [spawn_link(fun() -> seed(Seed, {watcher, N}), watcher(Other, N) end) || {N, Other} <- Numbered],
        Claimer = spawn_link(fun() -> seed(Seed, claimer), claimer([member() || _ <- lists:seq(1, ?MEMBERS)], #{}) end),
        [spawn_link(fun() -> seed(Seed, {caller, N}), caller(Other, 0) end) || {N, Other} <- Numbered],
        ets:insert(soak, [{senders, Senders}, {watchers, Watchers}, {claimer, Claimer}]),
        Parent ! started,
        receive never -> ok end
    end),
    receive started -> ok after 30000 -> exit(late) end.

seed(Seed, What) -> rand:seed(exsplus, {Seed, erlang:phash2(What), 1}).

%% --- what may not be

fail(Format, Args) ->
    case ets:update_counter(soak, violations, 1) of
        N when N =< 50 -> ets:insert(soak, {{violation, N}, iolist_to_binary(io_lib:format(Format, Args))});
        _ -> ok
    end.

count(Key) -> ets:update_counter(soak, {count, Key}, 1, {{count, Key}, 0}).

is_still() -> ets:lookup_element(soak, still, 2).

%% --- connections, as one process hears of them

monitor_nodes() -> ok = net_kernel:monitor_nodes(true, [{node_type, all}]).

%% The number of the connection with each node: positive while it stands.
views(Nodes) -> maps:from_list([{Node, 1} || Node <- Nodes]).

node_up(Node, Views) -> Views#{Node => abs(maps:get(Node, Views, 0)) + 1}.
node_down(Node, Views) -> Views#{Node => -abs(maps:get(Node, Views, 0))}.
epoch(Node, Views) -> max(0, maps:get(Node, Views, 0)).

%% --- numbered messages: streams.ts, stream-oracle.ts

size_of(N) when N rem 500 =:= 0 -> 200000;
size_of(N) when N rem 50 =:= 0 -> 16384;
size_of(N) -> 16 + ((N * 37) rem 400).

payload(N) -> binary:copy(<<(128 + N rem 64)>>, size_of(N)).

sink(Views, Streams) ->
    receive
        {soak, From, Stream, Way, N, Total, Payload} ->
            ets:update_counter(soak, heard, 1),
            case Payload =:= payload(Total) of
                true -> ok;
                false -> fail("altered: what ~p says with ~b", [From, Total])
            end,
            case epoch(node(From), Views) of
                0 -> fail("order: ~p is heard of while its node is down", [From]);
                _ -> ok
            end,
            sink(Views, heard(From, Stream, Way, N, Total, epoch(node(From), Views), Streams));
        {hello, From, _} -> From ! {here, self()}, sink(Views, Streams);
        {nodeup, Node, _} -> sink(node_up(Node, Views), Streams);
        {nodedown, Node, _} -> sink(node_down(Node, Views), Streams);
        {tails, From} ->
            From ! {tails, [{Pid, Total} || {Pid, Total, _, _} <- maps:values(Streams)]},
            sink(Views, Streams);
        Other -> fail("the sink gets what nobody has sent: ~p", [Other]), sink(Views, Streams)
    end.

heard(From, Stream, Way, N, Total, Epoch, Streams) ->
    Key = {node(From), Stream},
    {Last, Named, Addressed} = case Streams of
        #{Key := {From, A, B, C}} -> {A, B, C};
        #{Key := {Earlier, _, _, _}} -> not_retired(From), put({retired, Earlier}, yes), {0, none, none};
        _ -> {0, none, none}
    end,
    if
        Total =:= Last -> fail("duplicate: ~p says ~b again", [From, Total]);
        Total < Last -> fail("order: ~p says ~b after ~b", [From, Total, Last]);
        true -> ok
    end,
    Before = case Way of 0 -> Named; _ -> Addressed end,
    gap(From, Way, N, Epoch, Before),
    Heard = {Way, N, Epoch},
    Streams#{Key => case Way of
        0 -> {From, max(Last, Total), Heard, Addressed};
        _ -> {From, max(Last, Total), Named, Heard}
    end}.

not_retired(From) ->
    case get({retired, From}) of
        yes -> fail("runs: ~p is heard of after one that came later", [From]);
        _ -> ok
    end.

gap(From, Way, N, _, {Way, Last, _}) when N =< Last -> fail("duplicate: ~p says ~b after ~b", [From, N, Last]);
gap(_, Way, N, _, {Way, Last, _}) when N =:= Last + 1 -> ok;
gap(From, Way, N, Epoch, {Way, Last, Epoch}) ->
    fail("hole: ~p says ~b after ~b, over one connection", [From, N, Last]);
gap(_, Way, N, _, {Way, Last, _}) -> ets:update_counter(soak, lost, N - Last - 1);
gap(_, _, _, _, _) -> ok.

sender(Other, Stream, PerSecond) ->
    sender(#{other => Other, stream => Stream, rate => PerSecond, due => rand:uniform(), total => 0, named => 0,
             sink => none, way => 0, n => 0, asked => 0, mark => false}).

sender(S0) ->
    timer:sleep(?BEAT),
    S1 = sender_reads(S0),
    S2 = hello(S1),
    Due = maps:get(due, S2) + case is_still() of true -> 0; false -> maps:get(rate, S2) * ?BEAT / 1000 end,
    S3 = say_all(S2#{due => Due}),
    S4 = case S3 of
        #{mark := true, sink := none} -> (say_named(S3))#{mark => false};
        #{mark := true} -> (say_addressed(say_named(S3)))#{mark => false};
        _ -> S3
    end,
    sender(S4).

sender_reads(S) ->
    receive
        {here, Pid} when map_get(sink, S) =:= none ->
            monitor(process, Pid),
            sender_reads(S#{sink => Pid, way => maps:get(way, S) + 1, n => 0});
        {here, _} -> sender_reads(S);
        {'DOWN', _, process, _, _} -> sender_reads(S#{sink => none});
        mark -> sender_reads(S#{mark => true});
        {said, From} -> From ! {said, self(), maps:get(other, S), maps:get(total, S)}, sender_reads(S);
        Other -> fail("a sender gets what nobody has sent: ~p", [Other]), sender_reads(S)
    after 0 -> S
    end.

hello(#{sink := none, asked := Asked, other := Other, stream := Stream} = S) ->
    case now_ms() - Asked > 1000 of
        true -> {sink, Other} ! {hello, self(), Stream}, S#{asked => now_ms()};
        false -> S
    end;
hello(S) -> S.

say_all(#{due := Due, sink := Sink} = S) when Due >= 1 ->
    Said = case Sink =/= none andalso rand:uniform() < 0.5 of
        true -> say_addressed(S);
        false -> say_named(S)
    end,
    say_all(Said#{due => Due - 1});
say_all(S) -> S.

say_named(#{other := Other, named := N} = S) -> (say({sink, Other}, 0, N + 1, S))#{named => N + 1}.
say_addressed(#{sink := Sink, way := Way, n := N} = S) -> (say(Sink, Way, N + 1, S))#{n => N + 1}.

say(To, Way, N, #{stream := Stream, total := Before} = S) ->
    Total = Before + 1,
    To ! {soak, self(), Stream, Way, N, Total, payload(Total)},
    ets:update_counter(soak, sent, 1),
    S#{total => Total}.

%% --- monitors and links: watchers.ts, notice-oracle.ts

keeper() ->
    receive
        {give, Watcher, Tag} -> Watcher ! {victim, Tag, spawn(fun() -> victim(Watcher, Tag) end)}, keeper();
        Other -> fail("the keeper gets what nobody has sent: ~p", [Other]), keeper()
    end.

victim(Watcher, Tag) ->
    monitor(process, Watcher),
    receive
        'end' -> Watcher ! {words, Tag}, exit({ended, Tag});
        _ -> ok
    end.

%% Victims: Tag => #{pid, ref, linked, told, words}, while there is something to be told of them.
watcher(Other, Number) ->
    process_flag(trap_exit, true),
    watcher(Other, Number * 10000000, #{}).

watcher(Other, Tags, Victims0) ->
    timer:sleep(?WATCH_BEAT),
    Victims1 = watcher_reads(Victims0),
    Still = is_still(),
    More = not Still andalso map_size(Victims1) < ?VICTIMS andalso rand:uniform() < 0.6,
    More andalso ({keeper, Other} ! {give, self(), Tags + 1}),
    Victims2 = maps:fold(fun(Tag, V, Acc) ->
        case Still orelse rand:uniform() < 0.05 of
            false -> Acc;
            true -> case not Still andalso rand:uniform() < 0.25 of
                true -> release(V), maps:remove(Tag, Acc);
                false ->
                    maps:get(pid, V) ! 'end',
                    Acc#{Tag => V#{told => case V of #{told := none} -> now_ms(); #{told := Told} -> Told end}}
            end
        end
    end, Victims1, Victims1),
    watcher(Other, case More of true -> Tags + 1; false -> Tags end, Victims2).

watcher_reads(Victims) ->
    receive
        {victim, Tag, Pid} -> watcher_reads(Victims#{Tag => tie(Pid)});
        {words, Tag} ->
            watcher_reads(case Victims of #{Tag := V} -> Victims#{Tag => V#{words => true}}; _ -> Victims end);
        {'DOWN', Ref, process, Pid, Reason} ->
            case [Tag || {Tag, #{ref := R}} <- maps:to_list(Victims), R =:= Ref] of
                [Tag] ->
                    V = maps:get(Tag, Victims),
                    maps:get(pid, V) =:= Pid orelse fail("notice: a DOWN of ~p, not ~p", [Pid, V]),
                    noticed('DOWN', Tag, V, Reason),
                    watcher_reads(settle(Tag, V#{ref => none}, Victims));
                [] -> fail("notice: a monitor that is not set fires: ~p", [Reason]), watcher_reads(Victims)
            end;
        {'EXIT', Pid, Reason} ->
            case [Tag || {Tag, #{pid := P, linked := true}} <- maps:to_list(Victims), P =:= Pid] of
                [Tag] ->
                    V = maps:get(Tag, Victims),
                    noticed('EXIT', Tag, V, Reason),
                    watcher_reads(settle(Tag, V#{linked => false}, Victims));
                [] -> fail("notice: an exit without a link: ~p ~p", [Pid, Reason]), watcher_reads(Victims)
            end;
        {outstanding, From} -> From ! {outstanding, map_size(Victims)}, watcher_reads(Victims);
        overdue ->
            [fail("notice: victim ~b was told to end ~b ms ago", [Tag, now_ms() - Told])
             || {Tag, #{told := Told}} <- maps:to_list(Victims), is_integer(Told), now_ms() - Told > ?OVERDUE],
            watcher_reads(Victims);
        Other -> fail("a watcher gets what nobody has sent: ~p", [Other]), watcher_reads(Victims)
    after 0 -> Victims
    end.

tie(Pid) ->
    How = rand:uniform(4) - 1,
    Ref = case How of 0 -> none; _ -> monitor(process, Pid) end,
    How =/= 1 andalso link(Pid),
    #{pid => Pid, ref => Ref, linked => How =/= 1, told => none, words => false}.

settle(Tag, #{ref := none, linked := false}, Victims) -> maps:remove(Tag, Victims);
settle(Tag, V, Victims) -> Victims#{Tag => V}.

noticed(Kind, Tag, #{told := Told, words := Words}, Reason) ->
    case Reason of
        {ended, Tag} when Told =:= none -> fail("notice: victim ~b has ended, and was not told to", [Tag]);
        {ended, Tag} when not Words -> fail("order: the ~p of victim ~b comes before its last words", [Kind, Tag]);
        {ended, Tag} -> ok;
        noconnection -> ok;
        noproc -> ok;
        _ -> fail("notice: the ~p of victim ~b says ~p", [Kind, Tag, Reason])
    end,
    Word = case Reason of {ended, _} -> ended; _ when is_atom(Reason) -> Reason; _ -> other end,
    count({notices, iolist_to_binary(io_lib:format("~s ~s", [Kind, Word]))}).

%% What is queued already is taken out with it: Erlang's unlink leaves that to its caller.
release(#{pid := Pid, ref := Ref, linked := Linked}) ->
    Ref =/= none andalso demonitor(Ref, [flush]),
    Linked andalso begin unlink(Pid), receive {'EXIT', Pid, _} -> true after 0 -> true end end,
    Pid ! 'end'.

%% --- names and groups: claims.ts. Truth: {Scope, Group} => the members of this node, as often as they are in.

claimer(Members, Truth) ->
    Reply = receive
        {truth, From} -> From ! {truth, Truth}, said
    after ?CLAIM_BEAT -> timeout
    end,
    case Reply =:= said orelse is_still() of
        true -> claimer(Members, Truth);
        false ->
            Member = lists:nth(rand:uniform(length(Members)), Members),
            Number = rand:uniform(?GROUPS) - 1,
            Room = {pg, {room, Number}},
            Desk = {reign, <<"desk", (integer_to_binary(Number))/binary>>},
            case rand:uniform(10) - 1 of
                0 ->
                    Member ! 'end',
                    claimer([member() | lists:delete(Member, Members)],
                            maps:map(fun(_, L) -> [P || P <- L, P =/= Member] end, Truth));
                What when What < 4 -> claimer(Members, join(Room, Member, Truth));
                What when What < 6 -> claimer(Members, leave(Room, Member, Truth));
                What when What < 8 -> claimer(Members, claim(Desk, Member, Truth));
                _ -> claimer(Members, leave(Desk, Member, Truth))
            end
    end.

member() -> spawn(fun() -> receive 'end' -> ok end end).

join({Scope, Group} = Key, Member, Truth) ->
    ok = pg:join(Scope, Group, Member),
    Truth#{Key => [Member | maps:get(Key, Truth, [])]}.

claim(Key, Member, Truth) ->
    case lists:member(Member, maps:get(Key, Truth, [])) of
        true -> Truth;
        false -> join(Key, Member, Truth)
    end.

leave({Scope, Group} = Key, Member, Truth) ->
    List = maps:get(Key, Truth, []),
    Expected = case lists:member(Member, List) of true -> ok; false -> not_joined end,
    case pg:leave(Scope, Group, Member) of
        Expected -> ok;
        Said -> fail("names: leave says ~p", [Said])
    end,
    Truth#{Key => lists:delete(Member, List)}.

%% --- calls: callers.ts

init([]) -> {ok, 0}.

handle_call({echo, Question}, _, Asked) -> {reply, Question, Asked + 1};
handle_call({slow, Question}, _, Asked) -> timer:sleep(?SLOW), {reply, Question, Asked + 1};
handle_call(Other, _, Asked) -> fail("the server is asked what nobody asks: ~p", [Other]), {reply, unknown, Asked}.

handle_cast(_, Asked) -> {noreply, Asked}.

caller(Other, Questions) ->
    timer:sleep(round(?CALL_BEAT * (0.5 + rand:uniform()))),
    case is_still() of
        true -> caller(Other, Questions);
        false -> call(Other, Questions + 1), caller(Other, Questions + 1)
    end.

call(Other, Question) ->
    What = case rand:uniform() < 0.1 of true -> slow; false -> echo end,
    Timeout = case rand:uniform() < 0.2 of true -> ?HASTY; false -> ?PATIENT end,
    Start = now_ms(),
    ets:update_counter(soak, pending, 1),
    How = try gen_server:call({counter, Other}, {What, Question}, Timeout) of
        Question -> answered;
        Answer -> fail("call: ~b was answered with ~p", [Question, Answer]), answered
    catch
        exit:{timeout, _} -> 'time-out';
        exit:{{nodedown, _}, _} -> noconnection;
        exit:{noproc, _} -> noproc;
        exit:{Reason, _} -> fail("call: ended with ~p", [Reason]), other
    end,
    ets:update_counter(soak, pending, -1),
    count({calls, atom_to_binary(How)}),
    Took = now_ms() - Start,
    Took > Timeout + ?LATE andalso fail("call: ~b took ~b ms, and was given ~b", [Question, Took, Timeout]),
    receive Message -> fail("call: something is left behind in the mailbox: ~p", [Message]) after 0 -> ok end.

now_ms() -> erlang:monotonic_time(millisecond).

%% --- what is asked

nodes() -> json([atom_to_binary(Node) || Node <- nodes(connected)]).
still() -> ets:insert(soak, {still, true}), json(null).
go() -> ets:insert(soak, {still, false}), json(null).
mark() -> [Sender ! mark || Sender <- known(senders)], json(null).

status() ->
    [Watcher ! overdue || Watcher <- known(watchers)],
    Violations = [Text || {{violation, _}, Text} <- lists:sort(ets:tab2list(soak))],
    json(#{violations => Violations, sent => known(sent), heard => known(heard), lost => known(lost),
           notices => counts(notices), calls => counts(calls), logged => #{}}).

counts(Kind) -> maps:from_list([{Key, N} || {{count, {K, Key}}, N} <- ets:tab2list(soak), K =:= Kind]).

rest() ->
    Outstanding = [ask(Watcher, {outstanding, self()}, fun({outstanding, N}) -> N end) || Watcher <- known(watchers)],
    json(#{outstanding => lists:sum(Outstanding), pending => known(pending)}).

tails() ->
    Said = [ask(Sender, {said, self()}, fun({said, Pid, Other, Total}) ->
                #{other => atom_to_binary(Other), sender => text(Pid), total => Total}
            end) || Sender <- known(senders)],
    Heard = ask(sink, {tails, self()}, fun({tails, List}) ->
        [#{sender => text(Pid), total => Total} || {Pid, Total} <- List]
    end),
    json(#{said => Said, heard => Heard}).

views() ->
    Truth = ask(known(claimer), {truth, self()}, fun({truth, T}) -> T end),
    View = maps:from_list([{{Scope, Group}, pg:get_members(Scope, Group)} || Scope <- [pg, reign], Group <- pg:which_groups(Scope)]),
    json(#{truth => view(Truth), view => view(View)}).

view(Groups) -> maps:from_list([{group(Key), lists:sort([text(Pid) || Pid <- Pids])} || {Key, [_ | _] = Pids} <- maps:to_list(Groups)]).

group({Scope, {room, N}}) -> iolist_to_binary(io_lib:format("~s room ~b", [Scope, N]));
group({Scope, Name}) when is_binary(Name) -> iolist_to_binary([atom_to_binary(Scope), " ", Name]).

holdings() -> json(#{processes => length(processes()), sockets => length(erlang:ports())}).

memory() ->
    [garbage_collect(Pid) || Pid <- processes()],
    json(#{used => erlang:memory(total)}).

known(Key) -> ets:lookup_element(soak, Key, 2).

ask(To, Question, Read) ->
    To ! Question,
    receive Answer -> Read(Answer) after 30000 -> exit({no_answer, To}) end.

%% As all nodes write it: NEW_PID_EXT has a number, a serial and a creation of 32 bits each.
text(Pid) ->
    <<_:2/binary, Rest/binary>> = term_to_binary(Pid, [{minor_version, 2}]),
    Numbers = binary:part(Rest, byte_size(Rest), -12),
    <<Id:32, Serial:32, Creation:32>> = Numbers,
    iolist_to_binary(io_lib:format("~s:~b.~b:~b", [node(Pid), Id, Serial, Creation])).

json(Term) -> iolist_to_binary(encode(Term)).

encode(null) -> "null";
encode(N) when is_integer(N) -> integer_to_list(N);
encode(Text) when is_binary(Text) -> [$", [escaped(C) || <<C>> <= Text], $"];
encode(List) when is_list(List) -> [$[, lists:join($,, [encode(Each) || Each <- List]), $]];
encode(Map) when is_map(Map) ->
    [${, lists:join($,, [[encode(key(Key)), $:, encode(Value)] || {Key, Value} <- maps:to_list(Map)]), $}].

key(Key) when is_atom(Key) -> atom_to_binary(Key);
key(Key) -> Key.

escaped($") -> "\\\"";
escaped($\\) -> "\\\\";
escaped(C) when C < 32; C > 126 -> $?;
escaped(C) -> C.

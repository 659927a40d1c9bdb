%% Knows the lots that are under the hammer, and what came of those that were.
-module(auction_house).
-behaviour(gen_server).
-export([start_link/0, init/1, handle_call/3, handle_cast/2, handle_info/2]).

start_link() -> gen_server:start_link({local, ?MODULE}, ?MODULE, [], []).

%% Auctions outlive the house: one that is started again finds those that are running.
init([]) ->
    Running = [Pid || {_, Pid, _, _} <- supervisor:which_children(auction_floor), is_pid(Pid)],
    {ok, #{auctions => maps:from_list([{gen_statem:call(Pid, lot), follow(Pid)} || Pid <- Running]), results => #{}}}.

handle_call({open, Lot, Reserve, IdleMs}, _From, #{auctions := Auctions} = State) ->
    case Auctions of
        #{Lot := _} ->
            {reply, {error, already_open}, State};
        _ ->
            {ok, Pid} = supervisor:start_child(auction_floor, [Lot, Reserve, IdleMs]),
            {reply, {ok, Pid}, State#{auctions := Auctions#{Lot => follow(Pid)}}}
    end;
handle_call({find, Lot}, _From, #{auctions := Auctions} = State) ->
    case Auctions of
        #{Lot := Pid} -> {reply, {ok, Pid}, State};
        _ -> {reply, {error, not_open}, State}
    end;
handle_call(lots, _From, #{auctions := Auctions} = State) ->
    {reply, lists:sort(maps:keys(Auctions)), State};
handle_call({result, Lot}, _From, #{results := Results} = State) ->
    {reply, maps:get(Lot, Results, unknown), State}.

handle_cast({forget, Lot}, #{results := Results} = State) ->
    {noreply, State#{results := maps:remove(Lot, Results)}}.

handle_info({sold, Lot, Bidder, Amount}, State) -> {noreply, result(Lot, {sold, Bidder, Amount}, State)};
handle_info({unsold, Lot}, State) -> {noreply, result(Lot, unsold, State)};
handle_info({'DOWN', _, process, Pid, _}, #{auctions := Auctions} = State) ->
    {noreply, State#{auctions := maps:filter(fun(_, Each) -> Each =/= Pid end, Auctions)}};
handle_info(_, State) -> {noreply, State}.

result(Lot, Result, #{results := Results} = State) -> State#{results := Results#{Lot => Result}}.

follow(Pid) ->
    monitor(process, Pid),
    gen_statem:cast(Pid, {watch, self()}),
    Pid.

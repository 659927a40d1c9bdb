%% One lot under the hammer. Bids rise until nobody has bid for a while; then it is sold, and its auction is over.
-module(auction).
-behaviour(gen_statem).
-export([start_link/3, init/1, callback_mode/0, open/3]).

start_link(Lot, Reserve, IdleMs) ->
    gen_statem:start_link(?MODULE, {Lot, Reserve, IdleMs}, []).

callback_mode() -> state_functions.

init({Lot, Reserve, IdleMs}) ->
    Data = #{lot => Lot, reserve => Reserve, idle => IdleMs, best => none, watchers => #{}},
    {ok, open, Data, [hammer(Data)]}.

open({call, From}, lot, #{lot := Lot}) ->
    {keep_state_and_data, [{reply, From, Lot}]};
open({call, From}, best, #{best := Best}) ->
    {keep_state_and_data, [{reply, From, Best}]};
open({call, From}, {bid, Bidder, Amount}, #{lot := Lot} = Data) ->
    case floor_of(Data) of
        Floor when Amount >= Floor ->
            tell(Data, {bid, Lot, Bidder, Amount}),
            {keep_state, Data#{best := {Bidder, Amount}}, [{reply, From, accepted}, hammer(Data)]};
        Floor ->
            {keep_state_and_data, [{reply, From, {too_low, Floor}}]}
    end;
open(cast, {watch, Pid}, #{watchers := Watchers} = Data) ->
    {keep_state, Data#{watchers := Watchers#{monitor(process, Pid) => Pid}}};
open(info, {'DOWN', Ref, process, _, _}, #{watchers := Watchers} = Data) ->
    {keep_state, Data#{watchers := maps:remove(Ref, Watchers)}};
open(state_timeout, hammer, #{lot := Lot, best := Best} = Data) ->
    tell(Data, case Best of
        none -> {unsold, Lot};
        {Bidder, Amount} -> {sold, Lot, Bidder, Amount}
    end),
    stop.

hammer(#{idle := IdleMs}) -> {state_timeout, IdleMs, hammer}.

floor_of(#{best := none, reserve := Reserve}) -> Reserve;
floor_of(#{best := {_, Amount}}) -> Amount + 1.

tell(#{watchers := Watchers}, What) ->
    [Pid ! What || Pid <- maps:values(Watchers)].

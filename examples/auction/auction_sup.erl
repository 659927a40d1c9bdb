%% The floor with its auctions, and the house. When the floor is lost, the house begins anew; without the house, auctions go on.
-module(auction_sup).
-behaviour(supervisor).
-export([start_link/0, start_floor/0, init/1]).

start_link() -> supervisor:start_link({local, ?MODULE}, ?MODULE, all).

start_floor() -> supervisor:start_link({local, auction_floor}, ?MODULE, floor).

init(all) ->
    {ok, {#{strategy => rest_for_one, intensity => 3, period => 5}, [
        #{id => floor, start => {?MODULE, start_floor, []}, type => supervisor},
        #{id => house, start => {auction_house, start_link, []}}
    ]}};
init(floor) ->
    {ok, {#{strategy => simple_one_for_one}, [
        #{id => auction, start => {auction, start_link, []}, restart => temporary, shutdown => 1000}
    ]}}.

%% The Erlang side of etf.test.ts: a port program that answers questions about the External Term Format.
%% Packets of four length bytes come in on standard input and go out on standard output; each holds a list of items,
%% an item being four length bytes and its content. The first byte of a packet says what is asked.
-module(etf_peer).
-export([main/0]).

main() ->
    Port = open_port({fd, 0, 1}, [{packet, 4}, binary, eof]),
    loop(Port, #{}).

loop(Port, Made) ->
    receive
        {Port, {data, <<Question, Rest/binary>>}} ->
            {Answers, Now} = answer(Question, Rest, Made),
            port_command(Port, [[<<(byte_size(A)):32>>, A] || A <- Answers]),
            loop(Port, Now);
        {Port, eof} ->
            halt(0)
    end.

%% e: each item decoded and encoded again; empty where it is refused.
answer($e, Rest, Made) ->
    {[echo(Item) || Item <- items(Rest)], Made};
%% g: makes that many terms from that seed, to be asked about with c.
answer($g, <<Seed:32, Count:32>>, _) ->
    rand:seed(exsss, Seed),
    Terms = [term(rand:uniform(4) - 1) || _ <- lists:seq(1, Count)],
    {[term_to_binary(T, [{minor_version, 2}]) || T <- Terms], Terms};
%% c: whether each item is the same term as the one made before; what it is where it is not.
answer($c, Rest, Made) ->
    {lists:zipwith(fun compare/2, items(Rest), Made), Made}.

items(<<Size:32, Item:Size/binary, Rest/binary>>) -> [Item | items(Rest)];
items(<<>>) -> [].

echo(Item) ->
    try
        {Term, Used} = binary_to_term(Item, [used]),
        Used = byte_size(Item),
        term_to_binary(Term, [{minor_version, 2}])
    catch
        _:_ -> <<>>
    end.

compare(Item, Term) ->
    try binary_to_term(Item) of
        Same when Same =:= Term -> <<"same">>;
        Other -> iolist_to_binary(io_lib:format("~0p is not ~0p", [Other, Term]))
    catch
        _:_ -> iolist_to_binary(io_lib:format("cannot be decoded; was ~0p", [Term]))
    end.

%% A random term, nested at most that deep.
term(0) -> leaf(rand:uniform(14));
term(Depth) ->
    case rand:uniform(8) of
        1 -> list(Depth);
        2 -> list(Depth) ++ term(0);
        3 -> list_to_tuple(list(Depth));
        4 -> maps:from_list([{leaf(3), term(Depth - 1)} || _ <- some()]);
        5 -> maps:from_list([{term(Depth - 1), term(Depth - 1)} || _ <- some()]);
        6 -> maps:from_list([{leaf(rand:uniform(5)), term(Depth - 1)} || _ <- some()]);
        _ -> term(0)
    end.

list(Depth) -> [term(Depth - 1) || _ <- some()].

some() -> lists:seq(1, rand:uniform(8) - 1).

leaf(1) -> rand:uniform(600) - 300;
leaf(2) -> (rand:uniform(1 bsl rand:uniform(80)) - 1) * sign();
leaf(3) -> atom(rand:uniform(10));
leaf(4) -> unicode:characters_to_binary([point() || _ <- some()]);
leaf(5) -> rand:bytes(rand:uniform(40) - 1);
leaf(6) -> float(rand:uniform(100) - 50);
leaf(7) -> finite_float();
leaf(8) -> [rand:uniform(256) - 1 || _ <- some()];
leaf(9) -> [point() || _ <- some()];
leaf(10) ->
    Size = rand:uniform(60),
    <<Bits:Size/bitstring, _/bitstring>> = rand:bytes(8),
    Bits;
leaf(11) -> identifier(rand:uniform(4));
leaf(12) -> (rand:uniform(1 bsl (8 * rand:uniform(300))) - 1) * sign();
leaf(13) -> fun_term(rand:uniform(3));
leaf(14) -> [].

sign() -> 2 * rand:uniform(2) - 3.

atom(1) -> true;
atom(2) -> false;
atom(3) -> undefined;
atom(4) -> null;
atom(5) -> '';
atom(6) -> '__proto__';
atom(7) -> binary_to_atom(unicode:characters_to_binary([point() || _ <- lists:seq(1, 255)]));
atom(8) -> list_to_atom(integer_to_list(rand:uniform(2000)));
atom(_) -> lists:nth(rand:uniform(9), [ok, error, constructor, toString, nil, a, b, 'Elixir.Enum', 'it\'s']).

point() ->
    case rand:uniform(4) of
        1 -> rand:uniform(16#d7ff);
        2 -> 16#e000 + rand:uniform(16#10ffff - 16#e000);
        _ -> 31 + rand:uniform(95)
    end.

finite_float() ->
    case rand:bytes(8) of
        <<F/float>> -> F;
        _ -> finite_float()
    end.

%% As terms of other nodes, whose numbers may be anything that fits.
identifier(1) -> binary_to_term(<<131, 88, 119, 3, "n@h", (rand:bytes(12))/binary>>);
identifier(2) ->
    Words = rand:uniform(5),
    binary_to_term(<<131, 90, Words:16, 119, 3, "n@h", (rand:bytes(4))/binary, (rand:bytes(4 * Words))/binary>>);
identifier(3) -> binary_to_term(<<131, 120, 119, 3, "n@h", (rand:bytes(12))/binary>>);
identifier(4) -> self().

fun_term(1) -> fun lists:map/2;
fun_term(2) ->
    Kept = term(1),
    fun(Given) -> {Given, Kept} end;
fun_term(3) -> fun erlang:'+'/2.

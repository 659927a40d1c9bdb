/** Formats and terms as text: what `io_lib:format` of a real Erlang node makes of them is what ours makes of them. */
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { decode, encode } from '../../src/codec/index.js'
import { atom, Bits, ImproperList, tuple } from '../../src/index.js'
import { formatText } from '../../src/io/format.js'
import { TextBudget } from '../../src/io/text-budget.js'
import { type ErlangNode, startErlang } from './erl.js'

let erl: ErlangNode
beforeAll(async () => {
  // Characters of all Unicode read like text here, as they do for an Erlang that was started so.
  erl = await startErlang({ args: ['+pc', 'unicode'] })
})
afterAll(() => erl?.stop())

const ours = (format: unknown, args: unknown): string => {
  try {
    return formatText(format, args, new TextBudget(1_000_000))
  } catch (error) {
    return (error as Error).name === 'BadFormat' ? 'badarg' : `failed: ${(error as Error).stack}`
  }
}

/** What Erlang makes of each format with its arguments, and the arguments as they come over the wire. */
async function theirs(cases: readonly string[]): Promise<{ text: string; format: unknown; args: unknown }[]> {
  const reply = await erl.bytes(
    `Format = fun({F, A}) ->
       Text = try unicode:characters_to_binary(io_lib:format(F, A)) catch error:_ -> <<"badarg">> end, {Text, F, A} end,
     term_to_binary([Format(C) || C <- [${cases.join(',')}]])`,
  )
  const rows = decode(reply, { floats: 'exact' }) as readonly (readonly [string, unknown, unknown])[]
  return rows.map(([text, format, args]) => ({ text, format, args }))
}

async function compared(cases: readonly string[]): Promise<void> {
  const expected = await theirs(cases)
  const seen = expected.map(({ format, args }, i) => [cases[i], ours(format, args)])
  expect(seen).toEqual(expected.map(({ text }, i) => [cases[i], text]))
}

test('every control sequence, with its fields', async () => {
  const values = [
    ...[
      '~s|~ts',
      '~10s|~10ts',
      '~-10s|~-10ts',
      '~3s|~3ts',
      '~.3s|~.3ts',
      '~10.3s|~10.3ts',
      '~-10.3.*s|~ts',
      '~10..xs|~ts',
    ].map((format) => [format, format.includes('*') ? '["abcde", $y, <<"äö"/utf8>>]' : '["abcde", <<"äö"/utf8>>]']),
    ...[
      'atom',
      '"list"',
      '<<"bin">>',
      '["deep", [$x, <<"b">>]]',
      '[<<"äö"/utf8>>]',
      '[256]',
      '12',
      '[-1]',
      '{}',
      '[a]',
    ].flatMap((value) => [
      ['~s', `[${value}]`],
      ['~ts', `[${value}]`],
    ]),
    ['~ts', '[<<255, 254>>]'],
    ['~s', '[<<228>>]'],
    ...[
      '~b',
      '~B',
      '~.16b',
      '~.16B',
      '~.36b',
      '~10b',
      '~-10b|',
      '~10..0b',
      '~3b',
      '~+',
      '~.16+',
      '~#',
      '~.16#',
      '~.1b',
      '~.37b',
    ].flatMap((format) =>
      ['31', '-31', '0', '12345678901234567890123', 'a', '"x"'].map((value) => [format, `[${value}]`]),
    ),
    ...['~x', '~X', '~.16x', '~.16X', '~12.16X'].flatMap((format) => [
      [format, '[31, "10#"]'],
      [format, '[-31, pre]'],
    ]),
    ...['~c', '~5c', '~5.3c|', '~-5.3c|', '~.3c', '~tc', '~5tc'].flatMap((format) => [
      [format, '[$a]'],
      [format, '[1080]'],
      [format, '[a]'],
    ]),
    ...[
      '~f',
      '~.1f',
      '~.2f',
      '~10.2f',
      '~-10.2f|',
      '~4.2f',
      '~.0f',
      '~e',
      '~.2e',
      '~.3e',
      '~12.4e',
      '~.1e',
      '~g',
      '~.3g',
      '~10.3g',
      '~.1g',
    ].flatMap((format) =>
      [
        '1.5',
        '-1.5',
        '0.0',
        '123456.789',
        '0.05',
        '0.5',
        '9.999',
        '99.95',
        '1.0e22',
        '1.0e-7',
        '2.5',
        '0.125',
        '1000.0',
        '12345.0',
      ].map((value) => [format, `[${value}]`]),
    ),
    ...['~w', '~p', '~20w', '~-20w|', '~3w', '~.2w', '~lp'].map((format) => [format, '[{a, "text", <<"bin">>, 1.5}]']),
    ...[0, 1, 2, 3, 4, 6].flatMap((depth) => [['~W', `[{a, [b, [c, {d, e}], f], g, h}, ${depth}]`]]),
    ...[1, 2, 3, 4, 6].map((depth) => ['~W', `[[1, 2, 3, 4, 5, <<1, 2, 3, 4, 5, 6, 7, 8>>], ${depth}]`]),
    ...[
      '~~',
      '~3~',
      '~n',
      '~3n',
      'a~nb',
      '~i',
      '~i~w',
      '',
      'plain',
      '~',
      '~q',
      '~3',
      '~.',
      '~ww',
      '~w~w',
      '~*w',
      '~*.*w',
    ].flatMap((format) => [
      [format, '[]'],
      [format, '[1]'],
      [format, '[1, 2]'],
      [format, '[9, 8, 7]'],
    ]),
  ] as const
  await compared(values.map(([format, args]) => `{"${format}", ${args}}`))
  await compared(['{<<"bin ~w">>, [1]}', '{atom, []}', '{"~w", a}', '{"~w", [1 | 2]}', '{1, []}', '{[a], []}'])
})

test('terms of every kind', async () => {
  const terms = [
    `a, 'B', 'a b', '', 'it\\'s', 'if', 'maybe', 'else', 'nö', 'Ö', '\\n', a@b, '9', 'x\\x{440}', true, undefined, null`,
    `0, -1, 123456789012345678901234567890, 1.5, -0.1, 0.1, 1.0e-5, 1.0e5, 1.0e22, 1.5e300, 123456.7, 1.0e15, 1.0e16, 5.0e-324, 0.001, 1.23e-7, 9007199254740993.0`,
    `[], [1], [1, 2 | 3], [a | b], "text", "with \\"quotes\\" \\\\ \\n\\t\\e", "nö", [1080, 1081], [0], [1, $a], [[]], ["a", "b"]`,
    `<<>>, <<"text">>, <<"nö"/utf8>>, <<"привет"/utf8>>, <<1, 2, 255>>, <<"quo\\"te">>, <<"a\\nb">>, <<255, 254>>, <<1:1>>, <<"ab", 5:3>>, <<228, 246>>`,
    `{}, {a}, {a, {b, {c}}}, #{}, #{a => 1}, #{a => 1, b => "x"}, #{1 => 2, "k" => v, <<"b">> => []}, fun lists:map/2`,
  ]
  for (const format of ['~w', '~tw', '~0p', '~0tp', '~0lp', '~0ltp']) {
    await compared(terms.flatMap(splitTerms).map((term) => `{"${format}", [${term}]}`))
  }
})

/** Rows of terms, at the commas that separate them. */
function splitTerms(row: string): string[] {
  const parts: string[] = []
  let depth = 0
  let quote = ''
  let part = ''
  for (let i = 0; i < row.length; i++) {
    const each = row[i] as string
    if (quote !== '') {
      if (each === '\\') part += row[i++]
      else if (each === quote) quote = ''
    } else if (each === '"' || each === "'") quote = each
    else if ('[{<('.includes(each)) depth++
    else if (']}>)'.includes(each) && row[i - 1] !== '=') depth--
    if (each === ',' && depth === 0 && quote === '') {
      parts.push(part)
      part = ''
    } else part += row[i]
  }
  return [...parts, part].map((each) => each.trim())
}

test('the keys of an object are written as atoms, and no atom is made of them: anybody may have chosen them', () => {
  const made = vi.spyOn(Symbol, 'for')
  try {
    expect(ours('~p', [{ ok: 1, 'Of A User': { key: 2 } }])).toBe("#{ok => 1,'Of A User' => #{key => 2}}")
    expect(ours('~P', [{ one: { two: { three: 1 } } }, 3])).toBe('#{one => #{two => #{}}}')
    expect(made.mock.calls).toEqual([])
  } finally {
    made.mockRestore()
  }
})

test('whatever terms there are', async () => {
  const text = fc.string({ unit: 'binary', maxLength: 12 })
  const { term } = fc.letrec((tie) => ({
    term: fc.oneof(
      { maxDepth: 4, withCrossShrink: true },
      fc.integer(),
      fc.bigInt({ min: -(2n ** 80n), max: 2n ** 80n }),
      fc.double({ noNaN: true, noDefaultInfinity: true }).filter((value) => !Number.isInteger(value)),
      fc.string({ maxLength: 8 }).map(atom),
      text,
      fc.uint8Array({ maxLength: 8 }),
      fc.array(fc.integer({ min: 0, max: 300 }), { maxLength: 6 }),
      fc.array(tie('term'), { maxLength: 4 }),
      fc.array(tie('term'), { maxLength: 4 }).map((elements) => tuple(...elements)),
      fc
        .tuple(fc.array(tie('term'), { minLength: 1, maxLength: 3 }), fc.string())
        .map(([all, tail]) => new ImproperList(all, tail)),
      fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 4 }), fc.integer({ min: 1, max: 7 })).map(([bytes, bits]) => {
        bytes[bytes.length - 1] = (bytes.at(-1) as number) & (0xff << (8 - bits))
        return new Bits(bytes, bits)
      }),
      // Not of digits alone: JavaScript moves those to the front.
      fc.dictionary(fc.stringMatching(/^[a-zA-Z' -]{1,4}$/), tie('term'), { maxKeys: 3 }),
    ),
  }))
  const terms = fc.sample(term, { numRuns: 200, seed: 20 })
  const formats = ['~w', '~tw', '~0p', '~0tp', '~0lp']
  // They come back as Erlang orders them: the keys of maps have an order of its own.
  const reply = await erl.bytes(
    `Terms = binary_to_term(Bytes), Formats = [${formats.map((format) => `"${format}"`).join(',')}],
     term_to_binary([{T, [unicode:characters_to_binary(io_lib:format(F, [T])) || F <- Formats]} || T <- Terms])`,
    { bind: { Bytes: encode(terms) } },
  )
  const rows = decode(reply, { floats: 'exact' }) as readonly (readonly [unknown, readonly string[]])[]
  expect(rows).toHaveLength(terms.length)
  for (const [each, expected] of rows) expect(formats.map((format) => ours(format, [each]))).toEqual(expected)
})

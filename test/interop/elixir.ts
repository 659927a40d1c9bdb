/**
 * Live Elixir nodes for tests: Erlang nodes, as `startErlang` starts them, in which Elixir runs.
 *
 *   const elixir = await startElixir({ name: 'ex@127.0.0.1', cookie: 'secret', epmdPort: epmd.port })
 *   await elixir.elixir('Enum.sum(1..3)')                 // '6', as `inspect` prints it
 *   await elixir.elixir('GenServer.call(s, :value)', { bind: { ... } })
 */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { type ErlangNode, type ErlangOptions, type EvalOptions, startErlang } from './erl.js'

/** An Erlang node that evaluates Elixir too. */
export interface ElixirNode extends ErlangNode {
  /**
   * Evaluates Elixir code in a fresh process, as {@link ErlangNode.eval} does Erlang; gives the value as `inspect` prints it, on one line.
   *
   * @throws ErlangError when it raises, and as `eval` does.
   */
  elixir(code: string, options?: EvalOptions): Promise<string>
}

/** Where the applications of the `elixir` on the PATH are. */
async function elixirLibraries(): Promise<string> {
  const code = 'IO.write(Path.dirname(to_string(:code.lib_dir(:elixir))))'
  const { stdout } = await promisify(execFile)('elixir', ['--eval', code], { timeout: 60_000 })
  return stdout
}

/** Starts a node and, in it, Elixir. */
export async function startElixir(options: ErlangOptions): Promise<ElixirNode> {
  const node = await startErlang({ ...options, env: { ...options.env, ERL_LIBS: await elixirLibraries() } })
  // As a release of Elixir does: its applications are in the path, and are started.
  await node.eval('{ok, _} = application:ensure_all_started(elixir)')
  return Object.assign(node, {
    elixir: async (code: string, { bind = {}, ...rest }: EvalOptions = {}): Promise<string> => {
      const given = Object.keys(bind).map((name) => `{'${name.toLowerCase()}', ${name}}`)
      return (
        await node.bytes(
          `{Value, _} = 'Elixir.Code':eval_string(ElixirCode, [${given}]),
           'Elixir.Kernel':inspect(Value, [{limit, infinity}, {width, infinity}, {printable_limit, infinity}])`,
          { ...rest, bind: { ...bind, ElixirCode: code } },
        )
      ).toString()
    },
  })
}

/**
 * `reign demo`: a cluster on this machine, in a minute or less. Three nodes in processes of their own, with fresh certificates,
 * find each other and chat over mutual TLS; one is killed, is missed, and comes back; where Erlang is installed, a
 * real Erlang node joins in. Ends by itself and leaves nothing behind.
 */
import { type ChildProcess, fork, spawn, spawnSync } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Command } from 'commander'
import { ReignError } from '../errors.js'
import type { CommandContext } from './context.js'
import type { DemoOrder, DemoReport } from './demo-node.js'
import { init } from './init.js'

const nodeNames = ['ann@127.0.0.1', 'bob@127.0.0.1', 'eve@127.0.0.1'] as const
const erlangName = 'joe@127.0.0.1'
/** How long any one step may take before the demo calls itself failed, in milliseconds. */
const stepMs = 20_000

/** The command. */
export function demoCommand(context: CommandContext): Command {
  return new Command('demo')
    .summary('show a cluster at work on this machine')
    .description('Start three nodes with fresh certificates, let them chat, kill one, take it back; then clean up.')
    .action(() => demo(context))
}

/** Runs the demo. */
export async function demo(context: CommandContext): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'reign-demo-'))
  const stage = new Stage(context)
  try {
    await play(stage, join(folder, 'cluster'), context)
  } finally {
    await stage.clear()
    await rm(folder, { recursive: true, force: true })
  }
}

async function play(stage: Stage, cluster: string, context: CommandContext): Promise<void> {
  const withErlang = spawnSync('erl', ['-version'], { stdio: 'ignore' }).error === undefined
  const names = withErlang ? [...nodeNames, erlangName] : [...nodeNames]
  const [epmdPort = 0, ...ports] = await freePorts(names.length + 1)
  // A port mapper of its own: whatever runs on this machine is not disturbed.
  stage.environment = { ...process.env, ERL_EPMD_PORT: String(epmdPort) }
  stage.title('Certificates')
  const quiet = { ...context, out: () => {} }
  const nodes = names.map((name, i) => ({ name, port: ports[i] as number }))
  await init(nodes, { dir: cluster, force: false, port: 9_100 }, quiet)
  stage.say(`an authority, ${names.length} certificates, a cookie and cluster.json, made for this run`)

  stage.title('Three nodes, three operating-system processes, mutual TLS')
  const [ann, bob, eve] = nodeNames.map((name) => stage.start(name, cluster)) as [DemoNode, DemoNode, DemoNode]
  for (const node of [ann, bob, eve]) await node.counts(3)
  stage.say('all are connected, and see each other under the cluster-wide name "chat"')
  ann.order({ kind: 'say', text: 'hello, everybody' })
  for (const node of [bob, eve]) await node.hears((r) => r.kind === 'heard' && r.by === ann.name, 'hears ann')

  if (withErlang) await erlangJoins(stage, cluster, [ann, bob, eve])
  else stage.say('(with Erlang installed, an Erlang node would join here)')

  stage.title('kill -9')
  const all = withErlang ? 4 : 3
  const before = performance.now()
  eve.kill()
  const lost = (r: DemoReport) => r.kind === 'down' && r.node === eve.name
  for (const node of [ann, bob]) await node.hears(lost, 'misses eve')
  stage.say(`eve is killed; the others know after ${(performance.now() - before).toFixed(1)} ms, and her claim is gone`)
  for (const node of [ann, bob]) await node.counts(all - 1)

  stage.title('She comes back')
  const again = performance.now()
  const back = stage.start(eve.name, cluster)
  for (const node of [ann, bob, back]) await node.counts(all)
  const ms = (performance.now() - again).toFixed(0)
  stage.say(`a new run of eve is up and known everywhere ${ms} ms after its process was started`)
  back.order({ kind: 'say', text: 'that was rude' })
  for (const node of [ann, bob]) await node.hears((r) => r.kind === 'heard' && r.by === back.name, 'hears eve again')

  stage.title('Summary')
  for (const line of summary(withErlang)) stage.say(line)
}

function summary(withErlang: boolean): string[] {
  return [
    `${withErlang ? 'four' : 'three'} nodes found each other without a broker, over mutual TLS with an authority of their own`,
    'addresses travelled inside messages; a cluster-wide name had many claimants',
    ...(withErlang ? ['a real Erlang node pinged them, saw their names with pg, and joined the chat'] : []),
    'one node was killed: its claims and connections were gone at once; its new run was welcome',
    'everything has been stopped and removed',
  ]
}

/** The Erlang side: pings, looks the name up with pg, joins it, says something, and waits to be killed. */
const erlangProgram = `
  {ok, _} = pg:start(reign),
  Nodes = ['ann@127.0.0.1', 'bob@127.0.0.1', 'eve@127.0.0.1'],
  [pong = net_adm:ping(N) || N <- Nodes],
  Wait = fun W(0) -> halt(1);
             W(K) -> case length(pg:get_members(reign, <<"chat">>)) of
                       3 -> ok;
                       _ -> timer:sleep(50), W(K - 1)
                     end
         end,
  Wait(200),
  Members = pg:get_members(reign, <<"chat">>),
  pg:join(reign, <<"chat">>, self()),
  io:format("joined~n"),
  [M ! #{type => <<"said">>, by => <<"joe@127.0.0.1">>, text => <<"hello from Erlang">>} || M <- Members],
  Loop = fun L() ->
           receive
             #{type := <<"said">>, by := By, text := Text} -> io:format("heard ~ts: ~ts~n", [By, Text]), L();
             _ -> L()
           end
         end,
  Loop().
`

async function erlangJoins(stage: Stage, cluster: string, nodes: readonly DemoNode[]): Promise<void> {
  stage.title('A real Erlang node')
  const cookie = await readFile(join(cluster, 'cookie'), 'utf8')
  const conf = join(cluster, `${erlangName}.erlang.conf`)
  const dist = ['-proto_dist', 'inet_tls', '-ssl_dist_optfile', conf]
  const args = ['-name', erlangName, '-setcookie', cookie, ...dist, '-noinput', '-eval', erlangProgram]
  await stage.startErlang(args, 'joined')
  for (const node of nodes) await node.hears((r) => r.kind === 'heard' && r.by === erlangName, 'hears Erlang')
  for (const node of nodes) await node.counts(4)
}

/** What is started, heard and cleared away. */
class Stage {
  readonly #context: CommandContext
  readonly #children: ChildProcess[] = []
  readonly #from = performance.now()
  environment: NodeJS.ProcessEnv = process.env

  constructor(context: CommandContext) {
    this.#context = context
  }

  title(text: string): void {
    this.#context.out(`\n${text}\n`)
  }

  say(text: string): void {
    const seconds = ((performance.now() - this.#from) / 1_000).toFixed(2).padStart(6)
    this.#context.out(`${seconds} s  ${text}\n`)
  }

  start(name: string, cluster: string): DemoNode {
    const program = fileURLToPath(new URL('demo-node.js', import.meta.url))
    const child = fork(program, [name, cluster], {
      env: this.environment,
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    })
    this.#children.push(child)
    return new DemoNode(name, child, (text) => this.say(text))
  }

  /** Starts `erl`; resolves when it prints that line. */
  startErlang(args: string[], line: string): Promise<void> {
    const child = spawn('erl', args, { env: this.environment, stdio: ['ignore', 'pipe', 'pipe'] })
    this.#children.push(child)
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(failed(`Erlang did not say "${line}"`)), stepMs)
      child.once('exit', () => reject(failed('Erlang ended')))
      let rest = ''
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        const lines = (rest + text).split('\n')
        rest = lines.pop() ?? ''
        for (const said of lines) {
          this.say(`${erlangName.padEnd(14)} ${said}`)
          if (said !== line) continue
          clearTimeout(late)
          resolve()
        }
      })
    })
  }

  async clear(): Promise<void> {
    const running = this.#children.filter((child) => child.exitCode === null && child.signalCode === null)
    const gone = running.map((child) => new Promise((resolve) => child.once('exit', resolve)))
    for (const child of running) child.kill('SIGKILL')
    await Promise.all(gone)
  }
}

/** One node of the demo, as the conductor sees it. */
class DemoNode {
  readonly name: string
  readonly #child: ChildProcess
  readonly #reports: DemoReport[] = []
  readonly #waiting = new Set<() => void>()
  #present = 0

  constructor(name: string, child: ChildProcess, say: (text: string) => void) {
    this.name = name
    this.#child = child
    child.on('message', (report: DemoReport) => {
      if (report.kind === 'present') this.#present = report.count
      else this.#reports.push(report)
      if (report.kind === 'heard') say(`${name.padEnd(14)} hears ${report.by}: ${report.text}`)
      for (const look of this.#waiting) look()
    })
  }

  order(order: DemoOrder): void {
    this.#child.send(order)
  }

  kill(): void {
    this.#child.kill('SIGKILL')
  }

  /** Resolves with the first report, past or to come, that is wanted. */
  hears(wanted: (report: DemoReport) => boolean, what: string): Promise<void> {
    return this.#until(() => {
      const at = this.#reports.findIndex(wanted)
      if (at >= 0) this.#reports.splice(at, 1)
      return at >= 0
    }, what)
  }

  /** Resolves when the node sees so many in the chat. */
  counts(present: number): Promise<void> {
    return this.#until(() => this.#present === present, `sees ${present} in the chat (it sees ${this.#present})`)
  }

  #until(reached: () => boolean, what: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => done(failed(`${this.name} has not come so far that it ${what}`)), stepMs)
      const done = (error?: Error) => {
        clearTimeout(late)
        this.#waiting.delete(look)
        if (error !== undefined) reject(error)
        else resolve()
      }
      const look = () => {
        if (reached()) done()
      }
      this.#waiting.add(look)
      look()
    })
  }
}

function failed(what: string): ReignError {
  return new ReignError('ERR_REIGN_TIMEOUT', `the demo failed: ${what}`)
}

/** Ports that are free now: the next to ask gets others, as the system gives them out in turn. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer())
  const ports = await Promise.all(
    servers.map(
      (server) =>
        new Promise<number>((resolve, reject) => {
          server.once('error', reject)
          server.listen(0, '127.0.0.1', () => {
            const address = server.address()
            resolve(typeof address === 'object' && address !== null ? address.port : 0)
          })
        }),
    ),
  )
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}

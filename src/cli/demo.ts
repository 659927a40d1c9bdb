/**
 * `reign demo`: a cluster on this machine, in a few seconds. Three nodes in processes of their own, with fresh certificates,
 * find each other and chat over mutual TLS; one is cut off for a moment, and one is killed and comes back; where Erlang is
 * installed, a real Erlang node joins in. Ends by itself and leaves nothing behind.
 *
 * What it says has happened: each line comes after the reports of all nodes that it speaks of.
 */
import { spawnSync } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Command } from 'commander'
import type { ClusterSpecInput } from '../cluster/spec-schema.js'
import type { Entropy } from '../entropy.js'
import { clusterFiles, specText } from './cluster-folder.js'
import type { CommandContext } from './context.js'
import { type DemoNode, Stage } from './demo-stage.js'
import { init } from './init.js'
import { chatName } from './said.js'

const nodeNames = ['ann@127.0.0.1', 'bob@127.0.0.1', 'eve@127.0.0.1'] as const
const erlangName = 'joe@127.0.0.1'

/** The cut lasts until so many attempts to get through have failed: a quarter of a second or so. */
const dialsRefused = 4

/** The command. */
export function demoCommand(context: CommandContext): Command {
  return new Command('demo')
    .summary('show a cluster at work on this machine')
    .description(
      'Start three nodes with fresh certificates, let them chat, cut one off, kill one, take it back; then clean up.',
    )
    .action(() => demo(context))
}

/**
 * Runs the demo.
 *
 * @throws `ERR_REIGN_TIMEOUT` when a step takes too long, `ERR_REIGN_CONNECTION_LOST` when a node ends that should not; nothing is left behind then either.
 */
export async function demo(context: CommandContext): Promise<void> {
  const { EpmdServer } = await import('../net/epmd-server.js')
  const { clock, entropy } = context
  const folder = await mkdtemp(join(tmpdir(), 'reign-demo-'))
  // A port mapper of the demo's own: whatever runs on this machine is not disturbed.
  const epmd = await EpmdServer.listen({ port: 0, clock, entropy })
  const stage = new Stage(context, { ...process.env, ERL_EPMD_PORT: String(epmd.port) })
  let summary: readonly string[]
  try {
    summary = await play(stage, join(folder, 'cluster'), context)
  } finally {
    await stage.clear()
    await epmd.close()
    await rm(folder, { recursive: true, force: true })
  }
  stage.title('Summary')
  for (const line of [...summary, 'every process has ended, and every file is removed']) stage.say(line)
  stage.hint('Next: npx reign init a@127.0.0.1 b@127.0.0.1; npx reign chat a@127.0.0.1')
}

/** Plays it; gives what can be said afterwards. */
async function play(stage: Stage, cluster: string, context: CommandContext): Promise<readonly string[]> {
  const { clock, entropy } = context
  const erlangIsHere = spawnSync('erl', ['-version'], { stdio: 'ignore' }).error === undefined
  const names = erlangIsHere ? [...nodeNames, erlangName] : [...nodeNames]
  const ports = await freePorts(names.length, entropy)
  const nodes = names.map((name, i) => ({ name, port: ports[i] }))

  stage.title('Three nodes, three processes, mutual TLS')
  await init(nodes, { dir: cluster, port: 9_100 }, { ...context, out: () => {} })
  const specOf = await putBehindCables(stage, cluster, 'bob@127.0.0.1', nodes)
  stage.say(`an authority, a cookie, and a certificate for each of ${names.length} nodes`)

  const began = clock.now()
  const start = (name: string) => stage.start(name, specOf(name))
  const [ann, bob, eve] = nodeNames.map(start) as [DemoNode, DemoNode, DemoNode]
  await allSee([ann, bob, eve], nodeNames)
  stage.say(`ann, bob and eve see each other ${since(began)} after the first was started`)
  await says(stage, ann, 'hello, everybody', [bob, eve])

  stage.title('A partition')
  const cut = clock.now()
  stage.cables.cut()
  for (const node of [ann, eve]) await node.loses(bob.name)
  for (const node of [ann, eve]) await bob.loses(node.name)
  await allSee([ann, eve], [ann.name, eve.name])
  await bob.sees([bob.name])
  stage.say(`bob is cut off: in ${since(cut)} ann and eve see ann, eve; bob sees bob`)
  const unheard = 'bob, where are you?'
  await says(stage, ann, unheard, [eve])
  // They try to come back together, and longer apart after each failure.
  await stage.cables.refuses(dialsRefused)
  const healed = clock.now()
  stage.cables.heal()
  await allSee([ann, bob, eve], nodeNames)
  stage.say(`healed, after ${dialsRefused} dials in vain: all see ann, bob, eve in ${since(healed)}`)
  await says(stage, ann, 'did you hear me?', [bob, eve])
  // He has heard what she said later, so what she said before does not come any more.
  const answer = bob.hasHeard(ann.name, unheard) ? 'every word' : 'only just now'
  await says(stage, bob, answer, [ann, eve])

  let erlang: Erlang | undefined
  if (erlangIsHere) {
    stage.title('A real Erlang node')
    erlang = await erlangJoins(stage, cluster, [ann, bob, eve], ports[3] ?? 0)
  }

  stage.title('kill -9')
  const killed = clock.now()
  eve.kill()
  for (const node of [ann, bob]) await node.loses(eve.name)
  const missed = since(killed)
  const all = erlang === undefined ? [...nodeNames] : [...nodeNames, erlangName]
  await allSee([ann, bob], all.filter((name) => name !== eve.name).sort())
  stage.say(`eve is killed: ann and bob know within ${missed}, her claim is gone`)
  const again = clock.now()
  const back = start(eve.name)
  await allSee([ann, bob, back], all)
  stage.say(`her next run is known to all ${since(again)} after it was started`)
  await says(stage, back, 'that was rude', [ann, bob], erlang)

  const count = erlang === undefined ? 'three' : 'four'
  return [
    `${count} nodes found each other without a broker, over mutual TLS`,
    ...(erlang === undefined ? [] : ['one was real Erlang: it pinged, found, heard and was heard']),
    'one was cut off: each side kept its names, then all agreed again',
    'one was killed: it was missed at once, and its next run was welcome',
    ...(erlangIsHere ? [] : ['where Erlang is installed, a real Erlang node takes part too']),
  ]

  function since(start: number): string {
    const took = clock.now() - start
    return `${took.toFixed(took < 10 ? 1 : 0)} ms`
  }
}

/**
 * Puts a node behind cables: the others dial it through one, and it dials each of them through one. A real Erlang node asks the
 * port mapper, and comes directly.
 *
 * @returns by the name of a node, the specification that it is to have.
 */
async function putBehindCables(
  stage: Stage,
  cluster: string,
  apart: string,
  nodes: readonly { readonly name: string; readonly port: number | undefined }[],
): Promise<(name: string) => string> {
  const spec: ClusterSpecInput = JSON.parse(await readFile(join(cluster, clusterFiles.spec), 'utf8'))
  const [its, theirs] = [{ ...spec.nodes }, { ...spec.nodes }]
  for (const { name, port = 0 } of nodes) {
    const seen = name === apart ? theirs : its
    seen[name] = { ...seen[name], address: `127.0.0.1:${await stage.cables.lay(port)}` }
  }
  const [itsFile, theirsFile] = [join(cluster, 'apart.json'), join(cluster, 'others.json')]
  await writeFile(itsFile, specText({ ...spec, nodes: its }))
  await writeFile(theirsFile, specText({ ...spec, nodes: theirs }))
  return (name) => (name === apart ? itsFile : theirsFile)
}

/** One says something; resolves when all hearers have heard it. */
async function says(
  stage: Stage,
  speaker: DemoNode,
  text: string,
  hearers: readonly DemoNode[],
  erlang?: Erlang,
): Promise<void> {
  speaker.order({ kind: 'say', text })
  for (const hearer of hearers) await hearer.hears(speaker.name, text)
  await erlang?.line(`heard ${speaker.name}: ${text}`)
  const who = [...hearers.map(({ name }) => name), ...(erlang === undefined ? [] : [erlangName])]
  stage.quote(alive(speaker.name), text, who.map(alive))
}

function alive(name: string): string {
  return name.slice(0, name.indexOf('@'))
}

/** The running Erlang node: resolves when it has printed a line. */
interface Erlang {
  line(text: string): Promise<void>
}

/** The Erlang side: pings, looks the name up with pg, joins it, says something, and tells what it hears until its input ends. */
const erlangProgram = `
  spawn(fun() -> io:get_line(""), halt(0) end),
  {ok, _} = pg:start(reign),
  Nodes = [${nodeNames.map((name) => `'${name}'`).join(', ')}],
  [pong = net_adm:ping(N) || N <- Nodes],
  Wait = fun W(0) -> halt(1);
             W(K) -> case length(pg:get_members(reign, <<"${chatName}">>)) of
                       3 -> ok;
                       _ -> timer:sleep(20), W(K - 1)
                     end
         end,
  Wait(500),
  Members = pg:get_members(reign, <<"${chatName}">>),
  pg:join(reign, <<"${chatName}">>, self()),
  io:format("joined~n"),
  [M ! #{type => said, by => node(), text => <<"hello from Erlang">>} || M <- Members],
  Loop = fun L() ->
           receive
             #{type := <<"said">>, by := By, text := Text} -> io:format("heard ~ts: ~ts~n", [By, Text]), L();
             _ -> L()
           end
         end,
  Loop().
`

/** Lets a real Erlang node join; `undefined`, and said so, where Erlang is there but its node does not come up. */
async function erlangJoins(
  stage: Stage,
  cluster: string,
  nodes: readonly DemoNode[],
  port: number,
): Promise<Erlang | undefined> {
  const cookie = await readFile(join(cluster, 'cookie'), 'utf8')
  const conf = join(cluster, `${erlangName}.erlang.conf`)
  const erlang = stage.startProgram('erl', [
    ...['-name', erlangName, '-setcookie', cookie, '-start_epmd', 'false', '-noshell'],
    ...['-proto_dist', 'inet_tls', '-ssl_dist_optfile', conf],
    ...['-kernel', 'inet_dist_listen_min', String(port), 'inet_dist_listen_max', String(port)],
    ...['-eval', erlangProgram],
  ])
  const failure = await erlang.line('joined').then(
    () => undefined,
    (error: Error) => error,
  )
  if (failure !== undefined) {
    stage.stopped()
    stage.say(`Erlang is installed, but takes no part: ${failure.message}`)
    return undefined
  }
  await allSee(nodes, [...nodeNames, erlangName])
  stage.say(`joe pings all, finds them: pg:get_members(reign, <<"${chatName}">>), joins`)
  for (const node of nodes) await node.hears(erlangName, 'hello from Erlang')
  const who = nodes.map(({ name }) => alive(name))
  stage.quote(alive(erlangName), 'hello from Erlang', who)
  return erlang
}

/** All at once, so that one that has ended is told of at once, and not looked for in vain by the others. */
async function allSee(nodes: readonly DemoNode[], names: readonly string[]): Promise<void> {
  await Promise.all(nodes.map((node) => node.sees(names)))
}

/** Where a port for a node is looked for: above what systems reserve, below what they give out by themselves, so that nobody gets it meanwhile. */
const portMin = 10_000
const portMax = 29_999

/** Ports that nobody listens on, drawn, so that two demos that start together do not take the same. */
async function freePorts(count: number, entropy: Entropy): Promise<number[]> {
  const ports = new Set<number>()
  while (ports.size < count) {
    const port = portMin + (entropy.uint32() % (portMax - portMin + 1))
    if (await isFree(port)) ports.add(port)
  }
  return [...ports]
}

function isFree(port: number): Promise<boolean> {
  const server = createServer()
  return new Promise((resolve) => {
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}

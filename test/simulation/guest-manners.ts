/** How guests behave: what each may do as itself, what it makes up, and what breaks the protocol. */
import { controlOps } from '../../src/dist/control.js'
import type { Address } from '../../src/term/address.js'
import type { Ref } from '../../src/term/ref.js'
import { tuple } from '../../src/term/tuple.js'
import type { Guest } from './guest.js'
import type { GuestRecord } from './guest-book.js'
import type { Inhabitant, Ledger, Run } from './ledger.js'
import type { Population } from './population.js'

/** A guest, and what it knows of the cluster: more than anybody could. */
export interface Party {
  readonly guest: Guest
  readonly record: GuestRecord
  readonly ledger: Ledger
  readonly population: Population
}

/** Something that guests do. */
export interface Manner {
  readonly name: string
  /** Whether the host must close the connection for it. */
  readonly breaks: boolean
  readonly act: (party: Party) => void
}

const atom = (name: string) => Symbol.for(name)
/** What nobody may ever see. */
const forged = atom('forged')
const kill = atom('kill')
const { SEND_SENDER, LINK, UNLINK_ID, MONITOR_P, DEMONITOR_P, PAYLOAD_EXIT, PAYLOAD_EXIT2 } = controlOps
const { PAYLOAD_MONITOR_P_EXIT, ALIAS_SEND, SPAWN_REPLY, GROUP_LEADER } = controlOps

/** The inhabitants of the guest's host. */
function present({ guest, population }: Party): Inhabitant[] {
  return population.living.filter(({ run }) => run.node.name === guest.door)
}

function somebody(party: Party): Inhabitant | undefined {
  return party.guest.random.pick(present(party))
}

/** Somebody of another node. */
function elsewhere({ guest, population }: Party): Inhabitant | undefined {
  return guest.random.pick(population.living.filter(({ run }) => run.node.name !== guest.door))
}

function addressOf({ guest }: Party, who: Inhabitant): Address<never> {
  return guest.known(who.self.address)
}

/** A process of the runtime of a node, as it is registered there. */
function serviceOf({ guest, population }: Party, name: string, where = guest.door): Address<never> | undefined {
  const run: Run | undefined = population.runs.get(where)
  const address = run?.over === false ? run.node.whereis(name) : undefined
  return address === undefined ? undefined : guest.known(address as Address<never>)
}

// --- as itself ------------------------------------------------------------------------------------------------------

/** Messages by address, by name and by alias. */
function talk(party: Party): void {
  const { guest, record } = party
  for (let left = 1 + guest.random.int(40); left > 0; left--) {
    const to = somebody(party)
    if (to === undefined) return
    const [alias] = to.aliases
    const way = guest.random.int(3)
    if (way === 0) guest.sendNamed(`inhabitant-${to.place.split('/')[1]}`, record.says(undefined))
    else if (way === 1 && alias !== undefined) {
      guest.control(ALIAS_SEND, [guest.pid(1), guest.knownRef(alias)], record.says(to))
    } else guest.send(guest.pid(1), addressOf(party, to), record.says(to))
  }
}

/** Links and monitors, some of which it takes back. */
function tie(party: Party): void {
  const { guest, record } = party
  const { random } = guest
  for (const [n, who] of present(party).entries()) {
    const to = addressOf(party, who)
    const pid = guest.pid(10 + random.int(3))
    const ref = guest.book.makeRef()
    guest.control(MONITOR_P, [pid, random.chance(0.5) ? to : atom(`inhabitant-${who.place.split('/')[1]}`), ref])
    if (random.chance(0.3)) guest.control(DEMONITOR_P, [pid, to, ref])
    if (random.chance(0.5)) continue
    record.linksWith(who)
    guest.control(LINK, [pid, to])
    const way = random.int(4)
    if (way === 0) guest.control(UNLINK_ID, [n + 1, pid, to])
    else if (way === 1) guest.control(PAYLOAD_EXIT, [pid, to], record.reason(who))
  }
}

/** It asks somebody to exit, as everybody may. */
function end(party: Party): void {
  const { guest, record } = party
  const to = somebody(party)
  if (to === undefined) return
  const reason = guest.random.chance(0.3) ? kill : record.reason(to)
  guest.control(PAYLOAD_EXIT2, [guest.pid(1), addressOf(party, to)], reason)
}

/** It takes part in groups and claims names, for processes of its own. */
function join(party: Party): void {
  const { guest } = party
  for (const [scope, group] of [
    ['pg', 'club'],
    ['reign', 'red'],
  ] as const) {
    guest.sendNamed(scope, tuple(atom('discover'), guest.pid(20)), guest.pid(20))
    guest.sendNamed(scope, tuple(atom('join'), guest.pid(20), group, [guest.pid(21), guest.pid(22)]), guest.pid(20))
    if (guest.random.chance(0.5)) {
      guest.sendNamed(scope, tuple(atom('leave'), guest.pid(20), guest.pid(21), [group]), guest.pid(20))
    }
  }
}

/** It kills the process of a scope, which is followed by another. */
function killScope(party: Party): void {
  const to = serviceOf(party, party.guest.random.chance(0.5) ? 'pg' : 'reign')
  if (to !== undefined) party.guest.control(PAYLOAD_EXIT2, [party.guest.pid(1), to], kill)
}

/** It asks for what it does not get. */
function ask(party: Party): void {
  const { guest } = party
  const me = guest.pid(30)
  const from = () => tuple(me, guest.book.makeRef())
  const halt = tuple(atom('erlang'), atom('halt'), 0)
  guest.signal({
    op: 'spawn',
    ref: guest.book.makeRef(),
    from: me,
    groupLeader: me,
    function: { module: 'erlang', function: 'halt', arity: 0 },
    args: [],
    options: [atom('link'), atom('monitor')],
  })
  const call = (request: unknown) => tuple(atom('$gen_call'), from(), request)
  guest.sendNamed('rex', call(tuple(atom('call'), atom('os'), atom('cmd'), ['ls'], me)), me)
  guest.sendNamed('net_kernel', call(tuple(atom('is_auth'), atom(guest.name))), me)
  guest.sendNamed('net_kernel', call(tuple(atom('spawn'), halt, me)), me)
  guest.sendNamed('echo', call(tuple(atom('echo'), 7)), me)
  guest.sendNamed('pg', call(tuple(atom('join_local'), 'club', me)), me)
}

/** To nobody: who has ended, runs that are over, names and aliases that nobody has. */
function astray(party: Party): void {
  const { guest, ledger } = party
  const gone = ledger.inhabitants.filter(({ alive }) => !alive).slice(-20)
  for (const who of gone) {
    const to = addressOf(party, who)
    if (who.run.node.name !== guest.door) continue
    guest.send(guest.pid(1), to, forged)
    guest.control(LINK, [guest.pid(1), to])
    guest.control(MONITOR_P, [guest.pid(1), to, guest.book.makeRef()])
    guest.control(PAYLOAD_EXIT2, [guest.pid(1), to], forged)
  }
  const host = somebody(party)?.self.address
  if (host !== undefined) {
    const earlier = guest.book.address(host.node, host.id, host.serial, (host.creation % 0xffff_fffe) + 1)
    for (const to of [earlier, guest.book.address(host.node, 99_999, 1, host.creation)]) {
      guest.send(guest.pid(1), to, forged)
      guest.control(PAYLOAD_EXIT2, [guest.pid(1), to], forged)
      guest.control(UNLINK_ID, [7, guest.pid(1), to])
    }
    const nothing = guest.book.ref(host.node, host.creation, [1, 2, 3])
    guest.control(ALIAS_SEND, [guest.pid(1), nothing], forged)
  }
  guest.sendNamed('nobody', forged)
  guest.control(DEMONITOR_P, [guest.pid(1), atom('nobody'), guest.book.makeRef()])
}

/** What no process of the runtime expects. */
function babble(party: Party): void {
  const { guest } = party
  const { random } = guest
  const words = ['discover', 'join', 'leave', 'sync', '$gen_cast', '$gen_call', 'system', 'EXIT', 'hello', 'up']
  const term = (depth: number): unknown => {
    const kind = random.int(depth > 2 ? 4 : 7)
    if (kind === 0) return atom(random.pick(words) as string)
    if (kind === 1) return random.int(1_000)
    if (kind === 2) return guest.pid(random.int(50))
    if (kind === 3) return guest.book.makeRef()
    const parts = Array.from({ length: random.int(5) }, () => term(depth + 1))
    return kind === 4 ? parts : tuple(...parts)
  }
  for (const name of ['pg', 'reign', 'rex', 'net_kernel', 'reign_members', 'reign_mesh', 'user', 'echo']) {
    for (let left = random.int(10); left > 0; left--) {
      // The echo server ends, as any of Erlang does, of a cast or call that it does not know.
      const message = term(0)
      if (name !== 'echo') guest.sendNamed(name, message)
      else guest.sendNamed(name, tuple(atom('no'), message))
    }
  }
}

/** It asks for a thousand answers, and reads none of them. */
function deaf(party: Party): void {
  const { guest } = party
  guest.stopReading()
  const to = somebody(party)
  if (to === undefined) return
  for (let n = 0; n < 1_000; n++) {
    guest.control(MONITOR_P, [guest.pid(1), atom(`nobody-${n % 100}-${'x'.repeat(100)}`), guest.book.makeRef()])
  }
}

/** Sixty parts of messages of which the rest never comes; and half a frame, which whatever follows is the rest of. */
function unfinished({ guest }: Party): void {
  if (!guest.headers) return
  for (let id = 0; id < 60; id++)
    guest.frame(fragment(69, BigInt(guest.random.int(2 ** 31)) * 64n + BigInt(id), 9n, 2_000))
}

/** A fragment with so many bytes. */
function fragment(kind: number, id: bigint, number: bigint, bytes: number): Uint8Array {
  const body = Buffer.alloc(19 + bytes)
  body[0] = 131
  body[1] = kind
  body.writeBigUInt64BE(id, 2)
  body.writeBigUInt64BE(number, 10)
  return body
}

// --- in the name of others ------------------------------------------------------------------------------------------

/** The ends of processes that live, told to who watches them: it has guessed the references. */
function falseDeaths(party: Party): void {
  const { guest } = party
  for (const who of present(party)) {
    for (const [ref, { target }] of who.watching) {
      const names = [guest.pid(1), atom(`inhabitant-${target.place.split('/')[1]}`)]
      for (const from of names) {
        guest.control(PAYLOAD_MONITOR_P_EXIT, [from, addressOf(party, who), guest.knownRef(ref)], forged)
      }
    }
  }
}

/** Answers to what others were asked. */
function falseAnswers(party: Party): void {
  const { guest } = party
  const host = somebody(party)?.self.address
  if (host === undefined) return
  for (let n = 0; n < 10; n++) {
    const ref = guest.book.ref(host.node, host.creation, [guest.random.int(2 ** 18), 1, 2])
    guest.control(SPAWN_REPLY, [ref, guest.known(host), 3, guest.pid(5)])
    guest.control(UNLINK_ID + 1, [n + 1, guest.pid(5), guest.known(host)])
    guest.control(PAYLOAD_EXIT, [guest.pid(5), guest.known(host)], forged)
  }
}

/** Who is in which group, and who leaves the cluster, as the processes of other nodes would tell it. */
function falseNews(party: Party): void {
  const { guest } = party
  const other = elsewhere(party)
  if (other === undefined) return
  const where = other.run.node.name
  const member = addressOf(party, other)
  for (const scope of ['pg', 'reign']) {
    const theirs = serviceOf(party, scope, where)
    if (theirs === undefined) continue
    const lies = [
      tuple(atom('discover'), theirs),
      tuple(atom('join'), theirs, 'club', member),
      tuple(atom('leave'), theirs, member, ['club', 'red', 'green', 'blue']),
      tuple(atom('$gen_cast'), tuple(atom('sync'), theirs, [tuple('red', [member])])),
    ]
    for (const lie of lies) guest.sendNamed(scope, lie)
    const here = serviceOf(party, scope)
    for (const lie of lies) if (here !== undefined) guest.control(controlOps.SEND, [atom(''), here], lie)
  }
  guest.sendNamed('reign_members', tuple(atom('leaving'), member))
  guest.sendNamed('reign_mesh', tuple(atom('down'), member, atom(guest.door)))
}

// --- against the protocol -------------------------------------------------------------------------------------------

/** A signal from a process of another node, or of its host. */
function forge(party: Party): void {
  const { guest } = party
  const { random } = guest
  const to = somebody(party)
  const other = (random.chance(0.5) ? elsewhere(party) : undefined) ?? to
  const from = other === undefined ? guest.book.address('nobody@sim', 1, 0, 1) : addressOf(party, other)
  const target = to === undefined ? guest.book.address(guest.door, 1, 0, 1) : addressOf(party, to)
  const forms: (() => void)[] = [
    () => guest.send(from, target, forged),
    () => guest.sendNamed('inhabitant-1', forged, from),
    () => guest.control(LINK, [from, target]),
    () => guest.control(UNLINK_ID, [1, from, target]),
    () => guest.control(UNLINK_ID + 1, [1, from, target]),
    () => guest.control(PAYLOAD_EXIT, [from, target], forged),
    () => guest.control(PAYLOAD_EXIT2, [from, target], kill),
    () => guest.control(MONITOR_P, [from, target, guest.book.makeRef()]),
    () => guest.control(PAYLOAD_MONITOR_P_EXIT, [from, target, guest.book.makeRef()], forged),
  ]
  random.pick(forms)?.()
}

/** A monitor of another node, taken back or moved. */
function meddle(party: Party): void {
  const { guest } = party
  const { random } = guest
  const refs = party.population.living.flatMap(({ watching }) => [...watching.keys()])
  const ref = random.pick(refs) ?? party.guest.book.ref('nobody@sim', 1, [1, 2, 3])
  const known: Ref = guest.knownRef(ref)
  const to = somebody(party)
  const target = to === undefined || random.chance(0.3) ? atom('echo') : addressOf(party, to)
  guest.control(random.chance(0.5) ? DEMONITOR_P : MONITOR_P, [guest.pid(1), target, known])
}

/** A frame that is none, in one way or another. */
function garble(party: Party): void {
  const { guest } = party
  const { random } = guest
  const me = guest.pid(1)
  const to = guest.book.address(guest.door, 1, 0, 1)
  const noise = Uint8Array.from({ length: 1 + random.int(200) }, () => random.int(256))
  noise[0] = 7
  const tooLong = Buffer.alloc(4)
  tooLong.writeUInt32BE(0xffff_fff0)
  const forms: (() => void)[] = [
    () => guest.frame(noise),
    () => guest.raw(tooLong),
    () => guest.control(random.pick([0, 9, 10, 11, 14, 37, 99, -1]) as number, [me, to]),
    () => guest.control(LINK, [me]),
    () => guest.control(LINK, [me, to, to]),
    () => guest.control(LINK, [me, atom('to')]),
    () => guest.control(SEND_SENDER, [me, to]),
    () => guest.control(SEND_SENDER, [me, to], forged, forged),
    () => guest.control(MONITOR_P, [me, to, 7]),
    () => guest.control(UNLINK_ID, [0, me, to]),
    () => guest.control(GROUP_LEADER, [7, to]),
    () => guest.frame(Uint8Array.of(131, 70, ...new Uint8Array(20))),
    () => guest.frame(Uint8Array.of(131, 68, 255, 1, 2, 3)),
  ]
  random.pick(forms)?.()
}

/** More unfinished messages than there may be. */
function hoard(party: Party): void {
  const { guest } = party
  if (!guest.headers) return garble(party)
  for (let id = 0; id < 1_100; id++) guest.frame(fragment(69, 2n ** 60n + BigInt(id), 9n, 1))
}

/** See the head of this file. */
export const manners: readonly Manner[] = [
  ...[talk, tie, end, join, killScope, ask, astray, babble, deaf, unfinished].map((act) => manner(act, false)),
  ...[falseDeaths, falseAnswers, falseNews].map((act) => manner(act, false)),
  ...[forge, meddle, garble, hoard].map((act) => manner(act, true)),
]

function manner(act: Manner['act'], breaks: boolean): Manner {
  return { name: act.name, breaks, act }
}

/**
 * Networks of their own, made of what the Linux kernel has: one namespace for each machine, with an address, and a switch between them in one
 * more. What befalls them is done by the kernel: packets are dropped, refused and held up (nftables, tc), and TCP is the real one.
 *
 * All labs use the same addresses, and disturb neither each other nor the machine that they run on. The namespaces of a lab carry the number of the
 * process that made it, and are gone with {@link Lab}; those of a process that was killed are taken away by the next run (`sweep`).
 */
import { execFile } from 'node:child_process'

const prefix = 'reign-'
let labs = 0

/** One machine of a lab. */
export interface Site {
  readonly address: string
  /** What a command is run with, to be run on it. */
  readonly via: readonly string[]
}

/** What a lab can be told. */
export interface LabOptions {
  /** Packets that were lost are sent again soon, every second at the latest where the kernel can be told (`tcp_rto_max_ms`), and for long. */
  readonly resendsSoon?: boolean
}

/** See the head of this file. Machines are numbered from 0. */
export class Lab implements AsyncDisposable {
  readonly sites: readonly Site[]
  readonly #spaces: readonly string[]
  readonly #hub: string

  private constructor(name: string, count: number) {
    this.#hub = `${name}-hub`
    this.#spaces = Array.from({ length: count }, (_, index) => `${name}-${index}`)
    this.sites = this.#spaces.map((space, index) => ({
      address: addressOf(index),
      via: ['ip', 'netns', 'exec', space],
    }))
  }

  static async open(count: number, options: LabOptions = {}): Promise<Lab> {
    const lab = new Lab(`${prefix}${process.pid}-${++labs}`, count)
    try {
      await lab.#build(options)
    } catch (error) {
      await lab[Symbol.asyncDispose]()
      throw error
    }
    return lab
  }

  async #build({ resendsSoon = false }: LabOptions): Promise<void> {
    const hub = this.#hub
    await ip('netns', 'add', hub)
    await ip('-n', hub, 'link', 'add', 'switch', 'type', 'bridge')
    await ip('-n', hub, 'link', 'set', 'switch', 'up')
    await this.#nft(hub, 'add table bridge fault', 'add chain bridge fault on { type filter hook forward priority 0; }')
    for (const [index, space] of this.#spaces.entries()) {
      const [port, address] = [`port${index}`, addressOf(index)]
      await ip('netns', 'add', space)
      await ip('link', 'add', 'eth0', 'netns', space, 'type', 'veth', 'peer', 'name', port, 'netns', hub)
      await ip('-n', hub, 'link', 'set', port, 'master', 'switch', 'up')
      await ip('-n', space, 'link', 'set', 'lo', 'up')
      // One packet is one segment, so that as many are lost as are said to be.
      await ip('-n', space, 'link', 'set', 'eth0', 'up', 'gso_max_segs', '1')
      await ip('-n', space, 'address', 'add', `${address}/24`, 'dev', 'eth0')
      await this.#nft(space, 'add table ip fault', 'add chain ip fault in { type filter hook input priority 0; }')
      if (!resendsSoon) continue
      await ip('-n', space, 'route', 'change', '10.0.0.0/24', 'dev', 'eth0', 'src', address, 'rto_min', '5ms')
      // So often in vain that the ticks are over before.
      await tell(space, 'tcp_retries2', 200)
      await tell(space, 'tcp_rto_max_ms', 1_000).catch(() => {})
    }
  }

  /** From now on nothing of one machine reaches another. The other way is open, unless it is cut as well. */
  async cut(from: number, to: number): Promise<void> {
    await this.#nft(this.#hub, dropped(from, to))
  }

  /** From now on nothing passes between the two. */
  async part(one: number, other: number): Promise<void> {
    await this.#nft(this.#hub, dropped(one, other), dropped(other, one))
  }

  /** From now on so many of a hundred packets are lost on their way, at random. */
  async lose(percent: number): Promise<void> {
    await this.#nft(this.#hub, `add rule bridge fault on ether type ip numgen random mod 100 < ${percent} drop`)
  }

  /** From now on whoever sends anything to a machine over TCP gets a reset for an answer; it itself hears nothing of that. */
  async refuse(to: number): Promise<void> {
    await this.#nft(this.#spaces[to] as string, 'add rule ip fault in meta l4proto tcp reject with tcp reset')
  }

  /**
   * From now on each machine can send so much and no more; the rest waits, and what would wait too long is lost.
   *
   * Where the kernel cannot keep packets waiting (no `tbf`), what is too much is lost at once, and a line says so.
   */
  async slow(bytesPerSecond: number): Promise<void> {
    const queue = ['rate', `${bytesPerSecond * 8}bit`, 'burst', '32kb', 'latency', '400ms']
    for (const space of this.#spaces) {
      try {
        await run('tc', ['-n', space, 'qdisc', 'replace', 'dev', 'eth0', 'root', 'tbf', ...queue])
      } catch (error) {
        console.log(
          `no tc tbf (${String(error).split('\n')[0]}): what is more than the line takes is lost, and does not wait`,
        )
        const limit = `limit rate over ${bytesPerSecond} bytes/second burst 32000 bytes drop`
        await this.#nft(space, `add rule ip fault in ${limit}`)
      }
    }
  }

  /** Undoes all of that. */
  async heal(): Promise<void> {
    await this.#nft(this.#hub, 'flush chain bridge fault on')
    await Promise.all(
      this.#spaces.map(async (space) => {
        await this.#nft(space, 'flush chain ip fault in')
        await run('tc', ['-n', space, 'qdisc', 'delete', 'dev', 'eth0', 'root']).catch(() => {})
      }),
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const space of [...this.#spaces, this.#hub]) await ip('netns', 'delete', space).catch(() => {})
  }

  /** All at once, or nothing of it. */
  async #nft(space: string, ...lines: readonly string[]): Promise<void> {
    await run('ip', ['netns', 'exec', space, 'nft', lines.join('\n')])
  }
}

const dropped = (from: number, to: number) =>
  `add rule bridge fault on ip saddr ${addressOf(from)} ip daddr ${addressOf(to)} drop`

const addressOf = (index: number) => `10.0.0.${index + 1}`

/** Takes away what labs have left behind whose processes are gone. */
export async function sweep(): Promise<void> {
  const names = (await ip('netns', 'list')).split('\n').map((line) => line.split(' ')[0] as string)
  for (const name of names) {
    const pid = new RegExp(`^${prefix}(\\d+)-`).exec(name)?.[1]
    if (pid !== undefined && !isAlive(Number(pid))) await ip('netns', 'delete', name).catch(() => {})
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** Changes a setting of TCP, in one namespace alone. */
const tell = (space: string, setting: string, value: number) =>
  run('ip', ['netns', 'exec', space, 'sh', '-c', `echo ${value} >/proc/sys/net/ipv4/${setting}`])

const ip = (...args: readonly string[]) => run('ip', args)

/** @throws an `Error` with what the command has said. */
function run(command: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(command, args, { timeout: 30_000 }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout)
      else reject(new Error(`${command} ${args.join(' ')}: ${stderr.trim() || error.message}`, { cause: error }))
    })
  })
}

/**
 * Cables of the demo: TCP relays on this machine, which can be cut, all at once. What is connected through them then breaks, and
 * what dials is turned away, until they are whole again.
 */
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import type { CommandContext } from './context.js'
import { DemoWatch } from './demo-watch.js'

const host = '127.0.0.1'

/** See the head of this file. */
export class DemoCables {
  readonly #watch: DemoWatch
  readonly #servers: Server[] = []
  readonly #sockets = new Set<Socket>()
  #isCut = false
  #refused = 0

  constructor(context: CommandContext) {
    this.#watch = new DemoWatch('the cut', undefined, context)
  }

  /** Lays one to that port; gives the port of its near end. */
  async lay(port: number): Promise<number> {
    const server = createServer({ noDelay: true }, (near) => this.#connect(near, port))
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(0, host, resolve)
    })
    this.#servers.push(server)
    return (server.address() as AddressInfo).port
  }

  cut(): void {
    this.#isCut = true
    this.#refused = 0
    for (const socket of this.#sockets) socket.destroy()
  }

  heal(): void {
    this.#isCut = false
  }

  /** Resolves when so many have been refused since the cut. */
  refuses(count: number): Promise<void> {
    return this.#watch.until(
      () => this.#refused >= count,
      () => `${count} dials have been refused`,
    )
  }

  /** Cuts them, and gives back their ports. */
  async remove(): Promise<void> {
    this.cut()
    await Promise.all(this.#servers.map((server) => new Promise((resolve) => server.close(resolve))))
  }

  #connect(near: Socket, port: number): void {
    near.on('error', () => {})
    if (this.#isCut) {
      near.destroy()
      this.#refused++
      return this.#watch.look()
    }
    const far = connect({ host, port, noDelay: true })
    this.#join(near, far)
    this.#join(far, near)
  }

  #join(from: Socket, to: Socket): void {
    this.#sockets.add(from)
    // Whatever ends the one ends the other: bytes that wait for it are lost, as the connection is.
    from.on('error', () => {})
    from.on('close', () => {
      this.#sockets.delete(from)
      to.destroy()
    })
    from.pipe(to)
  }
}

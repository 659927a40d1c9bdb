/**
 * One command at a time uses the name of a visitor: two nodes of one name cannot be connected with the same cluster.
 *
 * The lock is a local socket that the holder listens on. The operating system takes it away when the holder ends, in whichever
 * way, so there is no stale process number to be mistaken for a living one; and whoever waits is connected with the holder, and
 * so hears of its end at once. It is a courtesy among the commands of one user on one machine: what cannot be locked (no
 * place for a socket) is used all the same, and across machines it is the cluster that refuses the second one.
 */
import { createHash } from 'node:crypto'
import { unlink } from 'node:fs/promises'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Paths of local sockets are short: 104 bytes on macOS, its final zero among them. */
const socketPathBytesMax = 100

/** A lock is made in two steps, and refuses who comes between them: it is abandoned only if it still does later. */
const secondLookMs = 20

/** Each finds that somebody has just come or gone; so many in a row are no coincidence, and then it is no place for a lock. */
const looksMax = 20

/** It is ours, until it is released or this process ends. */
export interface HeldLock {
  release(): Promise<void>
}

/** What cannot be locked. */
const unlocked: HeldLock = { release: async () => {} }

/** Somebody else has it. */
export interface TakenLock {
  /** Resolves when they have released it, or have ended. */
  readonly released: Promise<void>
  /** Waits no more. */
  forget(): void
}

/**
 * Takes a lock, if it is free.
 *
 * @param subject What is locked: any text.
 */
export async function takeLock(subject: string): Promise<HeldLock | TakenLock> {
  const path = lockPath(subject)
  let refused = false
  for (let look = 0; look < looksMax; look++) {
    const held = await listenOn(path)
    if (held !== undefined) return held
    const found = await connectTo(path)
    if (typeof found === 'object') return found
    if (found === 'closed') break
    if (found === 'refused' && refused) {
      // Its holder was killed: only the file is left.
      await unlink(path).catch(() => {})
      refused = false
    } else if (found === 'refused') {
      refused = true
      await new Promise((resolve) => setTimeout(resolve, secondLookMs))
    }
  }
  return unlocked
}

/** Whether it is ours. */
export function isHeld(lock: HeldLock | TakenLock): lock is HeldLock {
  return 'release' in lock
}

/** Where the lock of a subject is; for each user another place, as none may delete what is another's. */
export function lockPath(subject: string): string {
  const user = process.getuid?.() ?? ''
  const name = `reign-${createHash('sha256').update(`${user} ${subject}`).digest('hex').slice(0, 24)}`
  if (process.platform === 'win32') return `\\\\.\\pipe\\${name}`
  const path = join(tmpdir(), name)
  return Buffer.byteLength(path) <= socketPathBytesMax ? path : join('/tmp', name)
}

/** Listens there; `undefined` when somebody else does, or has done and was killed. */
function listenOn(path: string): Promise<HeldLock | undefined> {
  return new Promise((resolve) => {
    const waiting = new Set<Socket>()
    const server = createServer((socket) => {
      waiting.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => waiting.delete(socket))
      socket.unref()
    })
    server.once('error', (error: NodeJS.ErrnoException) => {
      resolve(error.code === 'EADDRINUSE' ? undefined : unlocked)
    })
    server.listen(path, () => {
      server.on('error', () => {})
      server.unref()
      resolve({ release: () => close(server, waiting) })
    })
  })
}

function close(server: Server, waiting: Iterable<Socket>): Promise<void> {
  return new Promise((resolve) => {
    // First the place, then the news: who hears it finds the place free.
    server.close(() => resolve())
    for (const socket of waiting) socket.destroy()
  })
}

/** The holder; or that there is none any more, that it does not answer, or that we may not ask. */
function connectTo(path: string): Promise<TakenLock | 'gone' | 'refused' | 'closed'> {
  return new Promise((resolve) => {
    const socket = connect(path)
    const released = new Promise<void>((over) => socket.once('close', () => over()))
    socket.once('error', ({ code }: NodeJS.ErrnoException) => {
      resolve(code === 'ECONNREFUSED' ? 'refused' : code === 'ENOENT' ? 'gone' : 'closed')
    })
    socket.once('connect', () => {
      socket.on('error', () => {})
      socket.resume()
      resolve({ released, forget: () => socket.destroy() })
    })
  })
}

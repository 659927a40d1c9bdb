/** Runs something in a folder of its own, which is gone afterwards; gives the exit code that comes of it. */
import { mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import { join } from 'node:path'

export async function inFolder(run) {
  const folder = mkdtempSync(join(os.tmpdir(), 'reign-soak-'))
  try {
    return (await run(folder)) ?? 0
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

import { spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'

test('where no network can be made, one line says so and why, and nothing fails', () => {
  const bin = mkdtempSync(join(tmpdir(), 'reign-path-'))
  try {
    for (const command of ['ip', 'tc', 'nft']) {
      writeFileSync(join(bin, command), '#!/bin/sh\necho "Operation not permitted" >&2\nexit 1\n')
      chmodSync(join(bin, command), 0o755)
    }
    const env = { ...process.env, PATH: `${bin}:${process.env.PATH}` }
    const { status, stdout } = spawnSync(process.execPath, ['scripts/faults.mjs'], { encoding: 'utf8', env })
    expect(status).toBe(0)
    // Not as root it does not even try.
    expect(stdout).toMatch(
      /^The faults of real networks are left out: (no network can be made: Operation not permitted|root is needed|this is \w+, and not Linux)\.\n$/,
    )
  } finally {
    rmSync(bin, { recursive: true })
  }
})

/**
 * The faults of real networks: nodes in network namespaces of Linux, with nftables and tc between them. Needs root, and installs what is missing
 * where it may (with apt-get). Where such networks cannot be made, it says so in one line and leaves the tests out: nothing else shows whether a
 * machine, or a container, permits them than to make one.
 *
 * What is given to it is for the test runner: `npm run test:faults -- cuts`.
 */
import { spawn, spawnSync } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

/** Milliseconds for all of it: whatever hangs is not to hold up those who wait for the result. Of them it takes some tens of thousands. */
const allMs = 300_000

const packages = { ip: 'iproute2', tc: 'iproute2', nft: 'nftables' }

const found = (command) =>
  `${process.env.PATH}${delimiter}/usr/sbin${delimiter}/sbin`.split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, command), constants.X_OK)
      return true
    } catch {
      return false
    }
  })

/** Makes a network as the tests do, and takes it away again; what it says when it cannot. */
const probe = `
  set -e
  space="reign-$$-probe"
  ip netns add "$space"
  trap 'ip netns delete "$space"' EXIT
  ip -n "$space" link add one type veth peer name other
  ip -n "$space" link add switch type bridge
  ip netns exec "$space" nft 'add table ip fault; add chain ip fault in { type filter hook input priority 0; };
    add rule ip fault in meta l4proto tcp reject with tcp reset; add table bridge fault;
    add chain bridge fault on { type filter hook forward priority 0; };
    add rule bridge fault on ether type ip numgen random mod 100 < 30 drop'`

/** Why the tests cannot run here; `undefined` when they can. */
function obstacle() {
  if (process.platform !== 'linux') return `this is ${process.platform}, and not Linux`
  if (process.getuid() !== 0) return 'root is needed'
  const missing = () => Object.keys(packages).filter((command) => !found(command))
  if (missing().length > 0 && found('apt-get')) {
    const names = [...new Set(missing().map((command) => packages[command]))]
    const options = { stdio: 'ignore', timeout: 120_000, env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } }
    const install = ['install', '-y', '--no-install-recommends', '--no-upgrade', ...names]
    if (spawnSync('apt-get', install, options).status !== 0) {
      spawnSync('apt-get', ['update'], options)
      spawnSync('apt-get', install, options)
    }
  }
  if (missing().length > 0) return `not on the PATH: ${missing().join(', ')}`
  const { status, stderr, error } = spawnSync('/bin/sh', ['-c', probe], { encoding: 'utf8', timeout: 30_000 })
  return status === 0 ? undefined : `no network can be made: ${(error?.message ?? stderr).trim().split('\n')[0]}`
}

process.env.PATH = `${process.env.PATH}${delimiter}/usr/sbin${delimiter}/sbin`
const why = obstacle()
if (why !== undefined) {
  console.log(`The faults of real networks are left out: ${why}.`)
} else {
  const args = [
    'node_modules/vitest/vitest.mjs',
    'run',
    '--config',
    'vitest.faults.config.ts',
    ...process.argv.slice(2),
  ]
  const run = spawn(process.execPath, args, { stdio: 'inherit' })
  const late = setTimeout(() => {
    console.error(`Not done within ${allMs / 1_000} s.`)
    run.kill('SIGKILL')
  }, allMs)
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => run.kill(signal))
  run.on('exit', (code) => {
    clearTimeout(late)
    process.exitCode = code ?? 1
  })
}

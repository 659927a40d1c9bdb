import { spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'

let bin: string
beforeEach(() => {
  bin = mkdtempSync(join(tmpdir(), 'reign-path-'))
})
afterEach(() => rmSync(bin, { recursive: true }))

/** Runs the script with nothing on the PATH but what the test has put there. */
function run() {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['scripts/require-erlang.mjs'], {
    encoding: 'utf8',
    env: { PATH: bin, HOME: bin },
  })
  return { status, stdout, stderr }
}

function script(command: string, body: string): void {
  writeFileSync(join(bin, command), `#!/bin/sh\n${body}\n`)
  chmodSync(join(bin, command), 0o755)
}

/** Where a command of this machine is. */
function where(command: string): string {
  const folder = (process.env.PATH ?? '').split(delimiter).find((each) => {
    return spawnSync('/bin/sh', ['-c', 'test -x "$1"', 'sh', join(each, command)]).status === 0
  })
  return join(folder ?? '', command)
}

/** Commands of this machine, which need a PATH of their own. */
function link(...commands: string[]): void {
  for (const command of commands) script(command, `PATH='${process.env.PATH}' exec '${where(command)}' "$@"`)
}

test('says nothing where Erlang is', () => {
  link('erl', 'erlc', 'epmd', 'elixir', 'openssl')
  expect(run()).toEqual({ status: 0, stdout: '', stderr: '' })
})

test.each([
  ['brew', 'brew install erlang elixir openssl'],
  ['dnf', 'sudo dnf install -y erlang elixir openssl'],
  ['nothing-known', 'see https://www.erlang.org/downloads'],
])('where it is missing, stops with the line for %s', (manager, line) => {
  script(manager, 'echo "must not run"')
  const { status, stdout, stderr } = run()
  expect(status).toBe(1)
  expect(stdout).toBe('')
  expect(stderr).toContain('not on the PATH: erl, erlc, epmd, elixir, openssl.')
  expect(stderr).toContain(`\n    ${line}`)
  expect(stderr).not.toContain('must not run')
})

const isRoot = process.getuid?.() === 0

test(`with apt-get, as ${isRoot ? 'root, installs it' : 'a user, stops with the line'}`, () => {
  const installed = ['erl', 'erlc', 'epmd', 'elixir', 'openssl']
  script(
    'apt-get',
    `echo "$@" >> '${bin}/asked'
     [ "$1" = install ] || exit 0
     for each in ${installed.join(' ')}; do
       { echo '#!/bin/sh'; echo "PATH='${process.env.PATH}' exec $each \\"\\$@\\""; } > '${bin}'/$each
       PATH='${process.env.PATH}' chmod 755 '${bin}'/$each
     done`,
  )
  const { status, stdout, stderr } = run()
  expect(stdout).toBe('')
  if (isRoot) {
    expect(stderr).toContain('Installing: apt-get update')
    expect(readFileSync(join(bin, 'asked'), 'utf8')).toBe(
      'update\ninstall -y --no-install-recommends --no-upgrade erlang-base erlang-ssl elixir openssl\n',
    )
    expect(status).toBe(0)
  } else {
    expect(stderr).toContain('\n    sudo apt-get update && sudo apt-get install -y')
    expect(status).toBe(1)
  }
})

test.each([
  ['too old', 'echo "24 []"', 'this is Erlang/OTP 24'],
  ['broken', 'echo "libcrypto not found" >&2; exit 1', 'erl does not work: libcrypto not found'],
])('an Erlang that is %s is left as it is', (_, body, complaint) => {
  link('erlc', 'epmd', 'elixir', 'openssl')
  script('erl', body)
  script('apt-get', 'echo "must not run" >&2')
  const { status, stderr } = run()
  expect(status).toBe(1)
  expect(stderr).toContain(complaint)
  expect(stderr).not.toContain('must not run')
})

test('an Erlang without TLS is named as such', () => {
  link('erlc', 'epmd', 'elixir', 'openssl')
  script('erl', 'echo "27 [ssl]"')
  script('brew', '')
  const { status, stderr } = run()
  expect(status).toBe(1)
  expect(stderr).toContain('erl lacks ssl')
})

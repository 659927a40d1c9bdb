/**
 * The tests talk to real Erlang and Elixir nodes. This makes sure, before they run, that both are there: installs them where it may
 * (as root, with apt-get), else stops with the one line that does it. It never lets tests be skipped.
 *
 * On Debian and Ubuntu the smallest set that serves is erlang-base (erl, erlc, epmd; kernel, stdlib, compiler), erlang-ssl,
 * which brings crypto, public_key and asn1, and elixir. `openssl` reads what our certificate authority writes.
 */
import { spawnSync } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

const otpReleaseMin = 25
const commands = ['erl', 'erlc', 'epmd', 'elixir', 'openssl']
const applications = ['kernel', 'stdlib', 'compiler', 'crypto', 'asn1', 'public_key', 'ssl']

// What is there already is left as it is: this is no upgrade of somebody's machine.
const aptInstall =
  'apt-get update && apt-get install -y --no-install-recommends --no-upgrade erlang-base erlang-ssl elixir openssl'

/** By the package manager that is there: the line that installs what is missing. */
const installLines = {
  'apt-get': aptInstall.replace(/apt-get/g, 'sudo apt-get'),
  brew: 'brew install erlang elixir openssl',
  dnf: 'sudo dnf install -y erlang elixir openssl',
  pacman: 'sudo pacman -S --needed erlang elixir openssl',
  apk: 'sudo apk add erlang elixir openssl',
}

/** Prints the release and the applications that are missing. `crypto` is started, as that loads its native library. */
const probe = `
  Missing = [App || App <- [${applications}], code:lib_dir(App) =:= {error, bad_name}],
  case Missing of [] -> ok = application:start(crypto); _ -> ok end,
  io:format("~s ~p~n", [erlang:system_info(otp_release), Missing]),
  halt(0).`

function found(command) {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, command), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

/** What the machine lacks, and whether installing packages can help; `undefined` when it has all. */
function lack() {
  const missing = commands.filter((command) => !found(command))
  if (missing.length > 0) return { what: `not on the PATH: ${missing.join(', ')}`, installable: true }
  const args = ['-noinput', '-boot', 'no_dot_erlang', '-eval', probe]
  const env = { ...process.env, ERL_CRASH_DUMP_SECONDS: '0' }
  const { stdout, stderr, error } = spawnSync('erl', args, { encoding: 'utf8', timeout: 30_000, env })
  const [, release, missingApplications] = /^(\d+) \[(.*)\]$/m.exec(stdout ?? '') ?? []
  if (release === undefined) {
    const said = (error?.message ?? `${stdout}${stderr}`).trim().slice(0, 300)
    return { what: `erl does not work: ${said}`, installable: false }
  }
  if (Number(release) < otpReleaseMin) return { what: `this is Erlang/OTP ${release}`, installable: false }
  if (missingApplications !== '') return { what: `erl lacks ${missingApplications}`, installable: true }
  return undefined
}

const needed = `The tests need Erlang/OTP ${otpReleaseMin} or later with its ssl application, Elixir, and openssl`

let lacking = lack()
if (lacking?.installable && process.getuid?.() === 0 && found('apt-get')) {
  console.error(`${needed} (${lacking.what}). Installing: ${aptInstall}`)
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  // Its output goes to standard error: standard output is that of the tests.
  spawnSync('/bin/sh', ['-c', aptInstall], { stdio: ['ignore', 2, 2], env })
  lacking = lack()
}
if (lacking !== undefined) {
  const manager = Object.keys(installLines).find(found)
  const line = manager ? installLines[manager] : 'see https://www.erlang.org/downloads (on Windows: inside WSL)'
  console.error(`${needed}: ${lacking.what}.\n\n    ${line}\n`)
  process.exit(1)
}

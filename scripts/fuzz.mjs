/**
 * Runs the fuzzer (test/fuzz/main.ts) in plain Node.js, on sources that say which of their branches have run. Usage:
 * `node scripts/fuzz.mjs --seconds 60 --seed 1 --target frames`; `--plain` leaves the marks out; `--record` runs test/fuzz/record.ts instead.
 */
import { marking, startMarks } from './marked.mjs'
import { Transpiled } from './transpiled.mjs'

const plain = taken('--plain')
const program = taken('--record') ? 'record.js' : 'main.js'
const copy = plain
  ? new Transpiled('transpiled')
  : new Transpiled('marked', (path) => (path.startsWith('src') ? marking() : []))
copy.bringUpToDate('src', 'test/codec', 'test/dist', 'test/fuzz', 'test/vectors')
if (!plain) startMarks()
await copy.run('test', 'fuzz', program)

/** Whether it is among the arguments, and takes it out. */
function taken(option) {
  const at = process.argv.indexOf(option)
  return at >= 0 && process.argv.splice(at, 1).length > 0
}

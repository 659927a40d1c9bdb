/**
 * Runs the simulator (test/simulation/main.ts) in plain Node.js, at full speed. Usage: `node scripts/simulate.mjs --seeds 200`;
 * `--program NAME` runs another of test/simulation/.
 */
import { bringUpToDate, runTranspiled } from './transpiled.mjs'

bringUpToDate('src', 'test/simulation')
const at = process.argv.indexOf('--program')
const [program] = at < 0 ? ['main'] : process.argv.splice(at, 2).slice(1)
await runTranspiled('test', 'simulation', `${program}.js`)

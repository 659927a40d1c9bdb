/** Runs the soak (test/soak/main.ts) in plain Node.js, on the build in lib/. Usage: `npm run soak -- --minutes 10`. */
import { bringUpToDate, runTranspiled } from './transpiled.mjs'

bringUpToDate('src', 'test/support', 'test/interop', 'test/soak')
await runTranspiled('test', 'soak', 'main.js')

#!/usr/bin/env node
/** The executable: `program.ts` with the arguments of this process. */
import { processContext } from './context.js'
import { run } from './program.js'

void run(process.argv.slice(2), processContext()).then((code) => {
  process.exitCode = code
})

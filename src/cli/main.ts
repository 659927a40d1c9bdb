#!/usr/bin/env node
/** The executable: `program.ts` with the arguments of this process. */
import { processContext } from './context.js'
import { run } from './program.js'

/** Milliseconds for output to leave. */
const lingerMs = 100

void run(process.argv.slice(2), processContext()).then((code) => {
  process.exitCode = code
  // What a program that was run has left open, as a socket, holds nothing up: all that was to be done in order has been done.
  setTimeout(() => process.exit(), lingerMs).unref()
})

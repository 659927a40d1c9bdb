/** Memory as a seam: how much of what the program may have is in use. */
import { getHeapSpaceStatistics, getHeapStatistics } from 'node:v8'

/** Where a node looks at memory. */
export interface Memory {
  /** The part of the heap that is in use, of all that it may ever have: from 0 to 1. Near 1 the program ends. */
  heapUse(): number
}

/** What of the limit of V8 is for objects that have just been made, unless `--max-semi-space-size` says otherwise: three times 16 MiB. */
const youngBytes = 48 * 1024 * 1024

/**
 * The heap of this program: bounded by `--max-old-space-size`, or by what Node.js makes of the memory of the machine. What was just made does not
 * count, as V8 has room of its own for it, and ends the program when the rest is full.
 */
export const systemMemory: Memory = {
  heapUse: () => {
    let used = 0
    for (const { space_name, space_used_size } of getHeapSpaceStatistics()) {
      if (!/^(new|read_only)_/.test(space_name)) used += space_used_size
    }
    return used / (getHeapStatistics().heap_size_limit - youngBytes)
  },
}

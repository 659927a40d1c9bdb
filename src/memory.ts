/** Memory as a seam: how much of what the program may have is in use. */
import { getHeapSpaceStatistics, getHeapStatistics } from 'node:v8'
import { resourceLimits } from 'node:worker_threads'

/** Where a node looks at memory. */
export interface Memory {
  /** The part of the heap that is in use, of all that it may ever have: from 0 to 1. Near 1 the program ends. */
  heapUse(): number
}

const mebibyte = 1024 * 1024

/**
 * By how much V8's limit exceeds what there is for objects that stay: the rest is for those that were just made. Where nothing else is asked for, it
 * makes that a 128th of the former, twice or three times over, or less; releases differ.
 */
const youngShare = 1.05

/**
 * What there is for objects that stay, in bytes, given what Node.js was started with; `limit` is V8's for all objects. That alone does not tell: what of it
 * is for new objects is 48 MiB in Node.js 20, 192 in 24 and 96 in 26, however small the rest is.
 */
export function oldBytesMax(limit: number, startedWith: readonly string[], ofThreadMb?: number): number {
  const given = startedWith.flatMap((text) => [...text.matchAll(/--max[-_]old[-_]space[-_]size[= ]"?(\d+)/g)]).at(-1)
  const mb = ofThreadMb ?? Number(given?.[1] ?? 0)
  return mb > 0 && mb * mebibyte < limit ? mb * mebibyte : limit / youngShare
}

const oldMax = oldBytesMax(
  getHeapStatistics().heap_size_limit,
  [process.env.NODE_OPTIONS ?? '', process.execArgv.join(' ')],
  resourceLimits.maxOldGenerationSizeMb,
)

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
    return used / oldMax
  },
}

/** Before and after a run: nothing is left of those that were killed half-way, and nothing of this one. */
import { sweep } from './lab.js'

export default async function setUp(): Promise<() => Promise<void>> {
  await sweep()
  return sweep
}

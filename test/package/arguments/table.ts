/** How each thing of the package that can be called is called rightly, and what is wrong for each of its arguments. See `bad-arguments.test.ts`. */

import { behaviours } from './behaviours.js'
import { names } from './names.js'
import { nodes } from './nodes.js'
import { processes } from './processes.js'
import type { Table } from './row.js'
import { terms } from './terms.js'
import { tests } from './testing.js'

/** All of it. */
export const table: Table = { ...nodes, ...processes, ...names, ...terms, ...behaviours, ...tests }

/** What others make, for reign to call; their own mistakes are theirs. What reign hands to them is of these kinds as well. */
export const ofOthers: ReadonlySet<string> = new Set([
  'ApplicationDefinition',
  'Behaviour',
  'ByteStream',
  'Clock',
  'Codec',
  'CodecTerms',
  'Discovery',
  'DnsResolver',
  'Engine',
  'Entropy',
  'EpmdDiscoveryOptions',
  'EventHandlerDefinition',
  'EventsDefinition',
  'GenServerDefinition',
  'IncomingStream',
  'ListenOptions',
  'LocalOptions',
  'Logger',
  'NameRegistry',
  'Scheduler',
  'Starter',
  'Starting',
  'StatemBase',
  'StatesDefinition',
  'StreamEvents',
  'Transport',
])

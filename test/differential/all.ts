/** All scenarios, group by group, in the order of the documentation. */
import type { Scenario } from './scenario.js'
import { aliases } from './scenarios/aliases.js'
import { calls } from './scenarios/calls.js'
import { disconnects } from './scenarios/disconnects.js'
import { exits } from './scenarios/exits.js'
import { groups } from './scenarios/groups.js'
import { links } from './scenarios/links.js'
import { losses } from './scenarios/losses.js'
import { monitors } from './scenarios/monitors.js'
import { names } from './scenarios/names.js'
import { order } from './scenarios/order.js'
import { remoteCalls } from './scenarios/remote-calls.js'
import { restarts } from './scenarios/restarts.js'
import { spawns } from './scenarios/spawns.js'
import { threes } from './scenarios/threes.js'
import { timers } from './scenarios/timers.js'

/** Those that keep their nodes. */
export const lasting: readonly Scenario[] = [
  links,
  monitors,
  exits,
  order,
  names,
  spawns,
  aliases,
  calls,
  remoteCalls,
  timers,
].flat()

/** Those that lose connections or nodes, or need a third node. */
export const losing: readonly Scenario[] = [disconnects, losses, restarts, threes, groups].flat()

/** See the head of this file. */
export const all: readonly Scenario[] = [...lasting, ...losing]

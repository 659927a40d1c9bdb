/**
 * The control messages of the distribution protocol: their numbers, how many elements their tuples have, and which are
 * followed by a payload. Protocol: "Distribution protocol", "Protocol between connected nodes".
 *
 * The names are Erlang's. `_TT` forms carry a trace token as well; the `PAYLOAD_` forms carry the exit reason as a payload
 * of its own, where the older ones have it as an element.
 */

/**
 * Numbers by name. 9 to 11, 14, 15 and 17 are unused; 37 is not spoken here (its flag is never offered). CALL, REPLY and SEND_SHORT are this
 * library's own, between its own nodes, and far from the numbers that Erlang's releases add one by one.
 */
export const controlOps = {
  LINK: 1,
  SEND: 2,
  EXIT: 3,
  UNLINK: 4,
  NODE_LINK: 5,
  REG_SEND: 6,
  GROUP_LEADER: 7,
  EXIT2: 8,
  SEND_TT: 12,
  EXIT_TT: 13,
  REG_SEND_TT: 16,
  EXIT2_TT: 18,
  MONITOR_P: 19,
  DEMONITOR_P: 20,
  MONITOR_P_EXIT: 21,
  SEND_SENDER: 22,
  SEND_SENDER_TT: 23,
  PAYLOAD_EXIT: 24,
  PAYLOAD_EXIT_TT: 25,
  PAYLOAD_EXIT2: 26,
  PAYLOAD_EXIT2_TT: 27,
  PAYLOAD_MONITOR_P_EXIT: 28,
  SPAWN_REQUEST: 29,
  SPAWN_REQUEST_TT: 30,
  SPAWN_REPLY: 31,
  SPAWN_REPLY_TT: 32,
  ALIAS_SEND: 33,
  ALIAS_SEND_TT: 34,
  UNLINK_ID: 35,
  UNLINK_ID_ACK: 36,
  CALL: 128,
  REPLY: 129,
  SEND_SHORT: 130,
} as const

/** The name of a control message. */
export type ControlName = keyof typeof controlOps

/** How many elements the tuple of each control message has, its number included. */
export const controlArities: Readonly<Record<ControlName, number>> = {
  LINK: 3,
  SEND: 3,
  EXIT: 4,
  UNLINK: 3,
  NODE_LINK: 1,
  REG_SEND: 4,
  GROUP_LEADER: 3,
  EXIT2: 4,
  SEND_TT: 4,
  EXIT_TT: 5,
  REG_SEND_TT: 5,
  EXIT2_TT: 5,
  MONITOR_P: 4,
  DEMONITOR_P: 4,
  MONITOR_P_EXIT: 5,
  SEND_SENDER: 3,
  SEND_SENDER_TT: 4,
  PAYLOAD_EXIT: 3,
  PAYLOAD_EXIT_TT: 4,
  PAYLOAD_EXIT2: 3,
  PAYLOAD_EXIT2_TT: 4,
  PAYLOAD_MONITOR_P_EXIT: 4,
  SPAWN_REQUEST: 6,
  SPAWN_REQUEST_TT: 7,
  SPAWN_REPLY: 5,
  SPAWN_REPLY_TT: 6,
  ALIAS_SEND: 3,
  ALIAS_SEND_TT: 4,
  UNLINK_ID: 4,
  UNLINK_ID_ACK: 4,
  CALL: 4,
  REPLY: 3,
  SEND_SHORT: 3,
}

/** The first byte of a frame in pass-through form: each term with a version byte of its own, no atom cache. */
export const passThrough = 112

/** The second byte of a frame with a distribution header, after the version byte: what follows. */
export const wholeMessage = 68
export const firstFragment = 69
export const laterFragment = 70

const names = new Map(Object.entries(controlOps).map(([name, op]) => [op as number, name as ControlName]))

/** The name of a control message by its number; `undefined` for a number that is none. */
export function controlName(op: number): ControlName | undefined {
  return names.get(op)
}

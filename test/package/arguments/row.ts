/** How one thing is called, and what its arguments are. */

import * as otp from '../../../src/behaviour/index.js'
import { genServer } from '../../../src/behaviour/index.js'
import type { Process } from '../../../src/index.js'
import {
  type Anything,
  type Argument,
  address,
  isNothingToRun,
  odd,
  options,
  times,
  withoutFunctions,
} from './kinds.js'
import type { World } from './world.js'

/** How one thing is called. */
export interface Row {
  /** With arguments in order; an error is thrown, or rejected with. */
  readonly call: (...args: Anything[]) => unknown
  readonly args: readonly Argument[]
  /** The codes that its mistakes may have. */
  readonly codes?: readonly string[]
}

export const counter = genServer({
  init: () => 0,
  calls: { get: (state) => state },
  casts: { set: (_state, to: number) => otp.noReply({ state: to }) },
})

export const worker = async (self: Process<unknown>) => {
  await self.receive((message) => message === 'never')
}

export type Make = (world: World) => Row | Promise<Row>

export const bound =
  (target: Anything, method: string) =>
  (...args: unknown[]) =>
    target[method](...args)

export const on = (pick: (world: World) => unknown, method: string, ...args: ((world: World) => Argument)[]): Make => {
  return async (world) => ({ call: bound(await pick(world), method), args: args.map((make) => make(world)) })
}

export const plain =
  (call: (...args: Anything[]) => unknown, ...args: Argument[]): Make =>
  () => ({ call, args })

export const is = (argument: Argument) => () => argument

export const withCodes =
  (make: Make, ...codes: string[]): Make =>
  async (world) => ({ ...(await make(world)), codes })

export const anAddress = (world: World) => address(world.address)

export const anInbox = (world: World): Argument => ({
  good: world.mailbox,
  bad: [undefined, ...odd, 'somebody', world.address],
})

export const by = (world: World): Argument => ({ good: world.node, bad: [undefined, ...odd, 'a@sim', world.address] })

export const toRun: Argument = { good: worker, bad: isNothingToRun }

/** A function in their place is what is run. */
export const spawnOptions = withoutFunctions(
  options(
    {},
    { name: 5 },
    { name: '' },
    { name: null },
    { limit: 5 },
    { limit: { messages: 0 } },
    { limit: {} },
    { accepts: 5 },
  ),
)

export const startOptions = options({}, { name: 5 }, { name: '' }, { name: null }, ...times)

/** Each callable, by its name in `surface.ts`. */
export type Table = Readonly<Record<string, Make>>

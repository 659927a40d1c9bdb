/** Starting an application on a node, and what is known of it then. Erlang: `application:start`, `application:stop`. */
import { check, checkOptions, checkPart } from '../arguments.js'
import { Node } from '../cluster/node.js'
import { CallError, ReignError } from '../errors.js'
import { shutdown } from '../exit-reason.js'
import type { Process } from '../process/process.js'
import { start } from '../process/start.js'
import { stop } from '../process/stop.js'
import type { ReceiveOptions } from '../process/waiter.js'
import { checkBounds } from '../process/waiter.js'
import { judged, Refusal } from '../schema.js'
import type { Address } from '../term/address.js'
import { type Application, type ApplicationContext, type Config, checkApplication } from './application.js'
import { master } from './master.js'

/** What an application is started with. */
export interface ApplicationOptions {
  /** Its configuration; empty unless given. */
  readonly config?: Config
  /** `context.args`; none unless given. */
  readonly args?: readonly string[]
}

/** How an application has ended. */
export interface ApplicationEnd {
  /** The exit reason of its tree's root. */
  readonly reason: unknown
  /** Whether somebody asked for it: `stop` of the application or of its context, or the end of the node. */
  readonly asked: boolean
}

/** An application that was started. */
export interface RunningApplication {
  readonly name: string
  /** The root of its tree: for `supervisorAt(node, root)`. */
  readonly root: Address<unknown>
  /** Resolves when it has ended, in whichever way. Never rejects. */
  readonly ended: Promise<ApplicationEnd>
  /**
   * Stops it in order: `prepStop`, then the tree, as its supervisors have it, then `stop`. Resolves when that is done; at once when it has
   * ended before.
   *
   * @throws `ERR_REIGN_TIMEOUT` where a time is given, and it may end yet; the reason of the abort signal.
   */
  stop(options?: ReceiveOptions): Promise<void>
}

/**
 * Starts an application: checks its configuration, calls its `start`, and starts the tree.
 *
 * `node.stop` stops it as it stops supervision trees: the last that was started first, in order, with its hooks.
 *
 * @throws `ERR_REIGN_START` (a `StartError` with the reason) when `start` threw, or the root did not start; `ERR_REIGN_ARGUMENT` when
 *   it is no application, or the configuration does not fit; `ERR_REIGN_NODE_STOPPED`.
 */
export async function startApplication<C>(
  node: Node,
  application: Application<C>,
  options: ApplicationOptions = {},
): Promise<RunningApplication> {
  check(node instanceof Node, 'an application is started on a node', node)
  checkOptions(options)
  checkPart(options, 'config', 'object')
  check(options.args === undefined || Array.isArray(options.args), 'args are an array of texts', options.args)
  const { definition, name } = checkApplication(application, 'what is started') as Application<C>
  const { config: given = {}, args = [] } = options
  const config = definition.config === undefined ? given : judged(definition.config, given)
  if (config instanceof Refusal) throw new ReignError('ERR_REIGN_ARGUMENT', doesNotFit(name, config))
  let asked = false
  let root: Address<unknown> | undefined
  const contextOf = (self: Process<unknown>): ApplicationContext<C> => ({
    name,
    node,
    config: config as C,
    args,
    stop: () => {
      asked = true
      stopMaster(node, self.address).catch(() => {})
    },
  })
  const behaviour = master(definition, contextOf, (address) => {
    root = address
  })
  const { address } = await start(node.system, false, behaviour, [])
  const ended = new Promise<ApplicationEnd>((resolve) => {
    node.system.startMonitor(address as Address<never>, {
      take: (reason) => resolve({ reason, asked: asked || node.stopping }),
    })
  })
  return {
    name,
    root: root as unknown as Address<unknown>,
    ended,
    async stop(bounds) {
      checkBounds(bounds)
      asked = true
      return stopMaster(node, address as Address<never>, bounds)
    },
  }
}

async function stopMaster(node: Node, address: Address<never>, bounds: ReceiveOptions = {}): Promise<void> {
  try {
    await stop(node.system, address, shutdown, bounds)
  } catch (error) {
    // It has ended by itself, before or with a reason of its own.
    if (!(error instanceof CallError)) throw error
  }
}

function doesNotFit(name: string, { issues }: Refusal): string {
  const told = issues.map(({ path, message }) => (path.length === 0 ? message : `${path.join('.')}: ${message}`))
  return `the configuration of ${name} does not fit: ${told.join('; ')}`
}

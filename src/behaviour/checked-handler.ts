import { checkFunction } from '../arguments.js'
import { checkSchema, type Schema } from '../schema.js'
import type { Handler } from './server-engine.js'

/** A handler with its schema, as `genServer` finds it. */
export class Checked {
  readonly schema: Schema
  readonly handler: Handler

  constructor(schema: Schema, handler: Handler) {
    this.schema = checkSchema(schema, 'what a handler accepts')
    checkFunction(handler, 'a handler')
    this.handler = handler
  }
}

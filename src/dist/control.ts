/**
 * Control messages, the two directions side by side: control-read.ts (frames to signals), control-write.ts (signals to
 * frames), and control-ops.ts, the table that they share.
 */
export { type ControlName, controlArities, controlName, controlOps, passThrough } from './control-ops.js'
export { ControlReader, type ControlReaderOptions, type ShortSends } from './control-read.js'
export {
  type ControlContext,
  carriesMessage,
  controlContext,
  copyFrame,
  emptyHeaderBytes,
  encodeAliasSend,
  encodeNamedSend,
  encodeSend,
  encodeShortSend,
  encodeSignal,
} from './control-write.js'

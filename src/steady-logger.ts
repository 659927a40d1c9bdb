/**
 * A logger that fails nobody: where lines go may be full, or gone, and whoever has something to say is in the middle of something else.
 *
 * What it loses it counts, and the next line that gets through says how many there were (`lostLines`).
 */
import type { Logger, LogMethod } from './logger.js'

/** See the head of this file. Whatever `logger` throws is a line that is lost. */
export function steadyLogger(logger: Logger): Logger {
  let lostLines = 0
  const steady =
    (level: keyof Logger): LogMethod =>
    (fields, message) => {
      try {
        logger[level](lostLines === 0 ? fields : { ...fields, lostLines }, message)
        if (lostLines > 0 && isHeard(level)) lostLines = 0
      } catch {
        lostLines++
      }
    }
  return {
    error: steady('error'),
    warn: steady('warn'),
    info: steady('info'),
    debug: steady('debug'),
    trace: steady('trace'),
  }
}

/** Whether a line of that level is written, as a rule: the others may have gone nowhere without a word. */
const isHeard = (level: keyof Logger) => level === 'error' || level === 'warn'

/**
 * A logger that fails nobody: where lines go may be full, or gone, and whoever has something to say is in the middle of something else.
 *
 * What it loses it counts, and the next line that gets through says how many there were (`lostLines`).
 */
import { isHeard, type Logger, type LogMethod, silent } from './logger.js'

/** See the head of this file. Whatever `logger` throws is a line that is lost. A level that goes nowhere still does, and says so. */
export function steadyLogger(logger: Logger): Logger {
  let lostLines = 0
  const steady = (level: keyof Logger): LogMethod => {
    if (logger[level] === silent[level]) return silent[level]
    // Of the others nobody knows whether they are written, unless the logger says so.
    const tells = level === 'error' || level === 'warn'
    return (fields, message) => {
      try {
        logger[level](lostLines === 0 ? fields : { ...fields, lostLines }, message)
        if (lostLines > 0 && tells && isHeard(logger, level)) lostLines = 0
      } catch {
        lostLines++
      }
    }
  }
  const levels: Logger = {
    error: steady('error'),
    warn: steady('warn'),
    info: steady('info'),
    debug: steady('debug'),
    trace: steady('trace'),
  }
  return Object.assign(levels, { isLevelEnabled: (level: keyof Logger) => isHeard(logger, level) })
}

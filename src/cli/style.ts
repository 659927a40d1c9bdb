/** Emphasis on a terminal; nothing elsewhere, nor where `NO_COLOR` asks for none. */

/** Each gives its text, emphasized where that is wanted. */
export interface Style {
  readonly bold: (text: string) => string
  /** What matters less. */
  readonly dim: (text: string) => string
  /** What is as it should be. */
  readonly good: (text: string) => string
  /** What is not. */
  readonly bad: (text: string) => string
}

const asItIs = (text: string): string => text

/** Text alone. */
export const plainStyle: Style = { bold: asItIs, dim: asItIs, good: asItIs, bad: asItIs }

/** With the escape sequences that every terminal of today knows. */
export const terminalStyle: Style = {
  bold: emphasis(1, 22),
  dim: emphasis(2, 22),
  good: emphasis(32, 39),
  bad: emphasis(31, 39),
}

/** The style for an output. `NO_COLOR` counts when it is set and not empty (no-color.org). */
export function styleFor(
  output: { readonly isTTY?: boolean },
  environment: Readonly<Record<string, string | undefined>>,
): Style {
  const wanted = output.isTTY === true && !environment.NO_COLOR && environment.TERM !== 'dumb'
  return wanted ? terminalStyle : plainStyle
}

function emphasis(on: number, off: number): (text: string) => string {
  return (text) => `\u001b[${on}m${text}\u001b[${off}m`
}

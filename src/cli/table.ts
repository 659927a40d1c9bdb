/** Columns of text. */

/** A cell: what it says, and how it is emphasized, which takes no room. */
export interface Cell {
  readonly text: string
  readonly style?: (text: string) => string
}

/** The rows as lines, each column as wide as its widest cell, two spaces between them. */
export function table(rows: readonly (readonly Cell[])[]): string {
  const widths: number[] = []
  for (const row of rows) {
    row.forEach(({ text }, column) => {
      // What stands in the last column of a row may be as long as it likes.
      if (column < row.length - 1) widths[column] = Math.max(widths[column] ?? 0, text.length)
    })
  }
  return rows
    .map((row) =>
      row
        .map(({ text, style = (same) => same }, column) => {
          const padding = column < row.length - 1 ? ' '.repeat((widths[column] ?? 0) - text.length + 2) : ''
          return style(text) + padding
        })
        .join('')
        .trimEnd(),
    )
    .join('\n')
}

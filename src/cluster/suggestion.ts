/** "Did you mean …?": the known word that a mistyped one was most likely meant to be. */

/**
 * The candidate nearest to `word`, if one is near enough; case, `_` and `-` do not count.
 *
 * Near enough: at most a third of the letters are missing, added or changed. Cost: O(length²) for each candidate.
 */
export function suggestion(word: string, candidates: Iterable<string>): string | undefined {
  const plain = (text: string): string => text.toLowerCase().replace(/[_-]/g, '')
  const wanted = plain(word.slice(0, 255))
  let best: string | undefined
  let bestDistance = Math.floor(Math.max(wanted.length, 3) / 3) + 1
  for (const candidate of candidates) {
    const distance = editDistance(wanted, plain(candidate))
    if (distance < bestDistance) {
      best = candidate
      bestDistance = distance
    }
  }
  return best
}

/** How many letters must be added, taken away, changed, or swapped with their neighbour (Damerau and Levenshtein). */
function editDistance(a: string, b: string): number {
  let before: number[] = []
  let above = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (let row = 1; row <= a.length; row++) {
    const current = [row]
    for (let column = 1; column <= b.length; column++) {
      const changed = at(above, column - 1) + (a[row - 1] === b[column - 1] ? 0 : 1)
      const swapped =
        row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]
          ? at(before, column - 2) + 1
          : Number.POSITIVE_INFINITY
      current.push(Math.min(changed, swapped, at(above, column) + 1, at(current, column - 1) + 1))
    }
    before = above
    above = current
  }
  return at(above, b.length)
}

function at(row: readonly number[], column: number): number {
  return row[column] ?? Number.POSITIVE_INFINITY
}

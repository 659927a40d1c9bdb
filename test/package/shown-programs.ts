/** The programs that a page of the documents shows. */

/** A program: a block of `ts`. What it prints is the block of `text` that follows, with a line that ends in `prints:` between. */
export interface ShownProgram {
  readonly page: string
  /** Where its block begins, from 1. */
  readonly line: number
  /** A name for the file: the page, and which of its programs this is. */
  readonly file: string
  readonly text: string
  readonly prints: string | undefined
}

/** All programs of a page, in order. A block of `ts` that imports nothing is a fragment, and left out. */
export function shownPrograms(page: string, markdown: string): ShownProgram[] {
  const blocks = markdown.matchAll(/^```ts\n(.*?)^```$(?:\s+^[^\n]*prints:\n\s*^```text\n(.*?)^```$)?/gms)
  const programs = Array.from(blocks).filter(([, text]) => /^import /m.test(text ?? ''))
  return programs.map(({ index, 1: text = '', 2: prints }, number) => ({
    page,
    line: markdown.slice(0, index).split('\n').length,
    file: `${page.replace(/^docs\//, '').replace(/\.md$/, '')}-${number + 1}.ts`,
    text,
    prints,
  }))
}

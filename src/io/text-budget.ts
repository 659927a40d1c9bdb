/** Text that is being made of what came over the wire: it may become so long, and no longer. */

/** The text would be longer than it may be. */
export class TextTooLong extends Error {
  override readonly name: string = 'TextTooLong'
}

/** See the head of this file. */
export class TextBudget {
  #left: number

  /** @param charactersMax In UTF-16 units, as JavaScript counts. */
  constructor(charactersMax: number) {
    this.#left = charactersMax
  }

  /** Takes what a piece of text costs, and gives it back. */
  spend(text: string): string {
    this.reserve(text.length)
    return text
  }

  /** Takes so many characters, before they are made. */
  reserve(characters: number): void {
    this.#left -= characters
    if (this.#left < 0) throw new TextTooLong()
  }
}

// A long JSON array that is written piece by piece. Main thread. A broker can have more queues than
// anybody wants as one string in memory: the items are turned into text only as fast as the client
// reads them (send-answer.ts), and other requests have their turn in between.

export class JsonList<Item> {
  private readonly items: readonly Item[];
  private readonly format: (item: Item) => object;

  /** `format` makes the JSON value of an item, at the time when it is written. */
  constructor(items: readonly Item[], format: (item: Item) => object) {
    this.items = items;
    this.format = format;
  }

  values(): object[] {
    return this.items.map((item) => this.format(item));
  }

  /** The array's text in pieces of at least `pieceCharacters`, but for the last one. */
  *text(pieceCharacters: number): Generator<string, undefined> {
    let piece = '[';
    let separator = '';
    for (const item of this.items) {
      if (piece.length >= pieceCharacters) {
        yield piece;
        piece = '';
      }
      piece += separator + JSON.stringify(this.format(item));
      separator = ',';
    }
    yield `${piece}]`;
  }
}

// A long JSON array that is written piece by piece. Main thread. A broker can have more queues than
// anybody wants as one string in memory: the items are turned into text only as fast as the client
// reads them (send-answer.ts), and other requests have their turn in between.

export class JsonList {
  private readonly items: readonly unknown[];
  private readonly format: (item: never) => object;

  /** `format` makes the JSON value of an item, at the time when it is written. */
  constructor(items: readonly object[]);
  constructor<Item>(items: readonly Item[], format: (item: Item) => object);
  constructor(items: readonly unknown[], format: (item: never) => object = (item) => item) {
    this.items = items;
    this.format = format;
  }

  /** The array's text in pieces of at least `pieceCharacters`, but for the last one. */
  *text(pieceCharacters: number): Generator<string> {
    let piece = '[';
    for (const [index, item] of this.items.entries()) {
      if (piece.length >= pieceCharacters) {
        yield piece;
        piece = '';
      }
      piece += `${index === 0 ? '' : ','}${JSON.stringify(this.format(item as never))}`;
    }
    yield `${piece}]`;
  }
}

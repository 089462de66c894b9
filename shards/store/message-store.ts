// What a shard asks of the store that keeps its messages: one entry per message however many of the
// shard's queues hold it, counted by references (one per queue that holds it, one per delivery
// whose slab bytes are still being sent). Shard thread. `MemoryStore` is the only implementation so
// far; the segmented disk log comes behind the same interface.
//
// A message is named by its handle, a small integer >= 0 that is reused after the last release.
// Its data are `exrk`, `props` and `body` one behind the other; for a slab message only `exrk` is
// here, and props and body lie in the publishing acceptor's slab from a page on.

export interface MessageStore {
  /**
   * Takes over a message with `references` references. `source` holds its data from byte
   * `dataAt` (8-aligned). Returns the handle.
   */
  add(message: IncomingMessage, references: number): number;
  retain(handle: number): void;
  /** Gives one reference back; with the last one the message is gone and its slab page is freed. */
  release(handle: number): void;
  flags(handle: number): number;
  exrkBytes(handle: number): number;
  propsBytes(handle: number): number;
  bodyBytes(handle: number): number;
  slabOwner(handle: number): number;
  slabPage(handle: number): number;
  /** Where an inline message lies: valid until the store is given another message. */
  bytesOf(handle: number): Buffer<ArrayBuffer>;
  /** The byte at which its data begin there. */
  dataAt(handle: number): number;
  /** Bytes that `copyData` writes: what a delivery carries inline. */
  inlineBytes(handle: number): number;
  /** Copies the inline data to `target` from byte `at` (8-aligned). */
  copyData(handle: number, target: Buffer<SharedArrayBuffer>, at: number): void;
  /** Messages held. */
  readonly messageCount: number;
  readonly slabMessageCount: number;
  /** Bytes of memory taken for inline data, and bytes of it that are live. */
  readonly arenaBytes: number;
  readonly liveBytes: number;
}

/** A message as it stands in a PUBLISH record; one reused instance per shard. */
export class IncomingMessage {
  source: Buffer<SharedArrayBuffer>;
  dataAt: number;
  flags: number;
  exrkBytes: number;
  propsBytes: number;
  bodyBytes: number;
  slabOwner: number;
  slabPage: number;

  constructor() {
    this.source = Buffer.from(new SharedArrayBuffer(0));
    this.dataAt = 0;
    this.flags = 0;
    this.exrkBytes = 0;
    this.propsBytes = 0;
    this.bodyBytes = 0;
    this.slabOwner = 0;
    this.slabPage = 0;
  }
}

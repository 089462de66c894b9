// What a shard asks of the store that keeps its messages: one entry per message however many of the
// shard's queues hold it, counted by references (one per queue that holds it, one per delivery
// whose slab bytes are still being sent). Shard thread. It keeps what is in memory; what has been
// paged out is a row of the record table (shards/log) until it is loaded again.
//
// A message is named by its handle, a small integer >= 0 that is reused after the last release.
// Its data are `exrk`, `props` and `body` one behind the other; for a slab message only `exrk` is
// here, and props and body lie in the publishing acceptor's slab from a page on.
import { MessageData } from '../../src/protocol/deliver-frames.ts';
import { type MessageTraits, NO_TTL } from './message-traits.ts';

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
  /** Whether the message has a record in the log, or is to get one; then `log` says which. */
  isLogged(handle: number): boolean;
  /** Row of the record table, or ~group of the records still pending (shards/log). */
  log(handle: number): number;
  setLog(handle: number, log: number): void;
  /** exrk, props and body together. */
  dataBytes(handle: number): number;
  exrkBytes(handle: number): number;
  propsBytes(handle: number): number;
  bodyBytes(handle: number): number;
  slabOwner(handle: number): number;
  slabPage(handle: number): number;
  /** Where the body, or without OWN_PROPS_FLAG props and body, begins in the slab pages. */
  slabSkip(handle: number): number;
  /** Bytes in the slab: body, and props unless they are the message's own. */
  slabDataBytes(handle: number): number;
  readonly traits: MessageTraits;
  /** Sets flags that the message had not. */
  addFlags(handle: number, flags: number): void;
  /** Says where an inline message lies; true until the store is given another message. */
  locate(handle: number, data: MessageData): void;
  /** Bytes that `copyData` writes: what a delivery carries inline. */
  inlineBytes(handle: number): number;
  /** Copies the inline data to `target` from byte `at` (8-aligned). */
  copyData(handle: number, target: Buffer<ArrayBufferLike>, at: number): void;
  /** Messages held. */
  readonly messageCount: number;
  readonly slabMessageCount: number;
  /** Bytes in slabs that they hold. */
  readonly slabBytes: number;
  /** Bytes of memory taken for inline data, and bytes of it that are live. */
  readonly arenaBytes: number;
  readonly liveBytes: number;
}

/** A message as it stands in a PUBLISH record; one reused instance per shard. */
export class IncomingMessage extends MessageData {
  flags = 0;
  slabOwner = 0;
  slabPage = 0;
  /** With OWN_PROPS_FLAG. */
  slabSkip = 0;
  /** With EXPIRES_FLAG. */
  ttlMillis = NO_TTL;
}

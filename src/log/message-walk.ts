// Walks over the entries of a log's scans, segment by segment in their order, and tells of whole
// messages, acks and delivery counts: what recovery makes its set of (docs/log-format.md). Shard
// threads at start, and `warrenmq inspect`.
// A continued message is told of when its last piece has come; one with a piece missing never is,
// nor is one that was only spilled to save memory.
import * as layout from './log.ts';

/** A message of the log. The object is used again: valid only while the visitor is called. */
export interface LoggedMessage {
  readonly position: number;
  /** Offset in the unpacked BLOCK at `position`, or -1. */
  readonly inner: number;
  readonly flags: number;
  /** exrk + props + body. */
  readonly dataBytes: number;
  /** What its records take in the log; in a BLOCK its share of it. */
  readonly recordBytes: number;
  /** Where its last record ends. */
  readonly endPosition: number;
  /** queue id, sequence number, queue id, sequence number, ... */
  readonly targets: Int32Array;
}

export interface RecordVisitor {
  message(message: LoggedMessage): void;
  acked(queueId: number, first: number, count: number): void;
  counted(queueId: number, position: number, deliveries: number): void;
  /** All of the log with this store id has been taken over. */
  imported(storeId: string): void;
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

export class MessageWalk {
  private readonly visitor: RecordVisitor;
  private readonly told: Mutable<LoggedMessage>;
  /** A continued message whose BODY records are still to come. */
  private open: Mutable<LoggedMessage> | undefined;
  private nextIndex: number;
  private leftBytes: number;
  /** Of the last BLOCK: bytes in the log by bytes unpacked. */
  private blockRatio: number;
  private blockEnd: number;

  constructor(visitor: RecordVisitor) {
    this.visitor = visitor;
    const targets = new Int32Array(0);
    const sizes = { dataBytes: 0, recordBytes: 0, endPosition: 0 };
    this.told = { position: 0, inner: -1, flags: 0, targets, ...sizes };
    this.open = undefined;
    this.nextIndex = 0;
    this.leftBytes = 0;
    this.blockRatio = 0;
    this.blockEnd = 0;
  }

  /** The next segment is missing: what was begun before it cannot go on behind it. */
  gap(): void {
    this.open = undefined;
  }

  /** Walks over one segment; `base` is the position of its offset 0. */
  segment(entries: Int32Array, base: number): void {
    for (let at = 0; at < entries.length; ) {
      const kind = entries[at] & 0xff;
      const from = at + layout.ENTRY_WORDS;
      const end = from + entries[at + layout.ENTRY_EXTRA];
      if (kind === layout.BODY) this.continueMessage(entries, at, base);
      else this.open = undefined;
      if (kind === layout.PUBLISH) this.published(entries, at, base);
      else if (kind === layout.BLOCK) this.block(entries, at, base);
      else if (kind === layout.ACK) {
        for (let i = from; i < end - 2; i += 3) {
          this.visitor.acked(entries[i], entries[i + 1], entries[i + 2]);
        }
      } else if (kind === layout.COUNT) {
        for (let i = from; i < end - 2; i += 3) {
          this.visitor.counted(entries[i], entries[i + 1], entries[i + 2]);
        }
      } else if (kind === layout.IMPORT) this.takenOver(entries, at);
      at = end;
    }
  }

  private published(entries: Int32Array, at: number, base: number): void {
    const flags = (entries[at] >> 8) & 0xff;
    if ((flags & layout.SPILLED) !== 0) return;
    const { told } = this;
    const from = at + layout.ENTRY_WORDS;
    const recordBytes = entries[at + layout.ENTRY_RECORD_BYTES];
    told.position = base + (entries[at + layout.ENTRY_OFFSET] >>> 0);
    told.inner = entries[at + layout.ENTRY_INNER];
    told.flags = flags;
    told.dataBytes = entries[at + layout.ENTRY_DATA_BYTES];
    told.targets = entries.subarray(from, from + entries[at + layout.ENTRY_EXTRA]);
    if (told.inner >= 0) {
      told.recordBytes = Math.round(recordBytes * this.blockRatio);
      told.endPosition = this.blockEnd;
    } else {
      told.recordBytes = recordBytes;
      told.endPosition = told.position + recordBytes;
    }
    if ((flags & layout.CONTINUED) === 0) {
      this.visitor.message(told);
      return;
    }
    // The entries may be gone when the last piece comes.
    this.open = { ...told, targets: told.targets.slice() };
    this.nextIndex = 1;
    this.leftBytes = told.dataBytes - layout.PIECE_BYTES;
  }

  private continueMessage(entries: Int32Array, at: number, base: number): void {
    const { open } = this;
    if (open === undefined) return;
    const offset = entries[at + layout.ENTRY_OFFSET] >>> 0;
    const follows = base + offset === open.endPosition || offset === layout.SEGMENT_HEADER_BYTES;
    if (!follows || entries[at + layout.ENTRY_INNER] !== this.nextIndex) {
      this.open = undefined;
      return;
    }
    const recordBytes = entries[at + layout.ENTRY_RECORD_BYTES];
    open.recordBytes += recordBytes;
    open.endPosition = base + offset + recordBytes;
    this.nextIndex += 1;
    this.leftBytes -= entries[at + layout.ENTRY_DATA_BYTES];
    if (this.leftBytes > 0) return;
    this.open = undefined;
    this.visitor.message(open);
  }

  /** The PUBLISH records in a BLOCK follow its entry. */
  private block(entries: Int32Array, at: number, base: number): void {
    const blockBytes = entries[at + layout.ENTRY_RECORD_BYTES];
    let unpackedBytes = 0;
    let next = at;
    for (let left = entries[at] >>> 16; left > 0; left -= 1) {
      next += layout.ENTRY_WORDS + entries[next + layout.ENTRY_EXTRA];
      unpackedBytes += entries[next + layout.ENTRY_RECORD_BYTES];
    }
    this.blockRatio = unpackedBytes === 0 ? 0 : blockBytes / unpackedBytes;
    this.blockEnd = base + (entries[at + layout.ENTRY_OFFSET] >>> 0) + blockBytes;
  }

  private takenOver(entries: Int32Array, at: number): void {
    if (((entries[at] >> 8) & layout.IMPORT_END) === 0) return;
    const from = at + layout.ENTRY_WORDS;
    const id = Buffer.from(Int32Array.from(entries.subarray(from, from + 4)).buffer);
    this.visitor.imported(id.toString('hex'));
  }
}

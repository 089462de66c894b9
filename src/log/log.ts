// The log as its users see it: what the native module and the portable one both offer. Shard
// threads and main. The format is docs/log-format.md; positions, records and segments are explained
// there.
//
// The user of a log encodes records (without crc and tag) and decides where each lies; the log
// fills in crc and tag, writes, syncs, reads, packs and recovers. All callbacks come on the user's
// thread, never from within a call. Memory handed over (a batch's bytes, a read's target) belongs
// to the log until its callback has come.

export const SEGMENT_HEADER_BYTES = 128;
export const RECORD_HEADER_BYTES = 16;
export const PUBLISH_HEADER_BYTES = 32;
export const RECORD_BYTES_MAX = 1024 * 1024;
/** A message's data are cut into pieces of this size: the first in PUBLISH, the others in BODY. */
export const PIECE_BYTES = 256 * 1024;

export const PUBLISH = 1;
export const BODY = 2;
export const ACK = 3;
export const COUNT = 4;
export const BLOCK = 5;
export const IMPORT = 6;
export const CHANGE = 7;
export const CHECKPOINT = 8;
export const QUEUE = 9;

export const PERSISTENT = 1;
export const SPILLED = 2;
export const CONTINUED = 4;
export const COMPRESSED = 1;
export const IMPORT_END = 1;
export const SNAPSHOT_BEGIN = 1;
export const SNAPSHOT_END = 2;

export interface LogOptions {
  readonly directory: string;
  /** For a new log; one that exists keeps its own. */
  readonly segmentBytes: number;
  /**
   * Segments made ready ahead of need; with fewer, `onSpace(true)`. Of recycled ones up to three
   * times as many are kept.
   */
  readonly spareSegments: number;
  /**
   * No segment is made ahead that leaves less than this free on the disk, so that checkpoints and
   * the next start have room. Without it the disk is filled to its end.
   */
  readonly reserveBytes?: number | undefined;
  /** Shared memory that batches and reads may name, as memory 1, 2, ... (0 is the batch's own). */
  readonly memories: readonly Uint8Array[];
  /** Looks only: nothing is created, written, quarantined or synced. For `warrenmq inspect`. */
  readonly readOnly?: boolean;
  /** For tests only: `drop-unsynced:SEED`, `sync-error:N`, `write-full:BYTES`, by commas. */
  readonly faults?: string | undefined;
}

export interface LogCallbacks {
  /** Batches up to these numbers are written, and synced. Numbers count from 1. */
  onProgress(writtenBatch: number, syncedBatch: number): void;
  onRead(number: number): void;
  onPacked(number: number): void;
  /** True: no more segments can be allocated (disk full). False: they can again. */
  onSpace(isShort: boolean): void;
  /** A write or sync failed: nothing more is written or reported. */
  onFailure(reason: string): void;
}

/** What a log directory holds, before it is scanned. Nothing is written by finding out. */
export interface LogInventory {
  /** 32 hex digits; empty for a log that does not exist yet. */
  readonly storeId: string;
  readonly segmentBytes: number;
  /** Ascending. */
  readonly segments: readonly number[];
  /** Ascending; at most the two newest count. */
  readonly checkpoints: readonly number[];
  /** How often it has been opened for writing so far. */
  readonly epoch: number;
}

/** The records of one file, without message data. */
export interface Scan {
  /**
   * Entries one behind the other, ENTRY_WORDS words each and then the words that
   * `entries[at + ENTRY_EXTRA]` counts: what stands in the record from byte 16 on; of a PUBLISH
   * only its targets; of BODY and BLOCK nothing. The PUBLISH records in a BLOCK follow its entry.
   */
  readonly entries: Int32Array;
  /** Where the records end. */
  readonly end: number;
  /** Where a torn write begins, or -1. */
  readonly tornAt: number;
  /** Corrupt ranges: from, to, from, to, ... (offsets). Empty unless something is wrong. */
  readonly corrupt: readonly number[];
}

/** kind | flags << 8 | count << 16 */
export const ENTRY_HEAD = 0;
/** Offset of the record (of the BLOCK, for what lies in one) in its segment. */
export const ENTRY_OFFSET = 1;
/** Offset in the unpacked BLOCK; the index of a BODY; else -1. */
export const ENTRY_INNER = 2;
/** PUBLISH: exrk + props + body of the whole message; BODY, CHANGE: of this record; else 0. */
export const ENTRY_DATA_BYTES = 3;
export const ENTRY_RECORD_BYTES = 4;
/** How many words follow. */
export const ENTRY_EXTRA = 5;
export const ENTRY_WORDS = 6;

/** Records to append, as one stream of bytes gathered from parts. */
export interface LogBatch {
  /** 1, 2, 3, ... */
  readonly number: number;
  /** Memory 0. */
  readonly bytes: Uint8Array;
  /** Per part three numbers: memory, offset, bytes. */
  readonly parts: Float64Array;
  readonly partCount: number;
  /** Where its first record lies and where its last one ends: checked, a mismatch is a failure. */
  readonly firstPosition: number;
  readonly endPosition: number;
  /** Whether anybody waits for the sync. Without it the log syncs within 100 ms. */
  readonly sync: boolean;
}

/** Columns of a read's `rows`. */
export const READ_POSITION = 0;
/** Offset in the unpacked BLOCK at `position`, or -1: the PUBLISH lies at `position` itself. */
export const READ_INNER = 1;
/** exrk + props + body. Another value in the record counts as corrupt. */
export const READ_DATA_BYTES = 2;
/** Where its head goes in `target`: u32 flags, exrkBytes, propsBytes, bodyBytes; data from + 16. */
export const READ_AT = 3;
/** Parts for props and body; without parts (count 0) they follow exrk in `target`. */
export const READ_FIRST_PART = 4;
export const READ_PART_COUNT = 5;
export const READ_COLUMNS = 6;
export const READ_HEAD_BYTES = 16;

export const STATUS_OK = 0;
export const STATUS_CORRUPT = 1;

export interface LogRead {
  readonly number: number;
  readonly count: number;
  /** READ_COLUMNS numbers per message, ascending by position for speed. */
  readonly rows: Float64Array;
  /** Per part three numbers: memory (from 1), offset, bytes. */
  readonly parts: Float64Array;
  /** Memory for heads and inline data. */
  readonly target: Uint8Array;
  /** Result, per row: STATUS_OK or STATUS_CORRUPT. */
  readonly status: Int32Array;
}

/** Columns of a pack's `rows`: position, inner, data bytes, as in a read. */
export const PACK_COLUMNS = 3;
/** Columns of a pack's `results`. */
export const PACKED_STATUS = 0;
/** Offset in `target` of the BLOCK, or of the PUBLISH itself, that now holds the message. */
export const PACKED_AT = 1;
/** Offset in the unpacked BLOCK, -1 when the PUBLISH (and its BODY records) stand by themselves. */
export const PACKED_INNER = 2;
export const PACKED_COLUMNS = 3;
/** `target` was full before this message. */
export const STATUS_NO_ROOM = 2;

/**
 * Collects messages into records to append again: small ones into BLOCKs, larger ones (records
 * above 64 KiB) as they are. The records come out one behind the other from `target`'s start,
 * without crc and tag.
 */
export interface LogPack {
  readonly number: number;
  readonly count: number;
  readonly rows: Float64Array;
  readonly target: Uint8Array;
  readonly results: Int32Array;
  /** Result, at 0: bytes of `target` that hold records. */
  readonly usedBytes: Int32Array;
}

export interface LogStats {
  readonly batches: number;
  readonly syncs: number;
  readonly bytesWritten: number;
  readonly syncMicros: number;
  readonly reads: number;
  readonly spareSegments: number;
}

export interface Log {
  /** How the start-up line names it: `native` or `portable`. */
  readonly kind: string;
  inventory(): LogInventory;
  /** Reads one segment and checks every record; copies what is corrupt to quarantine/. */
  scan(segment: number): Promise<Scan>;
  scanCheckpoint(checkpoint: number): Promise<Scan>;
  /**
   * Begins a new segment behind all others (a new log if there was none) after syncing what is
   * there; `previousEnd` is the `end` of the newest segment's scan, 0 without one. Resolves with
   * the position of the next record. From here on batches may be submitted.
   */
  begin(previousEnd: number): Promise<number>;
  submit(batch: LogBatch): void;
  read(read: LogRead): void;
  pack(pack: LogPack): void;
  /** The segment holds nothing that is needed. Its file becomes a spare, or goes. Once begun. */
  recycle(segment: number): void;
  /**
   * Replaces the checkpoint before the last one by the encoded records in `records`. Resolves once
   * it is durable.
   */
  writeCheckpoint(records: Uint8Array): Promise<void>;
  stats(): LogStats;
  /** Finishes and syncs what was submitted, then ends its threads. */
  close(): Promise<void>;
}

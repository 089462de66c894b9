// The log of the native addon (native/binding, Rust) as TypeScript sees it. Shard threads and main.
// Where there is no addon (src/base/addon.ts) the portable log does the same work.
// Invariant of its user: what is passed stays reachable until the log has reported that it is done.
import { loadAddon } from '../../base/addon.ts';

/** First argument of the addon's callback; native/binding/src/port.rs has the same. */
export const PROGRESS = 0;
export const READ = 1;
export const PACKED = 2;
export const SPACE = 3;
export const FAILURE = 4;
export const BEGUN = 5;
export const SCANNED = 6;
export const DONE = 7;
export const REFUSED = 8;

/** What `b` is depends on the kind of event. */
export type AddonCallback = (kind: number, a: number | string, b: unknown) => void;

/** Methods that take a `request` answer with an event that names it. */
export interface AddonLog {
  inventory(): {
    storeId: string;
    segmentBytes: number;
    segments: number[];
    checkpoints: number[];
    epoch: number;
  };
  scan(request: number, segment: number): void;
  scanCheckpoint(request: number, checkpoint: number): void;
  begin(request: number, previousEnd: number): void;
  submit(
    number: number,
    bytes: Uint8Array,
    parts: Float64Array,
    partCount: number,
    firstPosition: number,
    endPosition: number,
    sync: boolean,
  ): void;
  read(
    number: number,
    count: number,
    rows: Float64Array,
    parts: Float64Array,
    target: Uint8Array,
    status: Int32Array,
  ): void;
  pack(
    number: number,
    count: number,
    rows: Float64Array,
    target: Uint8Array,
    results: Int32Array,
    usedBytes: Int32Array,
  ): void;
  recycle(segment: number): void;
  writeCheckpoint(request: number, records: Uint8Array): void;
  stats(): {
    batches: number;
    syncs: number;
    bytesWritten: number;
    syncMicros: number;
    reads: number;
    spareSegments: number;
  };
  close(request: number): void;
  release(): void;
}

export interface LogAddon {
  NativeLog: new (
    directory: string,
    segmentBytes: number,
    spareSegments: number,
    reserveBytes: number,
    isReadOnly: boolean,
    faults: string,
    memories: readonly Uint8Array[],
    callback: AddonCallback,
  ) => AddonLog;
}

/** The addon, or undefined where it has not been built or cannot be loaded. */
export function loadLogAddon(): LogAddon | undefined {
  return loadAddon() as LogAddon | undefined;
}

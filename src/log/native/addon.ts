// The native addon (native/binding, Rust) as TypeScript sees it, and loading it. Shard threads and
// main. The addon is built by bin/setup.cjs where there is a Rust toolchain; without one there is
// none, which is not an error: the portable log does the same work.
// Invariant of its user: what is passed stays reachable until the log has reported that it is done.
import { createRequire } from 'node:module';
import path from 'node:path';

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

export interface Addon {
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

const FILE = 'native/warrenmq-log.node';
/** From here to the repository's root: as a source, and compiled into dist. */
const ROOTS = ['../../..', '../../../..'];

let loaded: Addon | undefined;
let reason = '';

function tryLoad(): void {
  const require = createRequire(import.meta.url);
  for (const root of ROOTS) {
    try {
      // oxlint-disable-next-line import/no-dynamic-require -- sources and dist lie at two depths
      loaded = require(path.join(import.meta.dirname, root, FILE)) as Addon;
      return;
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      reason = code === 'MODULE_NOT_FOUND' ? `${FILE} has not been built` : message;
      if (code !== 'MODULE_NOT_FOUND') return;
    }
  }
}

/** The addon, or undefined where it has not been built or cannot be loaded. */
export function loadAddon(): Addon | undefined {
  if (loaded === undefined && reason === '') tryLoad();
  return loaded;
}

/** Why `nativeLog` gives nothing, for the line in the broker's log; empty when it does. */
export function missingAddonReason(): string {
  return loadAddon() === undefined ? reason : '';
}

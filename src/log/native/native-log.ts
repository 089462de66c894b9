// The log by the native addon (native/, Rust). Shard threads and main, each with logs of its own.
// Invariants: whatever was handed to the addon stays in one of the tables here until the addon has
// reported that it is done with it, because the addon keeps raw pointers only; the addon holds the
// callback, and with it these tables, until the log is closed or the thread ends.
import type {
  Log,
  LogBatch,
  LogCallbacks,
  LogInventory,
  LogOptions,
  LogPack,
  LogRead,
  LogStats,
  Scan,
} from '../log.ts';
import {
  type AddonLog,
  BEGUN,
  DONE,
  FAILURE,
  loadLogAddon,
  type LogAddon,
  PACKED,
  PROGRESS,
  READ,
  REFUSED,
  SCANNED,
  SPACE,
} from './addon.ts';

/** A promise that waits for an answer, and the memory the addon uses meanwhile. */
interface Request {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
  readonly memory: Uint8Array | undefined;
}

/** A scan as the addon gives it. */
interface AddonScan {
  readonly entries: Int32Array;
  readonly end: number;
  readonly tornAt: number;
  readonly corrupt: Int32Array;
}

class NativeLog implements Log {
  readonly kind = 'native';
  readonly #addon: AddonLog;
  readonly #callbacks: LogCallbacks;
  readonly #memories: readonly Uint8Array[];
  readonly #reads = new Map<number, LogRead>();
  readonly #packs = new Map<number, LogPack>();
  readonly #requests = new Map<number, Request>();
  /** Batches that are not written yet, from `#firstBatch` on. */
  readonly #batches: LogBatch[] = [];
  #firstBatch = 0;
  #lastRequest = 0;

  constructor(addon: LogAddon, options: LogOptions, callbacks: LogCallbacks) {
    this.#callbacks = callbacks;
    this.#memories = options.memories;
    this.#addon = new addon.NativeLog(
      options.directory,
      options.segmentBytes,
      options.spareSegments,
      options.reserveBytes ?? 0,
      options.readOnly === true,
      options.faults ?? '',
      this.#memories,
      (kind, a, b) => {
        this.#event(kind, a, b);
      },
    );
  }

  inventory(): LogInventory {
    return this.#addon.inventory();
  }

  scan(segment: number): Promise<Scan> {
    return this.#ask((request) => {
      this.#addon.scan(request, segment);
    });
  }

  scanCheckpoint(checkpoint: number): Promise<Scan> {
    return this.#ask((request) => {
      this.#addon.scanCheckpoint(request, checkpoint);
    });
  }

  begin(previousEnd: number): Promise<number> {
    return this.#ask((request) => {
      this.#addon.begin(request, previousEnd);
    });
  }

  submit(batch: LogBatch): void {
    this.#addon.submit(
      batch.number,
      batch.bytes,
      batch.parts,
      batch.partCount,
      batch.firstPosition,
      batch.endPosition,
      batch.sync,
    );
    this.#batches.push(batch);
  }

  read(read: LogRead): void {
    const { number, count, rows, parts, target, status } = read;
    this.#addon.read(number, count, rows, parts, target, status);
    this.#reads.set(number, read);
  }

  pack(pack: LogPack): void {
    const { number, count, rows, target, results, usedBytes } = pack;
    this.#addon.pack(number, count, rows, target, results, usedBytes);
    this.#packs.set(number, pack);
  }

  recycle(segment: number): void {
    this.#addon.recycle(segment);
  }

  writeCheckpoint(records: Uint8Array): Promise<void> {
    return this.#ask((request) => {
      this.#addon.writeCheckpoint(request, records);
    }, records);
  }

  stats(): LogStats {
    return this.#addon.stats();
  }

  async close(): Promise<void> {
    await this.#ask((request) => {
      this.#addon.close(request);
    });
    this.#addon.release();
  }

  #ask<T>(call: (request: number) => void, memory?: Uint8Array): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const request = ++this.#lastRequest;
    call(request);
    this.#requests.set(request, {
      resolve: resolve as (value: unknown) => void,
      reject,
      memory,
    });
    return promise;
  }

  #answered(number: number): Request | undefined {
    const request = this.#requests.get(number);
    this.#requests.delete(number);
    return request;
  }

  #event(kind: number, a: number | string, b: unknown): void {
    const number = a as number;
    switch (kind) {
      case PROGRESS:
        this.#letGo(number);
        this.#callbacks.onProgress(number, b as number);
        break;
      case READ:
        this.#reads.delete(number);
        this.#callbacks.onRead(number);
        break;
      case PACKED:
        this.#packs.delete(number);
        this.#callbacks.onPacked(number);
        break;
      case SPACE:
        this.#callbacks.onSpace(number === 1);
        break;
      case FAILURE:
        this.#callbacks.onFailure(a as string);
        break;
      case BEGUN:
        this.#answered(number)?.resolve(b);
        break;
      case SCANNED:
        this.#answered(number)?.resolve(scanOf(b as AddonScan));
        break;
      case DONE:
        this.#answered(number)?.resolve(undefined);
        break;
      case REFUSED:
        this.#answered(number)?.reject(new Error(b as string));
        break;
    }
  }

  /** Batches up to this number are written: their memory is their owner's again. */
  #letGo(writtenBatch: number): void {
    const batches = this.#batches;
    let first = this.#firstBatch;
    while (first < batches.length && batches[first].number <= writtenBatch) first++;
    if (first === batches.length) {
      batches.length = 0;
      first = 0;
    } else if (first * 2 > batches.length) {
      batches.copyWithin(0, first);
      batches.length -= first;
      first = 0;
    }
    this.#firstBatch = first;
  }
}

function scanOf({ entries, end, tornAt, corrupt }: AddonScan): Scan {
  return { entries, end, tornAt, corrupt: [...corrupt] };
}

/** A log by the addon, or undefined where there is none (`missingAddonReason` says why). */
export function nativeLog(options: LogOptions, callbacks: LogCallbacks): Log | undefined {
  const addon = loadLogAddon();
  return addon === undefined ? undefined : new NativeLog(addon, options, callbacks);
}

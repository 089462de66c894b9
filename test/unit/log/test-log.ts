// A log under test: opened, appended to and read with the bookkeeping that its users do, and its
// callbacks turned into things to wait for. For every implementation that this machine has.
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import * as log from '../../../src/log/log.ts';
import { openLog } from '../../../src/log/open-log.ts';
import { placeRecord } from '../../../src/log/record-writer.ts';
import type { Sample } from './samples.ts';

export type Implementation = 'native' | 'portable';
export const SEGMENT_BYTES = 1024 * 1024;

const QUIET: log.LogCallbacks = {
  onProgress: () => undefined,
  onRead: () => undefined,
  onPacked: () => undefined,
  onSpace: () => undefined,
  onFailure: () => undefined,
};

/** The portable log, and the native one where it was built. */
export const implementations: readonly Implementation[] = hasNative()
  ? ['portable', 'native']
  : ['portable'];

function hasNative(): boolean {
  const directory = path.join(os.tmpdir(), 'warrenmq-no-log');
  const options = { directory, segmentBytes: SEGMENT_BYTES, spareSegments: 1, memories: [] };
  try {
    void openLog({ ...options, readOnly: true }, QUIET, 'native').close();
    return true;
  } catch {
    return false;
  }
}

/** A directory that goes when the test ends. The log's own is `log` in it, and does not exist. */
export function freshDirectory(): string {
  const root = mkdtempSync(path.join(os.tmpdir(), 'warrenmq-log-'));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  return path.join(root, 'deep', 'log');
}

export interface Entry {
  readonly segment: number;
  readonly kind: number;
  readonly flags: number;
  readonly count: number;
  readonly offset: number;
  readonly inner: number;
  readonly dataBytes: number;
  readonly recordBytes: number;
  readonly extra: readonly number[];
}

export function entriesOf(scan: log.Scan, segment = 0): Entry[] {
  const entries: Entry[] = [];
  const words = scan.entries;
  for (let at = 0; at < words.length; ) {
    const from = at + log.ENTRY_WORDS;
    const to = from + words[at + log.ENTRY_EXTRA];
    const head = words[at + log.ENTRY_HEAD];
    entries.push({
      segment,
      kind: head & 255,
      flags: (head >>> 8) & 255,
      count: head >>> 16,
      offset: words[at + log.ENTRY_OFFSET],
      inner: words[at + log.ENTRY_INNER],
      dataBytes: words[at + log.ENTRY_DATA_BYTES],
      recordBytes: words[at + log.ENTRY_RECORD_BYTES],
      extra: [...words.subarray(from, to)],
    });
    at = to;
  }
  return entries;
}

/** What a scan must say of records that were appended. */
export function expected(samples: readonly Sample[], places: readonly number[]): Entry[] {
  return samples.map(({ bytes, kind, flags, dataBytes, extra }, index) => {
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    return {
      segment: Math.floor(places[index] / SEGMENT_BYTES),
      kind,
      flags,
      count: view.getUint16(10, true),
      offset: places[index] % SEGMENT_BYTES,
      inner: kind === log.BODY ? view.getUint32(16, true) : -1,
      dataBytes,
      recordBytes: bytes.byteLength,
      extra,
    };
  });
}

/** What all scans of a log came to. */
export interface Recovered {
  readonly entries: readonly Entry[];
  readonly scans: ReadonlyMap<number, log.Scan>;
  /** Where the newest segment's records end; 0 without one. */
  readonly end: number;
  readonly tornAt: number;
  /** `segment:from-to` */
  readonly corrupt: readonly string[];
}

export interface TestLogOptions extends Partial<log.LogOptions> {
  readonly directory: string;
}

export class TestLog {
  readonly log: log.Log;
  readonly segmentBytes: number;
  /** Where the last record ends. */
  end = 0;
  batches = 0;
  readonly progress: (readonly [written: number, synced: number])[] = [];
  readonly space: boolean[] = [];
  readonly failures: string[] = [];
  /** How many calls told of progress when the failure came. */
  callsBeforeFailure = 0;
  readonly #done = new Set<string>();
  #wake: (() => void)[] = [];

  constructor(kind: Implementation, options: TestLogOptions) {
    const callbacks: log.LogCallbacks = {
      onProgress: (written, synced) => this.#note(() => this.progress.push([written, synced])),
      onRead: (number) => this.#note(() => this.#done.add(`read ${number}`)),
      onPacked: (number) => this.#note(() => this.#done.add(`pack ${number}`)),
      onSpace: (isShort) => this.#note(() => this.space.push(isShort)),
      onFailure: (reason) =>
        this.#note(() => {
          this.failures.push(reason);
          this.callsBeforeFailure = this.progress.length;
        }),
    };
    const full = { segmentBytes: SEGMENT_BYTES, spareSegments: 1, memories: [], ...options };
    this.log = openLog(full, callbacks, kind);
    this.segmentBytes = full.segmentBytes;
  }

  get written(): number {
    return this.progress.at(-1)?.[0] ?? 0;
  }

  get synced(): number {
    return this.progress.at(-1)?.[1] ?? 0;
  }

  async recover(): Promise<Recovered> {
    const { segments } = this.log.inventory();
    const scans = new Map<number, log.Scan>();
    for (const segment of segments) scans.set(segment, await this.log.scan(segment));
    const newest = scans.get(segments.at(-1) ?? 0);
    const corrupt = [...scans].flatMap(([segment, scan]) =>
      pairs(scan.corrupt).map(([from, to]) => `${segment}:${from}-${to}`),
    );
    return {
      entries: [...scans].flatMap(([segment, scan]) => entriesOf(scan, segment)),
      scans,
      end: newest?.end ?? 0,
      tornAt: newest?.tornAt ?? -1,
      corrupt,
    };
  }

  /** Begins behind what a recovery found. */
  async begin(previousEnd = 0): Promise<this> {
    this.end = await this.log.begin(previousEnd);
    return this;
  }

  /** Appends records as one batch; where each of them lies. */
  append(samples: readonly Sample[], sync = true): number[] {
    const bytes = Buffer.concat(samples.map((sample) => sample.bytes));
    const parts = Float64Array.of(0, 0, bytes.byteLength);
    return this.appendParts(samples, { bytes, parts, partCount: 1 }, sync);
  }

  /** The same, gathered as the test says. */
  appendParts(
    samples: readonly Sample[],
    gathered: Pick<log.LogBatch, 'bytes' | 'parts' | 'partCount'>,
    sync: boolean,
  ): number[] {
    const places: number[] = [];
    for (const { bytes } of samples) {
      const place = placeRecord(this.end, bytes.byteLength, this.segmentBytes);
      places.push(place);
      this.end = place + bytes.byteLength;
    }
    this.batches += 1;
    const firstPosition = places[0] ?? this.end;
    const endPosition = this.end;
    this.log.submit({ ...gathered, number: this.batches, firstPosition, endPosition, sync });
    return places;
  }

  /** Until all batches so far are synced, or the log has failed. */
  async untilSynced(): Promise<void> {
    await this.until(() => this.synced >= this.batches || this.failures.length > 0);
  }

  async read(read: Omit<log.LogRead, 'number'>, number = 1): Promise<void> {
    this.log.read({ ...read, number });
    await this.until(() => this.#done.has(`read ${number}`));
  }

  async pack(pack: Omit<log.LogPack, 'number'>, number = 1): Promise<void> {
    this.log.pack({ ...pack, number });
    await this.until(() => this.#done.has(`pack ${number}`));
  }

  /** Until a callback makes the condition true. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      await new Promise<void>((resolve) => {
        this.#wake.push(resolve);
      });
    }
  }

  #note(change: () => unknown): void {
    change();
    const waiting = this.#wake;
    this.#wake = [];
    for (const wake of waiting) wake();
  }
}

/** A log that is opened, recovered and begun. */
export async function begunLog(kind: Implementation, options: TestLogOptions): Promise<TestLog> {
  const opened = new TestLog(kind, options);
  const { end } = await opened.recover();
  return opened.begin(end);
}

/** Looks at a directory without touching it. */
export async function lookAt(kind: Implementation, directory: string): Promise<Recovered> {
  const opened = new TestLog(kind, { directory, readOnly: true });
  const recovered = await opened.recover();
  await opened.log.close();
  return recovered;
}

function pairs(values: readonly number[]): [number, number][] {
  return values.flatMap((value, at): [number, number][] =>
    at % 2 === 0 ? [[value, values[at + 1]]] : [],
  );
}

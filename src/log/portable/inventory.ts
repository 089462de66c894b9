// What a log directory holds, found out by reading headers only (src/log/log.ts, LogInventory).
// Main and shard threads, once when a log is opened, before anything is written.
// The newest segment whose header is sound says whose log it is; without one, a checkpoint does.
import { closeSync, openSync, readdirSync, readSync } from 'node:fs';
import path from 'node:path';
import { type LogInventory, SEGMENT_HEADER_BYTES } from '../log.ts';
import * as format from '../segment-header.ts';

export interface Inventory extends LogInventory {
  readonly storeIdBytes: Uint8Array | undefined;
  /** By segment number: where the segment before it ends, as its header says. */
  readonly previousEnds: ReadonlyMap<number, number>;
}

export function takeInventory(directory: string, newSegmentBytes: number): Inventory {
  const names = namesIn(directory);
  const segments = numbersOf(names, '.seg');
  const checkpoints = numbersOf(names, '.ckpt');
  const all = [
    ...checkpoints.map((number) => headerOf(directory, number, format.CHECKPOINT_MAGIC)),
    ...segments.map((number) => headerOf(directory, number, format.SEGMENT_MAGIC)),
  ].filter((header) => header !== undefined);
  const newest = all.at(-1);
  if (newest === undefined && segments.length > 0) {
    throw new Error(`no segment in ${directory} has a header that can be read: no log of WarrenMQ`);
  }
  const own = all.filter(({ storeId }) => hexText(storeId) === hexText(newest!.storeId));
  const previousEnds = new Map<number, number>();
  for (const { magic, number, previousEnd } of own) {
    if (magic === format.SEGMENT_MAGIC) previousEnds.set(number, previousEnd);
  }
  return {
    storeId: newest === undefined ? '' : hexText(newest.storeId),
    storeIdBytes: newest?.storeId,
    segmentBytes: newest?.segmentBytes ?? newSegmentBytes,
    segments,
    checkpoints,
    epoch: own.reduce((highest, { epoch }) => Math.max(highest, epoch), 0),
    previousEnds,
  };
}

function hexText(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

function numbersOf(names: readonly string[], ending: '.seg' | '.ckpt'): number[] {
  return names
    .map((name) => format.numberInName(name, ending))
    .filter((number) => number > 0)
    .toSorted((one, other) => one - other);
}

function headerOf(
  directory: string,
  number: number,
  magic: number,
): format.SegmentHeader | undefined {
  const isSegment = magic === format.SEGMENT_MAGIC;
  const name = isSegment ? format.segmentName(number) : format.checkpointName(number);
  const bytes = new Uint8Array(SEGMENT_HEADER_BYTES);
  const descriptor = openSync(path.join(directory, name), 'r');
  try {
    const read = readSync(descriptor, bytes, 0, bytes.byteLength, 0);
    return format.readHeader(bytes.subarray(0, read), magic, number, undefined).header;
  } finally {
    closeSync(descriptor);
  }
}

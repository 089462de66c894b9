// Checks one file of a log: every record, every checksum. Runs in the worker threads of the pool
// (scan-pool.ts). Opens logs to look only, each once per thread.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { move, transferableSymbol, valueSymbol } from 'piscina';
import type { Log, Scan } from '../../log/log.ts';
import { openLog } from '../../log/open-log.ts';
import { checkpointName, SEGMENT_BYTES_MIN, segmentName } from '../../log/segment-header.ts';

export interface ScanTask {
  /** Of the log. */
  readonly directory: string;
  readonly kind: 'segment' | 'checkpoint';
  readonly number: number;
}

export type ScanAnswer =
  | { readonly kind: 'scanned'; readonly scan: Scan }
  /** It was there when the directory was listed: a broker has recycled it. */
  | { readonly kind: 'gone' }
  | { readonly kind: 'failed'; readonly problem: string };

const logs = new Map<string, Log>();

export async function scanFile(task: ScanTask): Promise<ScanAnswer> {
  const { directory, kind, number } = task;
  const isSegment = kind === 'segment';
  const name = isSegment ? segmentName(number) : checkpointName(number);
  const file = path.join(directory, name);
  try {
    const log = logToLookAt(directory);
    const scan = await (isSegment ? log.scan(number) : log.scanCheckpoint(number));
    const isSound = scan.corrupt.length === 0 && scan.tornAt < 0;
    // Recycled and written anew while it was read: numbers are never used again.
    if (!isSound && !existsSync(file)) return { kind: 'gone' };
    return withoutCopy(scan);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return code === 'ENOENT' ? { kind: 'gone' } : { kind: 'failed', problem: message };
  }
}

export function logToLookAt(directory: string): Log {
  let log = logs.get(directory);
  if (log !== undefined) return log;
  const nothing = (): void => {};
  log = openLog(
    {
      directory,
      segmentBytes: SEGMENT_BYTES_MIN,
      spareSegments: 0,
      memories: [],
      readOnly: true,
    },
    {
      onProgress: nothing,
      onRead: nothing,
      onPacked: nothing,
      onSpace: nothing,
      onFailure: nothing,
    },
    'auto',
  );
  logs.set(directory, log);
  return log;
}

/** The entries of a large segment go to the main thread as they are. */
function withoutCopy(scan: Scan): ScanAnswer {
  const answer: ScanAnswer = { kind: 'scanned', scan };
  const movable = {
    get [transferableSymbol]() {
      return [scan.entries.buffer];
    },
    get [valueSymbol]() {
      return answer;
    },
  };
  // Its type wants names for the symbols that it does not export as such.
  return move(movable) as never;
}

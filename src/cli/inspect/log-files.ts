// Which files a log directory has, and what was found out about each of them. Main thread. Only
// looks.
import { existsSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { checkpointFrom, type CheckpointState } from '../../log/checkpoint-reading.ts';
import type { LogInventory, Scan } from '../../log/log.ts';
import { checkpointName, segmentName } from '../../log/segment-header.ts';
import type { LogPlace } from './find-logs.ts';
import { tallyOf } from './record-kinds.ts';
import type { CheckpointReport, FileReport, LogReport, SegmentReport } from './report.ts';
import { logToLookAt, type ScanAnswer, type ScanTask } from './scan-worker.ts';

export interface LogFiles {
  readonly place: LogPlace;
  /** Undefined when no file of the log says whose it is. */
  readonly inventory: LogInventory | undefined;
  readonly problem: string | undefined;
}

export function logFiles(place: LogPlace): LogFiles {
  try {
    return { place, inventory: logToLookAt(place.directory).inventory(), problem: undefined };
  } catch (error) {
    return { place, inventory: undefined, problem: (error as Error).message };
  }
}

/** Checkpoints come first: what segments mean depends on them. */
export function tasksOf({ place, inventory }: LogFiles): ScanTask[] {
  if (inventory === undefined) return [];
  const { directory } = place;
  return [
    ...inventory.checkpoints.map((number) => ({ directory, kind: 'checkpoint' as const, number })),
    ...inventory.segments.map((number) => ({ directory, kind: 'segment' as const, number })),
  ];
}

/** Gathers what is found in the files of one log. */
export class LogFindings {
  readonly files: LogFiles;
  /** The newest checkpoint that is all there. */
  checkpoint: CheckpointState | undefined;
  private readonly segments: SegmentReport[];
  private readonly checkpoints: CheckpointReport[];

  constructor(files: LogFiles) {
    this.files = files;
    this.checkpoint = undefined;
    this.segments = [];
    this.checkpoints = [];
  }

  segmentRead(number: number, answer: ScanAnswer): void {
    const file = this.fileReport(number, segmentName(number), answer);
    const scan = scanOf(answer);
    const tornAt = scan === undefined || scan.tornAt < 0 ? {} : { tornAt: scan.tornAt };
    this.segments.push({ ...file, end: scan?.end ?? 0, ...tornAt });
  }

  checkpointRead(number: number, answer: ScanAnswer): void {
    const file = this.fileReport(number, checkpointName(number), answer);
    const scan = scanOf(answer);
    const state = scan === undefined ? undefined : checkpointFrom(scan.entries);
    if (state === undefined) {
      this.checkpoints.push({ ...file, isClean: false, queues: 0 });
      return;
    }
    this.checkpoint = state;
    const { segmentBytes } = this.files.inventory!;
    const { position, isClean, queues } = state;
    this.checkpoints.push({
      ...file,
      position: {
        segment: Math.floor(position / segmentBytes),
        offset: position % segmentBytes,
      },
      isClean,
      queues: queues.size,
    });
  }

  /** A segment that has been read. */
  fileOf(segment: number): FileReport {
    return this.segments.find(({ number }) => number === segment)!;
  }

  report(): LogReport {
    const { place, inventory, problem } = this.files;
    const { segments, checkpoints } = this;
    return {
      name: place.name,
      storeId: inventory?.storeId ?? '',
      epoch: inventory?.epoch ?? 0,
      segmentBytes: inventory?.segmentBytes ?? 0,
      segments,
      checkpoints,
      spareSegments: namesIn(place.directory).filter((name) => name.endsWith('.spare')).length,
      quarantined: namesIn(path.join(place.directory, 'quarantine')).length,
      diskBytes: bytesIn(place.directory),
      ...(place.shard === undefined || problem !== undefined
        ? {}
        : { isStoppedCleanly: this.isStoppedCleanly(), ...this.lost() }),
      ...(problem === undefined ? {} : { problem }),
    };
  }

  /** By the rule of recovery: the last checkpoint says so, and nothing follows it. */
  private isStoppedCleanly(): boolean {
    const newest = this.segments.at(-1);
    if (newest === undefined) return true;
    const end = newest.number * this.files.inventory!.segmentBytes + newest.end;
    return this.checkpoint?.isClean === true && this.checkpoint.position === end;
  }

  /**
   * The newest segment may end early, by a torn write. But not before the place where a stop in
   * order left the log: all was synced then.
   */
  private lost(): Pick<LogReport, 'lost'> {
    const { checkpoint } = this;
    const newest = this.segments.at(-1);
    if (checkpoint?.isClean !== true || newest === undefined || newest.end === 0) return {};
    const base = newest.number * this.files.inventory!.segmentBytes;
    const to = checkpoint.position - base;
    return to > newest.end ? { lost: { file: newest.file, from: newest.end, to } } : {};
  }

  private fileReport(number: number, name: string, answer: ScanAnswer): FileReport {
    const { place } = this.files;
    const file = place.name === '.' ? name : `${place.name}/${name}`;
    const fileBytes = bytesOf(path.join(place.directory, name));
    if (answer.kind !== 'scanned') {
      const why = answer.kind === 'gone' ? { isGone: true } : { problem: answer.problem };
      return { number, file, fileBytes, recordBytes: 0, records: {}, corrupt: [], ...why };
    }
    const { scan } = answer;
    const corrupt = Array.from({ length: scan.corrupt.length / 2 }, (_value, index) => ({
      from: scan.corrupt[index * 2],
      to: scan.corrupt[index * 2 + 1],
    }));
    return { number, file, fileBytes, ...tallyOf(scan.entries), corrupt };
  }
}

export function scanOf(answer: ScanAnswer): Scan | undefined {
  return answer.kind === 'scanned' ? answer.scan : undefined;
}

function namesIn(directory: string): string[] {
  return existsSync(directory) ? readdirSync(directory) : [];
}

/** Of a file that may have gone meanwhile. */
function bytesOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

function bytesIn(directory: string): number {
  let bytes = 0;
  for (const entry of readdirSync(directory, { withFileTypes: true, recursive: true })) {
    if (entry.isFile()) bytes += bytesOf(path.join(entry.parentPath, entry.name));
  }
  return bytes;
}

// One log of a store for people: a line about it, its segments, its checkpoints. Main thread,
// pure. A segment of which there is something to say is always shown.
import { readableSize } from '../../base/readable-size.ts';
import { recordCount } from './record-kinds.ts';
import type { CheckpointReport, FileReport, LogReport, SegmentReport } from './report.ts';
import { counted, grouped, textTable } from './text-table.ts';

/** With more segments only these newest ones are shown, and those with something to say. */
const SEGMENTS_SHOWN = 10;

export function logText(log: LogReport, isInUse: boolean): string {
  if (log.problem !== undefined) return `${log.name}: cannot be read\n`;
  const facts = [
    `store ${log.storeId || '(none yet)'}`,
    `opened ${log.epoch === 1 ? 'once' : `${grouped(log.epoch)} times`}`,
    `segments of ${readableSize(log.segmentBytes)}`,
    counted(log.spareSegments, 'spare'),
    ...(log.quarantined === 0 ? [] : [`${counted(log.quarantined, 'file')} in quarantine`]),
    ...stopText(log, isInUse),
  ];
  const text = `${log.name}: ${facts.join(', ')}\n`;
  return text + segmentsText(log.segments, isInUse) + checkpointsText(log.checkpoints);
}

function stopText({ isStoppedCleanly, segments }: LogReport, isInUse: boolean): string[] {
  if (isInUse || isStoppedCleanly === undefined || segments.length === 0) return [];
  return [isStoppedCleanly ? 'stopped in order' : 'not stopped in order'];
}

function segmentsText(segments: readonly SegmentReport[], isInUse: boolean): string {
  if (segments.length === 0) return '';
  const kinds = new Set(segments.flatMap(({ records }) => Object.keys(records)));
  const numbers = ['records', 'bytes', ...kinds];
  const shown = segments.filter(
    (segment, index) => index >= segments.length - SEGMENTS_SHOWN || remark(segment, false) !== '',
  );
  const rows = shown.map((segment) => [
    String(segment.number),
    ...figures([segment], kinds),
    remark(segment, isInUse),
  ]);
  const hidden = segments.filter((segment) => !shown.includes(segment));
  if (hidden.length > 0) {
    const note = `${counted(hidden.length, 'older segment')} without remarks`;
    rows.unshift(['...', ...figures(hidden, kinds), note]);
  }
  return textTable(['segment', ...numbers, ''], rows, ['segment', ...numbers]);
}

/** Records, their bytes, and how many there are of each kind. */
function figures(segments: readonly SegmentReport[], kinds: ReadonlySet<string>): string[] {
  const sum = (count: (segment: SegmentReport) => number): number =>
    segments.reduce((total, segment) => total + count(segment), 0);
  return [
    grouped(sum(({ records }) => recordCount(records))),
    readableSize(sum(({ recordBytes }) => recordBytes)),
    ...[...kinds].map((kind) => grouped(sum(({ records }) => records[kind] ?? 0))),
  ];
}

function remark(segment: SegmentReport, isInUse: boolean): string {
  const { tornAt } = segment;
  const torn = isInUse ? 'being written at' : 'cut off by a crash at';
  return [...fileRemarks(segment), ...(tornAt === undefined ? [] : [`${torn} ${tornAt}`])].join(
    ', ',
  );
}

function checkpointsText(checkpoints: readonly CheckpointReport[]): string {
  return checkpoints
    .map((checkpoint) => {
      const { number, position, isClean, queues } = checkpoint;
      const state =
        position === undefined
          ? ['not all there']
          : [
              `covers up to ${position.segment}:${position.offset}`,
              counted(queues, 'queue'),
              isClean ? 'made by a stop in order' : 'made while running',
            ];
      return `  checkpoint ${number}: ${[...state, ...fileRemarks(checkpoint)].join(', ')}\n`;
    })
    .join('');
}

function fileRemarks({ corrupt, problem, isGone }: FileReport): string[] {
  const remarks: string[] = [];
  if (isGone === true) remarks.push('recycled meanwhile');
  if (problem !== undefined) remarks.push('CANNOT BE READ');
  if (corrupt.length > 0) remarks.push(`CORRUPT in ${counted(corrupt.length, 'place')}`);
  return remarks;
}

// The names of record kinds (docs/log-format.md, "Record"), and how many of each a scan found. Main
// thread, pure.
import * as log from '../../log/log.ts';

/** By kind. */
export const KIND_NAMES: readonly string[] = [
  '',
  'PUBLISH',
  'BODY',
  'ACK',
  'COUNT',
  'BLOCK',
  'IMPORT',
  'CHANGE',
  'CHECKPOINT',
  'QUEUE',
];
/** Messages inside of BLOCK records. */
const PACKED = 'PACKED';

export interface Tally {
  readonly records: Readonly<Record<string, number>>;
  readonly recordBytes: number;
}

export function tallyOf(entries: Int32Array): Tally {
  const counts = KIND_NAMES.map(() => 0);
  let packed = 0;
  let recordBytes = 0;
  for (let at = 0; at < entries.length; ) {
    const kind = entries[at] & 0xff;
    if (kind === log.PUBLISH && entries[at + log.ENTRY_INNER] >= 0) {
      packed += 1;
    } else {
      counts[kind] += 1;
      recordBytes += entries[at + log.ENTRY_RECORD_BYTES];
    }
    at += log.ENTRY_WORDS + entries[at + log.ENTRY_EXTRA];
  }
  const records: Record<string, number> = {};
  for (const [kind, count] of counts.entries()) if (count > 0) records[KIND_NAMES[kind]] = count;
  if (packed > 0) records[PACKED] = packed;
  return { records, recordBytes };
}

/** How many records, those inside of others not counted. */
export function recordCount(records: Readonly<Record<string, number>>): number {
  let count = 0;
  for (const [name, number] of Object.entries(records)) if (name !== PACKED) count += number;
  return count;
}

// Which of the facts in a log count: those of the newest snapshot, and all that came after it.
// Main thread, pure. A snapshot counts when all its records are there; one that a crash cut off
// never does, and the one before it is still in the log, since it goes only when the new one is
// durable.
import { type FoundFact, segmentFile } from './fact-scan.ts';

export interface FactHistory {
  readonly facts: readonly FoundFact[];
  /** How many records of the snapshot they begin with are missing. */
  readonly missing: number;
}

interface Snapshot {
  readonly number: number;
  /** Index behind its last record. */
  end: number;
  found: number;
  /** Undefined while its last record has not been seen. */
  records: number | undefined;
}

export function historyOf(found: readonly FoundFact[]): FactHistory {
  const base = baseOf(snapshotsOf(found));
  if (base === undefined) return { facts: found, missing: 0 };
  if (isFirstStart(found, base)) return { facts: [], missing: 0 };
  const facts = found.filter(({ mark }, index) =>
    mark === undefined ? index >= base.end : mark.snapshot === base.number,
  );
  // Without its last record nobody knows how many others are missing.
  return { facts, missing: base.records === undefined ? 1 : base.records - base.found };
}

/** In the order of the log. */
function snapshotsOf(found: readonly FoundFact[]): Snapshot[] {
  const byNumber = new Map<number, Snapshot>();
  found.forEach(({ mark }, index) => {
    if (mark === undefined) return;
    let snapshot = byNumber.get(mark.snapshot);
    if (snapshot === undefined) {
      snapshot = { number: mark.snapshot, end: 0, found: 0, records: undefined };
      byNumber.set(mark.snapshot, snapshot);
    }
    snapshot.found += 1;
    snapshot.end = index + 1;
    snapshot.records ??= mark.records;
  });
  return [...byNumber.values()];
}

/**
 * Without a complete one the newest that was once finished is the best there is. When the end of
 * each is missing it is the oldest: the others may never have been finished.
 */
function baseOf(snapshots: readonly Snapshot[]): Snapshot | undefined {
  return (
    snapshots.findLast(({ found, records }) => found === records) ??
    snapshots.findLast(({ records }) => records !== undefined) ??
    snapshots[0]
  );
}

/**
 * The first start of all was cut off before it was done: there is nothing but its snapshot, and not
 * all of that, whichever of its records reached the disk.
 */
function isFirstStart(found: readonly FoundFact[], base: Snapshot): boolean {
  return (
    base.found !== base.records &&
    found[0].place.file === segmentFile(1) &&
    found.every(({ mark }) => mark !== undefined)
  );
}

// Reads the facts of a topology log: all segments, record by record. Main thread, of the broker and
// of `warrenmq inspect`. Nothing that is found here is fatal: what cannot be read is reported and
// left out.
import * as log from '../../log/log.ts';
import type { Fact } from './fact.ts';
import { decodeFact, type SnapshotMark } from './fact-codec.ts';

/** A record that was read. */
export interface FoundFact {
  readonly fact: Fact;
  readonly mark: SnapshotMark | undefined;
  readonly place: FactPlace;
}

export interface FactPlace {
  /** The segment's file name. */
  readonly file: string;
  readonly offset: number;
}

export interface FoundFacts {
  readonly facts: readonly FoundFact[];
  /** Where the newest segment's records end; 0 in a new log. */
  readonly previousEnd: number;
  /** Places of what could not be read. */
  readonly unreadable: readonly Unreadable[];
  /** A write that a crash cut off: nobody was told that it was done. */
  readonly torn: FactPlace | undefined;
}

export interface Unreadable extends FactPlace {
  readonly reason: string;
}

/** What is needed of a log here. */
export type FactSource = Pick<log.Log, 'inventory' | 'scan'>;

const PAYLOAD_WORD = 2;

export async function scanFacts(source: FactSource): Promise<FoundFacts> {
  const facts: FoundFact[] = [];
  const unreadable: Unreadable[] = [];
  let torn: FactPlace | undefined;
  let previousEnd = 0;
  let last: Uint8Array | undefined;
  for (const segment of source.inventory().segments) {
    const file = segmentFile(segment);
    const scan = await source.scan(segment);
    last = readEntries(scan.entries, file, facts, unreadable, last);
    for (let i = 0; i < scan.corrupt.length; i += 2) {
      const [from, to] = [scan.corrupt[i], scan.corrupt[i + 1]];
      unreadable.push({ file, offset: from, reason: `${to - from} bytes are corrupt` });
    }
    if (scan.tornAt >= 0) torn = { file, offset: scan.tornAt };
    previousEnd = scan.end;
  }
  return { facts, previousEnd, unreadable, torn };
}

/** As docs/log-format.md names it. */
export function segmentFile(segment: number): string {
  return `${String(segment).padStart(16, '0')}.seg`;
}

/**
 * Each fact was written twice, one behind the other: a record like the one before it is its copy.
 * `before` is the record before these; the last one is returned.
 */
function readEntries(
  entries: Int32Array,
  file: string,
  facts: FoundFact[],
  unreadable: Unreadable[],
  before: Uint8Array | undefined,
): Uint8Array | undefined {
  let at = 0;
  let last = before;
  while (at < entries.length) {
    const words = entries[at + log.ENTRY_EXTRA];
    const place = { file, offset: entries[at + log.ENTRY_OFFSET] };
    const kind = entries[at + log.ENTRY_HEAD] & 0xff;
    const extra = at + log.ENTRY_WORDS;
    at = extra + words;
    if (kind !== log.CHANGE) {
      unreadable.push({ ...place, reason: `a record of kind ${kind} is not for this log` });
      continue;
    }
    const from = entries.byteOffset + (extra + PAYLOAD_WORD) * 4;
    const payload = new Uint8Array(entries.buffer, from, entries[extra]);
    if (last !== undefined && Buffer.compare(payload, last) === 0) continue;
    last = payload;
    try {
      facts.push({ ...decodeFact(payload), place });
    } catch (error) {
      unreadable.push({ ...place, reason: `it is no fact: ${(error as Error).message}` });
    }
  }
  return last;
}

// Looks for messages in the files of a depot: one by its position, or the first by due time. Shard
// thread, cold: whole files are read, a piece at a time, and little of them kept.
import { type FoundEntry, scanMessages } from '../../src/log/depot/file-scan.ts';
import type { DepotState } from './depot-state.ts';
import { byDue, type NearPeriod, type Stored } from './near-period.ts';
import type { Period, PeriodFile } from './period.ts';

/** A message in a period that has drawn near, or in one that has not. */
export type Whereabouts =
  | { readonly near: NearPeriod; readonly row: number }
  /** `nextDue`: of the others in the period the first. */
  | { readonly period: Period; readonly stored: Stored; readonly nextDue: number };

/** Undefined: no message of this position waits in the depot. */
export async function findStored(
  state: DepotState,
  position: number,
): Promise<Whereabouts | undefined> {
  for (const near of state.nears) {
    const row = near.find(position);
    if (row >= 0) return { near, row };
  }
  for (const period of state.periods.values()) {
    if (!period.mayHold(position)) continue;
    let stored: Stored | undefined;
    let nextDue = Number.POSITIVE_INFINITY;
    await eachWaiting(state, period, (entry, file) => {
      if (entry.position === position) stored = storedIn(file, entry);
      else nextDue = Math.min(nextDue, entry.due);
    });
    if (stored !== undefined) return { period, stored, nextDue };
  }
  return undefined;
}

/** The first `count` messages by due time. */
export async function firstStored(state: DepotState, count: number): Promise<Stored[]> {
  let first: Stored[] = [];
  for (const near of state.nears) {
    let left = count;
    for (const stored of near.waiting()) {
      if (left === 0) break;
      first.push(stored);
      left -= 1;
    }
  }
  first = shortest(first, count);
  const periods = [...state.periods.values()].sort((a, b) => a.firstDue - b.firstDue);
  for (const period of periods) {
    // In order of what comes first in each: what is behind the last wanted is behind it for good.
    if (first.length === count && first[count - 1].due < period.firstDue) break;
    let last = first.length === count ? first[count - 1].due : Number.POSITIVE_INFINITY;
    await eachWaiting(state, period, (entry, file) => {
      if (entry.due > last) return;
      first.push(storedIn(file, entry));
      if (first.length < count * 2 + 1024) return;
      first = shortest(first, count);
      last = first[first.length - 1].due;
    });
    first = shortest(first, count);
  }
  return first;
}

function shortest(all: Stored[], count: number): Stored[] {
  return all.sort(byDue).slice(0, count);
}

async function eachWaiting(
  state: DepotState,
  period: Period,
  see: (entry: FoundEntry, file: PeriodFile) => void,
): Promise<void> {
  const { epoch } = state;
  for (const file of period.files) {
    if (state.epoch !== epoch) return;
    await scanMessages(
      state.directory.file(file.name),
      (entry) => {
        const { position } = entry;
        if (!state.done.kinds.has(position) && !state.lent.has(position)) see(entry, file);
      },
      async () => state.epoch === epoch,
    );
  }
}

function storedIn(file: PeriodFile, entry: FoundEntry): Stored {
  const { position, due, offset, entryBytes, exrkBytes, propsBytes, bodyBytes } = entry;
  const dataBytes = exrkBytes + propsBytes + bodyBytes;
  return { position, due, file, offset, entryBytes, dataBytes };
}

// What is asked of a depot's messages, and done: listing them, cancelling them, having one go at
// once. Shard thread, cold. Everything here runs in the depot's turn, so nothing is on its way from
// the log to the depot meanwhile; but what is due soon is lent. When a cancelling is answered it is
// on the disk.
import { ENTRY_HEAD_BYTES, headAt, viewOf } from '../../src/log/depot/entry-format.ts';
import { withdraw } from '../queue/paging.ts';
import type { Peeked } from '../log/peek-reads.ts';
import { isFull } from './depot-directory.ts';
import type { DepotState } from './depot-state.ts';
import { readEntries } from './entry-reads.ts';
import { findStored } from './finding.ts';
import { goOn, lend, lose } from './lending.ts';
import type { Stored } from './near-period.ts';

/** Messages of the depot with what listings say of them; without it when it cannot be read. */
export async function storedContents(
  state: DepotState,
  listed: readonly Stored[],
): Promise<{ position: number; due: number; bytes: number; at: Peeked | undefined }[]> {
  const entries = await readEntries(state.directory, listed);
  return listed.map(({ position, due, dataBytes }, i) => {
    const entry = entries[i];
    return { position, due, bytes: dataBytes, at: entry && contentIn(entry) };
  });
}

function contentIn(entry: Buffer): Peeked {
  const { exrkBytes, propsBytes, bodyBytes } = headAt(viewOf(entry), 0);
  const propsAt = ENTRY_HEAD_BYTES + exrkBytes;
  return {
    exrk: Uint8Array.from(entry.subarray(ENTRY_HEAD_BYTES, propsAt)),
    props: Uint8Array.from(entry.subarray(propsAt, propsAt + propsBytes)),
    bodyBytes,
  };
}

/** False when no message of this position waits, or the disk has no room to say that it is gone. */
export async function cancelOne(state: DepotState, position: number): Promise<boolean> {
  const { queue, delayed, done, epoch } = state;
  const handle = delayed.find(position);
  if (handle === undefined) {
    const found = await findStored(state, position);
    if (found === undefined || state.epoch !== epoch) return false;
    if ('near' in found) {
      // It may have been lent meanwhile.
      if (!found.near.isWaiting(found.row)) return false;
      found.near.finish(found.row);
    } else {
      found.period.remove(found.stored.dataBytes);
      found.period.firstDue = found.nextDue;
    }
    done.settle(position, 'period' in found);
  } else {
    withdraw(queue, position, handle);
  }
  state.tellFirst();
  queue.rules.apply();
  try {
    await done.flush(true);
  } catch (error) {
    if (!isFull(error)) throw error;
    return false;
  }
  await state.around.shardLog.settle();
  return true;
}

/** False when no message of this position waits. */
export async function deliverOne(state: DepotState, position: number): Promise<boolean> {
  const { delayed, epoch } = state;
  const now = Date.now();
  if (!delayed.setDue(position, now)) {
    const found = await findStored(state, position);
    if (found === undefined) return false;
    const stored = 'near' in found ? found.near.at(found.row) : found.stored;
    const [entry] = await readEntries(state.directory, [stored]);
    if (state.epoch !== epoch) return false;
    // Lent meanwhile: it is due soon enough.
    if ('near' in found && !found.near.isWaiting(found.row)) return true;
    if (entry === undefined) {
      if ('near' in found) found.near.finish(found.row);
      else found.period.remove(stored.dataBytes);
      lose(state, stored);
      return false;
    }
    if ('near' in found) {
      found.near.lend(found.row);
      state.lent.set(position, found);
    } else {
      found.period.remove(stored.dataBytes);
      found.period.firstDue = found.nextDue;
      state.lent.set(position, undefined);
    }
    lend(state, entry, delayed.dueBeforeDepot(now));
  }
  state.tellFirst();
  goOn(state);
  return true;
}

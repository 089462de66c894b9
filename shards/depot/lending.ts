// Lends messages that are due soon to the queue, which sends them on as any other. Shard thread,
// cold. At most LENT_MAX at once, in the order in which they are due; each stays in the depot until
// the queue is done with it, so a crash on the way costs nothing.
import { ENTRY_HEAD_BYTES, headAt, viewOf } from '../../src/log/depot/entry-format.ts';
import { DIED_FLAG, PERSISTENT_FLAG, PRIORITY_SHIFT } from '../mailbox/to-shard-layout.ts';
import { IncomingMessage } from '../store/message-store.ts';
import { LENT_MAX, type DepotState, type Lent } from './depot-state.ts';
import { readEntries } from './entry-reads.ts';
import { byDue, type Stored } from './near-period.ts';

/** When there is something to lend; Infinity: not before something else happens. */
export function lendsAt(state: DepotState): number {
  if (state.lent.size > LENT_MAX / 2) return Number.POSITIVE_INFINITY;
  let first = Number.POSITIVE_INFINITY;
  for (const near of state.nears) {
    const row = near.first;
    if (row >= 0) first = Math.min(first, near.at(row).due);
  }
  return first - state.lengths.soonMillis;
}

/** Lends what can be lent now. */
export async function lendSoon(state: DepotState, now: number): Promise<void> {
  const wanted = soonest(state, now + state.lengths.soonMillis, LENT_MAX - state.lent.size);
  const { epoch } = state;
  const entries = await readEntries(
    state.directory,
    wanted.map(({ near, row }) => near.at(row)),
  );
  if (state.epoch !== epoch || state.queue.isDeleted) return;
  for (const [i, lent] of wanted.entries()) {
    // It may have been cancelled, or sent on, while it was read.
    if (!lent.near.isWaiting(lent.row)) continue;
    const stored = lent.near.at(lent.row);
    const entry = entries[i];
    if (entry === undefined) {
      lent.near.finish(lent.row);
      lose(state, stored);
      continue;
    }
    lent.near.lend(lent.row);
    state.lent.set(stored.position, lent);
    lend(state, entry, stored.due);
  }
  state.tellFirst();
  goOn(state);
}

/** The message of `entry` is the queue's for now, and due at `due`. */
export function lend(state: DepotState, entry: Buffer, due: number): void {
  const { queue, around } = state;
  const { position, priority, hasDied, exrkBytes, propsBytes, bodyBytes } = headAt(
    viewOf(entry),
    0,
  );
  const message = new IncomingMessage();
  message.flags = PERSISTENT_FLAG | (hasDied ? DIED_FLAG : 0) | (priority << PRIORITY_SHIFT);
  message.source = Buffer.from(entry.subarray(ENTRY_HEAD_BYTES));
  message.dataAt = 0;
  message.exrkBytes = exrkBytes;
  message.propsBytes = propsBytes;
  message.bodyBytes = bodyBytes;
  const handle = around.store.add(message, 1);
  const bytes = around.store.dataBytes(handle);
  queue.readyBytes += bytes;
  queue.memory.bytes += bytes;
  state.delayed.lend(handle, position, due);
}

/** The queue sends on what it can. */
export function goOn({ queue, around }: DepotState): void {
  queue.rules.apply();
  queue.wake();
  around.schedule();
}

/** A message that was there cannot be read any more. */
export function lose(state: DepotState, { position, file, offset, entryBytes }: Stored): void {
  state.done.settle(position, false);
  state.damaged(file.name, [offset, offset + entryBytes]);
  state.around.notify({ kind: 'message-lost', queueId: state.queue.id, position });
}

function soonest(state: DepotState, until: number, countMax: number): Lent[] {
  const all: Lent[] = [];
  for (const near of state.nears) {
    let left = countMax;
    for (let row = near.first; row >= 0 && left > 0; row = near.nextWaiting(row)) {
      if (near.at(row).due > until) break;
      all.push({ near, row });
      left -= 1;
    }
  }
  all.sort((a, b) => byDue(a.near.at(a.row), b.near.at(b.row)));
  return all.slice(0, countMax);
}

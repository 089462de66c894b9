// What a PUBLISH record says of a message besides its data: priority, arrival, time to live. Shard
// thread. They stand among the record's targets as pairs whose queue id has the highest bit set,
// which no queue has (docs/log-format.md), so that whoever knows queues only passes over them.
//
//   target: queue id, sequence number | DATED, Unix seconds | EARLIER, milliseconds before that
//           | TTL_MILLIS or TTL_SECONDS, so many | PRIORITY, one more than it says
//           | DIED, 1: it is a dead letter
import { DATED_FLAG, DIED_FLAG, PRIORITY_SHIFT } from '../mailbox/to-shard-layout.ts';
import type { MessageStore } from '../store/message-store.ts';
import { NO_TTL } from '../store/message-traits.ts';
import type { RecordTable } from './record-table.ts';

const DATED = -0x8000_0000 + 1;
const TTL_MILLIS = -0x8000_0000 + 2;
const TTL_SECONDS = -0x8000_0000 + 3;
const PRIORITY = -0x8000_0000 + 4;
const DIED = -0x8000_0000 + 5;
/** Delayed messages come back from the log in the order of their due times. */
const EARLIER = -0x8000_0000 + 6;
const UINT32 = 2 ** 32;

/** How many pairs `writeTraits` writes. */
export function traitCount(store: MessageStore, handle: number): number {
  const flags = store.flags(handle);
  let count = flags >>> PRIORITY_SHIFT === 0 ? 0 : 1;
  if ((flags & DIED_FLAG) !== 0) count += 1;
  if ((flags & DATED_FLAG) === 0) return count;
  count += store.traits.arrivedAt(handle) % 1000 === 0 ? 1 : 2;
  return store.traits.ttlMillis(handle) === NO_TTL ? count : count + 1;
}

/** Writes the pairs at `words[at]`; returns the index behind them. */
export function writeTraits(
  words: Int32Array,
  at: number,
  store: MessageStore,
  handle: number,
): number {
  const flags = store.flags(handle);
  let to = at;
  if (flags >>> PRIORITY_SHIFT !== 0) {
    words[to] = PRIORITY;
    words[to + 1] = flags >>> PRIORITY_SHIFT;
    to += 2;
  }
  if ((flags & DIED_FLAG) !== 0) {
    words[to] = DIED;
    words[to + 1] = 1;
    to += 2;
  }
  if ((flags & DATED_FLAG) === 0) return to;
  const arrivedAt = store.traits.arrivedAt(handle);
  const seconds = Math.ceil(arrivedAt / 1000);
  words[to] = DATED;
  words[to + 1] = seconds;
  to += 2;
  if (arrivedAt % 1000 !== 0) {
    words[to] = EARLIER;
    words[to + 1] = seconds * 1000 - arrivedAt;
    to += 2;
  }
  const ttl = store.traits.ttlMillis(handle);
  if (ttl === NO_TTL) return to;
  const isShort = ttl < UINT32;
  words[to] = isShort ? TTL_MILLIS : TTL_SECONDS;
  words[to + 1] = isShort ? ttl : Math.ceil(ttl / 1000);
  return to + 2;
}

/** Notes in `records` what the targets of a record say of the message of `row`. */
export function noteTraits(records: RecordTable, row: number, targets: Int32Array): void {
  let arrivedAt = -1;
  let earlier = 0;
  let ttl = NO_TTL;
  // They stand behind all queues.
  for (let i = targets.length - 2; i >= 0 && targets[i] < 0; i -= 2) {
    const value = targets[i + 1] >>> 0;
    if (targets[i] === PRIORITY) records.setPriority(row, value & 0x1ff);
    else if (targets[i] === DIED) records.setDied(row);
    else if (targets[i] === DATED) arrivedAt = value * 1000;
    else if (targets[i] === EARLIER) earlier = value;
    else if (targets[i] === TTL_MILLIS) ttl = value;
    else if (targets[i] === TTL_SECONDS) ttl = value * 1000;
  }
  if (arrivedAt >= 0) records.date(row, arrivedAt - earlier, ttl);
}

/** The row of a message that is being written gets the message's traits. */
export function copyTraits(
  records: RecordTable,
  row: number,
  store: MessageStore,
  handle: number,
): void {
  const flags = store.flags(handle);
  if (flags >>> PRIORITY_SHIFT !== 0) records.setPriority(row, flags >>> PRIORITY_SHIFT);
  if ((flags & DIED_FLAG) !== 0) records.setDied(row);
  if ((flags & DATED_FLAG) === 0) return;
  records.date(row, store.traits.arrivedAt(handle), store.traits.ttlMillis(handle));
}

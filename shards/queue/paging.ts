// Messages of a queue that leave memory for the disk, come back, or are found there at start. Shard
// thread. A handle below zero names a message on disk (ready-messages.ts).
import type { RecoveredMessages } from '../../src/log/queue-recovery.ts';
import { DATED_FLAG } from '../mailbox/to-shard-layout.ts';
import type { MessageTraits } from '../store/message-traits.ts';
import type { Queue } from './queue.ts';

/** The next message would go where it had better not stay in memory. */
export function spills(queue: Queue): boolean {
  const { residency, log, ready } = queue;
  return log !== undefined && residency.isOver && isDeep(queue, ready.nextPosition);
}

/** Whether a message this deep in the queue had better not stay in memory. */
function isDeep(queue: Queue, position: number): boolean {
  return queue.residency.isDeep(queue.ready.depthOf(position), queue.readyBytes);
}

/** The message at `position` is written: it may leave memory for row `row`. */
export function pageOut(queue: Queue, handle: number, row: number, position: number): void {
  if (queue.isDeleted || !isDeep(queue, position)) return;
  const { ready, store } = queue;
  if (ready.at(position) !== handle) return;
  ready.replace(position, handle, ~row, 0);
  queue.onDiskCount += 1;
  queue.onDiskBytes += store.dataBytes(handle);
  queue.rules.renamed(handle, ~row);
  store.release(handle);
}

/** Whether the message at `position` waits here, on disk in row `row`. */
export function holdsOnDisk(queue: Queue, position: number, row: number, hint: number): boolean {
  const { ready } = queue;
  const handle = ready.at(position);
  if (handle !== undefined) return handle === ~row;
  return ready.hasReturned(position, ~row, hint);
}

/** The message of row `row`, which it holds, is in memory again as `handle`. */
export function loaded(
  queue: Queue,
  position: number,
  row: number,
  handle: number,
  hint: number,
): void {
  const { log, store, ready } = queue;
  const { records } = log!;
  if (records.isDated(row)) {
    const { traits } = records;
    store.traits.date(handle, traits.arrivedAt(row), traits.ttlMillis(row));
    store.addFlags(handle, DATED_FLAG);
  }
  ready.replace(position, ~row, handle, hint);
  queue.onDiskCount -= 1;
  queue.onDiskBytes -= store.dataBytes(handle);
  queue.rules.renamed(~row, handle);
}

/** Where arrival and time to live of a message are noted, if they are. */
export function datedTraits(queue: Queue, handle: number): MessageTraits | undefined {
  const { log, store } = queue;
  if (handle >= 0) return (store.flags(handle) & DATED_FLAG) === 0 ? undefined : store.traits;
  const { records } = log!;
  return records.isDated(~handle) ? records.traits : undefined;
}

/** Takes a ready message out for good, wherever in the queue it is; false when it is not there. */
export function withdraw(queue: Queue, position: number, handle: number): boolean {
  if (!queue.ready.remove(position, handle)) return false;
  withdrawn(queue, position, handle);
  return true;
}

/** The message, which is no longer among the ready ones, is done with. */
export function withdrawn(queue: Queue, position: number, handle: number): void {
  const bytes = queue.dataBytes(handle);
  queue.readyBytes -= bytes;
  if (handle < 0) {
    queue.onDiskCount -= 1;
    queue.onDiskBytes -= bytes;
  }
  queue.rules.left(handle);
  queue.discard(handle, position);
  queue.depot?.settled(position);
}

/** Takes over what the log held for it. After a clean stop nothing counts as redelivered. */
export function restore(
  queue: Queue,
  recovered: RecoveredMessages | undefined,
  isClean: boolean,
): void {
  if (recovered === undefined) return;
  const { positions, handles, nextPosition, counts } = recovered;
  const undelivered = recovered.redeliveredUntil ?? positions[0] ?? nextPosition;
  const redeliveredUntil = isClean ? undelivered : nextPosition;
  queue.ready.restore(positions, handles, nextPosition, redeliveredUntil, counts);
  let bytes = 0;
  for (const handle of handles) bytes += queue.dataBytes(handle);
  queue.readyBytes = bytes;
  queue.memory.bytes += bytes;
  queue.onDiskCount = handles.length;
  queue.onDiskBytes = bytes;
  queue.rules.restored(handles);
}

/** All ready messages, oldest first but for those that came back; below zero: on disk. Cold. */
export function readyHandles({ ready }: Queue): number[] {
  const handles: number[] = [];
  for (const heap of ready.returnedHeaps()) {
    for (let row = 0; row < heap.length; row += 1) handles.push(heap.handleAt(row));
  }
  const ranges = ready.ranges([]);
  for (let i = 0; i < ranges.length; i += 2) {
    for (let left = ranges[i + 1], at = ranges[i]; left > 0; left -= 1, at = (at + 1) | 0) {
      const handle = ready.at(at);
      if (handle !== undefined) handles.push(handle);
    }
  }
  return handles;
}

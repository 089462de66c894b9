// Gives back the slab memory of messages that were loaded from disk and wait: loaded ahead (their
// consumer may be stuck), or put back. Shard thread, when another queue's messages find no room.
import { SLAB_FLAG } from '../mailbox/to-shard-layout.ts';
import type { MessageStore } from '../store/message-store.ts';
import type { Queue } from './queue.ts';

/** Those of a queue that lie in the slab `owner`, which is this shard's. Returns the bytes. */
export function unload(queue: Queue, store: MessageStore, owner: number): number {
  const { ready } = queue;
  let bytes = 0;
  ready.showLoaded({
    see(handle, position, hint) {
      bytes += unloadOne(queue, store, owner, position, handle, hint);
      return true;
    },
  });
  queue.onDiskBytes += bytes;
  ready.forgetLoaded();
  return bytes;
}

function unloadOne(
  queue: Queue,
  store: MessageStore,
  owner: number,
  position: number,
  handle: number,
  hint: number,
): number {
  if (handle < 0 || (store.flags(handle) & SLAB_FLAG) === 0) return 0;
  if (store.slabOwner(handle) !== owner) return 0;
  const bytes = store.dataBytes(handle);
  // Only what was loaded lies in that slab, so it has a row.
  const onDisk = ~store.log(handle);
  queue.ready.replace(position, handle, onDisk, hint);
  queue.rules.renamed(handle, onDisk);
  queue.onDiskCount += 1;
  store.release(handle);
  return bytes;
}

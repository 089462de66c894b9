// Where the properties of a stored message are: in its inline data or, of a message in a slab that
// has none of its own, in front of its body there. Shard thread; rare.
import type { Slab } from '../mailbox/slab.ts';
import { readSlab } from '../mailbox/slab-copying.ts';
import { OWN_PROPS_FLAG, SLAB_FLAG } from '../mailbox/to-shard-layout.ts';
import type { MessageStore } from './message-store.ts';

/** The properties, or a copy of them; `inline` is the message's inline data. */
export function propsOf(
  store: MessageStore,
  handle: number,
  inline: Buffer,
  slabs: readonly Slab[],
): Buffer {
  const exrkBytes = store.exrkBytes(handle);
  const propsBytes = store.propsBytes(handle);
  const areInSlab = (store.flags(handle) & (SLAB_FLAG | OWN_PROPS_FLAG)) === SLAB_FLAG;
  if (!areInSlab) return inline.subarray(exrkBytes, exrkBytes + propsBytes);
  const props = Buffer.alloc(propsBytes);
  readSlab(slabs[store.slabOwner(handle)], store.slabPage(handle), props);
  return props;
}

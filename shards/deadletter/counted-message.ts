// A message as it is delivered once more by a quorum queue: with how often it was delivered before
// in its headers (https://www.rabbitmq.com/docs/quorum-queues#poison-message-handling). Shard
// thread; rare, so it is made anew for each delivery and the stored message stays as it is.
import { withHeaders } from '../../src/protocol/property-rewrite.ts';
import { OWN_PROPS_FLAG, SLAB_FLAG } from '../mailbox/to-shard-layout.ts';
import type { Slab } from '../mailbox/slab.ts';
import type { Queue } from '../queue/queue.ts';
import { IncomingMessage, type MessageStore } from '../store/message-store.ts';
import { propsOf } from '../store/stored-properties.ts';

const HEADER = 'x-delivery-count';

/** How the head of `queue` is to be shown to clients, if not as it is stored. */
export function shownAs(queue: Queue, handle: number): IncomingMessage | undefined {
  if (!queue.settings.isQuorum) return undefined;
  const deliveries = queue.ready.peekDeliveryCount();
  if (deliveries === 0) return undefined;
  return countedMessage(queue.store, handle, deliveries, queue.slabs);
}

/** `deliveries`: how often it was delivered before this time. */
function countedMessage(
  store: MessageStore,
  handle: number,
  deliveries: number,
  slabs: readonly Slab[],
): IncomingMessage {
  const flags = store.flags(handle);
  const isSlab = (flags & SLAB_FLAG) !== 0;
  const exrkBytes = store.exrkBytes(handle);
  const inline = Buffer.alloc(store.inlineBytes(handle));
  store.copyData(handle, inline, 0);
  const props = propsOf(store, handle, inline, slabs);
  const counted = withCount(props, deliveries);
  const body = isSlab ? inline.subarray(inline.length) : inline.subarray(exrkBytes + props.length);
  const message = new IncomingMessage();
  message.source = Buffer.concat([inline.subarray(0, exrkBytes), counted, body]);
  message.dataAt = 0;
  message.exrkBytes = exrkBytes;
  message.propsBytes = counted.length;
  message.bodyBytes = store.bodyBytes(handle);
  message.flags = isSlab ? flags | OWN_PROPS_FLAG : flags;
  const hasOwnProps = (flags & OWN_PROPS_FLAG) !== 0;
  message.slabSkip = hasOwnProps ? store.slabSkip(handle) : props.length;
  return message;
}

function withCount(props: Buffer, deliveries: number): Buffer {
  return withHeaders(props, { added: { [HEADER]: BigInt(deliveries) } });
}

// Writes DELIVER and GOT records: from the store, or straight from a PUBLISH record. Shard thread,
// hot path. A delivery of a slab message holds its own reference to the message until the acceptor
// has sent the bytes (RELEASE); inline data are copied, so without acks the message is done with
// here.
import type { Consumer } from '../consumer/consumer.ts';
import {
  DELIVER,
  DELIVER_BODY_BYTES,
  DELIVER_CONSUMER,
  DELIVER_DATA,
  DELIVER_EXRK_BYTES,
  DELIVER_FLAGS,
  DELIVER_MESSAGE,
  DELIVER_NUMBER,
  DELIVER_PROPS_BYTES,
  DELIVER_SLAB_OWNER,
  DELIVER_SLAB_PAGE,
  deliveryCostBytes,
} from '../mailbox/from-shard-layout.ts';
import { SLAB_FLAG } from '../mailbox/to-shard-layout.ts';
import { copyBytes } from '../../src/base/copy.ts';
import type { IncomingMessage, MessageStore } from '../store/message-store.ts';

/** What DELIVER says in place of a number when no ack is to come. */
export const NO_NUMBER = -1;

/** Returns the record's word index for `Outlet.finishDelivery`, or -1 when there is no room. */
export function writeDelivery(
  store: MessageStore,
  handle: number,
  consumer: Consumer,
  kind: number,
  address: number,
): number {
  const channel = consumer.channel;
  const ring = channel.outlet.ring;
  const at = channel.outlet.claimDelivery(store.inlineBytes(handle), kind);
  if (at < 0) return -1;
  const words = ring.words;
  const flags = store.flags(handle);
  const exrkBytes = store.exrkBytes(handle);
  const propsBytes = store.propsBytes(handle);
  const bodyBytes = store.bodyBytes(handle);
  words[at + DELIVER_CONSUMER] = address;
  words[at + DELIVER_FLAGS] = flags;
  words[at + DELIVER_EXRK_BYTES] = exrkBytes;
  words[at + DELIVER_PROPS_BYTES] = propsBytes;
  words[at + DELIVER_BODY_BYTES] = bodyBytes;
  store.copyData(handle, ring.bytes, (at + DELIVER_DATA) * 4);
  if ((flags & SLAB_FLAG) !== 0) {
    words[at + DELIVER_SLAB_OWNER] = store.slabOwner(handle);
    words[at + DELIVER_SLAB_PAGE] = store.slabPage(handle);
    words[at + DELIVER_MESSAGE] = handle;
    if (!consumer.noAck) store.retain(handle);
  } else if (consumer.noAck) {
    store.release(handle);
  }
  channel.window.outstandingBytes += deliveryCostBytes(exrkBytes, propsBytes, bodyBytes);
  return at;
}

/**
 * Hands a message that has just come straight on to a consumer without acks: one copy, from ring to
 * ring, and the store never sees it. For inline messages. False when there is no room.
 */
export function passOn(message: IncomingMessage, consumer: Consumer): boolean {
  const { exrkBytes, propsBytes, bodyBytes } = message;
  const { outlet, window } = consumer.channel;
  const dataBytes = exrkBytes + propsBytes + bodyBytes;
  const at = outlet.claimDelivery(dataBytes, DELIVER);
  if (at < 0) return false;
  const { words, bytes } = outlet.ring;
  words[at + DELIVER_CONSUMER] = consumer.id;
  words[at + DELIVER_NUMBER] = NO_NUMBER;
  words[at + DELIVER_FLAGS] = message.flags;
  words[at + DELIVER_EXRK_BYTES] = exrkBytes;
  words[at + DELIVER_PROPS_BYTES] = propsBytes;
  words[at + DELIVER_BODY_BYTES] = bodyBytes;
  copyBytes(message.source, message.dataAt, bytes, (at + DELIVER_DATA) * 4, dataBytes);
  window.outstandingBytes += deliveryCostBytes(exrkBytes, propsBytes, bodyBytes);
  return true;
}

// Hands messages to the way out. Shard thread, hot path. Inline messages for consumers go as
// complete frames (FRAMES), from the store or straight from a PUBLISH record; messages in a slab as
// DELIVER, and what basic.get takes as GOT, both framed by the acceptor. A delivery of a slab
// message holds its own reference to the message until the acceptor has sent the bytes (RELEASE);
// inline data are copied, so without acks the message is done with here.
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
  DELIVER_REMAINING,
  DELIVER_SLAB_OWNER,
  DELIVER_SLAB_PAGE,
  DELIVER_SLAB_SKIP,
  deliveryCostBytes,
  GOT,
} from '../mailbox/from-shard-layout.ts';
import { REDELIVERED_FLAG, SLAB_FLAG } from '../mailbox/to-shard-layout.ts';
import {
  deliverFramesBytes,
  MessageData,
  writeDeliverFrames,
} from '../../src/protocol/deliver-frames.ts';
import { copyBytes } from '../../src/base/copy.ts';
import type { IncomingMessage, MessageStore } from '../store/message-store.ts';

/** What stands in place of a number when no ack is to come. */
const NO_NUMBER = -1;
/** What stands in place of the count of remaining messages when nobody asked with basic.get. */
const NO_GET = -1;

/** Where the message that is being delivered lies. */
const stored = new MessageData();

/**
 * Delivers a stored message to a consumer, with the data of `shown` if it is to look otherwise;
 * false when there is no room now.
 */
export function deliver(
  store: MessageStore,
  handle: number,
  consumer: Consumer,
  isRedelivered: boolean,
  shown: IncomingMessage | undefined,
): boolean {
  if ((store.flags(handle) & SLAB_FLAG) !== 0) {
    return writeRecord(store, handle, consumer, consumer.id, isRedelivered, NO_GET, shown);
  }
  if (shown === undefined) store.locate(handle, stored);
  const isDone = writeFrames(consumer, shown ?? stored, isRedelivered);
  if (isDone && consumer.noAck) store.release(handle);
  return isDone;
}

/** Answers the basic.get `request`; `remaining` messages are ready behind this one. */
export function answerGet(
  store: MessageStore,
  handle: number,
  getter: Consumer,
  isRedelivered: boolean,
  request: number,
  remaining: number,
  shown: IncomingMessage | undefined,
): boolean {
  return writeRecord(store, handle, getter, request, isRedelivered, remaining, shown);
}

/**
 * Hands a message that has just come straight on to a consumer without acks: one copy, from ring to
 * ring, and the store never sees it. For inline messages. False when there is no room.
 */
export function passOn(message: IncomingMessage, consumer: Consumer): boolean {
  return writeFrames(consumer, message, false);
}

/** What the client's ack will name, known before the delivery is noted as unacked. */
function numberOf(consumer: Consumer): number {
  return consumer.noAck ? NO_NUMBER : consumer.channel.unacked.end | 0;
}

function writeFrames(consumer: Consumer, message: MessageData, isRedelivered: boolean): boolean {
  const { deliverHead, channel } = consumer;
  const { outlet, number, frameMax } = channel;
  const bytes = deliverFramesBytes(deliverHead, message, frameMax);
  const at = outlet.claimFrames(consumer, numberOf(consumer), bytes);
  if (at < 0) return false;
  const { target } = outlet.frames;
  writeDeliverFrames(target, at, deliverHead, message, isRedelivered, number, frameMax);
  channel.window.add(consumer, bytes);
  return true;
}

function writeRecord(
  store: MessageStore,
  handle: number,
  consumer: Consumer,
  address: number,
  isRedelivered: boolean,
  remaining: number,
  shown: IncomingMessage | undefined,
): boolean {
  const { outlet, window } = consumer.channel;
  const inlineBytes = shown?.source.length ?? store.inlineBytes(handle);
  const at = outlet.claimDelivery(inlineBytes, remaining === NO_GET ? DELIVER : GOT);
  if (at < 0) return false;
  const { words, bytes } = outlet.ring;
  const flags = shown?.flags ?? store.flags(handle);
  const exrkBytes = store.exrkBytes(handle);
  const propsBytes = shown?.propsBytes ?? store.propsBytes(handle);
  const bodyBytes = store.bodyBytes(handle);
  words[at + DELIVER_CONSUMER] = address;
  words[at + DELIVER_NUMBER] = numberOf(consumer);
  words[at + DELIVER_FLAGS] = isRedelivered ? flags | REDELIVERED_FLAG : flags;
  words[at + DELIVER_EXRK_BYTES] = exrkBytes;
  words[at + DELIVER_PROPS_BYTES] = propsBytes;
  words[at + DELIVER_BODY_BYTES] = bodyBytes;
  words[at + DELIVER_REMAINING] = remaining;
  if (shown !== undefined) copyBytes(shown.source, 0, bytes, (at + DELIVER_DATA) * 4, inlineBytes);
  else store.copyData(handle, bytes, (at + DELIVER_DATA) * 4);
  if ((flags & SLAB_FLAG) !== 0) {
    words[at + DELIVER_SLAB_OWNER] = store.slabOwner(handle);
    words[at + DELIVER_SLAB_PAGE] = store.slabPage(handle);
    words[at + DELIVER_SLAB_SKIP] = shown?.slabSkip ?? store.slabSkip(handle);
    words[at + DELIVER_MESSAGE] = handle;
    if (!consumer.noAck) store.retain(handle);
  } else if (consumer.noAck) {
    store.release(handle);
  }
  window.add(consumer, deliveryCostBytes(exrkBytes, propsBytes, bodyBytes));
  return true;
}

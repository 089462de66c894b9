// Records an acceptor sends to a shard. Word indexes are relative to the record's start; words 0
// and 1 are the ring's header (bytes, kind). There are two rings per (acceptor, shard) in this
// direction:
//
//   work ring  PUBLISH and the queue and channel operations, in the order the clients sent them
//   ack ring   ACK, CREDIT, RELEASE, FORWARDED: short, and served first: a flood of publishes
//              never stands between a consumer and its next delivery
//
// An acceptor publishes its ack ring before its work ring, and a shard looks at the work ring
// before it drains the ack ring, so an operation never overtakes an ack that the client sent before
// it.
//
//   PUBLISH: bytes kind flags exrkBytes propsBytes bodyBytes slabPage targetCount targets...
//            [ttl, two words: with EXPIRES_FLAG] [slabSkip: with OWN_PROPS_FLAG] [pad]
//            then, 8-aligned: exrk, and props and body unless they lie in a slab; with
//            OWN_PROPS_FLAG props are here, and the body lies in the slab behind slabSkip bytes
//
// `exrk` is the exchange and routing key as the two AMQP short strings stand in basic.publish, and
// as they will stand again in basic.deliver. `props` is the content header from the property flags
// on.
import { alignTo8 } from '../../src/base/round.ts';

export const PUBLISH = 1;
export const CONSUME = 2;
export const CANCEL = 3;
export const GET = 4;
export const STAT = 5;
export const PURGE = 6;
export const DELETE = 7;
export const CHANNEL_OPEN = 8;
export const CHANNEL_CLOSE = 9;
export const CHANNEL_QOS = 10;
export const CONNECTION_CLOSE = 11;
export const COPY = 12;

export const ACK = 1;
export const CREDIT = 2;
export const RELEASE = 3;
export const FORWARDED = 4;

/** Message flags, shared by PUBLISH, DELIVER and the store. */
export const PERSISTENT_FLAG = 1;
/** Props and body lie in the publishing acceptor's slab; the record carries a page number. */
export const SLAB_FLAG = 2;
export const REDELIVERED_FLAG = 4;
/** The shard keeps the message in its log, or is about to. */
export const LOGGED_FLAG = 8;
/** It is there only to save memory: its queue keeps nothing, or it is transient. */
export const SPILLED_FLAG = 64;
/** In PUBLISH: what the publisher's confirm waits for (confirm-counter.ts). */
export const LANE_SHIFT = 4;
export const LANE_MASK = 3;
/** Beside SLAB_FLAG: the properties in the slab are not those of the message. */
export const OWN_PROPS_FLAG = 128;
/** The message has a time to live of its own. */
export const EXPIRES_FLAG = 256;
/** In PUBLISH: somebody waits for the confirm, and is to be told of a refusal (REFUSED). */
export const CONFIRMED_FLAG = 512;
/** In the store: arrival and time to live are noted (shards/store/message-traits.ts). */
export const DATED_FLAG = 1024;
/** It has been dead-lettered here: its x-death is the broker's word, not some client's. */
export const DIED_FLAG = 2048;
/** The message's priority property, coded in 9 bits: 0 when it has none, else one more. */
export const PRIORITY_SHIFT = 23;
const PRIORITY_MASK = 0x1ff << PRIORITY_SHIFT;

/** What a message keeps of PUBLISH_FLAGS. */
export const MESSAGE_FLAGS =
  PERSISTENT_FLAG | SLAB_FLAG | OWN_PROPS_FLAG | EXPIRES_FLAG | DIED_FLAG | PRIORITY_MASK;

export function priorityCode(priority: number): number {
  return priority + 1;
}

export const PUBLISH_FLAGS = 2;
export const PUBLISH_EXRK_BYTES = 3;
export const PUBLISH_PROPS_BYTES = 4;
export const PUBLISH_BODY_BYTES = 5;
/** The slab page of a slab message, else 0. */
export const PUBLISH_SLAB_PAGE = 6;
export const PUBLISH_TARGET_COUNT = 7;
export const PUBLISH_TARGETS = 8;

/** More than these do not go into one record of the log. */
const TARGETS_MAX = 16 * 1024;

/**
 * The largest message (exrk, props and body) that travels inside a ring, in either direction; what
 * is larger lies in a slab.
 */
export function inlineBytesMaxOf(
  inlineBodyBytesMax: number,
  messageBytesMax: number,
  recordBytesMax: number,
): number {
  return Math.min(inlineBodyBytesMax, messageBytesMax, Math.floor(recordBytesMax / 2));
}

/** How many targets a record of at most `recordBytesMax` holds beside the largest inline data. */
export function publishTargetsMax(recordBytesMax: number, inlineBytesMax: number): number {
  const room = Math.floor((recordBytesMax - alignTo8(inlineBytesMax)) / 4) - PUBLISH_TARGETS - 5;
  return Math.min(room, TARGETS_MAX);
}

/** How many words the message's own traits take behind the targets. */
export function traitWords(flags: number): number {
  return ((flags & EXPIRES_FLAG) === 0 ? 0 : 2) + ((flags & OWN_PROPS_FLAG) === 0 ? 0 : 1);
}

/**
 * The word index, relative to the record, of the 8-aligned data behind so many words (targets and
 * traits).
 */
export function publishDataWord(wordCount: number): number {
  return (PUBLISH_TARGETS + wordCount + 1) & ~1;
}

export function publishRecordBytes(wordCount: number, dataBytes: number): number {
  return publishDataWord(wordCount) * 4 + alignTo8(dataBytes);
}

/** A time to live (milliseconds, up to 2^53) stands in two words of 30 and 23 bits. */
const TTL_LOW = 2 ** 30;

export function writeTtl(words: Int32Array, at: number, ttlMillis: number): void {
  words[at] = ttlMillis % TTL_LOW;
  words[at + 1] = Math.floor(ttlMillis / TTL_LOW);
}

export function readTtl(words: Int32Array, at: number): number {
  return words[at + 1] * TTL_LOW + words[at];
}

// CONSUME: request queue channel consumer flags prefetch priority timeout tagBytes 0, then the
// consumer tag (a short string, length octet included). timeout: milliseconds in which deliveries
// have to be acked, 0 = any time, NO_TIMEOUT = as the queue says.
export const CONSUME_REQUEST = 2;
export const CONSUME_QUEUE = 3;
export const CONSUME_CHANNEL = 4;
export const CONSUME_CONSUMER = 5;
export const CONSUME_FLAGS = 6;
export const CONSUME_PREFETCH = 7;
export const CONSUME_PRIORITY = 8;
export const CONSUME_TIMEOUT = 9;
export const CONSUME_TAG_BYTES = 10;
export const CONSUME_TAG = 12;
export const NO_TIMEOUT = -1;
export const CONSUME_NO_ACK_FLAG = 1;
export const CONSUME_EXCLUSIVE_FLAG = 2;

/** Bytes as the words of a record, such as a consumer tag of CONSUME. */
export function wordsOfBytes(bytes: Uint8Array): number[] {
  const padded = new Uint8Array(alignTo8(bytes.length));
  padded.set(bytes);
  return [...new Int32Array(padded.buffer)];
}

export function consumeRecordBytes(tagBytes: number): number {
  return CONSUME_TAG * 4 + alignTo8(tagBytes);
}

// CANCEL: request channel consumer
export const CANCEL_REQUEST = 2;
export const CANCEL_CHANNEL = 3;
export const CANCEL_CONSUMER = 4;
export const CANCEL_BYTES = 24;

// GET: request queue channel noAck
export const GET_REQUEST = 2;
export const GET_QUEUE = 3;
export const GET_CHANNEL = 4;
export const GET_NO_ACK = 5;
export const GET_BYTES = 24;

// STAT, PURGE, DELETE: request queue flags
export const QUEUE_OP_REQUEST = 2;
export const QUEUE_OP_QUEUE = 3;
export const QUEUE_OP_FLAGS = 4;
export const QUEUE_OP_BYTES = 24;
export const DELETE_IF_UNUSED_FLAG = 1;
export const DELETE_IF_EMPTY_FLAG = 2;

// COPY: request queue addressBytes, then the destination: the name of a queue as a short string; of
// an exchange, with an empty short string behind it. What is ready in the queue is sent there too.
export const COPY_REQUEST = 2;
export const COPY_QUEUE = 3;
export const COPY_ADDRESS_BYTES = 4;
export const COPY_ADDRESS = 6;

export function copyRecordBytes(addressBytes: number): number {
  return COPY_ADDRESS * 4 + alignTo8(addressBytes);
}

// CHANNEL_OPEN: channel connection prefetch number frameMax (prefetch: unacked deliveries allowed
// on the channel here, -1 = any number; number: the client's; frameMax: largest frame it takes)
export const CHANNEL_OPEN_CHANNEL = 2;
export const CHANNEL_OPEN_CONNECTION = 3;
export const CHANNEL_OPEN_PREFETCH = 4;
export const CHANNEL_OPEN_NUMBER = 5;
export const CHANNEL_OPEN_FRAME_MAX = 6;
export const CHANNEL_OPEN_BYTES = 32;

// CHANNEL_CLOSE: request channel
export const CHANNEL_CLOSE_REQUEST = 2;
export const CHANNEL_CLOSE_CHANNEL = 3;
export const CHANNEL_CLOSE_BYTES = 16;

// CHANNEL_QOS: channel prefetch
export const CHANNEL_QOS_CHANNEL = 2;
export const CHANNEL_QOS_PREFETCH = 3;
export const CHANNEL_QOS_BYTES = 16;

// CONNECTION_CLOSE: connection
export const CONNECTION_CLOSE_CONNECTION = 2;
export const CONNECTION_CLOSE_BYTES = 16;

// ACK: channel firstNumber count outcome
export const ACK_CHANNEL = 2;
export const ACK_FIRST = 3;
export const ACK_COUNT = 4;
export const ACK_OUTCOME = 5;
export const ACK_BYTES = 24;
export const OUTCOME_ACK = 0;
/** basic.reject or basic.nack with requeue=false. */
export const OUTCOME_REJECT = 1;
export const OUTCOME_REQUEUE = 2;
/** Goes back to its place as if it had never left: it was never shown to the client. */
export const OUTCOME_UNDELIVERED = 3;

// CREDIT: connection bytes (delivered bytes that have left for the kernel)
export const CREDIT_CONNECTION = 2;
export const CREDIT_BYTES_FREED = 3;
export const CREDIT_BYTES = 16;

// RELEASE: message (the delivering acceptor no longer reads the slab for this delivery)
export const RELEASE_MESSAGE = 2;
export const RELEASE_BYTES = 16;

// FORWARDED: number outcome (what has become of a FORWARD)
export const FORWARDED_NUMBER = 2;
export const FORWARDED_OUTCOME = 3;
export const FORWARDED_BYTES = 16;
/** All its targets have it, or nobody is to get it. */
export const FORWARDED_DONE = 0;
/** It has no target now, or one refused it; with at-least-once it is offered again. */
export const FORWARDED_FAILED = 1;
/** The acceptor has no memory for it now. */
export const FORWARDED_LATER = 2;
/** Not of one message: the topology has changed since one failed. */
export const FORWARDED_AGAIN = 3;

// Records a shard sends to an acceptor. Word indexes are relative to the record's start; words 0
// and 1 are the ring's header (bytes, kind).
//
//   FRAMES:  bytes kind consumer firstNumber count framesBytes, then 8-aligned: `count` deliveries
//            as they go to the client, but for their delivery tags
//            (src/protocol/deliver-frames.ts)
//   DELIVER: bytes kind consumer number flags exrkBytes propsBytes bodyBytes slabOwner slabPage
//            message remaining, then 8-aligned: exrk
//
// FRAMES carries messages whose data are inline, as many as come one behind the other for one
// consumer; DELIVER carries one whose props and body lie in a slab. GOT answers basic.get with the
// layout of DELIVER, its data inline (exrk, props, body) or not; `consumer` then holds the request.
import { alignTo8 } from '../../src/base/round.ts';

export const DELIVER = 1;
export const GOT = 2;
export const REPLY = 3;
export const CONSUMER_GONE = 4;
export const PACE = 5;
export const SLAB_FREE = 6;
export const FRAMES = 7;
export const ACK_TIMEOUT = 8;

export const FRAMES_CONSUMER = 2;
/** What acks name: this for the first delivery, then counting up; -1 when they need none. */
export const FRAMES_FIRST_NUMBER = 3;
export const FRAMES_COUNT = 4;
export const FRAMES_BYTES = 5;
export const FRAMES_DATA = 6;

export function framesRecordBytes(framesBytes: number): number {
  return FRAMES_DATA * 4 + alignTo8(framesBytes);
}

export const DELIVER_CONSUMER = 2;
/** What the client's ack will name; -1 when the delivery needs none. */
export const DELIVER_NUMBER = 3;
export const DELIVER_FLAGS = 4;
export const DELIVER_EXRK_BYTES = 5;
export const DELIVER_PROPS_BYTES = 6;
export const DELIVER_BODY_BYTES = 7;
/** The acceptor in whose slab props and body lie; RELEASE names `message` when they were sent. */
export const DELIVER_SLAB_OWNER = 8;
export const DELIVER_SLAB_PAGE = 9;
export const DELIVER_MESSAGE = 10;
/** Messages still ready behind this one (basic.get-ok's message-count). */
export const DELIVER_REMAINING = 11;
export const DELIVER_DATA = 12;

export const GOT_REQUEST = DELIVER_CONSUMER;

export function deliverRecordBytes(dataBytes: number): number {
  return DELIVER_DATA * 4 + alignTo8(dataBytes);
}

/**
 * What a DELIVER or GOT counts against its connection's window: its bytes and the framing around
 * them. FRAMES counts its frames.
 */
export function deliveryCostBytes(
  exrkBytes: number,
  propsBytes: number,
  bodyBytes: number,
): number {
  return exrkBytes + propsBytes + bodyBytes + DELIVERY_FRAMING_BYTES;
}

const DELIVERY_FRAMING_BYTES = 64;

// REPLY: request status a b
export const REPLY_REQUEST = 2;
export const REPLY_STATUS = 3;
export const REPLY_A = 4;
export const REPLY_B = 5;
export const REPLY_BYTES = 24;

export const STATUS_OK = 0;
/** The shard does not know the queue (any more). */
export const STATUS_NO_QUEUE = 1;
export const STATUS_EMPTY = 2;
export const STATUS_EXCLUSIVE_CONSUMER = 3;
export const STATUS_IN_USE = 4;
export const STATUS_NOT_EMPTY = 5;

// CONSUMER_GONE: consumer (its queue was deleted; the client is told by basic.cancel)
export const CONSUMER_GONE_CONSUMER = 2;
export const CONSUMER_GONE_BYTES = 16;

// ACK_TIMEOUT: channel consumer millis (a delivery on the channel has not been acked in so many).
// consumer: the one that got it, if the shard has ended it for that (quorum queues) and put back
// what was overdue; else -1, and the channel is to be closed.
export const ACK_TIMEOUT_CHANNEL = 2;
export const ACK_TIMEOUT_CONSUMER = 3;
export const ACK_TIMEOUT_MILLIS = 4;
export const ACK_TIMEOUT_BYTES = 24;
export const NO_CONSUMER = -1;

// PACE: queue publishesPerSecond (0 = as fast as they come, PACE_CLOSED = none at all)
export const PACE_QUEUE = 2;
export const PACE_RATE = 3;
export const PACE_CLOSED = -1;
export const PACE_BYTES = 16;

// SLAB_FREE: page (the shard holds no more references to the body that starts there)
export const SLAB_FREE_PAGE = 2;
export const SLAB_FREE_BYTES = 16;

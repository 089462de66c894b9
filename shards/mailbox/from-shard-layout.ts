// Records a shard sends to an acceptor. Word indexes are relative to the record's start; words 0
// and 1 are the ring's header (bytes, kind).
//
//   FRAMES:  bytes kind consumer firstNumber count framesBytes, then 8-aligned: `count` deliveries
//            as they go to the client, but for their delivery tags
//            (src/protocol/deliver-frames.ts)
//   DELIVER: bytes kind consumer number flags exrkBytes propsBytes bodyBytes slabOwner slabPage
//            message remaining slabSkip, then 8-aligned: exrk, with OWN_PROPS_FLAG also props
//
// FRAMES carries messages whose data are inline, as many as come one behind the other for one
// consumer; DELIVER carries one whose props and body lie in a slab (or the body alone). GOT answers
// basic.get with the
// layout of DELIVER, its data inline (exrk, props, body) or not; `consumer` then holds the request.
import { alignTo8 } from '../../src/base/round.ts';

export const DELIVER = 1;
export const GOT = 2;
export const REPLY = 3;
export const CONSUMER_GONE = 4;
export const PACE = 5;
export const SLAB_FREE = 6;
export const FRAMES = 7;
export const FORWARD = 8;
export const REFUSED = 9;
export const ACK_TIMEOUT = 10;

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
/** Where in the slab the data begin, as in PUBLISH. */
export const DELIVER_SLAB_SKIP = 12;
export const DELIVER_DATA = 14;

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

// FORWARD: number reason flags exrkBytes propsBytes bodyBytes slabOwner slabPage slabSkip
// addressBytes, then 8-aligned the data as in DELIVER (exrk, props and body unless they lie in a
// slab), and behind them the address: four short strings, virtual host, queue, exchange, routing
// key; the last is left out when the message keeps its own keys. The acceptor answers FORWARDED.
export const FORWARD_NUMBER = 2;
export const FORWARD_REASON = 3;
export const FORWARD_FLAGS = 4;
export const FORWARD_EXRK_BYTES = 5;
export const FORWARD_PROPS_BYTES = 6;
export const FORWARD_BODY_BYTES = 7;
export const FORWARD_SLAB_OWNER = 8;
export const FORWARD_SLAB_PAGE = 9;
export const FORWARD_SLAB_SKIP = 10;
export const FORWARD_ADDRESS_BYTES = 11;
export const FORWARD_DATA = 12;

export function forwardRecordBytes(dataBytes: number, addressBytes: number): number {
  return FORWARD_DATA * 4 + alignTo8(dataBytes + addressBytes);
}

/** Why a queue is rid of a message (rabbitmq.com/docs/dlx). */
export type DeathReason = 'rejected' | 'expired' | 'maxlen' | 'delivery_limit';

/**
 * Why a message goes on, the index being what travels: it is dead here, it has been delayed for
 * long enough, or it is a copy for who asked for what was published before.
 */
export const FORWARD_REASONS = [
  'rejected',
  'expired',
  'maxlen',
  'delivery_limit',
  'delayed',
  'history',
] as const satisfies readonly (DeathReason | 'delayed' | 'history')[];
export type ForwardReason = (typeof FORWARD_REASONS)[number];

// REFUSED: lane sequence (this PUBLISH of the lane, counted as the confirm counter does, was not
// taken by a queue that is full; visible before the counter passes it)
export const REFUSED_LANE = 2;
export const REFUSED_SEQUENCE = 3;
export const REFUSED_BYTES = 16;

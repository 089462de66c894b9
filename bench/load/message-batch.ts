// Ready-made publishes: one buffer of identical messages that is written again and again, or, when
// bodies must differ (latency, verification), fresh copies with a stamp in each body. Generator's
// process; `stamped` runs per slice, `plain` costs nothing per message.
// Invariants: a buffer given to the socket is never changed afterwards; a message too large to be
// one of several is never copied: only its start is made anew, the rest (`tail`) is shared by all.
//
//   body: | intended send time f64 LE, milliseconds | publisher u32 LE | sequence u32 LE | xxx
//         0                                         8                  12                16
import type { PublishFrames } from './frames.ts';

export const STAMP_TIME = 0;
export const STAMP_PUBLISHER = 8;
export const STAMP_SEQUENCE = 12;
export const STAMP_TIME_BYTES = 8;
export const STAMP_BYTES = 16;

/** What is written at once, unless one message is larger. */
export const BATCH_BYTES = 128 * 1024;

export class MessageBatch {
  readonly messageBytes: number;
  /** How many messages one buffer holds; at least one, however large. */
  readonly messagesMax: number;
  /** What follows on a stamped large message; undefined when stamped messages come whole. */
  readonly tail: Buffer | undefined;
  readonly #message: PublishFrames;
  readonly #bodyBytes: number;
  readonly #buffer: Buffer;

  constructor(message: PublishFrames, bodyBytes: number) {
    this.#message = message;
    this.#bodyBytes = bodyBytes;
    this.messageBytes = message.bytes.length;
    this.messagesMax = Math.max(1, Math.floor(BATCH_BYTES / this.messageBytes));
    const large = this.messagesMax === 1 && bodyBytes > STAMP_BYTES;
    this.#buffer = large ? message.bytes : repeat(message.bytes, this.messagesMax);
    this.tail = large ? message.bytes.subarray(message.bodyStart + STAMP_BYTES) : undefined;
  }

  /** `count` identical messages, at most `messagesMax`. */
  plain(count: number): Buffer {
    if (count === this.messagesMax) return this.#buffer;
    return this.#buffer.subarray(0, count * this.messageBytes);
  }

  /**
   * `count` messages intended for `millis`, numbered from `firstSequence`, by `publisher`; of a
   * large one only what comes before the tail.
   */
  stamped(count: number, millis: number, publisher: number, firstSequence: number): Buffer {
    const tailBytes = this.tail?.length ?? 0;
    const buffer = Buffer.allocUnsafeSlow(count * (this.messageBytes - tailBytes));
    this.#buffer.copy(buffer, 0, 0, buffer.length);
    const view = new DataView(buffer.buffer);
    const numbered = this.#bodyBytes >= STAMP_BYTES;
    let at = this.#message.bodyStart;
    for (let index = 0; index < count; index += 1) {
      view.setFloat64(at + STAMP_TIME, millis, true);
      if (numbered) {
        view.setUint32(at + STAMP_PUBLISHER, publisher, true);
        view.setUint32(at + STAMP_SEQUENCE, firstSequence + index, true);
      }
      at += this.messageBytes;
    }
    return buffer;
  }
}

function repeat(message: Buffer, count: number): Buffer {
  const buffer = Buffer.allocUnsafeSlow(message.length * count);
  for (let index = 0; index < count; index += 1) message.copy(buffer, index * message.length);
  return buffer;
}

// The FRAMES record at the end of a delivery ring: deliveries that follow each other for one
// consumer share it. Shard thread, hot path.
//
// It is open from its first delivery until anything else is written to the ring or the ring is
// published; until then it grows in place.
import {
  FRAMES,
  FRAMES_BYTES,
  FRAMES_CONSUMER,
  FRAMES_COUNT,
  FRAMES_DATA,
  FRAMES_FIRST_NUMBER,
  framesRecordBytes,
} from './mailbox/from-shard-layout.ts';
import type { FrameTarget } from '../src/protocol/content-frames.ts';
import type { RingProducer } from './ring/ring-producer.ts';

/** A record is not lengthened beyond this: the acceptor works in pieces that stay in its cache. */
const GROWN_BYTES_MAX = 32 * 1024;
const NOT_OPEN = -1;

export class FramesRecord {
  /** The ring's memory, for writing frames. */
  readonly target: FrameTarget;
  private readonly ring: RingProducer;
  private readonly grownBytesMax: number;
  /** The consumer it is for, NOT_OPEN when there is none. */
  private consumer: number;
  private at: number;
  private recordBytes: number;
  private framesBytes: number;
  private count: number;
  private nextNumber: number;

  constructor(ring: RingProducer) {
    this.target = { bytes: ring.bytes, view: new DataView(ring.words.buffer) };
    this.ring = ring;
    this.grownBytesMax = Math.min(GROWN_BYTES_MAX, ring.recordBytesMax);
    this.consumer = NOT_OPEN;
    this.at = 0;
    this.recordBytes = 0;
    this.framesBytes = 0;
    this.count = 0;
    this.nextNumber = 0;
  }

  /** The byte offset in the ring for one more delivery, or -1 when the ring has no room now. */
  claim(consumer: number, number: number, framesBytes: number, reserveBytes: number): number {
    if (consumer === this.consumer && number === this.nextNumber) {
      const at = this.grow(framesBytes, reserveBytes);
      if (at >= 0) return at;
    }
    const recordBytes = framesRecordBytes(framesBytes);
    const at = this.ring.claim(recordBytes, reserveBytes);
    if (at < 0) return -1;
    const { words } = this.ring;
    words[at] = recordBytes;
    words[at + 1] = FRAMES;
    words[at + FRAMES_CONSUMER] = consumer;
    words[at + FRAMES_FIRST_NUMBER] = number;
    words[at + FRAMES_COUNT] = 1;
    words[at + FRAMES_BYTES] = framesBytes;
    this.consumer = consumer;
    this.at = at;
    this.recordBytes = recordBytes;
    this.framesBytes = framesBytes;
    this.count = 1;
    this.nextNumber = following(number);
    return (at + FRAMES_DATA) * 4;
  }

  /** Nothing joins the record any more. */
  end(): void {
    this.consumer = NOT_OPEN;
  }

  private grow(framesBytes: number, reserveBytes: number): number {
    const grownBytes = this.framesBytes + framesBytes;
    const recordBytes = framesRecordBytes(grownBytes);
    if (recordBytes > this.grownBytesMax) return -1;
    if (!this.ring.extend(this.at, this.recordBytes, recordBytes, reserveBytes)) return -1;
    const { words } = this.ring;
    const at = this.at;
    const to = (at + FRAMES_DATA) * 4 + this.framesBytes;
    this.count += 1;
    words[at] = recordBytes;
    words[at + FRAMES_COUNT] = this.count;
    words[at + FRAMES_BYTES] = grownBytes;
    this.recordBytes = recordBytes;
    this.framesBytes = grownBytes;
    this.nextNumber = following(this.nextNumber);
    return to;
  }
}

/** Deliveries without acks are all -1; numbers are free-running 32 bits. */
function following(number: number): number {
  return number === -1 ? -1 : (number + 1) | 0;
}

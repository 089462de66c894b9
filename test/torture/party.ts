// Torture: one of two threads. It writes random records to one ring and checks what it reads from the
// other, in random batches, with random naps, on the same loop and doorbells as the broker's threads.
// Records: [bytes, kind, sequence, checksum, words made from the sequence ...].
import { parentPort, workerData } from 'node:worker_threads';
import { DoorbellOwner, DoorbellRinger } from '../../shards/ring/doorbell.ts';
import { RingConsumer } from '../../shards/ring/ring-consumer.ts';
import { RECORD_HEADER_BYTES } from '../../shards/ring/ring-layout.ts';
import { RingProducer } from '../../shards/ring/ring-producer.ts';
import { ThreadLoop, type ThreadWork } from '../../shards/ring/thread-loop.ts';
import { Random } from '../fuzz/session-bytes.ts';

export interface PartyData {
  readonly seed: number;
  readonly out: SharedArrayBuffer;
  readonly in: SharedArrayBuffer;
  readonly ownDoorbell: SharedArrayBuffer;
  readonly otherDoorbell: SharedArrayBuffer;
  readonly spinMicros: number;
  /** Word 0: stop writing. Words 1 and 2: records written and read by party 0, 3 and 4: by party 1. */
  readonly shared: SharedArrayBuffer;
  readonly party: number;
}

const SEQUENCE_WORD = 2;
const CHECKSUM_WORD = 3;
const DATA_WORD = 4;

class Party implements ThreadWork {
  private readonly random: Random;
  private readonly producer: RingProducer;
  private readonly consumer: RingConsumer;
  private readonly ringer: DoorbellRinger;
  private readonly shared: Int32Array;
  private readonly counters: number;
  private written = 0;
  private read = 0;
  /** Set by the caller: takes a turn after a nap. */
  wakeAfter: (millis: number) => void = () => {};

  constructor(data: PartyData) {
    this.random = new Random(data.seed);
    this.producer = new RingProducer(data.out);
    this.consumer = new RingConsumer(data.in);
    this.ringer = new DoorbellRinger(data.otherDoorbell);
    this.shared = new Int32Array(data.shared);
    this.counters = 1 + data.party * 2;
  }

  turn(): boolean {
    const { random } = this;
    this.readSome(1 + random.below(random.pick([2, 30, 1000])));
    const isFull = !this.writeSome(random.below(random.pick([2, 30, 1000])));
    if (this.producer.publish()) this.ringer.ring();
    Atomics.store(this.shared, this.counters, this.written);
    Atomics.store(this.shared, this.counters + 1, this.read);
    // Long enough for the other thread to fall asleep, with everything it waits for in our hands.
    if (random.below(4000) === 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2);
    if (this.consumer.hasMore) return true;
    if (isFull) return this.producer.wantSpace(this.producer.recordBytesMax * 2);
    if (Atomics.load(this.shared, 0) === 1) return false;
    // Nothing to do for a while, so that sleep and wake-ups happen as often as work.
    if (random.below(3) > 0) return true;
    this.wakeAfter(random.below(3));
    return false;
  }

  hasInput(): boolean {
    return this.consumer.refresh();
  }

  private readSome(count: number): void {
    const { consumer } = this;
    consumer.refresh();
    for (let i = 0; i < count; i += 1) {
      const at = consumer.next();
      if (at < 0) break;
      this.check(at);
      this.read += 1;
      if (this.random.below(200) === 0 && consumer.release()) this.ringer.ring();
    }
    if (consumer.release()) this.ringer.ring();
  }

  private check(at: number): void {
    const { words } = this.consumer;
    const end = at + words[at] / 4;
    const sequence = words[at + SEQUENCE_WORD];
    let sum = sequence;
    for (let i = at + DATA_WORD; i < end; i += 1) sum = (Math.imul(sum, 31) + words[i]) | 0;
    if (sequence !== (this.read | 0) || sum !== words[at + CHECKSUM_WORD]) {
      throw new Error(`record ${this.read} arrived as ${sequence} with checksum ${sum}`);
    }
  }

  /** False when the ring was full. */
  private writeSome(count: number): boolean {
    if (Atomics.load(this.shared, 0) === 1) return true;
    const { producer, random } = this;
    const { words } = producer;
    for (let i = 0; i < count; i += 1) {
      const most = (producer.recordBytesMax - RECORD_HEADER_BYTES) / 8;
      const bytes = RECORD_HEADER_BYTES + 8 + 8 * random.below(random.pick([2, 20, most]));
      const at = producer.claim(bytes, 0);
      if (at < 0) return false;
      let sum = this.written | 0;
      words[at] = bytes;
      words[at + 1] = 1;
      words[at + SEQUENCE_WORD] = this.written;
      for (let word = at + DATA_WORD; word < at + bytes / 4; word += 1) {
        words[word] = Math.imul(this.written + word, 0x9e3779b1);
        sum = (Math.imul(sum, 31) + words[word]) | 0;
      }
      words[at + CHECKSUM_WORD] = sum;
      this.written += 1;
    }
    return true;
  }
}

const data = workerData as PartyData;
const party = new Party(data);
const loop = new ThreadLoop(party, new DoorbellOwner(data.ownDoorbell), data.spinMicros);
party.wakeAfter = (millis) => void setTimeout(() => loop.schedule(), millis);
// The port keeps the thread alive while it sleeps.
parentPort!.on('message', () => loop.schedule());
loop.schedule();

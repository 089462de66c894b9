// Deliveries that the prefetch of a whole channel (basic.qos with global=true) holds back. Acceptor
// thread. One shard keeps to the limit by itself; with consumers on several shards each of them may
// send up to the limit, and what is too much waits here until acks make room. Bounded by the limit
// times the number of shards.
import { RECORD_BYTES_WORD } from '../../shards/ring/ring-layout.ts';
import type { ClientConsumer } from './client-consumer.ts';
import type { RecordSource } from './content-replies.ts';

interface HeldDelivery {
  readonly consumer: ClientConsumer;
  /** A copy of the DELIVER record, from word 0 on. */
  readonly record: RecordSource;
}

export class HeldDeliveries {
  private readonly entries: HeldDelivery[];

  constructor() {
    this.entries = [];
  }

  get isEmpty(): boolean {
    return this.entries.length === 0;
  }

  add(consumer: ClientConsumer, source: RecordSource, at: number): void {
    const words = source.words.slice(at, at + (source.words[at + RECORD_BYTES_WORD] >> 2));
    const bytes = Buffer.from(words.buffer);
    this.entries.push({ consumer, record: { words, bytes } });
  }

  /** The oldest one, which must exist. */
  take(): HeldDelivery {
    return this.entries.shift()!;
  }
}

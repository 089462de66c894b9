// A whole shard in one thread: PUBLISH records in, one turn, FRAMES records out, to one consumer
// without acks or with them. One operation is one message.
import { allocateConfirmCounter } from '../../shards/mailbox/confirm-counter.ts';
import { FRAMES, FRAMES_BYTES, FRAMES_COUNT } from '../../shards/mailbox/from-shard-layout.ts';
import * as layout from '../../shards/mailbox/to-shard-layout.ts';
import { allocateDoorbell } from '../../shards/ring/doorbell.ts';
import { RingConsumer } from '../../shards/ring/ring-consumer.ts';
import { allocateRing } from '../../shards/ring/ring-layout.ts';
import { RingProducer } from '../../shards/ring/ring-producer.ts';
import { Shard } from '../../shards/shard.ts';
import { ShardState } from '../../shards/shard-state.ts';
import { type BenchOptions, type BenchRow, measure } from './bench-row.ts';

const RING_BYTES = 1024 * 1024;
const MESSAGES = 200;
const QUEUE = 1;
const CHANNEL = 1;
const EXRK_BYTES = 18;
const PROPS_BYTES = 3;
const TAG = Buffer.from('\u0005ctag1');

export async function run(options: BenchOptions): Promise<BenchRow[]> {
  const rows: BenchRow[] = [];
  for (const bodyBytes of [16, 1024]) {
    for (const noAck of [true, false]) rows.push(await turns(bodyBytes, noAck, options));
  }
  return rows;
}

function turns(bodyBytes: number, noAck: boolean, options: BenchOptions): Promise<BenchRow> {
  const shard = new BenchShard();
  shard.consume(noAck);
  let acked = 0;
  const name = `shard turn, ${bodyBytes} B body, ${noAck ? 'no acks' : 'acked in runs'}`;
  return measure(name, MESSAGES, options, () => {
    for (let i = 0; i < MESSAGES; i += 1) shard.publish(bodyBytes);
    shard.turn();
    const delivered = shard.drain();
    if (delivered !== MESSAGES) throw new Error(`${delivered} of ${MESSAGES} were delivered`);
    if (!noAck)
      shard.write(shard.acks, layout.ACK, layout.ACK_BYTES, [CHANNEL, acked + 1, MESSAGES, 0]);
    shard.write(shard.acks, layout.CREDIT, layout.CREDIT_BYTES, [1, shard.costBytes]);
    acked = (acked + MESSAGES) | 0;
    shard.costBytes = 0;
  });
}

class BenchShard {
  readonly acks: RingProducer;
  costBytes = 0;
  private readonly work: RingProducer;
  private readonly deliveries: RingConsumer;
  private readonly shard: Shard;

  constructor() {
    const mailbox = {
      workRing: allocateRing(RING_BYTES),
      ackRing: allocateRing(RING_BYTES),
      deliveryRing: allocateRing(RING_BYTES),
      confirmCounter: allocateConfirmCounter(),
    };
    this.work = new RingProducer(mailbox.workRing);
    this.acks = new RingProducer(mailbox.ackRing);
    this.deliveries = new RingConsumer(mailbox.deliveryRing);
    const settings = {
      shard: 0,
      connectionWindowBytes: RING_BYTES,
      consumerWindowBytes: RING_BYTES,
      consumerTimeoutMillis: 0,
      flowBacklogMessages: 1_000_000,
      flowPublishRateFloor: 1,
      queueBudgetBytes: 0,
      vhostBudgetBytes: 0,
      spinMicros: 0,
    };
    const boot = {
      settings,
      doorbell: allocateDoorbell(),
      mailboxes: [mailbox],
      acceptorDoorbells: [allocateDoorbell()],
    };
    const state = new ShardState(boot, () => {});
    const flags = { durable: true, autoDelete: false, exclusiveOwner: 0, arguments: {} };
    const queue = { id: QUEUE, shard: 0, name: 'q', ...flags };
    state.apply([{ kind: 'queue-declared', vhost: '/', queue }]);
    this.shard = new Shard(state);
  }

  consume(noAck: boolean): void {
    const flags = noAck ? layout.CONSUME_NO_ACK_FLAG : 0;
    this.write(this.work, layout.CHANNEL_OPEN, layout.CHANNEL_OPEN_BYTES, [
      CHANNEL,
      1,
      -1,
      CHANNEL,
      131_072,
    ]);
    const words = [1, QUEUE, CHANNEL, 1, flags, 0, 0, 0, TAG.length, 0];
    words.push(...layout.wordsOfBytes(TAG));
    this.write(this.work, layout.CONSUME, layout.consumeRecordBytes(TAG.length), words);
    this.turn();
    this.drain();
    this.costBytes = 0;
  }

  write(ring: RingProducer, kind: number, bytes: number, words: readonly number[]): void {
    const at = ring.claim(bytes, 0);
    ring.words.set([bytes, kind, ...words], at);
  }

  publish(bodyBytes: number): void {
    const bytes = layout.publishRecordBytes(1, EXRK_BYTES + PROPS_BYTES + bodyBytes);
    const at = this.work.claim(bytes, 0);
    const { words } = this.work;
    words[at] = bytes;
    words[at + 1] = layout.PUBLISH;
    words[at + layout.PUBLISH_FLAGS] = 0;
    words[at + layout.PUBLISH_EXRK_BYTES] = EXRK_BYTES;
    words[at + layout.PUBLISH_PROPS_BYTES] = PROPS_BYTES;
    words[at + layout.PUBLISH_BODY_BYTES] = bodyBytes;
    words[at + layout.PUBLISH_SLAB_PAGE] = -1;
    words[at + layout.PUBLISH_TARGET_COUNT] = 1;
    words[at + layout.PUBLISH_TARGETS] = QUEUE;
  }

  turn(): void {
    this.acks.publish();
    this.work.publish();
    while (this.shard.turn());
  }

  /** Reads everything the shard has sent; returns how many deliveries. */
  drain(): number {
    let count = 0;
    this.deliveries.refresh();
    const { words } = this.deliveries;
    for (let at = this.deliveries.next(); at >= 0; at = this.deliveries.next()) {
      if (words[at + 1] !== FRAMES) continue;
      count += words[at + FRAMES_COUNT];
      this.costBytes += words[at + FRAMES_BYTES];
    }
    this.deliveries.release();
    return count;
  }
}

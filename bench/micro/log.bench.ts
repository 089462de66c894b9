// What the log costs the shard thread per durable message: noting it, sealing it into a batch, its
// row and its ack; the log itself says at once that everything is on the disk. Beside it the price
// of a message that is acked before its batch is sealed, and is never written.
import { RunList } from '../../shards/queue/run-list.ts';
import { Forwards } from '../../shards/deadletter/forwards.ts';
import { Deadlines } from '../../shards/time/deadlines.ts';
import { Queue } from '../../shards/queue/queue.ts';
import { VhostMemory } from '../../shards/queue/vhost-memory.ts';
import { ShardLog } from '../../shards/log/shard-log.ts';
import { LANE_SYNCED } from '../../shards/mailbox/confirm-counter.ts';
import { PERSISTENT_FLAG } from '../../shards/mailbox/to-shard-layout.ts';
import { MemoryStore } from '../../shards/store/memory-store.ts';
import { IncomingMessage } from '../../shards/store/message-store.ts';
import { Residency } from '../../shards/store/residency.ts';
import type { Log, LogBatch } from '../../src/log/log.ts';
import { type BenchOptions, type BenchRow, measure } from './bench-row.ts';

const MESSAGES = 256;
const BODY_SIZES = [16, 1024];
const SEGMENT_BYTES = 32 * 1024 * 1024;

export async function run(options: BenchOptions): Promise<BenchRow[]> {
  const rows: BenchRow[] = [];
  for (const bodyBytes of BODY_SIZES) {
    const written = new Subject(bodyBytes);
    rows.push(
      await measure(`log: publish, seal, ack, ${bodyBytes} B body`, MESSAGES, options, () => {
        for (let i = 0; i < MESSAGES; i += 1) written.publish();
        written.flush();
        for (let i = 0; i < MESSAGES; i += 1) written.ack();
        written.flush();
      }),
    );
  }
  const elided = new Subject(BODY_SIZES[0]);
  rows.push(
    await measure('log: publish and ack, never written', MESSAGES, options, () => {
      for (let i = 0; i < MESSAGES; i += 1) elided.publish();
      for (let i = 0; i < MESSAGES; i += 1) elided.ack();
      elided.flush();
    }),
  );
  return rows;
}

/** A queue with a log that is always done at once. */
class Subject {
  private readonly store = new MemoryStore(() => {});
  private readonly message = new IncomingMessage();
  private readonly shardLog: ShardLog;
  private readonly queue: Queue;

  constructor(bodyBytes: number) {
    const { store, message } = this;
    message.source = Buffer.from(new SharedArrayBuffer(bodyBytes + 64));
    message.flags = PERSISTENT_FLAG;
    message.exrkBytes = 18;
    message.propsBytes = 3;
    message.bodyBytes = bodyBytes;
    const log = {
      inventory: () => ({ segmentBytes: SEGMENT_BYTES }),
      submit: (batch: LogBatch) => this.shardLog.progressed(batch.number, batch.number),
    } as unknown as Log;
    const port = { confirms: { add: () => {} } };
    this.shardLog = new ShardLog({
      log,
      store,
      ports: [port as never],
      slabs: [],
      schedule: () => {},
    });
    this.shardLog.position = SEGMENT_BYTES;
    const spec = {
      id: 1,
      shard: 0,
      name: 'q',
      durable: true,
      autoDelete: false,
      exclusiveOwner: 0,
      arguments: {},
    };
    const residency = new Residency(store, Number.POSITIVE_INFINITY);
    const runList = new RunList();
    const deadlines = new Deadlines();
    const surroundings = {
      store,
      runList,
      residency,
      log: this.shardLog,
      readAhead: undefined,
      slabs: [],
      deadlines,
      forwards: new Forwards(store, [], deadlines),
      expireQueue: (): void => {},
    };
    const memory = new VhostMemory('/', Number.POSITIVE_INFINITY);
    this.queue = new Queue(spec, '/', LANE_SYNCED, surroundings, memory);
  }

  publish(): void {
    this.shardLog.begin(0, LANE_SYNCED);
    this.queue.publish(this.store.add(this.message, 1), true);
  }

  ack(): void {
    const { ready } = this.queue;
    ready.take();
    // What a delivery does: it goes from ready to unacked.
    this.queue.readyBytes -= this.store.dataBytes(ready.handle);
    this.queue.unackedCount += 1;
    this.queue.drop(ready.handle, ready.position);
  }

  flush(): void {
    this.shardLog.flush();
  }
}

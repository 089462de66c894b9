// Records through a ring: 64 bytes each, published per batch. First by one thread, which shows what
// the code costs; then between two, which shows what the caches cost. One operation is one record.
import { Worker } from 'node:worker_threads';
import { RingConsumer } from '../../shards/ring/ring-consumer.ts';
import { allocateRing } from '../../shards/ring/ring-layout.ts';
import { RingProducer } from '../../shards/ring/ring-producer.ts';
import { type BenchOptions, type BenchRow, measure, rowOf } from './bench-row.ts';

const RING_BYTES = 1024 * 1024;
const RECORD_BYTES = 64;
const BATCH_RECORDS = 64;
const TWO_THREAD_RECORDS = 20_000_000;
const TWO_THREAD_RECORDS_QUICK = 50_000;

export async function run(options: BenchOptions): Promise<BenchRow[]> {
  return [await oneThread(options), await twoThreads(options)];
}

function writeBatch(producer: RingProducer): number {
  const { words } = producer;
  let count = 0;
  for (; count < BATCH_RECORDS; count += 1) {
    const at = producer.claim(RECORD_BYTES, 0);
    if (at < 0) break;
    words[at] = RECORD_BYTES;
    words[at + 1] = 1;
    words[at + 2] = count;
  }
  producer.publish();
  return count;
}

function oneThread(options: BenchOptions): Promise<BenchRow> {
  const ring = allocateRing(RING_BYTES);
  const producer = new RingProducer(ring);
  const consumer = new RingConsumer(ring);
  let sum = 0;
  return measure('ring, one thread', BATCH_RECORDS, options, () => {
    writeBatch(producer);
    consumer.refresh();
    for (let at = consumer.next(); at >= 0; at = consumer.next()) sum += consumer.words[at + 2];
    consumer.release();
  });
}

/** A thread that reads everything, while this one writes. */
async function twoThreads({ quick }: BenchOptions): Promise<BenchRow> {
  const ring = allocateRing(RING_BYTES);
  const records = quick ? TWO_THREAD_RECORDS_QUICK : TWO_THREAD_RECORDS;
  const producer = new RingProducer(ring);
  const reader = new Worker(new URL('ring-reader.ts', import.meta.url), {
    workerData: { ring, records },
  });
  await new Promise((resolve) => reader.once('message', resolve));
  const done = new Promise((resolve, reject) => {
    reader.once('message', resolve);
    reader.once('error', reject);
  });
  const start = performance.now();
  for (let written = 0; written < records; ) written += writeBatch(producer);
  await done;
  const millis = performance.now() - start;
  return rowOf('ring, two threads', (millis * 1e6) / records);
}

// The reading thread of ring.bench.ts: reads a number of records as fast as it can, and says so.
import { parentPort, workerData } from 'node:worker_threads';
import { RingConsumer } from '../../shards/ring/ring-consumer.ts';

const { ring, records } = workerData as { ring: SharedArrayBuffer; records: number };
const consumer = new RingConsumer(ring);
parentPort!.postMessage('started');
for (let read = 0; read < records; ) {
  consumer.refresh();
  while (consumer.next() >= 0) read += 1;
  consumer.release();
}
parentPort!.postMessage('done');

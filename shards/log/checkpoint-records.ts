// A checkpoint as records: which messages of which queues are alive (docs/log-format.md, kinds
// CHECKPOINT and QUEUE). Shard thread, cold. It names positions, not places: where a message
// lies is for recovery to find.
import { CHECKPOINT, QUEUE, RECORD_BYTES_MAX, RECORD_HEADER_BYTES } from '../../src/log/log.ts';
import type { Queue } from '../queue/queue.ts';

const CHECKPOINT_BYTES = RECORD_HEADER_BYTES + 16;
const QUEUE_HEADER_WORDS = 4;
/** Pairs in one QUEUE record; a queue with more takes several. */
const PAIRS_MAX = Math.floor((RECORD_BYTES_MAX - 64) / 8);
const TWO_TO_32 = 4294967296;

/** Unacked messages of logged queues: position and deliveries so far, by queue. */
export type Unacked = ReadonlyMap<Queue, readonly { position: number; deliveries: number }[]>;

interface QueueState {
  readonly id: number;
  readonly nextPosition: number;
  readonly ranges: readonly number[];
  readonly counts: readonly number[];
}

/** `position`: where the log stood; `isClean`: nothing follows, and nobody holds anything. */
export function checkpointRecords(
  queues: Iterable<Queue>,
  unacked: Unacked,
  position: number,
  isClean: boolean,
): Uint8Array {
  const records: Int32Array[] = [];
  for (const queue of queues) {
    if (queue.lane === 0) continue;
    for (const record of queueRecords(stateOf(queue, unacked.get(queue) ?? []))) {
      records.push(record);
    }
  }
  const head = new Int32Array(CHECKPOINT_BYTES / 4);
  head[1] = CHECKPOINT_BYTES;
  head[2] = CHECKPOINT;
  head[4] = (position % TWO_TO_32) | 0;
  head[5] = Math.floor(position / TWO_TO_32);
  head[6] = records.length;
  head[7] = isClean ? 1 : 0;
  return concatenated([head, ...records]);
}

function stateOf(
  queue: Queue,
  unacked: readonly { position: number; deliveries: number }[],
): QueueState {
  const { ready } = queue;
  const { nextPosition } = ready;
  const counts: number[] = [];
  for (const { position, deliveries } of unacked) {
    // A count of 0 would say something else, see `redeliveredEnd`; a dead letter underway has none.
    if (deliveries > 0) counts.push(position, deliveries);
  }
  for (const returned of ready.returnedHeaps()) {
    for (let row = 0; row < returned.length; row += 1) {
      const deliveries = returned.deliveryCountAt(row);
      if (deliveries > 0) counts.push(returned.positionAt(row), deliveries);
    }
  }
  for (const [position, deliveries] of ready.countsOfRecovered) counts.push(position, deliveries);
  if (ready.redeliveredEnd !== undefined) counts.push(ready.redeliveredEnd, 0);
  const ranges = ready.ranges(unacked.map(({ position }) => position));
  return { id: queue.id, nextPosition, ranges, counts };
}

function* queueRecords(state: QueueState): Iterable<Int32Array> {
  const { ranges, counts } = state;
  let range = 0;
  let count = 0;
  do {
    const rangeWords = Math.min(ranges.length - range, PAIRS_MAX * 2);
    const countWords = Math.min(counts.length - count, PAIRS_MAX * 2 - rangeWords);
    const head = RECORD_HEADER_BYTES / 4 + QUEUE_HEADER_WORDS;
    const words = new Int32Array(head + rangeWords + countWords);
    words[1] = words.byteLength;
    words[2] = QUEUE;
    words[4] = state.id;
    words[5] = state.nextPosition;
    words[6] = rangeWords / 2;
    words[7] = countWords / 2;
    words.set(ranges.slice(range, range + rangeWords), head);
    words.set(counts.slice(count, count + countWords), head + rangeWords);
    range += rangeWords;
    count += countWords;
    yield words;
  } while (range < ranges.length || count < counts.length);
}

function concatenated(records: readonly Int32Array[]): Uint8Array {
  let bytes = 0;
  for (const record of records) bytes += record.byteLength;
  const all = new Uint8Array(bytes);
  let at = 0;
  for (const record of records) {
    all.set(new Uint8Array(record.buffer), at);
    at += record.byteLength;
  }
  return all;
}

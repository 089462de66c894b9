// Checkpoints through a real file: what is written is what recovery makes of it, with holes,
// returned and unacked messages, far positions, and more pairs than one record holds.
import { statSync, truncateSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkpointRecords, type Unacked } from '../../../../shards/log/checkpoint-records.ts';
import { LogRecovery } from '../../../../shards/log/log-recovery.ts';
import { RecordTable } from '../../../../shards/log/record-table.ts';
import { SegmentLedger } from '../../../../shards/log/segment-ledger.ts';
import { LANE_MEMORY, LANE_SYNCED } from '../../../../shards/mailbox/confirm-counter.ts';
import type { Queue } from '../../../../shards/queue/queue.ts';
import { ReadyList } from '../../../../shards/queue/ready-list.ts';
import type { Log } from '../../../../src/log/log.ts';
import { openLog } from '../../../../src/log/open-log.ts';
import { SEGMENT_BYTES } from '../../log/test-log.ts';
import { freshDirectory } from './durable-shard.ts';

function open(directory: string): Log {
  const nothing = (): void => undefined;
  return openLog(
    { directory, segmentBytes: SEGMENT_BYTES, spareSegments: 1, memories: [] },
    {
      onProgress: nothing,
      onRead: nothing,
      onPacked: nothing,
      onSpace: nothing,
      onFailure: (reason) => {
        throw new Error(reason);
      },
    },
    'portable',
  );
}

function queue(id: number, lane = LANE_SYNCED): Queue {
  return { id, lane, ready: new ReadyList() } as unknown as Queue;
}

type Mutable = { checkpoint: { queues: ReadonlyMap<number, CheckpointOfQueue>; position: number } };
interface CheckpointOfQueue {
  readonly nextPosition: number;
  readonly ranges: Int32Array;
  readonly counts: Int32Array;
}

interface Read {
  readonly recovery: LogRecovery;
  readonly position: number;
  readonly queues: ReadonlyMap<number, CheckpointOfQueue>;
}

/** Writes the queues' checkpoint to a new log, opens that again and recovers. */
async function throughFile(
  queues: readonly Queue[],
  unacked: Unacked,
  isClean = true,
  offset = 0,
): Promise<Read> {
  const directory = freshDirectory();
  const log = open(directory);
  const position = await log.begin(0);
  await log.writeCheckpoint(checkpointRecords(queues, unacked, position + offset, isClean));
  await log.close();
  const again = open(directory);
  const records = new RecordTable();
  const recovery = new LogRecovery({
    log: again,
    records,
    ledger: new SegmentLedger(SEGMENT_BYTES, records),
    queues: new Map(queues.map((one) => [one.id, one])),
    onProgress: () => undefined,
  });
  await recovery.scan();
  await again.close();
  const { checkpoint } = recovery as unknown as Mutable;
  return { recovery, position: checkpoint.position, queues: checkpoint.queues };
}

const pairs = (values: Int32Array): number[][] =>
  Array.from({ length: values.length / 2 }, (_value, i) => [values[i * 2], values[i * 2 + 1]]);

describe('a checkpoint', () => {
  it('says what is ready, returned and unacked, and how often it was delivered', async () => {
    const one = queue(7);
    for (let i = 0; i < 20; i += 1) one.ready.append(i);
    for (let i = 0; i < 10; i += 1) one.ready.take();
    one.ready.putBack(3, 3, 2);
    one.ready.putBack(8, 8, 0);
    const unacked: Unacked = new Map([
      [
        one,
        [
          { position: 9, deliveries: 1 },
          { position: 4, deliveries: 5 },
        ],
      ],
    ]);
    const { queues, recovery } = await throughFile([one, queue(8, LANE_MEMORY), queue(9)], unacked);
    expect([...queues.keys()]).toEqual([7, 9]);
    const read = queues.get(7)!;
    expect(read.nextPosition).toBe(20);
    const live = pairs(read.ranges).flatMap(([first, count]) =>
      Array.from({ length: count }, (_value, i) => first + i),
    );
    expect(live).toEqual([3, 4, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19]);
    const counts = pairs(read.counts).toSorted(([a], [b]) => a - b);
    expect(counts).toEqual([
      [3, 2],
      [4, 5],
      [9, 1],
    ]);
    expect(queues.get(9)).toMatchObject({ nextPosition: 0 });
    expect(recovery.isClean).toBe(true);
    // A queue without any message keeps its number all the same.
    expect(recovery.take(one)!.nextPosition).toBe(20);
  });

  it('takes a dead letter that is underway for no mark of what was delivered', async () => {
    const one = queue(1);
    for (let i = 0; i < 5; i += 1) one.ready.append(i);
    one.ready.take();
    const { queues, recovery } = await throughFile(
      [one],
      new Map([[one, [{ position: 0, deliveries: 0 }]]]),
    );
    expect(pairs(queues.get(1)!.ranges)).toEqual([
      [0, 1],
      [1, 4],
    ]);
    expect(pairs(queues.get(1)!.counts)).toEqual([]);
    expect(recovery.take(one)!.redeliveredUntil).toBeUndefined();
  });

  it('is clean only where nothing follows, and when it says so', async () => {
    expect((await throughFile([], new Map(), false)).recovery.isClean).toBe(false);
    expect((await throughFile([], new Map(), true, 8)).recovery.isClean).toBe(false);
  });

  it.each([0, 2 ** 31 - 5000, -5000])(
    'has holes and many ranges from position %i on',
    async (start) => {
      const one = queue(1);
      // More ranges, and more counts, than a record has room for.
      const COUNT = 140_000;
      const positions = Int32Array.from({ length: COUNT }, (_value, i) => (start + i * 2) | 0);
      const handles = positions.map((_value, i) => ~i);
      const next = (start + COUNT * 2 + 3) | 0;
      const counts = new Map(Array.from(positions, (position, i) => [position, i + 1]));
      one.ready.restore(positions, handles, next, next, counts);
      expect((one.ready as ReadyList).hasHoles).toBe(true);
      const { queues } = await throughFile([one], new Map());
      const read = queues.get(1)!;
      expect(read.nextPosition).toBe(next);
      expect(read.ranges.length).toBe(COUNT * 2);
      expect(pairs(read.ranges).every(([at, n], i) => n === 1 && at === positions[i])).toBe(true);
      // Up to `next` all of them may have been delivered before, which a count of 0 says.
      const known = new Map(pairs(read.counts) as [number, number][]);
      expect(known.get(next)).toBe(0);
      known.delete(next);
      expect(known).toEqual(counts);
    },
  );

  it('that is not whole does not count, but the one before it', async () => {
    const one = queue(1);
    for (let i = 0; i < 10; i += 1) one.ready.append(i);
    const directory = freshDirectory();
    const log = open(directory);
    const position = await log.begin(0);
    const write = (): Promise<void> =>
      log.writeCheckpoint(checkpointRecords([one, queue(2)], new Map(), position, false));
    await write();
    one.ready.append(10);
    await write();
    await log.close();
    const nextPosition = async (): Promise<number> => {
      const again = open(directory);
      const records = new RecordTable();
      const ledger = new SegmentLedger(SEGMENT_BYTES, records);
      const queues = new Map([[1, one]]);
      const onProgress = (): void => undefined;
      const recovery = new LogRecovery({ log: again, records, ledger, queues, onProgress });
      await recovery.scan();
      await again.close();
      return recovery.take(one)!.nextPosition;
    };
    expect(await nextPosition()).toBe(11);
    // Within the record of queue 2, the last one.
    const file = path.join(directory, '0000000000000002.ckpt');
    truncateSync(file, statSync(file).size - 8);
    expect(await nextPosition()).toBe(10);
  });

  it('knows positions beyond 2^32', async () => {
    const { position } = await throughFile([], new Map(), false, 2 ** 41);
    expect(position).toBe(SEGMENT_BYTES + 128 + 2 ** 41);
  });
});

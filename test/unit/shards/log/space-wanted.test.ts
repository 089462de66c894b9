// When a shard's log gives dead segments back: with checkpoints, which are rare when little is
// written, and within a moment when space is wanted. Upkeep over a log that only counts; the clock
// is the test's.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ShardLog } from '../../../../shards/log/shard-log.ts';
import { Upkeep } from '../../../../shards/log/upkeep.ts';
import type { Log } from '../../../../src/log/log.ts';

const SEGMENT_BYTES = 1024;
const HOUR_MILLIS = 3_600_000;

let checkpoints: number;
let recycled: number[];
let hasRoom: boolean;
let shardLog: ShardLog;
let upkeep: Upkeep;

beforeEach(() => {
  vi.useFakeTimers();
  checkpoints = 0;
  recycled = [];
  hasRoom = true;
  const log = {
    inventory: () => ({ segmentBytes: SEGMENT_BYTES }),
    writeCheckpoint: () => {
      checkpoints += 1;
      return hasRoom ? Promise.resolve() : Promise.reject(new Error('no room'));
    },
    recycle: (segment: number) => recycled.push(segment),
  } as unknown as Log;
  const schedule = (): void => upkeep.turn();
  shardLog = new ShardLog({ log, store: undefined as never, ports: [], slabs: [], schedule });
  upkeep = new Upkeep({
    shardLog,
    queues: new Map(),
    unacked: () => new Map(),
    schedule,
    cleaning: { slackBytes: 0, movedBytesMax: 0 },
  });
});
afterEach(() => {
  upkeep.stop();
  vi.useRealTimers();
});

/** A log of so many segments, each with a live message, right after a checkpoint. */
async function holding(segments: number): Promise<void> {
  shardLog.position = segments * SEGMENT_BYTES + 8;
  shardLog.syncedPosition = shardLog.position;
  for (let number = 1; number <= segments; number += 1) {
    shardLog.ledger.at(number).liveMessages = 1;
  }
  upkeep.turn();
  await vi.advanceTimersByTimeAsync(0);
  expect([checkpoints, recycled]).toEqual([1, []]);
}

/** All is consumed, and the acks are written. */
function consume(): void {
  for (const segment of shardLog.ledger.segments.values()) segment.liveMessages = 0;
  shardLog.position += 8;
  shardLog.syncedPosition = shardLog.position;
}

/** As when the log has room again, or the alarm is over. */
function want(isWanted: boolean): void {
  upkeep.wantSpace(isWanted);
  upkeep.turn();
}

describe('a log in which all is dead', () => {
  it('waits for its checkpoint as long as nobody wants space', async () => {
    await holding(5);
    consume();
    upkeep.turn();
    await vi.advanceTimersByTimeAsync(29_000);
    expect([checkpoints, recycled]).toEqual([1, []]);
    await vi.advanceTimersByTimeAsync(2000);
    expect([checkpoints, recycled]).toEqual([2, [1, 2, 3, 4]]);
  });

  it('gives it back within a moment when space is wanted', async () => {
    await holding(5);
    consume();
    upkeep.turn();
    want(true);
    await vi.advanceTimersByTimeAsync(260);
    expect([checkpoints, recycled]).toEqual([2, [1, 2, 3, 4]]);
  });

  it('does so as well when it dies while space is wanted, and nothing is written', async () => {
    await holding(5);
    want(true);
    await vi.advanceTimersByTimeAsync(HOUR_MILLIS);
    for (const segment of shardLog.ledger.segments.values()) segment.liveMessages = 0;
    await vi.advanceTimersByTimeAsync(260);
    expect([checkpoints, recycled]).toEqual([2, [1, 2, 3, 4]]);
  });

  it('tries again when there was no room for the checkpoint', async () => {
    await holding(5);
    consume();
    hasRoom = false;
    want(true);
    await vi.advanceTimersByTimeAsync(2000);
    expect(recycled).toEqual([]);
    hasRoom = true;
    await vi.advanceTimersByTimeAsync(260);
    expect(recycled).toEqual([1, 2, 3, 4]);
  });
});

describe('a log in which nothing is dead', () => {
  it('writes no checkpoints for an alarm that lasts', async () => {
    await holding(5);
    want(true);
    for (let acks = 0; acks < 20; acks += 1) {
      shardLog.position += 8;
      upkeep.turn();
      await vi.advanceTimersByTimeAsync(HOUR_MILLIS);
    }
    expect([checkpoints, recycled]).toEqual([1, []]);
  });

  it('writes them as usual for what is written meanwhile, and after it', async () => {
    await holding(5);
    want(true);
    shardLog.position += 2 * SEGMENT_BYTES;
    upkeep.turn();
    await vi.advanceTimersByTimeAsync(0);
    expect(checkpoints).toBe(2);
    shardLog.position += 8;
    want(false);
    await vi.advanceTimersByTimeAsync(31_000);
    expect(checkpoints).toBe(3);
    expect(vi.getTimerCount()).toBe(0);
  });
});

// What a checkpoint says, and when it does not count.
import { expect, it } from 'vitest';
import { checkpointFrom } from '../../../src/log/checkpoint-reading.ts';
import { checkpointEntry, entries, queueEntry } from './scan-entries.ts';

const POSITION = 5 * 2 ** 32 + 4_000_000_000;

it('has a position, and the state of each queue', () => {
  const state = checkpointFrom(
    entries(
      checkpointEntry(POSITION, 2, true),
      queueEntry(7, 20, [3, 4, 9, 1], [9, 2]),
      queueEntry(8, -5, [], []),
    ),
  )!;
  expect(state.position).toBe(POSITION);
  expect(state.isClean).toBe(true);
  expect([...state.queues.keys()]).toEqual([7, 8]);
  const queue = state.queues.get(7)!;
  expect(queue.nextPosition).toBe(20);
  expect([...queue.ranges]).toEqual([3, 4, 9, 1]);
  expect([...queue.counts]).toEqual([9, 2]);
  expect(state.queues.get(8)!.nextPosition).toBe(-5);
});

it('puts a queue of several records together', () => {
  const state = checkpointFrom(
    entries(
      checkpointEntry(128, 2, false),
      queueEntry(7, 20, [3, 1], [3, 1]),
      queueEntry(7, 20, [5, 1], [5, 9]),
    ),
  )!;
  expect(state.isClean).toBe(false);
  expect([...state.queues.get(7)!.ranges]).toEqual([3, 1, 5, 1]);
  expect([...state.queues.get(7)!.counts]).toEqual([3, 1, 5, 9]);
});

it('does not count without its head, nor when a record of a queue is missing', () => {
  const one = queueEntry(7, 20, [3, 1], []);
  expect(checkpointFrom(entries(one))).toBeUndefined();
  expect(checkpointFrom(entries())).toBeUndefined();
  expect(checkpointFrom(entries(checkpointEntry(128, 2, true), one))).toBeUndefined();
  expect(checkpointFrom(entries(checkpointEntry(128, 1, true), one))).toBeDefined();
});

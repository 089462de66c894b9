// Test thread. Comparing what a damaged store still held with what it should have: each difference is
// seen.
import { expect, test } from 'vitest';
import { difference, Harvest } from './harvest.ts';

function harvest(...queues: readonly (readonly number[])[]): Harvest {
  const made = new Harvest(queues.length);
  for (const [queue, numbers] of queues.entries()) {
    for (const number of numbers) made.delivered(made.newMark(queue, true), 0, number, true, true);
  }
  return made;
}

const WHOLE = harvest([1, 2, 3], [2, 4]);
const NONE = { missing: 0, extra: 0, misplaced: 0, queuesMissing: 0 };

test.each([
  ['nothing', harvest([1, 2, 3], [2, 4]), NONE],
  ['a message of one queue', harvest([1, 3], [2, 4]), { ...NONE, missing: 1 }],
  ['a message of two queues', harvest([1, 3], [4]), { ...NONE, missing: 1 }],
  ['two messages', harvest([1, 3], [2]), { ...NONE, missing: 2 }],
  ['an ack', harvest([0, 1, 2, 3], [2, 4]), { ...NONE, extra: 1 }],
  ['the order', harvest([2, 1, 3], [2, 4]), { ...NONE, misplaced: 1 }],
  ['that each comes once', harvest([1, 2, 3, 3], [2, 4]), { ...NONE, misplaced: 1 }],
])('lost: %s', (_what, found, expected) => {
  expect(difference(WHOLE, found, new Set())).toEqual(expected);
});

test('of a queue that is gone the messages are not counted', () => {
  const found = difference(WHOLE, harvest([], [2, 4]), new Set([0]));
  expect(found).toEqual({ ...NONE, queuesMissing: 1 });
});

test('wrong bodies are counted', () => {
  const made = harvest([], []);
  made.delivered(made.newMark(0, true), 0, 1, false, false);
  made.foreign();
  expect(made.wrongBodies).toBe(2);
  expect(made.messages).toEqual([[], []]);
});

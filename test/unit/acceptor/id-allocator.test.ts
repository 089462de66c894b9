// Test thread. Ids for ring records: rising, unique among those in use, and without an end.
import { expect, test } from 'vitest';
import { IdAllocator } from '../../../src/acceptor/id-allocator.ts';

test('ids rise from 1', () => {
  const ids = new IdAllocator();
  expect([ids.take(), ids.take(), ids.take()]).toEqual([1, 2, 3]);
});

test('an id is not given again at once when it is released', () => {
  const ids = new IdAllocator();
  ids.release(ids.take());
  expect(ids.take()).toBe(2);
});

test('past the end they start over and pass by those in use', () => {
  const ids = new IdAllocator(5);
  for (let i = 0; i < 5; i += 1) ids.take();
  ids.release(2);
  ids.release(4);
  expect([ids.take(), ids.take()]).toEqual([2, 4]);
});

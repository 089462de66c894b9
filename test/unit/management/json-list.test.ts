// Lists in pieces: together they are one JSON array, and no piece holds everything.
import { expect, it } from 'vitest';
import { JsonList } from '../../../src/management/json-list.ts';

it('is a JSON array in pieces of about the size asked for', () => {
  const items = Array.from({ length: 1000 }, (_, index) => index);
  const pieces = [...new JsonList(items, (index) => ({ index })).text(100)];
  expect(JSON.parse(pieces.join(''))).toEqual(items.map((index) => ({ index })));
  expect(pieces.length).toBeGreaterThan(50);
  for (const piece of pieces.slice(0, -1)) {
    expect(piece.length).toBeGreaterThanOrEqual(100);
    expect(piece.length).toBeLessThan(120);
  }
});

it('formats an item only when its piece is wanted', () => {
  let formatted = 0;
  const list = new JsonList([1, 2, 3], (item) => {
    formatted += 1;
    return { item };
  });
  const pieces = list.text(5);
  expect(formatted).toBe(0);
  pieces.next();
  expect(formatted).toBe(1);
});

it('is an empty array without items', () => {
  expect([...new JsonList([], () => ({})).text(10)]).toEqual(['[]']);
});

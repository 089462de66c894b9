// Connections of a user share one count and one limit; users do not share with each other.
import { expect, it } from 'vitest';
import { UserChannelPlaces } from '../../../src/acceptor/user-channel-places.ts';

const counter = (id: number) => ({ id, memory: new SharedArrayBuffer(4) });

it('is one object for all connections of a user, with the newest limit', () => {
  const users = new UserChannelPlaces();
  const { id, memory } = counter(1);
  const first = users.of({ id, memory }, 1);
  const other = users.of(counter(2), 1);
  expect([first.take(), first.take(), other.take()]).toEqual([true, false, true]);
  expect(users.of({ id, memory }, 2)).toBe(first);
  expect([first.take(), first.take(), other.take()]).toEqual([true, false, false]);
});

it('counts on in the same memory for a user that it has forgotten', () => {
  const users = new UserChannelPlaces();
  const mine = counter(0);
  const before = users.of(mine, 2);
  expect(before.take()).toBe(true);
  for (let id = 1; id <= 64; id += 1) users.of(counter(id), undefined);
  const after = users.of(mine, 2);
  expect(after).not.toBe(before);
  expect([after.take(), after.take()]).toEqual([true, false]);
  expect(before.take()).toBe(false);
});

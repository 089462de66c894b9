// PendingRecords against a plain list of groups: what is elided, in what order groups leave, and
// that ack runs are exactly the acks. Long enough for its ring to grow and to wrap.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PendingRecords } from '../../../../shards/log/pending-records.ts';
import type { Queue } from '../../../../shards/queue/queue.ts';

interface Entry {
  readonly queue: Queue;
  readonly position: number;
  isElided: boolean;
}

interface Group {
  readonly origin: number;
  readonly index: number;
  readonly handle: number;
  readonly entries: Entry[];
}

function queues(count: number): Queue[] {
  const made = (id: number): Queue => ({ id, ackRun: 0, ackGeneration: 0 }) as unknown as Queue;
  return Array.from({ length: count }, (_value, i) => made(i + 1));
}

/** As if very many had come before. */
function startAt(pending: PendingRecords, index: number): void {
  Object.assign(pending, { first: index, end: index, group: index });
}

const step = fc.oneof(
  { weight: 5, arbitrary: fc.tuple(fc.constant('publish' as const), fc.nat(6), fc.nat(150)) },
  { weight: 3, arbitrary: fc.tuple(fc.constant('elide' as const), fc.nat(9999), fc.nat(40)) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('take' as const), fc.nat(500), fc.nat(0)) },
);

describe('pending publishes', () => {
  it.each([0, 2 ** 30 - 700])('leave in order, without what was elided (from %i on)', (start) => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const pending = new PendingRecords();
        startAt(pending, start);
        const all = queues(7);
        const groups: Group[] = [];
        let position = 2 ** 31 - 100;
        let handle = 0;
        const indexes = new Set([0]);
        for (const [kind, a, b] of steps) {
          if (kind === 'publish') {
            for (let i = 0; i <= b; i += 1) {
              handle += 1;
              const origin = (handle % 5) - 1;
              pending.begin(origin);
              const group: Group = {
                origin,
                index: (pending as unknown as { group: number }).group,
                handle,
                entries: [],
              };
              for (let q = 0; q < a; q += 1) {
                position += 1;
                const queue = all[q];
                indexes.add(pending.add(handle, queue, position | 0) - group.index);
                group.entries.push({ queue, position: position | 0, isElided: false });
              }
              groups.push(group);
            }
          } else if (kind === 'elide') {
            for (let i = 0; i < b && groups.length > 0; i += 1) {
              const group = groups[(a + i * 7) % groups.length];
              const entry = group.entries.find(({ isElided }) => !isElided);
              if (entry === undefined) continue;
              pending.elide(group.index, entry.queue, entry.position);
              entry.isElided = true;
            }
          } else {
            for (let i = 0; i < a && groups.length > 0; i += 1) expectFirst(pending, groups);
          }
          expect(pending.hasPublishes).toBe(groups.length > 0);
        }
        while (groups.length > 0) expectFirst(pending, groups);
        // `add` names the group every time.
        expect([...indexes]).toEqual([0]);
        expect(pending.isEmpty).toBe(true);
        // Nothing keeps a queue alive.
        const { queues: kept } = pending as unknown as { queues: unknown[] };
        expect(kept.every((queue) => queue === undefined)).toBe(true);
      }),
      { numRuns: 30 },
    );
  });

  it('that are not there cannot be elided', () => {
    const pending = new PendingRecords();
    const [one, other] = queues(2);
    pending.begin(0);
    const group = pending.add(5, one, 7);
    expect(() => pending.elide(group, other, 7)).toThrow(/queue 2, position 7/u);
    expect(() => pending.elide(group, one, 8)).toThrow(/queue 1, position 8/u);
    pending.elide(group, one, 7);
    expect(() => pending.elide(group, one, 7)).toThrow(/queue 1, position 7/u);
  });
});

function expectFirst(pending: PendingRecords, groups: Group[]): void {
  const group = groups.shift()!;
  const first = pending.firstGroup;
  const seen = [first, pending.originOf(first), pending.queueCountOf(first)];
  expect(seen).toEqual([group.index, group.origin, group.entries.length]);
  if (group.entries.length > 0) expect(pending.handleOf(first)).toBe(group.handle);
  for (const [i, { queue, position, isElided }] of group.entries.entries()) {
    // Compared by hand: `expect` is slow for so many.
    const isRight = pending.queueAt(first, i + 1) === (isElided ? undefined : queue);
    if (!isRight || (!isElided && pending.positionAt(first, i + 1) !== position)) {
      throw new Error(`queue ${queue.id}, position ${position}: not there as it was added`);
    }
  }
  pending.removeFirst();
}

describe('acks', () => {
  it('are all in the runs, each once, whichever are taken in between', () => {
    const ackStep = fc.oneof(
      { weight: 5, arbitrary: fc.tuple(fc.constant('ack' as const), fc.nat(2), fc.nat(3)) },
      { weight: 1, arbitrary: fc.tuple(fc.constant('take' as const), fc.nat(5), fc.nat(0)) },
    );
    fc.assert(
      fc.property(fc.array(ackStep, { maxLength: 400 }), (steps) => {
        const pending = new PendingRecords();
        const all = queues(3);
        const next = [0, 2 ** 31 - 20, -30];
        const acked: string[] = [];
        const taken: string[] = [];
        let runs = 0;
        const take = (count: number): void => {
          const { rows } = pending.acks;
          const first = Math.min(count, pending.acks.count);
          for (let row = 0; row < first; row += 1) {
            runs += 1;
            for (let i = 0; i < rows[row * 3 + 2]; i += 1) {
              taken.push(`${rows[row * 3]} ${(rows[row * 3 + 1] + i) | 0}`);
            }
          }
          pending.acksTaken(first);
        };
        for (const [kind, a, b] of steps) {
          if (kind === 'take') take(a);
          else {
            // Mostly the next one, sometimes one further.
            next[a] = (next[a] + Math.max(1, b - 1)) | 0;
            pending.ack(all[a], next[a]);
            acked.push(`${a + 1} ${next[a]}`);
          }
        }
        take(pending.acks.count);
        expect(taken.toSorted()).toEqual(acked.toSorted());
        expect(runs).toBeLessThanOrEqual(acked.length);
        expect(pending.isEmpty).toBe(true);
      }),
    );
  });

  it('of a row make one run', () => {
    const pending = new PendingRecords();
    const [one, other] = queues(2);
    for (let i = 0; i < 1000; i += 1) {
      pending.ack(one, (2 ** 31 - 500 + i) | 0);
      if (i % 2 === 0) pending.ack(other, i);
    }
    expect(pending.acks.count).toBe(501);
    expect([...pending.acks.rows.subarray(0, 3)]).toEqual([1, 2 ** 31 - 500, 1000]);
  });
});

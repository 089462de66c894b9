// QueueRecovery against a set: whatever order records come in, however often, with or without a
// checkpoint, what is left is what was published and not acked. Positions around 2^31 too.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { QueueCheckpoint } from '../../../../src/log/checkpoint-reading.ts';
import { QueueRecovery } from '../../../../src/log/queue-recovery.ts';

const SPAN = 200;

type Step =
  | readonly ['publish', number]
  | readonly ['ack', number, number]
  | readonly ['count', number, number];

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.tuple(fc.constant('publish' as const), fc.nat(SPAN)) },
  {
    weight: 2,
    arbitrary: fc.tuple(fc.constant('ack' as const), fc.nat(SPAN), fc.integer({ min: 1, max: 30 })),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(
      fc.constant('count' as const),
      fc.nat(SPAN),
      fc.integer({ min: 1, max: 9 }),
    ),
  },
);

/** Which of the positions below `next` a checkpoint says are alive. */
const checkpointed = fc.option(
  fc.record({
    next: fc.nat(SPAN),
    live: fc.uniqueArray(fc.nat(SPAN), { maxLength: 60 }),
    counts: fc.array(fc.tuple(fc.nat(SPAN), fc.integer({ min: 1, max: 9 })), { maxLength: 5 }),
  }),
  { nil: undefined },
);

interface Known {
  readonly next: number;
  readonly live: readonly number[];
  readonly counts: readonly (readonly [number, number])[];
}

function asCheckpoint(start: number, { next, live, counts }: Known): QueueCheckpoint {
  const ranges: number[] = [];
  for (const at of live.filter((one) => one < next).toSorted((a, b) => a - b)) {
    const last = ranges.length - 2;
    if (last >= 0 && ranges[last] + ranges[last + 1] === at) ranges[last + 1] += 1;
    else ranges.push(at, 1);
  }
  const shifted = ranges.map((value, i) => (i % 2 === 0 ? (start + value) | 0 : value));
  return {
    nextPosition: (start + next) | 0,
    ranges: Int32Array.from(shifted),
    counts: Int32Array.from(counts.flatMap(([at, count]) => [(start + at) | 0, count])),
  };
}

describe('QueueRecovery', () => {
  it.each([0, 2 ** 31 - 100, -100])('knows what is left (positions from %i on)', (start) => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), checkpointed, (steps, known) => {
        const checkpoint = known === undefined ? undefined : asCheckpoint(start, known);
        const recovery = new QueueRecovery(checkpoint);
        const published = new Set<number>();
        const acked = new Set<number>();
        const counts = new Map<number, number>(known?.counts);
        let next = known?.next ?? -1;
        let row = 0;
        const rows: number[] = [];
        for (const [kind, at, more] of steps) {
          const position = (start + at) | 0;
          if (kind === 'publish') {
            const isAlive = known === undefined || at >= known.next || known.live.includes(at);
            expect(recovery.mayHold(position)).toBe(isAlive);
            if (!isAlive) continue;
            recovery.published(position, row);
            rows.push(row);
            row += 1;
            published.add(at);
            next = Math.max(next, at + 1);
          } else if (kind === 'ack') {
            recovery.acked(position, more);
            for (let i = 0; i < more; i += 1) acked.add(at + i);
            next = Math.max(next, at + more);
          } else {
            recovery.counted(position, more);
            counts.set(at, Math.max(more, counts.get(at) ?? 0));
          }
        }
        const dropped: number[] = [];
        const found = recovery.finish((one) => dropped.push(one));
        const left = [...published].filter((at) => !acked.has(at)).toSorted((a, b) => a - b);
        expect([...found.positions]).toEqual(left.map((at) => (start + at) | 0));
        expect(found.nextPosition).toBe(next < 0 ? 0 : (start + next) | 0);
        const wanted = left.filter((at) => counts.has(at));
        expect([...found.counts]).toEqual(wanted.map((at) => [(start + at) | 0, counts.get(at)]));
        // Each row is either kept, once, or dropped, once.
        const kept = [...found.handles].map((handle) => ~handle);
        expect([...kept, ...dropped].toSorted((a, b) => a - b)).toEqual(rows);
      }),
      { numRuns: 300 },
    );
  });

  it('keeps a row of the message it says it keeps', () => {
    const recovery = new QueueRecovery(undefined);
    for (const [i, position] of [5, 3, 9, 3, 5, 7].entries()) recovery.published(position, 100 + i);
    recovery.acked(7, 1);
    const found = recovery.finish(() => undefined);
    expect([...found.positions]).toEqual([3, 5, 9]);
    expect([101, 103]).toContain(~found.handles[0]);
    expect([100, 104]).toContain(~found.handles[1]);
    expect(~found.handles[2]).toBe(102);
  });
});

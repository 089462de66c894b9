// ReadyList and ReturnedHeap against sorted arrays: appends, takes, returns in any order, growing and
// shrinking, and positions that pass 2^31.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ReadyList } from '../../../../shards/queue/ready-list.ts';
import { ReturnedHeap } from '../../../../shards/queue/returned-heap.ts';

/** Where a list's positions start; the distance is kept without wrapping in the model. */
function listFrom(start: number): ReadyList {
  const list = new ReadyList();
  Object.assign(list, { head: start | 0, tail: start | 0 });
  return list;
}

interface Held {
  readonly at: number;
  readonly handle: number;
  readonly deliveryCount: number;
}

type Step = ['append', number] | ['take', number] | ['return', number];

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.tuple(fc.constant('append' as const), fc.nat(40)),
  fc.tuple(fc.constant('take' as const), fc.nat(40)),
  fc.tuple(fc.constant('return' as const), fc.nat(999)),
);

describe('ReadyList', () => {
  it.each([0, 2 ** 31 - 50, -50])('keeps the order of positions from %i on', (start) => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 150 }), (steps) => {
        const list = listFrom(start);
        /** In order of position. */
        const ready: Held[] = [];
        const out: Held[] = [];
        let next = 0;
        for (const [kind, count] of steps) {
          if (kind === 'append') {
            for (let i = 0; i < count; i += 1) {
              list.append(next * 3);
              ready.push({ at: next, handle: next * 3, deliveryCount: 0 });
              next += 1;
            }
          } else if (kind === 'take') {
            for (let i = 0; i < count && ready.length > 0; i += 1) {
              const { at, handle, deliveryCount } = ready.shift()!;
              expect([list.peek(), list.peekIsRedelivered()]).toEqual([handle, deliveryCount > 0]);
              list.take();
              expect([list.position, list.handle, list.deliveryCount]).toEqual([
                (start + at) | 0,
                handle,
                deliveryCount,
              ]);
              out.push({ at, handle, deliveryCount: deliveryCount + 1 });
            }
          } else if (out.length > 0) {
            const [held] = out.splice(Math.floor((count / 1000) * out.length), 1);
            list.putBack(held.handle, (start + held.at) | 0, held.deliveryCount);
            ready.push(held);
            ready.sort((a, b) => a.at - b.at);
          }
          expect([list.length, list.isEmpty]).toEqual([ready.length, ready.length === 0]);
        }
      }),
      { numRuns: 150 },
    );
  });

  it('gives memory back when a long list has drained', () => {
    const list = new ReadyList();
    for (let i = 0; i < 100_000; i += 1) list.append(i);
    for (let i = 0; i < 100_000; i += 1) list.take();
    const slotCount = (): number => (list as unknown as { slots: Int32Array }).slots.length;
    for (let round = 0; round < 1000; round += 1) {
      list.append(1);
      list.take();
    }
    // Not at once: a backlog that comes and goes keeps its memory.
    expect(slotCount()).toBeGreaterThan(100_000);
    for (let round = 0; round < 10_000; round += 1) {
      list.append(1);
      list.take();
    }
    expect(slotCount()).toBeLessThan(8192);
  });
});

describe('ReturnedHeap', () => {
  it.each([0, 2 ** 31 - 20, -20])('gives entries back by position around %i', (start) => {
    const operations = fc.array(fc.oneof(fc.nat(200), fc.constant('first' as const)), {
      maxLength: 200,
    });
    fc.assert(
      fc.property(operations, (steps) => {
        const heap = new ReturnedHeap();
        const sorted: number[] = [];
        for (const action of steps) {
          if (action === 'first') {
            if (sorted.length === 0) continue;
            const at = sorted.shift()!;
            expect([heap.firstPosition(), heap.firstHandle(), heap.firstDeliveryCount()]).toEqual([
              (start + at) | 0,
              at + 5,
              at + 9,
            ]);
            heap.removeFirst();
          } else if (!sorted.includes(action)) {
            heap.add((start + action) | 0, action + 5, action + 9);
            sorted.push(action);
            sorted.sort((a, b) => a - b);
          }
          expect(heap.length).toBe(sorted.length);
        }
      }),
    );
  });

  it('gives memory back when many entries have left', () => {
    const heap = new ReturnedHeap();
    for (let i = 0; i < 10_000; i += 1) heap.add(i, i, 1);
    while (heap.length > 0) heap.removeFirst();
    expect((heap as unknown as { rows: Int32Array }).rows.length).toBeLessThan(100);
  });
});

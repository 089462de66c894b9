// ReadyList and ReturnedHeap with messages on disk and holes, against a sorted array: restored from
// any positions, then replaced, removed, appended, taken and put back at random. Positions pass 2^31.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ReadyList } from '../../../../shards/queue/ready-list.ts';

interface Entry {
  /** Without wrapping. */
  readonly at: number;
  handle: number;
  deliveries: number;
  /** Came back: not in the fifo any more. */
  isReturned: boolean;
  readonly recoveredCount: number;
  readonly isOld: boolean;
}

const step = fc.tuple(
  fc.constantFrom('append', 'take', 'take', 'return', 'replace', 'replace', 'remove', 'stale'),
  fc.nat(9999),
);

const restored = fc.record({
  gaps: fc.array(fc.oneof({ weight: 6, arbitrary: fc.constant(0) }, fc.nat(3), fc.nat(400)), {
    maxLength: 120,
  }),
  end: fc.nat(40),
  isClean: fc.boolean(),
  counted: fc.array(fc.nat(119), { maxLength: 5 }),
});

interface Plan {
  /** Before each message; how many positions follow the last one. */
  readonly gaps: readonly number[];
  readonly end: number;
  readonly isClean: boolean;
  readonly counted: readonly number[];
}

class Model {
  readonly list = new ReadyList();
  readonly start: number;
  ready: Entry[] = [];
  out: Entry[] = [];
  next: number;
  row = 0;

  constructor(start: number, { gaps, end, isClean, counted }: Plan) {
    this.start = start;
    let at = 0;
    for (const [i, gap] of gaps.entries()) {
      at += gap;
      const recoveredCount = counted.includes(i) ? i + 1 : 0;
      this.row += 1;
      const isOld = !isClean;
      this.ready.push({
        at,
        handle: ~this.row,
        deliveries: 0,
        isReturned: false,
        recoveredCount,
        isOld,
      });
      at += 1;
    }
    this.next = at + end;
    const positions = Int32Array.from(this.ready, (entry) => this.position(entry.at));
    const handles = Int32Array.from(this.ready, ({ handle }) => handle);
    const withCount = this.ready.filter(({ recoveredCount }) => recoveredCount > 0);
    const counts = new Map(
      withCount.map((entry) => [this.position(entry.at), entry.recoveredCount]),
    );
    const nextPosition = this.position(this.next);
    const until = isClean && positions.length > 0 ? positions[0] : nextPosition;
    this.list.restore(positions, handles, nextPosition, until, counts);
  }

  position(at: number): number {
    return (this.start + at) | 0;
  }

  step(kind: string, number: number): void {
    const { list } = this;
    if (kind === 'append') this.append(number);
    else if (kind === 'take') this.take();
    else if (kind === 'return' && this.out.length > 0) {
      const [entry] = this.out.splice(number % this.out.length, 1);
      list.putBack(entry.handle, this.position(entry.at), entry.deliveries);
      entry.isReturned = true;
      this.ready.push(entry);
      this.ready.sort((a, b) => a.at - b.at);
    } else if (this.ready.length > 0) {
      const index = number % this.ready.length;
      const entry = this.ready[index];
      const position = this.position(entry.at);
      if (kind === 'replace') {
        const to = entry.handle < 0 ? number : ~number;
        expect(list.replace(position, entry.handle, to, number % 7)).toBe(true);
        entry.handle = to;
      } else if (kind === 'remove') {
        expect(list.remove(position, entry.handle)).toBe(true);
        expect(list.remove(position, entry.handle)).toBe(false);
        this.ready.splice(index, 1);
      } else {
        expect(list.replace(position, entry.handle + 1, 5, 0)).toBe(false);
        expect(list.remove(position, entry.handle + 1)).toBe(false);
      }
    }
  }

  private append(count: number): void {
    for (let i = 0; i < count % 30; i += 1) {
      const handle = this.next * 2;
      expect(this.list.append(handle)).toBe(this.position(this.next));
      const fresh = { deliveries: 0, isReturned: false, recoveredCount: 0, isOld: false };
      this.ready.push({ at: this.next, handle, ...fresh });
      this.next += 1;
    }
  }

  private take(): void {
    const { list } = this;
    const entry = this.ready.shift();
    if (entry === undefined) return;
    const isFirst = entry.deliveries === 0;
    const deliveries = entry.deliveries + (isFirst ? entry.recoveredCount : 0);
    expect([list.peek(), list.peekPosition(), list.peekIsRedelivered()]).toEqual([
      entry.handle,
      this.position(entry.at),
      entry.isOld || deliveries > 0,
    ]);
    list.take();
    expect([list.handle, list.position, list.deliveryCount]).toEqual([
      entry.handle,
      this.position(entry.at),
      deliveries,
    ]);
    entry.deliveries = deliveries + 1;
    this.out.push(entry);
  }

  check(): void {
    const { list } = this;
    expect([list.length, list.isEmpty]).toEqual([this.ready.length, this.ready.length === 0]);
    expect(list.nextPosition).toBe(this.position(this.next));
    // Positions from the head on are in the fifo; what is there is what the model has.
    const inFifo: number[] = [];
    for (let at = list.headPosition; at !== list.nextPosition; at = (at + 1) | 0) {
      const handle = list.at(at);
      if (handle !== undefined) inFifo.push(at, handle);
    }
    const { returnedMessages } = list;
    const inHeap = new Set<number>();
    for (let row = 0; row < returnedMessages.length; row += 1) {
      inHeap.add(returnedMessages.positionAt(row));
      const handle = returnedMessages.handleAt(row);
      expect(returnedMessages.has(returnedMessages.positionAt(row), handle, 0)).toBe(true);
    }
    const rest = this.ready.filter(({ at }) => !inHeap.has(this.position(at)));
    expect(inFifo).toEqual(rest.flatMap(({ at, handle }) => [this.position(at), handle]));
    expect(this.ready.length - rest.length).toBe(returnedMessages.length);
    expect(list.onDiskCount).toBe(rest.filter(({ handle }) => handle < 0).length);
    const span = (list.nextPosition - list.headPosition) | 0;
    expect(list.hasHoles).toBe(span > rest.length);
  }
}

describe('a ready list that was restored', () => {
  it.each([0, 2 ** 31 - 300, -300])('is what it was, from position %i on', (start) => {
    fc.assert(
      fc.property(restored, fc.array(step, { maxLength: 120 }), (plan, steps) => {
        const model = new Model(start, plan);
        model.check();
        for (const [kind, number] of steps) {
          model.step(kind, number);
          model.check();
        }
        while (model.ready.length > 0) model.step('take', 0);
        model.check();
        expect(model.list.headPosition).toBe(model.list.nextPosition);
      }),
      { numRuns: 60 },
    );
  });

  it('costs memory for its messages, not for the gaps between them', () => {
    const list = new ReadyList();
    const positions = Int32Array.from({ length: 100 }, (_value, i) => i * 1_000_000);
    const handles = positions.map((_value, i) => ~i);
    list.restore(positions, handles, 200_000_000, 0, new Map());
    expect((list as unknown as { slots: Int32Array }).slots.length).toBeLessThan(1000);
    const seen: number[] = [];
    while (!list.isEmpty) {
      list.take();
      seen.push(list.position);
    }
    expect(seen).toEqual([...positions]);
  });

  it('says redelivered no more when its positions come round again', () => {
    const list = new ReadyList();
    list.restore(Int32Array.of(1, 2), Int32Array.of(~1, ~2), 3, 3, new Map([[1, 4]]));
    expect(list.peekIsRedelivered()).toBe(true);
    list.take();
    list.take();
    // 2^31 messages later, with a look in between.
    for (const at of [2 ** 30 + 10, 2 ** 31 + 1]) {
      Object.assign(list, { head: at | 0, tail: at | 0, emptyAt: at | 0 });
      list.append(7);
      if (at > 2 ** 31) expect(list.peekIsRedelivered()).toBe(false);
      list.take();
    }
  });
});

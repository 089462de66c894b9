// The ring against an array: random records, reserves, batches of publish and release, positions that
// wrap at 2^31 and 2^32. What is claimed comes out once, whole, in order, after its publish; a claim
// fails only without room; and a producer that waits for room is told of it.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RingConsumer } from '../../../../shards/ring/ring-consumer.ts';
import {
  allocateRing,
  HEAD_WORD,
  RECORD_HEADER_BYTES,
  SPACE_WANTED_WORD,
  TAIL_WORD,
} from '../../../../shards/ring/ring-layout.ts';
import { RingProducer } from '../../../../shards/ring/ring-producer.ts';

const RING_BYTES = 4096;

type Step =
  | { readonly kind: 'claim'; readonly words: number; readonly reserve: number }
  | { readonly kind: 'publish' | 'refresh' | 'release' }
  | { readonly kind: 'next'; readonly count: number }
  | { readonly kind: 'want'; readonly bytes: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      kind: fc.constant('claim' as const),
      words: fc.integer({ min: 1, max: RING_BYTES / 64 }),
      reserve: fc.constantFrom(0, 0, 0, 8, 512),
    }),
  },
  { weight: 3, arbitrary: fc.constant<Step>({ kind: 'publish' }) },
  { weight: 3, arbitrary: fc.constant<Step>({ kind: 'refresh' }) },
  { weight: 4, arbitrary: fc.nat(12).map((count): Step => ({ kind: 'next', count })) },
  { weight: 3, arbitrary: fc.constant<Step>({ kind: 'release' }) },
  {
    weight: 1,
    arbitrary: fc
      .integer({ min: 8, max: RING_BYTES })
      .map((bytes): Step => ({ kind: 'want', bytes })),
  },
);

/** Sizes and fill values of records, where an ideal queue has them. */
class Model {
  readonly producer: RingProducer;
  readonly consumer: RingConsumer;
  private readonly memory: Int32Array;
  private readonly claimed: number[][] = [];
  private readonly published: number[][] = [];
  private readonly visible: number[][] = [];
  private readonly start: number;
  /** Distances from the start, without wrapping. */
  private tail = 0;
  private head = 0;
  private readHead = 0;
  private readonly ends: number[] = [];
  private sequence = 0;
  private isWanted = false;

  constructor(start: number) {
    const ring = allocateRing(RING_BYTES);
    this.memory = new Int32Array(ring);
    this.start = start;
    this.memory[TAIL_WORD] = start;
    this.memory[HEAD_WORD] = start;
    this.producer = new RingProducer(ring);
    this.consumer = new RingConsumer(ring);
  }

  run(action: Step): void {
    switch (action.kind) {
      case 'claim':
        return this.claim(action.words * 8 + RECORD_HEADER_BYTES, action.reserve);
      case 'publish':
        expect(this.producer.publish()).toBe(this.claimed.length > 0);
        this.published.push(...this.claimed.splice(0));
        return;
      case 'refresh':
        this.visible.push(...this.published.splice(0));
        expect(this.consumer.refresh()).toBe(this.visible.length > 0);
        return;
      case 'next':
        for (let i = 0; i < action.count; i += 1) this.next();
        expect(this.consumer.hasMore).toBe(this.visible.length > 0);
        return;
      case 'release':
        return this.release();
      case 'want': {
        const isThere = this.producer.wantSpace(action.bytes);
        expect(isThere).toBe(RING_BYTES - (this.tail - this.head) >= action.bytes);
        this.isWanted = true;
      }
    }
  }

  private claim(bytes: number, reserve: number): void {
    const position = (this.start + this.tail) & (RING_BYTES - 1);
    const pad = bytes <= RING_BYTES - position ? 0 : RING_BYTES - position;
    const fits = RING_BYTES - (this.tail - this.head) >= pad + bytes + reserve;
    expect(this.producer.canClaim(bytes, reserve)).toBe(fits);
    const at = this.producer.claim(bytes, reserve);
    expect(at >= 0).toBe(fits);
    if (!fits) return;
    this.sequence += 1;
    const { words } = this.producer;
    words[at] = bytes;
    words[at + 1] = 1 + (this.sequence % 5);
    for (let i = 2; i < bytes / 4; i += 1) words[at + i] = this.sequence * 1000 + i;
    this.claimed.push([bytes, this.sequence]);
    this.tail += pad + bytes;
    this.ends.push(this.tail);
  }

  private next(): void {
    const at = this.consumer.next();
    const expected = this.visible.shift();
    if (expected === undefined) {
      expect(at).toBe(-1);
      return;
    }
    const [bytes, sequence] = expected as [number, number];
    const { words } = this.consumer;
    expect([words[at], words[at + 1]]).toEqual([bytes, 1 + (sequence % 5)]);
    for (let i = 2; i < bytes / 4; i += 1) {
      if (words[at + i] !== sequence * 1000 + i) throw new Error(`record ${sequence} is damaged`);
    }
    this.readHead = this.ends.shift()!;
  }

  private release(): void {
    const moves = this.readHead !== this.head;
    expect(this.consumer.release()).toBe(moves && this.isWanted);
    this.head = this.readHead;
    if (moves) this.isWanted = false;
    expect(this.memory[SPACE_WANTED_WORD]).toBe(this.isWanted ? 1 : 0);
  }
}

describe('a ring', () => {
  it.each([
    ['from zero', 0],
    ['past 2^31', 2 ** 31 - 4096],
    ['into 2^31 in the middle of a record', 2 ** 31 - 520],
    ['past 2^32', -8],
    ['past 2^32 in the middle', -2048],
  ])('is a queue, %s', (_name, start) => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
        const model = new Model(start | 0);
        for (const action of steps) model.run(action);
      }),
      { numRuns: 60 },
    );
  });

  it('goes round many times without losing its place', () => {
    const model = new Model((2 ** 31 - 100_000) | 0);
    const [first] = fc.sample(fc.array(step, { minLength: 20_000, maxLength: 20_000 }), {
      numRuns: 1,
      seed: 7,
    });
    for (const action of first) model.run(action);
  });

  it.each([1, 24, 5000, 2048, 2 ** 30])('is not made of %i bytes', (bytes) => {
    expect(() => allocateRing(bytes)).toThrow(RangeError);
  });
});

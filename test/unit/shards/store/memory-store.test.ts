// MemoryStore and its arena against a Map: random adds, retains and releases; every message keeps its
// bytes wherever they are moved to, slab pages are freed exactly once, and memory follows what is live.
import { describe, expect, it } from 'vitest';
import { SLAB_FLAG } from '../../../../shards/mailbox/to-shard-layout.ts';
import { MemoryStore } from '../../../../shards/store/memory-store.ts';
import { IncomingMessage } from '../../../../shards/store/message-store.ts';
import { Random } from '../../../fuzz/session-bytes.ts';

const CHUNK_BYTES = 1024 * 1024;
const SLACK_BYTES = 16 * CHUNK_BYTES;

interface Kept {
  readonly seed: number;
  readonly sizes: readonly [number, number, number];
  readonly isSlab: boolean;
  references: number;
}

const source = Buffer.from(new SharedArrayBuffer(2 * CHUNK_BYTES));
const target = Buffer.from(new SharedArrayBuffer(2 * CHUNK_BYTES));

class Model {
  readonly freed: string[] = [];
  readonly store = new MemoryStore((owner, page) => this.freed.push(`${owner}:${page}`));
  readonly kept = new Map<number, Kept>();
  private readonly message = new IncomingMessage();
  private added = 0;

  add(sizes: readonly [number, number, number], isSlab: boolean, references: number): number {
    this.added += 1;
    const { message } = this;
    const [exrk, props, body] = sizes;
    const inlineBytes = isSlab ? exrk : exrk + props + body;
    message.source = source;
    message.dataAt = (this.added % 7) * 8;
    fill(source, message.dataAt, inlineBytes, this.added);
    message.flags = isSlab ? SLAB_FLAG : 0;
    message.exrkBytes = exrk;
    message.propsBytes = props;
    message.bodyBytes = body;
    message.slabOwner = this.added % 64;
    message.slabPage = isSlab ? this.added % 0xff_ffff : -1;
    const handle = this.store.add(message, references);
    if (this.kept.has(handle)) throw new Error(`handle ${handle} is in use`);
    this.kept.set(handle, { seed: this.added, sizes, isSlab, references });
    return handle;
  }

  release(handle: number): void {
    const kept = this.kept.get(handle)!;
    kept.references -= 1;
    this.freed.length = 0;
    this.store.release(handle);
    const isLast = kept.references === 0;
    if (isLast) this.kept.delete(handle);
    expect(this.freed).toEqual(
      isLast && kept.isSlab ? [`${kept.seed % 64}:${kept.seed % 0xff_ffff}`] : [],
    );
  }

  retain(handle: number): void {
    this.kept.get(handle)!.references += 1;
    this.store.retain(handle);
  }

  check(handle: number): void {
    const { store } = this;
    const { seed, sizes, isSlab } = this.kept.get(handle)!;
    expect([store.exrkBytes(handle), store.propsBytes(handle), store.bodyBytes(handle)]).toEqual(
      sizes,
    );
    expect(store.flags(handle)).toBe(isSlab ? SLAB_FLAG : 0);
    if (isSlab) {
      expect([store.slabOwner(handle), store.slabPage(handle)]).toEqual([seed % 64, seed]);
    }
    const bytes = isSlab ? sizes[0] : sizes[0] + sizes[1] + sizes[2];
    expect(store.inlineBytes(handle)).toBe(bytes);
    store.copyData(handle, target, 16);
    for (let i = 0; i < bytes; i += 1) {
      if (target[16 + i] !== octet(seed, i)) throw new Error(`message ${seed} is damaged at ${i}`);
    }
  }

  checkCounts(): void {
    const kept = [...this.kept.values()];
    expect(this.store.messageCount).toBe(kept.length);
    expect(this.store.slabMessageCount).toBe(kept.filter(({ isSlab }) => isSlab).length);
    if (kept.length === 0) expect(this.store.liveBytes).toBe(0);
  }
}

function octet(seed: number, index: number): number {
  return (seed * 7 + index * 13) & 0xff;
}

function fill(bytes: Buffer, at: number, count: number, seed: number): void {
  for (let i = 0; i < count; i += 1) bytes[at + i] = octet(seed, i);
}

describe('MemoryStore', () => {
  it('is a map from handles to messages, whatever is added and released', () => {
    const random = new Random(31);
    const model = new Model();
    for (let round = 0; round < 6000; round += 1) {
      const handles = [...model.kept.keys()];
      const choice = random.below(10);
      if (choice < 4 || handles.length === 0) {
        const body = random.pick([0, 1, 7, 8, 100, 3000, 20_000]);
        model.add(
          [random.below(40), random.below(90), body],
          random.chance(20),
          1 + random.below(3),
        );
      } else if (choice === 4) model.retain(random.pick(handles));
      else if (choice === 5) model.check(random.pick(handles));
      else model.release(random.pick(handles));
      if (round % 500 === 0) model.checkCounts();
    }
    for (const [handle, { references }] of [...model.kept]) {
      model.check(handle);
      for (let i = 0; i < references; i += 1) model.release(handle);
    }
    model.checkCounts();
  });

  it('moves a few that stay out of the way, keeps their bytes, and bounds its memory', () => {
    const model = new Model();
    const survivors: number[] = [];
    const queue: number[] = [];
    const ROUNDS = 60_000;
    for (let i = 0; i < ROUNDS; i += 1) {
      const handle = model.add([10, 20, 970], false, 1);
      if (i % 900 === 0) survivors.push(handle);
      else queue.push(handle);
      // A thousand are ready at a time.
      if (queue.length > 1000) model.release(queue.shift()!);
    }
    const { store } = model;
    expect(store.liveBytes).toBeLessThan(2 * CHUNK_BYTES);
    expect(store.arenaBytes).toBeLessThanOrEqual(
      store.liveBytes * 2 + SLACK_BYTES + 2 * CHUNK_BYTES,
    );
    for (const handle of survivors) model.check(handle);
    for (const handle of [...survivors, ...queue]) model.release(handle);
    model.checkCounts();
    expect(store.arenaBytes).toBeLessThanOrEqual(SLACK_BYTES);
  });

  it('shrinks with the traffic after a deep queue has drained but for a few', () => {
    const model = new Model();
    const deep = Array.from({ length: 48_000 }, () => model.add([10, 20, 970], false, 1));
    expect(model.store.arenaBytes).toBeGreaterThan(40 * CHUNK_BYTES);
    const stay = deep.filter((_, index) => index % 500 === 0);
    deep.forEach((handle, index) => {
      if (index % 500 !== 0) model.release(handle);
    });
    for (let i = 0; i < 40_000; i += 1) model.release(model.add([10, 20, 970], false, 1));
    // Nothing outlives its turn here, so no chunk fills: let traffic fill some.
    for (let i = 0; i < 60; i += 1) {
      const batch = Array.from({ length: 1100 }, () => model.add([10, 20, 970], false, 1));
      for (const handle of batch) model.release(handle);
    }
    const { store } = model;
    expect(store.arenaBytes).toBeLessThanOrEqual(
      store.liveBytes * 2 + SLACK_BYTES + 2 * CHUNK_BYTES,
    );
    for (const handle of stay) model.check(handle);
  });

  // ring.bytes 64 MiB with ring.inline_body_max 4 MiB is a legal configuration.
  it('takes any message that a ring can carry', () => {
    const model = new Model();
    const handle = model.add([10, 20, CHUNK_BYTES + 1000], false, 1);
    model.check(handle);
    model.release(handle);
    model.checkCounts();
  });
});

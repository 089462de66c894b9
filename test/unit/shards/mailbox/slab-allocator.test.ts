// SlabAllocator against a page map: no two bodies overlap, holders are counted, a body fits whenever
// enough pages are free however they are scattered, and when everything is released the whole slab is
// one stretch again. Bodies are written and read back through cursors.
import { describe, expect, it } from 'vitest';
import { SlabAllocator } from '../../../../shards/mailbox/slab-allocator.ts';
import {
  allocateSlab,
  RUN_BYTES_MAX,
  SLAB_PAGE_BYTES,
  SlabCursor,
} from '../../../../shards/mailbox/slab.ts';
import { Random } from '../../../fuzz/session-bytes.ts';

const PAGES = 300;

const slab = (pages = PAGES): SlabAllocator =>
  new SlabAllocator(allocateSlab(pages * SLAB_PAGE_BYTES));

/** The pages of a body of `bytes`, walked as a reader walks them. */
function pagesOf(allocator: SlabAllocator, page: number, bytes: number): number[] {
  const cursor = new SlabCursor();
  cursor.open(allocator.slab, page);
  const pages: number[] = [];
  for (let left = bytes; left > 0; ) {
    const count = cursor.next(left);
    expect(count).toBeGreaterThan(0);
    expect(count).toBeLessThanOrEqual(RUN_BYTES_MAX);
    expect(cursor.at % SLAB_PAGE_BYTES).toBe(0);
    for (let at = 0; at < count; at += SLAB_PAGE_BYTES) {
      pages.push((cursor.at + at) / SLAB_PAGE_BYTES);
    }
    left -= count;
  }
  return pages;
}

class Model {
  readonly allocator = slab();
  /** Page -> number of its body, 0 = free. */
  readonly owners: number[] = new Array<number>(PAGES).fill(0);
  readonly bodies = new Map<number, { pages: number[]; holders: number; bytes: number }>();
  private lastBody = 0;

  get freePages(): number {
    return this.owners.filter((owner) => owner === 0).length;
  }

  allocate(bytes: number, holders: number): void {
    const count = Math.ceil(bytes / SLAB_PAGE_BYTES);
    const page = this.allocator.allocate(bytes);
    expect(page >= 0).toBe(count <= this.freePages);
    if (page < 0) return;
    this.lastBody += 1;
    const pages = pagesOf(this.allocator, page, bytes);
    expect(pages).toHaveLength(count);
    expect(pages[0]).toBe(page);
    for (const each of pages) {
      expect(this.owners[each]).toBe(0);
      this.owners[each] = this.lastBody;
    }
    if (holders > 1) this.allocator.setHolders(page, holders);
    this.bodies.set(page, { pages, holders, bytes });
  }

  release(page: number): void {
    const body = this.bodies.get(page)!;
    expect(pagesOf(this.allocator, page, body.bytes)).toEqual(body.pages);
    this.allocator.release(page);
    body.holders -= 1;
    if (body.holders > 0) return;
    this.bodies.delete(page);
    for (const each of body.pages) this.owners[each] = 0;
  }

  check(): void {
    expect(this.allocator.freePages).toBe(this.freePages);
  }
}

describe('SlabAllocator', () => {
  it.each([1, 2, 3, 4, 5])('hands out pages that nobody else has (seed %i)', (seed) => {
    const random = new Random(seed);
    const model = new Model();
    for (let round = 0; round < 2000; round += 1) {
      if (random.chance(52)) {
        const pages = random.pick([1, 1, 1, 2, 3, 5, 17, 60, 270]);
        model.allocate(
          pages * SLAB_PAGE_BYTES - random.below(SLAB_PAGE_BYTES),
          1 + random.below(3),
        );
      } else if (model.bodies.size > 0) model.release(random.pick([...model.bodies.keys()]));
      model.check();
    }
    while (model.bodies.size > 0) model.release(random.pick([...model.bodies.keys()]));
    model.check();
    model.allocate(PAGES * SLAB_PAGE_BYTES, 1);
    expect(model.freePages).toBe(0);
  });

  it('is a whole again, in whatever order bodies are released', () => {
    for (const order of ['forwards', 'backwards', 'odd first'] as const) {
      const allocator = slab(64);
      const pages = Array.from({ length: 64 }, () => allocator.allocate(1));
      if (order === 'backwards') pages.reverse();
      if (order === 'odd first') pages.sort((a, b) => (b % 2) - (a % 2) || a - b);
      for (const page of pages) allocator.release(page);
      expect(allocator.freePages).toBe(64);
      const whole = allocator.allocate(64 * SLAB_PAGE_BYTES);
      expect(pagesOf(allocator, whole, 64 * SLAB_PAGE_BYTES)).toHaveLength(64);
      expect(allocator.runPages(whole)).toBe(64);
    }
  });

  it('puts a body into scattered pages, and reads it back as it was', () => {
    const allocator = slab(64);
    const pages = Array.from({ length: 64 }, () => allocator.allocate(1));
    for (const page of pages.filter((each) => each % 2 === 1)) allocator.release(page);
    const body = Buffer.from(Array.from({ length: 20 * SLAB_PAGE_BYTES + 7 }, (_, i) => i % 251));
    const page = allocator.allocate(body.length);
    const cursor = new SlabCursor();
    cursor.open(allocator.slab, page);
    for (let done = 0; done < body.length; ) {
      const count = cursor.next(Math.min(1000, body.length - done));
      body.copy(allocator.slab.bytes, cursor.at, done, done + count);
      done += count;
    }
    const read: Buffer[] = [];
    cursor.open(allocator.slab, page);
    cursor.skip(5);
    for (let left = body.length - 5; left > 0; ) {
      const count = cursor.next(left);
      read.push(allocator.slab.bytes.subarray(cursor.at, cursor.at + count));
      left -= count;
    }
    expect(read.length).toBeGreaterThan(10);
    expect(Buffer.concat(read).equals(body.subarray(5))).toBe(true);
    allocator.release(page);
    expect(allocator.freePages).toBe(32);
  });

  it('touches no more memory while much that was used is free, however scattered', () => {
    const used = 40_000;
    const allocator = slab(60_000);
    const single = Array.from({ length: used }, () => allocator.allocate(1));
    expect(Math.max(...single)).toBe(used - 1);
    for (const page of single) if (page % 2 === 0) allocator.release(page);
    // Nowhere are four pages together, and a fifth of the slab has never been used.
    const bytes = 4 * SLAB_PAGE_BYTES;
    const bodies = Array.from({ length: 900 }, () => allocator.allocate(bytes));
    for (const page of bodies) {
      for (const each of pagesOf(allocator, page, bytes)) expect(each).toBeLessThan(used);
    }
    const run = allocator.takeLongRun(512, 64);
    expect(run).toBeLessThan(used);
    expect(allocator.runPages(run)).toBe(1);
    // 16,384 pages are 64 MiB: with fewer free ones, speed is worth new memory.
    while (allocator.freePages > 20_000 + 16_384) allocator.allocate(1);
    expect(allocator.allocate(bytes)).toBe(used);
  });

  it('has no room for more than it holds, and says so each time', () => {
    const allocator = slab(4);
    expect(allocator.allocate(5 * SLAB_PAGE_BYTES)).toBe(-1);
    expect(allocator.wasFull).toBe(true);
    expect(allocator.allocate(4 * SLAB_PAGE_BYTES)).toBe(0);
    expect(allocator.allocate(1)).toBe(-1);
    allocator.release(0);
    expect(allocator.allocate(4 * SLAB_PAGE_BYTES)).toBe(0);
  });

  it('refuses to release what no body begins at, and to read beyond a body', () => {
    const allocator = slab(4);
    allocator.allocate(2 * SLAB_PAGE_BYTES);
    expect(() => allocator.release(1)).toThrow('slab page 1');
    const cursor = new SlabCursor();
    cursor.open(allocator.slab, 0);
    expect(() => cursor.skip(2 * SLAB_PAGE_BYTES + 1)).toThrow('beyond');
    allocator.release(0);
    expect(() => allocator.release(0)).toThrow('slab page 0');
  });
});

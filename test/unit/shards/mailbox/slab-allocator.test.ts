// SlabAllocator against a page map: no two runs overlap, holders are counted, neighbours merge, and when
// everything is released the whole slab is one run again.
import { describe, expect, it } from 'vitest';
import { SLAB_PAGE_BYTES, SlabAllocator } from '../../../../shards/mailbox/slab-allocator.ts';
import { Random } from '../../../fuzz/session-bytes.ts';

const PAGES = 300;

const slab = (pages = PAGES): SlabAllocator =>
  new SlabAllocator(new SharedArrayBuffer(pages * SLAB_PAGE_BYTES));

/** Longest stretch of pages that belong to nobody. */
function longestGap(owners: readonly number[]): number {
  let longest = 0;
  let current = 0;
  for (const owner of owners) {
    current = owner === 0 ? current + 1 : 0;
    longest = Math.max(longest, current);
  }
  return longest;
}

class Model {
  readonly allocator = slab();
  /** Page -> number of its run, 0 = free. */
  readonly owners: number[] = new Array<number>(PAGES).fill(0);
  readonly runs = new Map<number, { pages: number; holders: number }>();
  private lastRun = 0;

  allocate(bytes: number, holders: number): void {
    const pages = Math.ceil(bytes / SLAB_PAGE_BYTES);
    const page = this.allocator.allocate(bytes);
    if (page < 0) {
      // A run may be missed among many of similar length, but never when there is one of twice that.
      expect(longestGap(this.owners)).toBeLessThan(pages * 2);
      return;
    }
    this.lastRun += 1;
    expect(page + pages).toBeLessThanOrEqual(PAGES);
    for (let i = page; i < page + pages; i += 1) {
      expect(this.owners[i]).toBe(0);
      this.owners[i] = this.lastRun;
    }
    if (holders > 1) this.allocator.setHolders(page, holders);
    this.runs.set(page, { pages, holders });
  }

  release(page: number): void {
    const run = this.runs.get(page)!;
    this.allocator.release(page);
    run.holders -= 1;
    if (run.holders > 0) return;
    this.runs.delete(page);
    this.owners.fill(0, page, page + run.pages);
  }

  check(): void {
    expect(this.allocator.freePages).toBe(this.owners.filter((owner) => owner === 0).length);
  }
}

describe('SlabAllocator', () => {
  it.each([1, 2, 3, 4, 5])('hands out runs that nobody else has (seed %i)', (seed) => {
    const random = new Random(seed);
    const model = new Model();
    for (let round = 0; round < 3000; round += 1) {
      if (random.chance(52)) {
        const pages = random.pick([1, 1, 1, 2, 3, 5, 17, 60]);
        model.allocate(
          pages * SLAB_PAGE_BYTES - random.below(SLAB_PAGE_BYTES),
          1 + random.below(3),
        );
      } else if (model.runs.size > 0) model.release(random.pick([...model.runs.keys()]));
      model.check();
    }
    while (model.runs.size > 0) model.release(random.pick([...model.runs.keys()]));
    model.check();
    expect(model.allocator.allocate(PAGES * SLAB_PAGE_BYTES)).toBe(0);
  });

  it('is a whole again, in whatever order runs are released', () => {
    for (const order of ['forwards', 'backwards', 'odd first'] as const) {
      const allocator = slab(64);
      const pages = Array.from({ length: 64 }, () => allocator.allocate(1));
      if (order === 'backwards') pages.reverse();
      if (order === 'odd first') pages.sort((a, b) => (b % 2) - (a % 2) || a - b);
      for (const page of pages) allocator.release(page);
      expect(allocator.freePages).toBe(64);
      expect(allocator.allocate(64 * SLAB_PAGE_BYTES)).toBe(0);
    }
  });

  it('has no run for more than it holds, and says so each time', () => {
    const allocator = slab(4);
    expect(allocator.allocate(5 * SLAB_PAGE_BYTES)).toBe(-1);
    expect(allocator.allocate(4 * SLAB_PAGE_BYTES)).toBe(0);
    expect(allocator.allocate(1)).toBe(-1);
    allocator.release(0);
    expect(allocator.allocate(4 * SLAB_PAGE_BYTES)).toBe(0);
  });

  it('refuses to release what is not the start of a used run', () => {
    const allocator = slab(4);
    allocator.allocate(2 * SLAB_PAGE_BYTES);
    expect(() => allocator.release(1)).toThrow('slab page 1');
    allocator.release(0);
    expect(() => allocator.release(0)).toThrow('slab page 0');
  });
});

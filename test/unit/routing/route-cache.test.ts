// RouteCache against a Map: hits, misses and growth with keys that share prefixes and lengths; bounded in
// entries and in key bytes; empty after `clear`.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RouteCache } from '../../../src/routing/route-cache.ts';

const ENTRIES_MAX = 32_768;
const KEY_BYTES_MAX = 1024 * 1024;

/** `find`, with the key somewhere inside other bytes. */
function find(cache: RouteCache<string>, key: Buffer): string | undefined {
  const bytes = Buffer.concat([Buffer.from('before'), key, Buffer.from('after')]);
  return cache.find(bytes, 6, key.length);
}

function add(cache: RouteCache<string>, key: Buffer, route: string): void {
  expect(find(cache, key)).toBe(undefined);
  cache.add(key, 0, key.length, route);
}

const key = (text: string): Buffer => Buffer.from(text);

describe('RouteCache', () => {
  it('is a map from bytes to routes', () => {
    const keys = fc.uniqueArray(fc.uint8Array({ maxLength: 6, max: 3 }), {
      maxLength: 300,
      selector: (bytes) => bytes.join(),
    });
    fc.assert(
      fc.property(keys, (all) => {
        const cache = new RouteCache<string>();
        const half = all.slice(0, all.length / 2);
        for (const bytes of half) add(cache, Buffer.from(bytes), bytes.join());
        expect(cache.size).toBe(half.length);
        for (const bytes of all) {
          const isThere = half.includes(bytes);
          expect(find(cache, Buffer.from(bytes))).toBe(isThere ? bytes.join() : undefined);
        }
      }),
    );
  });

  it('tells keys apart by where exchange and routing key meet', () => {
    const cache = new RouteCache<string>();
    add(cache, key('\u0001a\u0002bc'), 'a / bc');
    add(cache, key('\u0002ab\u0001c'), 'ab / c');
    expect(find(cache, key('\u0001a\u0002bc'))).toBe('a / bc');
    expect(find(cache, key('\u0002ab\u0001c'))).toBe('ab / c');
  });

  it('keeps what it has while it grows, up to its bound, and then starts over', () => {
    const cache = new RouteCache<string>();
    for (let i = 0; i < ENTRIES_MAX; i += 1) add(cache, key(`k${i}`), `r${i}`);
    expect(cache.size).toBe(ENTRIES_MAX);
    for (let i = 0; i < ENTRIES_MAX; i += 97) expect(find(cache, key(`k${i}`))).toBe(`r${i}`);
    add(cache, key('one more'), 'last');
    expect(cache.size).toBe(1);
    expect(find(cache, key('one more'))).toBe('last');
    expect(find(cache, key('k5'))).toBe(undefined);
  });

  it('is bounded in key bytes', () => {
    const cache = new RouteCache<string>();
    const long = (i: number): Buffer => key(String(i).padEnd(500, '-'));
    for (let i = 0; i < 10_000; i += 1) {
      add(cache, long(i), String(i));
      expect(cache.size * 500).toBeLessThanOrEqual(KEY_BYTES_MAX);
      expect(find(cache, long(i))).toBe(String(i));
    }
  });

  it('is empty after clear, and usable', () => {
    const cache = new RouteCache<string>();
    cache.clear();
    for (const round of [1, 2, 3]) {
      for (let i = 0; i < 500; i += 1) add(cache, key(`k${i}`), `${round}:${i}`);
      expect(find(cache, key('k499'))).toBe(`${round}:499`);
      cache.clear();
      expect(cache.size).toBe(0);
    }
  });
});

// A route-cache hit: what every publish pays for routing. One operation is one lookup, with keys
// that change from one to the next. Bench process.
import { RouteCache } from '../../src/routing/route-cache.ts';
import { type BenchOptions, type BenchRow, measure } from './bench-row.ts';

const KEY_COUNTS = [1, 1000];
const LOOKUPS = 1000;

export async function run(options: BenchOptions): Promise<BenchRow[]> {
  const rows: BenchRow[] = [];
  for (const keyCount of KEY_COUNTS) rows.push(await hits(keyCount, options));
  return rows;
}

function hits(keyCount: number, options: BenchOptions): Promise<BenchRow> {
  const cache = new RouteCache<number>();
  const keys = Array.from({ length: keyCount }, (_, i) => Buffer.from(`\u0006orders\u0008eu.${i}`));
  keys.forEach((key, index) => {
    cache.find(key, 0, key.length);
    cache.add(key, 0, key.length, index);
  });
  return measure(`route hit, ${keyCount} keys`, LOOKUPS, options, () => {
    for (let i = 0; i < LOOKUPS; i += 1) {
      const key = keys[i % keyCount];
      if (cache.find(key, 0, key.length) === undefined) throw new Error('a hit was missed');
    }
  });
}

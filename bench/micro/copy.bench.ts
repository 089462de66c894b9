// copyBytes beside what it is made of, heap to shared memory: where its thresholds come from. Past
// 2 KiB, Buffer.copy is ten times slower when the target's address is 1 to 15 bytes ahead of the
// source's modulo 4096, so that case has rows of its own. One operation is one copy. Bench process.
import { copyBytes } from '../../src/base/copy.ts';
import { type BenchOptions, type BenchRow, measure } from './bench-row.ts';

const SIZES = [16, 64, 256, 1024, 4096, 16_384, 65_536];
const COPIES = 64;
const MEMORY_BYTES = 8 * 1024 * 1024;

type Copy = typeof copyBytes;

const WAYS: readonly [name: string, copy: Copy][] = [
  ['copyBytes', copyBytes],
  [
    'Buffer.copy',
    (source, from, target, to, bytes) => void source.copy(target, to, from, from + bytes),
  ],
  [
    'TypedArray.set',
    (source, from, target, to, bytes) => target.set(source.subarray(from, from + bytes), to),
  ],
];

/** Offsets of source and target within their page: a target 1 to 15 bytes ahead is the bad case. */
const OFFSETS: readonly [name: string, from: number, to: number][] = [
  ['', 5, 0],
  [', target 3 ahead', 0, 3],
];

export async function run(options: BenchOptions): Promise<BenchRow[]> {
  const source = Buffer.from(new ArrayBuffer(MEMORY_BYTES)).fill(7);
  const target = Buffer.from(new SharedArrayBuffer(MEMORY_BYTES));
  const rows: BenchRow[] = [];
  for (const bytes of SIZES) {
    const strideBytes = (bytes + 64) & ~7;
    for (const [where, from, to] of OFFSETS) {
      for (const [name, copy] of WAYS) {
        const batch = (): void => {
          for (let i = 0; i < COPIES; i += 1) {
            copy(source, i * strideBytes + from, target, i * strideBytes + to, bytes);
          }
        };
        rows.push(await measure(`${name} ${bytes} B${where}`, COPIES, options, batch));
      }
    }
  }
  return rows;
}

// copyBytes: every alignment of source and target, around each size where it changes its way, between
// heap and shared memory; and nothing outside the target range is touched.
import { describe, expect, it } from 'vitest';
import { copyBytes } from '../../../src/base/copy.ts';

const SIZES = [
  ...Array.from({ length: 34 }, (_, size) => size),
  ...[2040, 2047, 2048, 2049, 2055, 4095, 4096, 4097, 6144, 6145, 10_000],
];
const ALIGNMENTS = [0, 1, 3, 4, 7, 8];
const MARGIN = 16;

const heap = (bytes: number): Buffer<ArrayBufferLike> => Buffer.from(new ArrayBuffer(bytes));
const shared = (bytes: number): Buffer<ArrayBufferLike> =>
  Buffer.from(new SharedArrayBuffer(bytes));

const KINDS = [
  ['heap to shared', heap, shared],
  ['shared to heap', shared, heap],
  ['shared to shared', shared, shared],
  ['heap to heap', heap, heap],
] as const;

describe.each(KINDS)('copyBytes %s', (_name, makeSource, makeTarget) => {
  it.each(SIZES)('copies %i bytes at any alignment', (size) => {
    const source = makeSource(size + MARGIN * 2);
    for (let i = 0; i < source.length; i += 1) source[i] = (i * 31 + 7) & 0xff;
    for (const from of ALIGNMENTS) {
      for (const to of ALIGNMENTS) {
        const target = makeTarget(size + MARGIN * 2).fill(0xee);
        const expected = Buffer.alloc(target.length, 0xee);
        expected.set(source.subarray(from, from + size), to);
        copyBytes(source, from, target, to, size);
        expect(Buffer.compare(Buffer.from(target), expected)).toBe(0);
      }
    }
  });
});

describe('copyBytes', () => {
  it('counts from the start of a view that does not start its memory', () => {
    const memory = new SharedArrayBuffer(10_000);
    const source = Buffer.from(memory, 5, 4000).fill(3);
    const target = Buffer.from(memory, 5003, 4000);
    copyBytes(source, 1, target, 2, 3000);
    const whole = Buffer.from(memory);
    expect(whole.subarray(5005, 8005).every((octet) => octet === 3)).toBe(true);
    expect([whole[5004], whole[8005]]).toEqual([0, 0]);
  });
});

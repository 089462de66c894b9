// Sizes as people read them: three digits, binary units.
import { expect, it } from 'vitest';
import { readableSize } from '../../../src/base/readable-size.ts';

it.each([
  [0, '0 bytes'],
  [1023, '1023 bytes'],
  [1024, '1 KiB'],
  [1536, '1.5 KiB'],
  [999.6 * 1024, '1000 KiB'],
  [1_048_576, '1 MiB'],
  [123_456_789, '118 MiB'],
  [40 * 2 ** 30, '40 GiB'],
  [5000 * 2 ** 40, '5000 TiB'],
])('%d bytes are %s', (bytes, text) => {
  expect(readableSize(bytes)).toBe(text);
});

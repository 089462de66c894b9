// The checksum against published values (RFC 3720, B.4) and against the definition, bit by bit.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CRC_START, crcBytes, crcValue, crcWords } from '../../../src/log/crc32c.ts';

function crcOf(bytes: Uint8Array, from = 0, to = bytes.byteLength): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return crcValue(crcBytes(CRC_START, view, from, to));
}

function byDefinition(bytes: Uint8Array): number {
  let register = 0xffffffff;
  for (const byte of bytes) {
    register ^= byte;
    for (let bit = 0; bit < 8; bit += 1) {
      register = (register & 1) === 0 ? register >>> 1 : (register >>> 1) ^ 0x82f63b78;
    }
  }
  return ~register >>> 0;
}

test.each([
  ['nothing', Buffer.alloc(0), 0],
  ['123456789', Buffer.from('123456789'), 0xe3069283],
  ['32 zeros', Buffer.alloc(32), 0x8a9136aa],
  ['32 ones', Buffer.alloc(32, 0xff), 0x62a8ab43],
  ['0 to 31', Buffer.from(Array.from({ length: 32 }, (_, at) => at)), 0x46dd794e],
  ['31 to 0', Buffer.from(Array.from({ length: 32 }, (_, at) => 31 - at)), 0x113fdb5c],
])('%s', (_what, bytes, crc) => {
  expect(crcOf(bytes)).toBe(crc);
});

test('any bytes, at any alignment, in any pieces', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat(9), fc.nat(100), (bytes, shift, cut) => {
      const shifted = new Uint8Array(bytes.byteLength + shift).subarray(shift);
      shifted.set(bytes);
      const crc = byDefinition(bytes);
      expect(crcOf(shifted)).toBe(crc);
      const middle = Math.min(cut, bytes.byteLength);
      const view = new DataView(shifted.buffer, shift);
      const begun = crcBytes(CRC_START, view, 0, middle);
      expect(crcValue(crcBytes(begun, view, middle, bytes.byteLength))).toBe(crc);
    }),
  );
});

test('two words are eight bytes', () => {
  fc.assert(
    fc.property(fc.integer(), fc.integer(), fc.integer(), (running, low, high) => {
      const view = new DataView(new ArrayBuffer(8));
      view.setInt32(0, low, true);
      view.setInt32(4, high, true);
      expect(crcWords(running, low, high)).toBe(crcBytes(running, view, 0, 8));
    }),
  );
});

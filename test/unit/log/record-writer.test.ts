// The encoder of records and the rule of where they lie.
import { expect, test } from 'vitest';
import { ACK, PUBLISH, RECORD_BYTES_MAX } from '../../../src/log/log.ts';
import { placeRecord, RecordWriter } from '../../../src/log/record-writer.ts';

const MIB = 1024 * 1024;

test.each([
  ['behind the last one', 3 * MIB + 128, 64, 3 * MIB + 128],
  ['up to the last byte', 4 * MIB - 64, 64, 4 * MIB - 64],
  ['in the next segment, when a byte is missing', 4 * MIB - 64, 72, 4 * MIB + 128],
  ['behind the header, when the segment before is full', 4 * MIB, 64, 4 * MIB + 128],
  ['where not even a header fits', 4 * MIB - 8, 16, 4 * MIB + 128],
])('a record lies %s', (_what, position, bytes, place) => {
  expect(placeRecord(position, bytes, MIB)).toBe(place);
});

test('positions are exact up to 2^53', () => {
  const last = 2 ** 53 - 256 * MIB;
  expect(placeRecord(last + 256 * MIB - 16, 24, 256 * MIB) - last).toBe(256 * MIB + 128);
});

test('a record is its header, its contents, and zeros up to 8', () => {
  const memory = Buffer.alloc(96, 0xee);
  const writer = new RecordWriter(memory.subarray(8));
  expect(writer.begin(PUBLISH, 5, 0xabcd, 45)).toBe(0);
  writer.word(-1);
  writer.word(2 ** 32 - 2);
  writer.long(2 ** 52 + 2 ** 33 + 7);
  writer.put(Buffer.from('abc'));
  writer.copy(Buffer.from('xxdefghijkl'), 2, 9);
  writer.put(Buffer.from('m'));
  expect(writer.used).toBe(48);
  expect(writer.begin(ACK, 0, 1, 28)).toBe(48);
  for (const value of [1, 2, 3]) writer.word(value);
  expect(writer.hasRoom(8)).toBe(true);
  expect(writer.hasRoom(9)).toBe(false);
  expect(memory.toString('hex').match(/.{1,32}/gu)).toEqual([
    'eeeeeeeeeeeeeeee0000000030000000',
    '0105cdab00000000fffffffffeffffff',
    '07000000020010006162636465666768',
    '696a6b6c6d0000000000000020000000',
    '03000100000000000100000002000000',
    '0300000000000000eeeeeeeeeeeeeeee',
  ]);
  expect(() => writer.begin(ACK, 0, 0, 16)).toThrow('hasRoom');
  writer.clear();
  expect(writer.begin(ACK, 0, 0, 16)).toBe(0);
});

test('a growing writer keeps what is in it', () => {
  const writer = new RecordWriter(16);
  const records = [16, 28, 1000, RECORD_BYTES_MAX, 40];
  for (const [at, bytes] of records.entries()) {
    expect(writer.hasRoom(bytes)).toBe(true);
    writer.begin(ACK, at, at, bytes);
    writer.put(Buffer.alloc(bytes - 16, at + 1));
  }
  let from = 0;
  for (const [at, bytes] of records.entries()) {
    const padded = Math.ceil(bytes / 8) * 8;
    expect(writer.bytes.readUInt32LE(from + 4)).toBe(padded);
    expect(writer.bytes[from + 9]).toBe(at);
    const contents = writer.bytes.subarray(from + 16, from + bytes);
    expect(contents.equals(Buffer.alloc(bytes - 16, at + 1))).toBe(true);
    const padding = writer.bytes.subarray(from + bytes, from + padded);
    expect(padding.equals(Buffer.alloc(padded - bytes))).toBe(true);
    from += padded;
  }
  expect(writer.used).toBe(from);
});

// The reader and the writer of elementary types, where their limits are.
import { describe, expect, it } from 'vitest';
import { AmqpError } from '../../../src/errors/refusal.ts';
import { FRAME_BODY, FRAME_HEARTBEAT } from '../../../src/protocol/constants.ts';
import { WireReader } from '../../../src/protocol/wire-reader.ts';
import { WireWriter } from '../../../src/protocol/wire-writer.ts';
import { bytesOf, viewOf } from './bytes.ts';

describe('WireReader', () => {
  it('reads 64-bit integers exactly, and tags as numbers that stop at 2^53 - 1', () => {
    const bytes = bytesOf('001fffffffffffff 0020000000000001 ffffffffffffffff');
    const reader = new WireReader(bytes);
    expect(reader.longlong()).toBe(2 ** 53 - 1);
    expect(reader.longlong()).toBe(2n ** 53n + 1n);
    expect(reader.longlong()).toBe(2n ** 64n - 1n);
    reader.reset(bytes, viewOf(bytes), 0, bytes.length);
    expect(reader.longlongNumber()).toBe(2 ** 53 - 1);
    expect(reader.longlongNumber()).toBe(2 ** 53 - 1);
    expect(reader.longlongNumber()).toBe(2 ** 53 - 1);
    reader.finish();
  });

  it('copies long strings, also out of a Buffer', () => {
    const bytes = Buffer.from(bytesOf("00000002 'hi'"));
    const copy = new WireReader(bytes).longString();
    bytes.fill(0);
    expect(copy).toEqual(Uint8Array.of(0x68, 0x69));
  });

  it('counts bytes from the start of the payload', () => {
    const reader = new WireReader(bytesOf("ffffff 01 05 'ab'"), 3);
    reader.octet();
    expect(() => reader.shortString()).toThrow('a short string of 5 bytes at byte 2, received 2');
  });

  it('does not read beyond its end, though the buffer goes on', () => {
    const reader = new WireReader(bytesOf("02 'abcd'"), 0, 2);
    expect(() => reader.shortString()).toThrow(AmqpError);
  });
});

describe('WireWriter', () => {
  it('grows, and keeps what was written', () => {
    const writer = new WireWriter(1);
    writer.startFrame(FRAME_BODY, 3);
    writer.raw(new Uint8Array(1000).fill(7));
    writer.endFrame();
    writer.startFrame(FRAME_HEARTBEAT, 0);
    writer.endFrame();
    const taken = writer.take();
    expect(taken).toEqual(bytesOf(`03 0003 000003e8 ${'07'.repeat(1000)} ce  08 0000 00000000 ce`));
    writer.octet(9);
    expect(taken[0]).toBe(FRAME_BODY);
    expect(writer.take()).toEqual(Uint8Array.of(9));
  });

  it('writes strings that do not fit its buffer', () => {
    const writer = new WireWriter(1);
    writer.shortString('é'.repeat(127));
    writer.longString('longer than what was there before'.repeat(20));
    const reader = new WireReader(writer.take());
    expect(reader.shortString()).toBe('é'.repeat(127));
    expect(reader.longStringText()).toBe('longer than what was there before'.repeat(20));
  });

  it.each<[string, (writer: WireWriter) => void]>([
    ['an octet of 256', (writer) => writer.octet(256)],
    ['a short of -1', (writer) => writer.short(-1)],
    ['a fraction', (writer) => writer.long(0.5)],
    ['a number beyond 2^53', (writer) => writer.longlong(2 ** 53)],
    ['a bigint beyond 2^64', (writer) => writer.longlong(2n ** 64n)],
    ['a negative bigint', (writer) => writer.longlong(-1n)],
    ['a short string of 256 bytes', (writer) => writer.shortString('é'.repeat(128))],
  ])('does not write %s', (_what, write) => {
    expect(() => write(new WireWriter())).toThrow(RangeError);
  });

  it('is not used with a frame left open', () => {
    const writer = new WireWriter();
    expect(() => writer.endFrame()).toThrow('no frame');
    writer.startFrame(FRAME_BODY, 1);
    expect(() => writer.startFrame(FRAME_BODY, 1)).toThrow('not ended');
    expect(() => writer.take()).toThrow('not ended');
    writer.abandonFrame();
    writer.abandonFrame();
    expect(writer.take()).toEqual(new Uint8Array());
  });
});

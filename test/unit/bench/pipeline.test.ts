// The bookkeeping of a pipeline: checksums that tell bodies apart, and what became of each message;
// and the count of failures. Test process.
import { crc32 } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { DeliveryLedger } from '../../../bench/load/delivery-ledger.ts';
import { FailureCount } from '../../../bench/load/failure-count.ts';
import { FrameStepper } from '../../../bench/load/frame-stepper.ts';
import { CHECKED_FROM, PipelineBodies } from '../../../bench/load/pipeline-body.ts';

/** The body in a publish, without its frames. */
function bodyOf(publish: Buffer): Buffer {
  const pieces: Buffer[] = [];
  const ignore = (): void => undefined;
  const onBody = (bytes: Buffer, start: number, end: number): void => {
    pieces.push(Buffer.from(bytes.subarray(start, end)));
  };
  const sink = { onMethod: ignore, onContentHeader: ignore, onBody, onChunkEnd: ignore };
  new FrameStepper(sink, 131_072).feed(publish, publish.length);
  return Buffer.concat(pieces);
}

describe('PipelineBodies', () => {
  it.each([16, 1000, 4096 - 8, 20_000])('stamps bodies of %i bytes with their checksum', (size) => {
    const bodies = new PipelineBodies('q', size, false, 4096);
    for (const sequence of [0, 1, 15, 16, 1_000_000]) {
      const publish = Buffer.concat([bodies.startOf(sequence), bodies.restOf(sequence)]);
      const body = bodyOf(publish);
      expect(body.length).toBe(size);
      expect(body.readUInt32LE(0)).toBe(sequence);
      const checksum = crc32(body.subarray(CHECKED_FROM));
      expect(body.readUInt32LE(4)).toBe(checksum);
      expect(bodies.checksumOf(sequence)).toBe(checksum);
    }
  });

  it('makes neighbours differ, and every start anew', () => {
    const bodies = new PipelineBodies('q', 100, false, 4096);
    expect(bodies.checksumOf(4)).not.toBe(bodies.checksumOf(5));
    const first = bodies.startOf(0);
    bodies.startOf(16);
    expect(bodies.startOf(0)).toEqual(first);
  });
});

describe('DeliveryLedger', () => {
  it('tells damaged, repeated, unsent and lost messages apart', () => {
    const ledger = new DeliveryLedger();
    ledger.note(1, true, 5);
    ledger.note(0, true, 5);
    ledger.note(1, true, 5);
    ledger.note(2, false, 5);
    ledger.note(5, true, 5);
    expect(ledger).toMatchObject({ arrived: 2, duplicated: 1, corrupt: 2 });
    expect(ledger.lost(5)).toBe(3);
    ledger.note(2, true, 5);
    expect(ledger.lost(5)).toBe(2);
  });

  it('remembers many', () => {
    const ledger = new DeliveryLedger();
    for (let sequence = 9999; sequence >= 0; sequence -= 1) ledger.note(sequence, true, 10_000);
    expect(ledger).toMatchObject({ arrived: 10_000, duplicated: 0, corrupt: 0 });
    ledger.note(0, true, 10_000);
    expect(ledger.duplicated).toBe(1);
  });
});

describe('FailureCount', () => {
  it('counts by text and keeps a few texts only', () => {
    const failures = new FailureCount();
    failures.note(new Error('a'));
    failures.note(new Error('a'));
    for (let index = 0; index < 30; index += 1) failures.note(`text ${index}`);
    expect(failures.count).toBe(32);
    expect(failures.texts()).toMatchObject({ a: 2, 'text 0': 1, 'other failures': 11 });
    expect(Object.values(failures.texts()).reduce((sum, count) => sum + count, 0)).toBe(32);
  });
});

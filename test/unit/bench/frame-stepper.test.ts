// The frame stepper against arbitrary frames cut at arbitrary places. Test process.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FrameStepper, type FrameSink } from '../../../bench/load/frame-stepper.ts';
import { frame, publishFrames } from '../../../bench/load/frames.ts';

class Recorder implements FrameSink {
  readonly seen: string[] = [];
  chunks = 0;

  onMethod(bytes: Buffer, start: number, end: number): void {
    this.seen.push(`1:${bytes.toString('hex', start, end)}`);
  }

  onContentHeader(bytes: Buffer, start: number, end: number): void {
    this.seen.push(`2:${bytes.toString('hex', start, end)}`);
  }

  onBody(bytes: Buffer, start: number, end: number): void {
    this.seen.push(`3:${bytes.toString('hex', start, end)}`);
  }

  onChunkEnd(): void {
    this.chunks += 1;
  }
}

/** Feeds `bytes` cut at `cuts` through one reused buffer, as the socket does. */
function feedInPieces(stepper: FrameStepper, bytes: Buffer, cuts: readonly number[]): void {
  const shared = Buffer.alloc(bytes.length + 1);
  const edges = [...new Set([0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length])];
  edges.sort((a, b) => a - b);
  for (let index = 1; index < edges.length; index += 1) {
    shared.fill(0xee);
    const piece = bytes.subarray(edges[index - 1], edges[index]);
    piece.copy(shared);
    stepper.feed(shared, piece.length);
  }
}

/** Only counts and joins what bodies are made of. */
class BodyRecorder extends Recorder {
  readonly pieces: Buffer[] = [];

  override onBody(bytes: Buffer, start: number, end: number): void {
    this.pieces.push(Buffer.from(bytes.subarray(start, end)));
  }
}

describe('FrameStepper', () => {
  it('hands large body frames over in pieces, the first of which holds a stamp', () => {
    const cuts = fc.array(fc.nat(40_000), { maxLength: 20 });
    fc.assert(
      fc.property(fc.integer({ min: 4096, max: 20_000 }), cuts, (bodyBytes, at) => {
        const recorder = new BodyRecorder();
        const body = Buffer.from(Array.from({ length: bodyBytes }, (_, index) => index % 251));
        const bytes = Buffer.concat([
          frame(1, 1, Buffer.from('a')),
          frame(3, 1, body),
          frame(1, 1, Buffer.from('b')),
        ]);
        feedInPieces(new FrameStepper(recorder, 131_072), bytes, at);
        expect(recorder.pieces[0].length).toBeGreaterThanOrEqual(64);
        expect(Buffer.concat(recorder.pieces).equals(body)).toBe(true);
        expect(recorder.seen).toEqual(['1:61', '1:62']);
      }),
    );
  });

  it('refuses a wrong end octet after the pieces of a body', () => {
    const broken = frame(3, 1, Buffer.alloc(10_000));
    broken[broken.length - 1] = 0;
    const stepper = new FrameStepper(new BodyRecorder(), 131_072);
    stepper.feed(broken, 9000);
    const rest = broken.subarray(9000);
    expect(() => stepper.feed(rest, rest.length)).toThrow(/end octet/);
  });

  it('hands over every frame once, whole and in order, wherever chunks are cut', () => {
    const anyFrame = fc.record({
      type: fc.constantFrom(1, 2, 3),
      payload: fc.uint8Array({ maxLength: 300 }),
    });
    const frames = fc.array(anyFrame, { minLength: 1, maxLength: 20 });
    const cuts = fc.array(fc.nat(6000), { maxLength: 40 });
    fc.assert(
      fc.property(frames, cuts, (list, at) => {
        const recorder = new Recorder();
        const stepper = new FrameStepper(recorder, 4096);
        const bytes = Buffer.concat(
          list.map(({ type, payload }) => frame(type, 1, Buffer.from(payload))),
        );
        feedInPieces(stepper, bytes, at);
        const expected = list.map(
          ({ type, payload }) => `${type}:${Buffer.from(payload).toString('hex')}`,
        );
        expect(recorder.seen).toEqual(expected);
      }),
    );
  });

  it('puts a frame together that arrives byte by byte and outgrows the side buffer', () => {
    const recorder = new Recorder();
    const stepper = new FrameStepper(recorder, 131_072);
    const bytes = frame(2, 1, Buffer.alloc(20_000, 'x'));
    for (const byte of bytes) stepper.feed(Buffer.from([byte]), 1);
    expect(recorder.seen).toEqual([`2:${'78'.repeat(20_000)}`]);
  });

  it('skips heartbeats', () => {
    const recorder = new Recorder();
    const bytes = Buffer.concat([frame(8, 0, Buffer.alloc(0)), frame(1, 0, Buffer.from('a'))]);
    new FrameStepper(recorder, 4096).feed(bytes, bytes.length);
    expect(recorder.seen).toEqual(['1:61']);
    expect(recorder.chunks).toBe(1);
  });

  it('refuses a wrong end octet, an unknown type and a size over the limit', () => {
    const broken = frame(1, 0, Buffer.from('abc'));
    broken[broken.length - 1] = 0;
    const feed = (bytes: Buffer): void => {
      new FrameStepper(new Recorder(), 4096).feed(bytes, bytes.length);
    };
    expect(() => feed(broken)).toThrow(/end octet/);
    expect(() => feed(frame(0x41, 0, Buffer.from('abc')))).toThrow(/frame type/);
    expect(() => feed(frame(1, 0, Buffer.alloc(5000)).subarray(0, 100))).toThrow(/at most 4096/);
  });
});

describe('publishFrames', () => {
  it('cuts a body at the frame limit and says where it starts', () => {
    const recorder = new Recorder();
    const { bytes, bodyStart } = publishFrames('', 'q', 250, true, 108);
    new FrameStepper(recorder, 4096).feed(bytes, bytes.length);
    const bodies = recorder.seen.filter((seen) => seen.startsWith('3:'));
    expect(bodies.map((seen) => (seen.length - 2) / 2)).toEqual([100, 100, 50]);
    expect(bytes[bodyStart - 8]).toBe(0xce);
    expect(bytes.toString('latin1', bodyStart, bodyStart + 100)).toBe('x'.repeat(100));
    // Class 60, weight 0, body size 250, flag of delivery-mode, delivery mode 2.
    expect(recorder.seen[1]).toBe('2:003c0000' + '00000000000000fa' + '1000' + '02');
  });
});

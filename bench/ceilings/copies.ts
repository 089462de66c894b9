// How fast large blocks go from a socket's read buffer (heap) to shared memory, as every body does
// once in the broker: the ways that Node offers. Bench process, one thread.
// Invariants: the source is one block that stays in the cache, as a read buffer does, the target
// walks through memory larger than any cache of one core, as a ring or a store does; all pages were
// touched before the clock runs. bench/micro/copy.bench.ts has the small sizes and bad alignments.

const TARGET_BYTES = 64 * 1024 * 1024;
/** The read buffer is a little longer than what is copied: see src/acceptor/listener.ts. */
const SLACK_BYTES = 64;

type Copy = (source: Buffer, target: Buffer, to: number, bytes: number) => void;

const WAYS: readonly [name: string, slackBytes: number, copy: Copy][] = [
  [
    'Buffer.copy of a part of the source',
    SLACK_BYTES,
    (source, target, to, bytes) => void source.copy(target, to, 0, bytes),
  ],
  [
    'Buffer.copy of the whole source',
    0,
    (source, target, to, bytes) => void source.copy(target, to, 0, bytes),
  ],
  [
    'TypedArray.set',
    SLACK_BYTES,
    (source, target, to, bytes) => target.set(source.subarray(0, bytes), to),
  ],
];

export const COPY_SIZES: readonly number[] = [64 * 1024, 256 * 1024, 1024 * 1024];

export interface CopyResult {
  readonly name: string;
  readonly blockBytes: number;
  readonly bytesPerSecond: number;
}

/** Each way and size once, for `seconds` each. */
export function measureCopies(seconds: number): CopyResult[] {
  const target = Buffer.from(new SharedArrayBuffer(TARGET_BYTES)).fill(1);
  return COPY_SIZES.flatMap((blockBytes) =>
    WAYS.map(([name, slackBytes, copy]) => {
      const source = Buffer.from(new ArrayBuffer(blockBytes + slackBytes)).fill(7);
      const started = performance.now();
      let copied = 0;
      let elapsed = 0;
      while (elapsed < seconds * 1000) {
        for (let to = 0; to + blockBytes <= TARGET_BYTES; to += blockBytes) {
          copy(source, target, to, blockBytes);
          copied += blockBytes;
        }
        elapsed = performance.now() - started;
      }
      return { name, blockBytes, bytesPerSecond: (copied * 1000) / elapsed };
    }),
  );
}

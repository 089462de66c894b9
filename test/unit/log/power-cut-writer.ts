// A process of its own that appends to a log and kills itself (faults.test.ts): with the fault
// `drop-unsynced` that is a power cut. Arguments: implementation, directory, seed, first number.
// Says on its output `synced N` for what it was told is safe, and `submitted N` for what is not.
import { writeSync } from 'node:fs';
import type { LogCallbacks } from '../../../src/log/log.ts';
import { openLog } from '../../../src/log/open-log.ts';
import { placeRecord } from '../../../src/log/record-writer.ts';
import { bodyOf, message } from './samples.ts';

const [, , kind, directory, seed, first] = process.argv;
const SEGMENT_BYTES = 1024 * 1024;
const MESSAGES = 40;
const SAFE_BATCHES = 30;

let onProgress: LogCallbacks['onProgress'] = () => undefined;
const log = openLog(
  {
    directory,
    segmentBytes: SEGMENT_BYTES,
    spareSegments: 1,
    memories: [],
    faults: `drop-unsynced:${seed}`,
  },
  {
    onProgress: (written, synced) => onProgress(written, synced),
    onRead: () => undefined,
    onPacked: () => undefined,
    onSpace: () => undefined,
    onFailure: (reason) => {
      throw new Error(reason);
    },
  },
  kind as 'native' | 'portable',
);

const { segments } = log.inventory();
let end = 0;
for (const segment of segments) ({ end } = await log.scan(segment));
end = await log.begin(end);

let sequence = Number(first);
for (let number = 1; number <= SAFE_BATCHES + 1; number += 1) {
  const isSafe = number <= SAFE_BATCHES;
  const samples = Array.from({ length: MESSAGES }, () => {
    sequence += 1;
    return message({ targets: [[1, sequence]], body: bodyOf(sequence % 1500, sequence) });
  }).flat();
  const bytes = Buffer.concat(samples.map((sample) => sample.bytes));
  const places = samples.map((sample) => {
    const place = placeRecord(end, sample.bytes.byteLength, SEGMENT_BYTES);
    end = place + sample.bytes.byteLength;
    return place;
  });
  const done = Promise.withResolvers<void>();
  onProgress = (written, synced) => {
    if ((isSafe ? synced : written) >= number) done.resolve();
  };
  if (!isSafe) writeSync(1, `submitted ${sequence}\n`);
  log.submit({
    number,
    bytes,
    parts: Float64Array.of(0, 0, bytes.byteLength),
    partCount: 1,
    firstPosition: places[0],
    endPosition: end,
    sync: isSafe,
  });
  await done.promise;
  if (isSafe) writeSync(1, `synced ${sequence}\n`);
}
process.kill(process.pid, 'SIGKILL');

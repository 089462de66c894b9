// Worker thread. Submits to a native log and reads from it without a pause until it is terminated.
import { parentPort, workerData } from 'node:worker_threads';
import type { LogCallbacks } from '../../../src/log/log.ts';
import { PUBLISH } from '../../../src/log/log.ts';
import { nativeLog } from '../../../src/log/native/native-log.ts';

const SEGMENT_BYTES = 1024 * 1024;
const RECORD_BYTES = 65_536;
const IN_FLIGHT = 8;

const { directory } = workerData as { directory: string };
const bytes = new Uint8Array(RECORD_BYTES);
const view = new DataView(bytes.buffer);
view.setUint32(4, RECORD_BYTES, true);
view.setUint8(8, PUBLISH);
view.setUint32(24, RECORD_BYTES - 32, true);

let position = 0;
let number = 0;

function submitNext(): void {
  const rest = SEGMENT_BYTES - (position % SEGMENT_BYTES);
  if (rest < RECORD_BYTES) {
    if (position > 3 * SEGMENT_BYTES) log?.recycle(Math.floor(position / SEGMENT_BYTES) - 1);
    position += rest + 128;
  }
  log?.submit({
    number: ++number,
    bytes: bytes.slice(),
    parts: Float64Array.of(0, 0, RECORD_BYTES),
    partCount: 1,
    firstPosition: position,
    endPosition: position + RECORD_BYTES,
    sync: number % 3 === 0,
  });
  log?.read({
    number,
    count: 1,
    rows: Float64Array.of(position, -1, RECORD_BYTES - 32, 0, 0, 0),
    parts: new Float64Array(),
    target: new Uint8Array(RECORD_BYTES),
    status: new Int32Array(1),
  });
  position += RECORD_BYTES;
}

const callbacks: LogCallbacks = {
  onProgress(written) {
    if (written > 20) parentPort?.postMessage('at work');
    while (number < written + IN_FLIGHT) submitNext();
  },
  onRead: () => undefined,
  onPacked: () => undefined,
  onSpace: () => undefined,
  onFailure(reason) {
    throw new Error(reason);
  },
};

const options = { directory, segmentBytes: SEGMENT_BYTES, spareSegments: 2, memories: [] };
const log = nativeLog(options, callbacks);
position = (await log?.begin(0)) ?? 0;
parentPort?.on('message', () => undefined);
submitNext();

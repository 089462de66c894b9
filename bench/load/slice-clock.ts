// The 1 ms beat of the open loop. A thread of its own sleeps until each beat and wakes the
// generator, because Node's timers are up to a millisecond late, which would be most of what is
// measured. Runs in the generator's process: `SliceClock` in its main thread, the rest in the beat
// thread.
// Invariant: slice k is intended for start + k ms, however late it is sent; none is ever left out.
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';
import { monotonicMillis } from './measuring-window.ts';

const SLICE_MILLIS = 1;

/** How many of the first `total` messages are publisher `index`'s when dealt out in turns. */
export function shareOf(total: number, index: number, publishers: number): number {
  return Math.max(0, Math.ceil((total - index) / publishers));
}

/** Messages due in the first `slices` slices at `rate` per second. */
export function dueAfter(slices: number, rate: number): number {
  return Math.floor((slices * rate * SLICE_MILLIS) / 1000);
}

interface BeatData {
  readonly sliceClockStartMillis: number;
}

export class SliceClock {
  readonly #worker: Worker;
  readonly #startMillis: number;
  #slice: number;
  readonly #onSlice: (slice: number, millis: number) => void;

  /** Calls `onSlice(slice, millis)` for every slice from now on, in order. */
  constructor(onSlice: (slice: number, millis: number) => void) {
    this.#startMillis = Math.ceil(monotonicMillis()) + 50;
    this.#slice = 0;
    const data: BeatData = { sliceClockStartMillis: this.#startMillis };
    this.#worker = new Worker(new URL(import.meta.url), { workerData: data });
    this.#onSlice = onSlice;
    this.#worker.on('message', () => this.#catchUp());
  }

  /** Ends the beat after every slice whose time has come. */
  async stop(): Promise<void> {
    this.#worker.removeAllListeners('message');
    this.#catchUp();
    await this.#worker.terminate();
  }

  #catchUp(): void {
    const now = monotonicMillis();
    let millis = this.#startMillis + this.#slice * SLICE_MILLIS;
    while (millis <= now) {
      this.#onSlice(this.#slice, millis);
      this.#slice += 1;
      millis = this.#startMillis + this.#slice * SLICE_MILLIS;
    }
  }
}

function beat(data: BeatData): void {
  const cell = new Int32Array(new SharedArrayBuffer(4));
  let next = data.sliceClockStartMillis;
  for (;;) {
    const left = next - monotonicMillis();
    if (left > 0) Atomics.wait(cell, 0, 0, left);
    parentPort!.postMessage(0);
    // After a pause of the machine the missed beats are one: the main thread catches up by itself.
    while (next <= monotonicMillis()) next += SLICE_MILLIS;
  }
}

if (!isMainThread && typeof workerData?.sliceClockStartMillis === 'number') beat(workerData);

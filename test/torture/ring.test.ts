// Torture: two real threads on two rings, with naps. Every record arrives whole and in order, and no
// wake-up is lost: when both stop writing, everything written is read without anybody being nudged.
// TORTURE_SECONDS makes it longer than the one second of a quick run.
import { setTimeout } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { allocateDoorbell } from '../../shards/ring/doorbell.ts';
import {
  allocateRing,
  HEAD_WORD,
  SPACE_WANTED_WORD,
  TAIL_WORD,
} from '../../shards/ring/ring-layout.ts';
import type { PartyData } from './party.ts';

const SECONDS = Number(process.env['TORTURE_SECONDS'] ?? 1);
const SEED = Number(process.env['TORTURE_SEED'] ?? Date.now() % 1_000_000);
/** Polls without any progress after which a wake-up counts as lost. */
const QUIET_POLLS_MAX = 2000;
const POLL_MILLIS = 5;
const BURST_POLLS_MAX = 20;
/** Also when the machine is so busy that the time is up before. */
const BURSTS_MIN = 10;
const FILE = new URL('party.ts', import.meta.url);

class Torture {
  private readonly rings: readonly SharedArrayBuffer[];
  private readonly doorbells = [allocateDoorbell(), allocateDoorbell()];
  private readonly shared = new SharedArrayBuffer(64);
  private readonly counters = new Int32Array(this.shared);
  private readonly workers: Worker[] = [];
  private failure: Error | undefined;

  constructor(ringBytes: number, spinMicros: number) {
    this.rings = [allocateRing(ringBytes), allocateRing(ringBytes)];
    for (const ring of this.rings) {
      // The positions wrap on the way.
      const words = new Int32Array(ring);
      words[TAIL_WORD] = 2 ** 31 - 8192;
      words[HEAD_WORD] = 2 ** 31 - 8192;
    }
    for (const party of [0, 1]) {
      const data: PartyData = {
        seed: SEED + party,
        out: this.rings[party],
        in: this.rings[1 - party],
        ownDoorbell: this.doorbells[party],
        otherDoorbell: this.doorbells[1 - party],
        spinMicros,
        shared: this.shared,
        party,
      };
      const worker = new Worker(FILE, { workerData: data });
      worker.on('error', (error) => {
        this.failure = error as Error;
      });
      this.workers.push(worker);
    }
  }

  /** Bursts of writing; after each, all that was written must be read without a nudge. */
  async run(): Promise<{ written: number[]; read: number[]; bursts: number }> {
    const { counters } = this;
    const end = performance.now() + SECONDS * 1000;
    let bursts = 0;
    do {
      bursts += 1;
      counters[0] = 0;
      for (const worker of this.workers) worker.postMessage('go on');
      await this.progress();
      await setTimeout(POLL_MILLIS * (bursts % BURST_POLLS_MAX));
      counters[0] = 1;
      await this.drained();
    } while (performance.now() < end || bursts < BURSTS_MIN);
    return { written: [counters[1], counters[3]], read: [counters[4], counters[2]], bursts };
  }

  /** Both have seen that they are to stop when nothing moves any more. */
  private async drained(): Promise<void> {
    for (;;) {
      const before = this.counters.join();
      await setTimeout(POLL_MILLIS);
      if (this.failure !== undefined) throw this.failure;
      const isStill = this.counters.join() === before;
      if (isStill && this.isDone()) return;
      if (isStill) await this.progress();
    }
  }

  async stop(): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.terminate()));
  }

  private isDone(): boolean {
    const { counters } = this;
    return counters[1] === counters[4] && counters[3] === counters[2];
  }

  /** Waits for the counters to move; without that for long, somebody sleeps who should not. */
  private async progress(): Promise<void> {
    const before = this.counters.join();
    for (let poll = 0; poll < QUIET_POLLS_MAX; poll += 1) {
      await setTimeout(POLL_MILLIS);
      if (this.failure !== undefined) throw this.failure;
      if (this.counters.join() !== before) return;
    }
    throw new Error(`a wake-up was lost (TORTURE_SEED=${SEED}): ${this.dump()}`);
  }

  private dump(): string {
    const rings = this.rings.map((ring) => {
      const words = new Int32Array(ring);
      const at = {
        tail: words[TAIL_WORD],
        head: words[HEAD_WORD],
        wanted: words[SPACE_WANTED_WORD],
      };
      return JSON.stringify(at);
    });
    const doorbells = this.doorbells.map((doorbell) => {
      const cells = new Int32Array(doorbell);
      return JSON.stringify({ sequence: cells[0], asleep: cells[32] });
    });
    return `counters ${this.counters.join(' ')}; rings ${rings.join()}; doorbells ${doorbells.join()}`;
  }
}

describe('two threads on two rings', () => {
  it.each([
    ['4 KiB, sleeping at once', 4096, 0],
    ['64 KiB, spinning for a while', 65_536, 50],
  ])(
    'of %s lose nothing',
    async (_name, ringBytes, spinMicros) => {
      const torture = new Torture(ringBytes, spinMicros);
      try {
        const { written, read, bursts } = await torture.run();
        expect(read).toEqual(written);
        expect(bursts).toBeGreaterThanOrEqual(BURSTS_MIN);
        expect(Math.min(...written)).toBeGreaterThan(100);
      } finally {
        await torture.stop();
      }
    },
    SECONDS * 1000 + 60_000,
  );
});

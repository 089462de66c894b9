// Publisher confirms cost no records: per (acceptor, shard) and lane one shared counter says how
// many PUBLISH records of the work ring the shard has taken responsibility for, in ring order. The
// shard moves it once per batch, the acceptor turns its movement into basic.ack with multiple=true.
//
// The lane says what has to have happened: nothing but arrival, a write to the log, or a sync. One
// counter for all would make every confirm wait for the slowest kind before it.

import type { Durability } from '../../src/routing/durability.ts';

/** Transient messages, and queues that are not on disk. */
export const LANE_MEMORY = 0;
/** x-durability=write: handed to the operating system. */
export const LANE_WRITTEN = 1;
/** On the disk. */
export const LANE_SYNCED = 2;
export const LANE_COUNT = 3;

const LANES: Readonly<Record<Durability, number>> = {
  memory: LANE_MEMORY,
  write: LANE_WRITTEN,
  fsync: LANE_SYNCED,
};

export function laneOf(durability: Durability): number {
  return LANES[durability];
}

/** Counters lie a cache line apart. */
const CELL_WORDS = 16;

export function allocateConfirmCounter(): SharedArrayBuffer {
  return new SharedArrayBuffer(LANE_COUNT * CELL_WORDS * Int32Array.BYTES_PER_ELEMENT);
}

/** Shard side. */
export class ConfirmCounterWriter {
  private readonly cells: Int32Array<SharedArrayBuffer>;
  private readonly counts: Int32Array;
  /** By lane: PUBLISH records seen, counted as the acceptor counts what it sends. */
  private readonly seen: Int32Array;
  private hasNews: boolean;

  constructor(memory: SharedArrayBuffer) {
    this.cells = new Int32Array(memory);
    this.counts = new Int32Array(LANE_COUNT);
    for (let lane = 0; lane < LANE_COUNT; lane += 1) {
      this.counts[lane] = Atomics.load(this.cells, lane * CELL_WORDS);
    }
    this.seen = this.counts.slice();
    this.hasNews = false;
  }

  /** One more PUBLISH record of a lane was read: its number there. */
  see(lane: number): number {
    const number = (this.seen[lane] + 1) | 0;
    this.seen[lane] = number;
    return number;
  }

  /** `count` more PUBLISH records of a lane are as safe as their publisher asked. */
  add(lane: number, count: number): void {
    this.counts[lane] += count;
    this.hasNews = true;
  }

  /** Shows the new counts to the acceptor; true when one moved. */
  publish(): boolean {
    if (!this.hasNews) return false;
    this.hasNews = false;
    for (let lane = 0; lane < LANE_COUNT; lane += 1) {
      Atomics.store(this.cells, lane * CELL_WORDS, this.counts[lane]);
    }
    return true;
  }
}

/** Acceptor side: one lane. */
export class ConfirmCounterReader {
  private readonly cells: Int32Array<SharedArrayBuffer>;
  private readonly cell: number;

  constructor(memory: SharedArrayBuffer, lane: number) {
    this.cells = new Int32Array(memory);
    this.cell = lane * CELL_WORDS;
  }

  /** Free-running count; compare by signed difference. */
  read(): number {
    return Atomics.load(this.cells, this.cell);
  }
}

// Test support: the run loop of a data-plane thread without the thread. It sleeps and wakes exactly
// when shards/ring/thread-loop.ts would, by the same doorbell cells, so that a lost wake-up shows as
// a thread that never runs again.
import type { ThreadWork } from '../../../../shards/ring/thread-loop.ts';

const ASLEEP_WORD = 32;

export class SimThread {
  readonly name: string;
  /** The processor has gone elsewhere: no turn runs until it is back. */
  isFrozen = false;
  private readonly work: ThreadWork;
  private readonly cells: Int32Array;
  private isScheduled = true;
  private isAsleep = false;

  constructor(name: string, work: ThreadWork, doorbell: SharedArrayBuffer) {
    this.name = name;
    this.work = work;
    this.cells = new Int32Array(doorbell);
  }

  schedule(): void {
    this.isScheduled = true;
  }

  get isRunnable(): boolean {
    return this.isScheduled || (this.isAsleep && this.cells[ASLEEP_WORD] === 0);
  }

  get mayRun(): boolean {
    return this.isRunnable && !this.isFrozen;
  }

  run(): void {
    this.isScheduled = false;
    this.isAsleep = false;
    this.cells[ASLEEP_WORD] = 0;
    if (this.work.turn()) {
      this.schedule();
      return;
    }
    this.cells[ASLEEP_WORD] = 1;
    if (this.work.hasInput()) {
      this.cells[ASLEEP_WORD] = 0;
      this.schedule();
      return;
    }
    this.isAsleep = true;
  }
}

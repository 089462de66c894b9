// The run loop of every data-plane thread, acceptors and shards alike. A turn does a bounded amount
// of work; while there is more, turns follow each other through setImmediate, so that sockets,
// control messages and timers are served in between. With nothing left the thread spins for a short
// while (a wake-up costs more than a few empty turns) and then sleeps on its doorbell.
import type { DoorbellOwner } from './doorbell.ts';

export interface ThreadWork {
  /** Does one bounded turn; true when there is more to do right away. */
  turn(): boolean;
  /** True when input is waiting; asked between announcing sleep and sleeping. */
  hasInput(): boolean;
}

export class ThreadLoop {
  private readonly work: ThreadWork;
  private readonly doorbell: DoorbellOwner;
  private readonly spinMillis: number;
  private isScheduled: boolean;
  private isAsleep: boolean;
  private isStopped: boolean;
  private idleSince: number;
  private readonly runTurn: () => void;
  private readonly wake: () => void;

  constructor(work: ThreadWork, doorbell: DoorbellOwner, spinMicros: number) {
    this.work = work;
    this.doorbell = doorbell;
    this.spinMillis = spinMicros / 1000;
    this.isScheduled = false;
    this.isAsleep = false;
    this.isStopped = false;
    this.idleSince = 0;
    this.runTurn = () => this.run();
    this.wake = () => this.schedule();
  }

  /** Asks for a turn after the current round of socket events. Cheap when one is due already. */
  schedule(): void {
    if (this.isScheduled || this.isStopped) return;
    this.isScheduled = true;
    setImmediate(this.runTurn);
  }

  /** No turn runs after this. */
  stop(): void {
    this.isStopped = true;
  }

  private run(): void {
    this.isScheduled = false;
    if (this.isStopped) return;
    if (this.isAsleep) {
      this.isAsleep = false;
      this.doorbell.cancelSleep();
    }
    if (this.work.turn()) {
      this.idleSince = 0;
      this.schedule();
      return;
    }
    this.rest();
  }

  private rest(): void {
    const now = performance.now();
    if (this.idleSince === 0) this.idleSince = now;
    if (now - this.idleSince < this.spinMillis) {
      this.schedule();
      return;
    }
    this.idleSince = 0;
    this.doorbell.announceSleep();
    if (this.work.hasInput()) {
      this.doorbell.cancelSleep();
      this.schedule();
      return;
    }
    this.isAsleep = true;
    this.doorbell.wait(this.wake);
  }
}

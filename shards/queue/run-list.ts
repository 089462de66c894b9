// The queues that have something to do in this turn: new messages, or a consumer that can take
// again. Shard thread. Each queue gets a bounded number of deliveries, then the next one.
import type { Queue } from './queue.ts';

/** Deliveries of one queue before the next queue's turn. */
const DELIVERIES_PER_RUN = 256;

export class RunList {
  private queues: Queue[];
  private spare: Queue[];

  constructor() {
    this.queues = [];
    this.spare = [];
  }

  add(queue: Queue): void {
    this.queues.push(queue);
  }

  get isEmpty(): boolean {
    return this.queues.length === 0;
  }

  /** Runs the listed queues until none of them can deliver any more. */
  runUntilBlocked(): void {
    while (this.queues.length > 0) this.runAll();
  }

  /** Gives every listed queue one run; those with more to do are listed again. */
  runAll(): void {
    const queues = this.queues;
    this.queues = this.spare;
    this.spare = queues;
    for (let i = 0; i < queues.length; i += 1) {
      const queue = queues[i];
      queue.isQueuedToRun = false;
      if (!queue.isDeleted && queue.run(DELIVERIES_PER_RUN)) queue.wake();
    }
    queues.length = 0;
  }
}

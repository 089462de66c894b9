// The result of routing one message: which queues it goes to. Runs in each thread that routes.
// It is made once and reused: `queues` is overwritten by the next resolve, so whoever keeps a
// result (the route cache) copies it.
import type { QueueSpec } from './change.ts';

/** 'internal': the exchange named is internal, so a client's publish to it is refused with 403. */
export type ResolutionStatus = 'routed' | 'no-exchange' | 'internal';

export class Resolution {
  /** Each queue once, however many paths lead to it; empty when the message is unroutable. */
  readonly queues: QueueSpec[] = [];
  /** A headers exchange was asked on the way: the result does not follow from the key alone. */
  dependsOnHeaders = false;
  status: ResolutionStatus = 'routed';

  reset(): void {
    this.queues.length = 0;
    this.dependsOnHeaders = false;
    this.status = 'routed';
  }
}

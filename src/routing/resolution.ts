// The result of routing one message: which queues it goes to. Runs in each thread that routes.
// It is made once and reused: `queues` is overwritten by the next resolve, so whoever keeps a
// result (the route cache) copies it.
import type { QueueSpec } from './change.ts';

/**
 * 'internal': the exchange named is internal, so a client's publish to it is refused with 403.
 * 'no-type': no plugin provides its type now, so nothing can be routed.
 */
export type ResolutionStatus = 'routed' | 'no-exchange' | 'internal' | 'no-type';

export class Resolution {
  /** Each queue once, however many paths lead to it; empty when the message is unroutable. */
  readonly queues: QueueSpec[] = [];
  /**
   * It follows from exchange and routing key alone: no exchange on the way looked at headers or
   * properties, or chose by chance.
   */
  isCacheable = true;
  status: ResolutionStatus = 'routed';

  reset(): void {
    this.queues.length = 0;
    this.isCacheable = true;
    this.status = 'routed';
  }
}

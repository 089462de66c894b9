// A set of destinations that counts how often each was added: one queue bound twice (other key or
// other arguments) stays a destination until both bindings are gone. Any thread that routes.
import type { MatchSink } from './exchange-matcher.ts';
import type { Destination } from './topology-node.ts';

export class DestinationCounts {
  private readonly counts = new Map<Destination, number>();

  get isEmpty(): boolean {
    return this.counts.size === 0;
  }

  add(destination: Destination): void {
    this.counts.set(destination, (this.counts.get(destination) ?? 0) + 1);
  }

  remove(destination: Destination): void {
    const count = this.counts.get(destination);
    if (count === undefined) return;
    if (count === 1) this.counts.delete(destination);
    else this.counts.set(destination, count - 1);
  }

  reportTo(sink: MatchSink): void {
    for (const destination of this.counts.keys()) sink.found(destination);
  }
}

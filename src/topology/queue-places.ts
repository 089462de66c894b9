// Which queues exist, by id, and which of them are exclusive, by the connection that owns them.
// Main thread. Invariant: `exclusive` has exactly the exclusive ones of `places`, no empty sets.
import type { QueueSpec } from '../routing/change.ts';
import type { VhostTopology } from './vhost-topology.ts';

interface QueuePlace {
  readonly vhost: VhostTopology;
  readonly queue: QueueSpec;
}

export class QueuePlaces {
  private readonly places = new Map<number, QueuePlace>();
  private readonly exclusive = new Map<number, Set<number>>();

  has(id: number): boolean {
    return this.places.has(id);
  }

  get(id: number): QueuePlace | undefined {
    return this.places.get(id);
  }

  all(): Iterable<QueuePlace> {
    return this.places.values();
  }

  add(vhost: VhostTopology, queue: QueueSpec): void {
    this.places.set(queue.id, { vhost, queue });
    const owner = queue.exclusiveOwner;
    if (owner === 0) return;
    const owned = this.exclusive.get(owner);
    if (owned === undefined) this.exclusive.set(owner, new Set([queue.id]));
    else owned.add(queue.id);
  }

  /** The queue is the same, but something else is said of it now; also in its virtual host. */
  replace({ vhost }: Pick<QueuePlace, 'vhost'>, queue: QueueSpec): void {
    vhost.queues.set(queue.name, queue);
    this.places.set(queue.id, { vhost, queue });
  }

  remove({ id, exclusiveOwner }: QueueSpec): void {
    this.places.delete(id);
    const owned = this.exclusive.get(exclusiveOwner);
    if (owned?.delete(id) && owned.size === 0) this.exclusive.delete(exclusiveOwner);
  }

  /** Ids of the exclusive queues of a connection. */
  ownedBy(connectionId: number): Iterable<number> {
    return this.exclusive.get(connectionId) ?? [];
  }
}

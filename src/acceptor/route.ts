// Where publishes with one exchange and routing key go, in the form the publish path wants: queue
// ids grouped by shard. Acceptor thread. Made on a route-cache miss, used for every hit.
import type { QueueSpec } from '../routing/change.ts';
import { hostOf } from '../topology/placement.ts';
import type { QueuePace } from './queue-pace.ts';
import type { ShardLink } from './shard-link.ts';

/** Queues of one shard, at most as many as one PUBLISH record holds. */
export interface RouteLeg {
  readonly link: ShardLink;
  readonly queueIds: Int32Array;
}

export interface Route {
  readonly legs: readonly RouteLeg[];
  /** How fast each target queue may be published to. */
  readonly paces: readonly QueuePace[];
}

export function makeRoute(
  queues: readonly QueueSpec[],
  links: readonly ShardLink[],
  paceOf: (queueId: number) => QueuePace,
  targetsMax: number,
): Route {
  const legs: RouteLeg[] = [];
  for (const link of links) {
    const isHere = (queue: QueueSpec): boolean => hostOf(queue.shard, links.length) === link.shard;
    const ids = queues.filter(isHere).map((queue) => queue.id);
    for (let at = 0; at < ids.length; at += targetsMax) {
      legs.push({ link, queueIds: Int32Array.from(ids.slice(at, at + targetsMax)) });
    }
  }
  return { legs, paces: queues.map((queue) => paceOf(queue.id)) };
}

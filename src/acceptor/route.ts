// Where publishes with one exchange and routing key go, in the form the publish path wants: queue
// ids grouped by shard. Acceptor thread. Made on a route-cache miss, used for every hit.
import { LANE_MEMORY, laneOf } from '../../shards/mailbox/confirm-counter.ts';
import type { QueueSpec } from '../routing/change.ts';
import { type Durability, durabilityOf } from '../routing/durability.ts';
import type { QueuePace } from './queue-pace.ts';
import type { ShardLink } from './shard-link.ts';

/** Queues of one shard, at most as many as one PUBLISH record holds. */
export interface RouteLeg {
  readonly link: ShardLink;
  readonly queueIds: Int32Array;
  /** What the confirm of a persistent message waits for there: the safest of the queues. */
  readonly lane: number;
  /** They hold back what their exchange delays, for `IncomingPublish.delayMillis`. */
  readonly isDelay: boolean;
}

export interface Route {
  readonly legs: readonly RouteLeg[];
  /** How fast each target queue may be published to. */
  readonly paces: readonly QueuePace[];
}

export interface RouteOptions {
  /** Queues in one PUBLISH record. */
  readonly targetsMax: number;
  /** Of queues that do not say. */
  readonly durability: Durability;
}

export function makeRoute(
  queues: readonly QueueSpec[],
  links: readonly ShardLink[],
  paceOf: (queueId: number) => QueuePace,
  options: RouteOptions,
): Route {
  const { targetsMax, durability } = options;
  const legs: RouteLeg[] = [];
  for (const { link, there, isDelay } of groups(queues, links)) {
    const ids = there.map((queue) => queue.id);
    const lanes = there.map((queue) => laneOf(durabilityOf(queue, durability)));
    // Tens of thousands of queues: more than a call takes as arguments.
    const lane = lanes.reduce((safest, one) => Math.max(safest, one), LANE_MEMORY);
    for (let at = 0; at < ids.length; at += targetsMax) {
      const queueIds = Int32Array.from(ids.slice(at, at + targetsMax));
      legs.push({ link, queueIds, lane, isDelay });
    }
  }
  return { legs, paces: queues.map((queue) => paceOf(queue.id)) };
}

interface Group {
  readonly link: ShardLink;
  readonly there: readonly QueueSpec[];
  readonly isDelay: boolean;
}

/** A record says one time to live for all its queues, so those that delay have one of their own. */
function* groups(queues: readonly QueueSpec[], links: readonly ShardLink[]): Iterable<Group> {
  for (const link of links) {
    const here = queues.filter(({ shard }) => shard === link.shard);
    const delaying = here.filter(({ companion }) => companion?.role === 'delay');
    const others = delaying.length === 0 ? here : here.filter((one) => !delaying.includes(one));
    if (others.length > 0) yield { link, there: others, isDelay: false };
    if (delaying.length > 0) yield { link, there: delaying, isDelay: true };
  }
}

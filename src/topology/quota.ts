// How many virtual hosts, queues and exchanges there may be. Main thread; part of the topology's
// state machine, so it decides by its limits and by what exists, and by nothing else. It counts
// what is there when something new is asked for: there is no second number that could be wrong.
// RabbitMQ's order: the virtual host's limit before the cluster's (rabbit_queue_type:
// check_queue_limits). Declaring again what exists is never refused.
import {
  clusterExchangeLimit,
  clusterQueueLimit,
  vhostLimit,
  vhostQueueLimit,
} from '../errors/limit-refusals.ts';
import { AmqpError } from '../errors/refusal.ts';
import { PREDECLARED_EXCHANGES } from './predeclared-exchanges.ts';
import type { VhostTopology } from './vhost-topology.ts';

export interface TopologyLimits {
  /** 0 is no limit, as it is for the next two. */
  readonly vhostsMax: number;
  readonly queuesMax: number;
  /** Predeclared exchanges do not count. */
  readonly exchangesMax: number;
  /** Undefined is no limit, 0 no queue at all. */
  queuesMaxOf(vhost: string): number | undefined;
}

export const NO_TOPOLOGY_LIMITS: TopologyLimits = {
  vhostsMax: 0,
  queuesMax: 0,
  exchangesMax: 0,
  queuesMaxOf: () => undefined,
};

export class Quota {
  private readonly limits: TopologyLimits;
  private readonly vhosts: ReadonlyMap<string, VhostTopology>;

  constructor(limits: TopologyLimits, vhosts: ReadonlyMap<string, VhostTopology>) {
    this.limits = limits;
    this.vhosts = vhosts;
  }

  assertRoomForVhost(name: string): void {
    const { vhostsMax } = this.limits;
    if (isReached(vhostsMax, this.vhosts.size)) throw new AmqpError(vhostLimit(name, vhostsMax));
  }

  assertRoomForQueue(vhost: VhostTopology, name: string): void {
    const { queuesMax } = this.limits;
    const queuesMaxHere = this.limits.queuesMaxOf(vhost.name);
    if (queuesMaxHere !== undefined && vhost.queueCount >= queuesMaxHere) {
      throw new AmqpError(vhostQueueLimit(name, vhost.name, queuesMaxHere));
    }
    if (queuesMax === 0) return;
    let count = 0;
    for (const { queueCount } of this.vhosts.values()) count += queueCount;
    if (count >= queuesMax) throw new AmqpError(clusterQueueLimit(name, queuesMax));
  }

  assertRoomForExchange(vhost: VhostTopology, name: string): void {
    const { exchangesMax } = this.limits;
    if (exchangesMax === 0) return;
    let count = 0;
    for (const { exchanges } of this.vhosts.values()) {
      count += exchanges.size - PREDECLARED_EXCHANGES.length;
    }
    if (isReached(exchangesMax, count)) {
      throw new AmqpError(clusterExchangeLimit(vhost.name, name, exchangesMax));
    }
  }
}

function isReached(limit: number, count: number): boolean {
  return limit > 0 && count >= limit;
}

// How many connections there may be: of the node, of each user, to each virtual host. Main thread,
// which hears of every connection.open and of every end, whichever acceptor has the connection.
// A place is taken in the same step in which opening is allowed, before the client hears of it, and
// given back when the connection is gone, however it ended. An acceptor's messages arrive in order,
// so an end never overtakes its opening, and nothing is counted twice or left over.
// Codes, texts and the order of the checks: RabbitMQ's rabbit_reader, connection.open.
import type { ChannelCounter } from '../acceptor/control-messages.ts';
import type { BrokerConfig } from '../config/broker-config.ts';
import {
  nodeConnectionLimit,
  userConnectionLimit,
  vhostConnectionLimit,
} from '../errors/limit-refusals.ts';
import type { Refusal } from '../errors/refusal.ts';
import type { TopologyLimits } from '../topology/quota.ts';
import type { LiveLimits } from './live-limits.ts';

interface Opened {
  readonly username: string;
  readonly vhost: string;
}

/** What all connections of one user share. */
interface UserPlaces {
  connections: number;
  /** The acceptors move it: the user's open channels. */
  readonly channels: ChannelCounter;
}

export class ConnectionPlaces {
  /** Of the node; 0 is no limit. */
  private readonly connectionMax: number;
  private readonly limits: LiveLimits;
  private readonly opened: Map<number, Opened>;
  /** Users and virtual hosts with connections, and no others. */
  private readonly users: Map<string, UserPlaces>;
  private readonly vhosts: Map<string, number>;
  private counterCount: number;

  constructor(connectionMax: number, limits: LiveLimits) {
    this.connectionMax = connectionMax;
    this.limits = limits;
    this.opened = new Map();
    this.users = new Map();
    this.vhosts = new Map();
    this.counterCount = 0;
  }

  get openCount(): number {
    return this.opened.size;
  }

  /** Why one more connection is not allowed; undefined when it is. */
  refusal(username: string, vhost: string): Refusal | undefined {
    const { connectionMax, opened, vhosts, users } = this;
    if (connectionMax > 0 && opened.size >= connectionMax) {
      return nodeConnectionLimit(connectionMax);
    }
    const vhostMax = this.limits.ofVhost(vhost).connectionsMax;
    if (vhostMax !== undefined && (vhosts.get(vhost) ?? 0) >= vhostMax) {
      return vhostConnectionLimit(vhost, username, vhostMax);
    }
    const userMax = this.limits.ofUser(username).connectionsMax;
    if (userMax !== undefined && (users.get(username)?.connections ?? 0) >= userMax) {
      return userConnectionLimit(username, userMax);
    }
    return undefined;
  }

  /** Counts a connection from now on; returns what counts its user's channels. */
  take(connectionId: number, username: string, vhost: string): ChannelCounter {
    this.opened.set(connectionId, { username, vhost });
    this.vhosts.set(vhost, (this.vhosts.get(vhost) ?? 0) + 1);
    let user = this.users.get(username);
    if (user === undefined) {
      const memory = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
      this.counterCount += 1;
      user = { connections: 0, channels: { id: this.counterCount, memory } };
      this.users.set(username, user);
    }
    user.connections += 1;
    return user.channels;
  }

  /** The connection is gone; it need not have been open. */
  giveBack(connectionId: number): void {
    const opened = this.opened.get(connectionId);
    if (opened === undefined) return;
    this.opened.delete(connectionId);
    const { username, vhost } = opened;
    const left = this.vhosts.get(vhost)! - 1;
    if (left > 0) this.vhosts.set(vhost, left);
    else this.vhosts.delete(vhost);
    const user = this.users.get(username)!;
    user.connections -= 1;
    // Its channels ended before the acceptor said that the connection has.
    if (user.connections === 0) this.users.delete(username);
  }
}

/** What there may be of queues, exchanges and virtual hosts. */
export function topologyLimitsOf(config: BrokerConfig, limits: LiveLimits): TopologyLimits {
  return {
    vhostsMax: config.vhostMax,
    queuesMax: config.clusterQueueLimit,
    exchangesMax: config.clusterExchangeLimit,
    queuesMaxOf: (vhost) => limits.ofVhost(vhost).queuesMax,
  };
}

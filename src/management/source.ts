// What the management API needs from a running broker, and nothing else. Main thread. src/main.ts
// makes one from the broker; the broker does not know that there is a management API.
import type { AcceptorReport, ConnectionInfo, MemoryAlarm } from '../acceptor/control-messages.ts';
import type { Users } from '../auth/users.ts';
import type { BrokerConfig, ListenerAddress } from '../config/broker-config.ts';
import type { Topology } from '../topology/topology.ts';
import type { ShardReport } from '../../shards/mailbox/control-messages.ts';

/** Reading only: commands go through the control plane, which replicates them. */
export type TopologyListings = Pick<
  Topology,
  'vhosts' | 'hasVhost' | 'exchanges' | 'queues' | 'bindings' | 'bindingsTo'
>;

/** By shard and by acceptor. */
export interface ThreadReports {
  readonly shards: readonly ShardReport[];
  readonly acceptors: readonly AcceptorReport[];
}

/** What messages take of the memory they may take, and the alarms in force. */
export interface MemoryFacts {
  readonly usedBytes: number;
  readonly limitBytes: number;
  readonly alarms: readonly MemoryAlarm[];
}

export interface ManagementSource {
  readonly config: BrokerConfig;
  readonly topology: TopologyListings;
  readonly users: Pick<Users, 'authenticate' | 'find'>;
  /** The connections that have logged in, by their id. */
  readonly connections: ReadonlyMap<number, ConnectionInfo>;
  readonly memory: MemoryFacts;
  /** Where AMQP clients connect, with the ports that are bound. */
  readonly listeners: readonly ListenerAddress[];
  readonly startedAtMillis: number;
  /** Asks every thread what it holds. Never resolves when one of them no longer answers. */
  collectReports(): Promise<ThreadReports>;
}

/** The broker's own alarm; a virtual host over its budget concerns nobody else. */
export function hasMemoryAlarm({ alarms }: MemoryFacts): boolean {
  return alarms.some(({ vhost }) => vhost === undefined);
}

// What the management API needs from a running broker, and nothing else. Main thread. src/main.ts
// makes one from the broker; the broker does not know that there is a management API.
import type {
  AcceptorReport,
  ConnectionInfo,
  DiskAlarm,
  MemoryAlarm,
} from '../acceptor/control-messages.ts';
import type { Identity } from '../auth/backend.ts';
import type { Credentials } from '../auth/sasl.ts';
import type { Users } from '../auth/users.ts';
import type { BrokerConfig } from '../config/broker-config.ts';
import type { BoundListener } from '../supervisor/listening.ts';
import type { Certificates } from '../tls/certificates.ts';
import type { BrokerControl } from './broker-control.ts';
import type { Topology } from '../topology/topology.ts';
import type { RecoveryReport, ShardReport } from '../../shards/mailbox/control-messages.ts';

/** Reading only: commands go through the control plane, which replicates them. */
export type TopologyListings = Pick<
  Topology,
  | 'vhosts'
  | 'hasVhost'
  | 'defaultQueueType'
  | 'exchanges'
  | 'queues'
  | 'bindings'
  | 'bindingsFrom'
  | 'bindingsTo'
  | 'companion'
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

/** What is free of the disk that the data directory is on, and the alarm if it is in force. */
export interface DiskFacts {
  /** Undefined: the system does not tell. */
  readonly freeBytes: number | undefined;
  /** 0 = none. */
  readonly limitBytes: number;
  readonly alarm: DiskAlarm | undefined;
}

/** What has gone wrong with plugins in main. */
export interface PluginFacts {
  readonly faultCount: number;
  readonly droppedEventCount: number;
}

/** How many logins there were, and how they ended. */
export interface LoginFacts {
  readonly attempts: number;
  readonly succeeded: number;
  readonly failed: number;
}

/** The backends that check logins, those of AMQP clients as well as of this API. */
export interface LoginChecks {
  /** Of AMQP clients. */
  readonly counts: LoginFacts;
  /** Of requests to this API. */
  readonly requestCounts: LoginFacts;
  logInRequest(
    credentials: Credentials,
    remoteAddress: string,
  ): Promise<Identity | 'refused' | 'not-from-there'>;
  /** Whether they are right, from wherever they come. */
  areValid(credentials: Credentials): Promise<boolean>;
}

export interface ManagementSource {
  readonly config: BrokerConfig;
  readonly topology: TopologyListings;
  readonly users: Pick<Users, 'find' | 'all'>;
  /** The connections that have logged in, by their id. */
  readonly connections: ReadonlyMap<number, ConnectionInfo>;
  readonly logins: LoginChecks;
  readonly memory: MemoryFacts;
  readonly disk: DiskFacts;
  readonly plugins: PluginFacts;
  /** By shard: what came of reading its log at start. */
  readonly recoveries: readonly RecoveryReport[];
  /** Where AMQP clients connect, with the ports that are bound. */
  readonly listeners: readonly BoundListener[];
  /** The certificate files in use, and when what is in them ends. */
  readonly certificates: Pick<Certificates, 'expiries'>;
  readonly startedAtMillis: number;
  readonly control: BrokerControl;
  /** Asks every thread what it holds. Never resolves when one of them no longer answers. */
  collectReports(): Promise<ThreadReports>;
}

/** The broker's own alarm; a virtual host over its budget concerns nobody else. */
export function hasMemoryAlarm({ alarms }: MemoryFacts): boolean {
  return alarms.some(({ vhost }) => vhost === undefined);
}

type Resources = Pick<ManagementSource, 'memory' | 'disk'>;

/** The resources whose alarms block all publishers. */
export function lowResources({ memory, disk }: Resources): ('memory' | 'disk')[] {
  const low: ('memory' | 'disk')[] = [];
  if (hasMemoryAlarm(memory)) low.push('memory');
  if (disk.alarm !== undefined) low.push('disk');
  return low;
}

/** Whether nobody may publish in this virtual host now. */
export function isVhostBlocked(resources: Resources, name: string): boolean {
  if (lowResources(resources).length > 0) return true;
  return resources.memory.alarms.some(({ vhost }) => vhost === name);
}

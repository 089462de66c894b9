// Test support: a broker without threads, as the management API sees one, and requests to it.
import http from 'node:http';
import type { AcceptorReport, ConnectionInfo } from '../../../src/acceptor/control-messages.ts';
import { InternalBackend } from '../../../src/auth/backend.ts';
import { hashPassword } from '../../../src/auth/password.ts';
import { defaultUser, type User } from '../../../src/auth/users.ts';
import type { LogRecord, Logger } from '../../../src/base/logger.ts';
import { createLogger } from '../../../src/base/logger.ts';
import { defaultConfig } from '../../../src/config/load-config.ts';
import type {
  DiskFacts,
  ManagementSource,
  MemoryFacts,
  ThreadReports,
} from '../../../src/management/source.ts';
import { BrokerState } from '../../../src/supervisor/facts/broker-state.ts';
import { Logins } from '../../../src/supervisor/logins.ts';
import type { Command } from '../../../src/topology/command.ts';
import type { BoundListener } from '../../../src/supervisor/listening.ts';
import type { CertificateExpiry } from '../../../src/tls/certificates.ts';
import { Topology } from '../../../src/topology/topology.ts';
import type {
  LogReport,
  QueueReport,
  RecoveryReport,
  ShardReport,
} from '../../../shards/mailbox/control-messages.ts';

import { FakeControl } from './fake-control.ts';

const ALL = { configure: '.*', write: '.*', read: '.*' };

function user(name: string, tags: readonly string[], ...vhosts: readonly string[]): User {
  return {
    name,
    passwordHash: hashPassword('p'),
    hashingAlgorithm: 'sha256',
    tags,
    permissions: new Map(vhosts.map((vhost) => [vhost, ALL])),
  };
}

export function queueReport(id: number, counts: Partial<QueueReport> = {}): QueueReport {
  return {
    id,
    ready: 0,
    unacked: 0,
    onDisk: 0,
    onDiskBytes: 0,
    readyBytes: 0,
    unackedBytes: 0,
    dead: 0,
    deadBytes: 0,
    consumers: 0,
    published: 0,
    delivered: 0,
    acked: 0,
    redelivered: 0,
    publishRateLimit: 0,
    isClosed: false,
    singleActiveConsumer: undefined,
    ...counts,
  };
}

export function shardReport(...queues: readonly QueueReport[]): ShardReport {
  return {
    log: undefined,
    queues,
    messages: 1,
    arenaBytes: 2,
    liveBytes: 3,
    slabMessages: 4,
    deaths: [],
  };
}

export const LOG_REPORT: LogReport = {
  batches: 1,
  syncs: 2,
  bytesWritten: 3,
  syncMicros: 4_500_000,
  reads: 5,
  segments: 6,
  diskBytes: 7,
  liveBytes: 8,
  checkpoints: 9,
  messages: 10,
  lost: 11,
};

export const RECOVERY: RecoveryReport = {
  messages: 5,
  segments: 2,
  corruptRanges: ['1.seg: 10 to 20'],
  isTorn: true,
  isClean: false,
  logKind: 'portable',
};

export function acceptorReport(counts: Partial<AcceptorReport> = {}): AcceptorReport {
  return {
    connections: 0,
    channels: 0,
    consumers: 0,
    published: 0,
    unroutable: 0,
    delivered: 0,
    forwarded: 0,
    forwardedUnroutable: 0,
    stalledConnections: 0,
    rateLimitedConnections: 0,
    blockedConnections: [],
    unreadConnections: 0,
    slabPagesUsed: 0,
    tlsHandshakes: 0,
    tlsFailures: 0,
    pluginFaults: 0,
    accessRefused: 0,
    ...counts,
  };
}

export class FakeBroker implements ManagementSource {
  readonly config = defaultConfig({
    clusterName: 'unit "test"',
    dataDir: '.',
    connectionMax: 2,
    vhostLimits: [{ name: '1', pattern: '^other$', connectionsMax: 5, queuesMax: 0 }],
  });
  readonly state = new BrokerState(new Topology({ shardCount: 2 }));
  readonly topology = this.state.topology;
  readonly users = this.state.users;
  readonly control = new FakeControl(this.state);
  readonly connections = new Map<number, ConnectionInfo>();
  readonly logins = new Logins(
    this.users,
    [new InternalBackend(this.users)],
    this.config.loopbackUsers,
  );
  memory: MemoryFacts = { usedBytes: 100, limitBytes: 1000, alarms: [] };
  disk: DiskFacts = { freeBytes: 5000, limitBytes: 2000, alarm: undefined };
  plugins = { faultCount: 0, droppedEventCount: 0 };
  readonly recoveries: RecoveryReport[] = [];
  readonly listeners: BoundListener[] = [{ host: '::', port: 5672 }];
  certificateExpiries: CertificateExpiry[] = [];
  readonly certificates = { expiries: () => this.certificateExpiries };
  readonly startedAtMillis = 1_700_000_000_000;
  reports: ThreadReports = { shards: [shardReport()], acceptors: [acceptorReport()] };

  constructor() {
    Object.assign(this.logins.counts, { attempts: 5, succeeded: 3, failed: 2 });
    this.users.add(defaultUser('guest', 'guest', '/'));
    this.users.add(user('monitor', ['monitoring']));
    this.users.add(user('manager', ['management'], '/'));
    this.users.add(user('nobody', [], '/'));
    this.execute({ kind: 'create-vhost', vhost: '/' });
    this.execute({ kind: 'create-vhost', vhost: 'other' });
  }

  collectReports(): Promise<ThreadReports> {
    return Promise.resolve(this.reports);
  }

  execute(command: Command): void {
    const { refusal } = this.topology.execute(command);
    if (refusal !== undefined) throw new Error(refusal.text);
  }

  /** Returns the queue's id. */
  declareQueue(name: string, vhost = '/', connectionId = 0): number {
    const { queue, refusal } = this.topology.execute({
      kind: 'declare-queue',
      vhost,
      name,
      durable: true,
      exclusive: connectionId !== 0,
      autoDelete: false,
      arguments: {},
      connectionId,
    });
    if (queue === undefined) throw new Error(refusal?.text);
    return queue.id;
  }
}

/** A logger and what it has logged. */
export function memoryLog(): { readonly log: Logger; readonly records: LogRecord[] } {
  const records: LogRecord[] = [];
  return { log: createLogger('test', 'debug', (record) => records.push(record)), records };
}

export interface Reply {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

export interface Ask extends http.RequestOptions {
  readonly login?: string | undefined;
  readonly send?: string | Buffer;
}

/** Sends one request on a connection of its own; as guest unless told otherwise. */
export function ask(port: number, path: string, options: Ask = {}): Promise<Reply> {
  const { login, send, ...rest } = { login: 'guest:guest', ...options };
  return new Promise((resolve, reject) => {
    const request = http.request(
      {
        host: '127.0.0.1',
        port,
        path,
        agent: false,
        ...(login === undefined ? {} : { auth: login }),
        ...rest,
      },
      (response) => {
        let body = '';
        response.setEncoding('utf8');
        response.on('data', (text: string) => (body += text));
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
        );
        response.on('error', reject);
      },
    );
    request.on('error', reject);
    request.end(send);
  });
}

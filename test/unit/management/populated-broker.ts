// Test support: a broker without threads that has something of everything to show, and its
// management HTTP API, served while the tests of a file run.
import { afterAll, beforeAll, expect } from 'vitest';
import {
  type RunningManagement,
  startManagement,
} from '../../../src/management/start-management.ts';
import {
  acceptorReport,
  ask,
  FakeBroker,
  LOG_REPORT,
  memoryLog,
  queueReport,
  RECOVERY,
  shardReport,
} from './fixture.ts';

function populatedBroker(): FakeBroker {
  const broker = new FakeBroker();
  const first = broker.declareQueue('a/b');
  const second = broker.declareQueue('b', 'other');
  broker.declareQueue('mine', '/', 7);
  const ruled = { pattern: /^(b|amq.topic)$/u, priority: 0 };
  broker.topology.setPolicy('other', 'policy', {
    ...ruled,
    name: 'lengths',
    applyTo: 'all',
    definition: { 'max-length': 20, 'message-ttl': 5 },
  });
  broker.topology.setPolicy('other', 'operator_policy', {
    ...ruled,
    name: 'caps',
    applyTo: 'queues',
    definition: { 'max-length': 10 },
  });
  broker.topology.applyPolicies('other');
  broker.execute({
    kind: 'bind',
    vhost: '/',
    source: 'amq.topic',
    destination: 'a/b',
    destinationKind: 'queue',
    routingKey: 'x.#',
    arguments: { n: 1n },
    connectionId: 0,
  });
  const connection = { vhost: '/', connectedAtMillis: 1_700_000_000_123 };
  const named = { connection_name: 'my app', big: 9_007_199_254_740_993n };
  broker.connections.set(7, {
    ...connection,
    id: 7,
    name: 'z -> s',
    user: 'guest',
    clientProperties: named,
  });
  broker.connections.set(8, {
    ...connection,
    id: 8,
    name: 'a -> s',
    user: 'manager',
    clientProperties: {},
  });
  broker.recoveries[1] = RECOVERY;
  broker.reports = {
    shards: [
      shardReport(
        queueReport(first, {
          ready: 3,
          unacked: 2,
          consumers: 1,
          published: 9,
          delivered: 6,
          acked: 4,
          redelivered: 1,
          publishRateLimit: 500,
          readyBytes: 30,
          unackedBytes: 12,
          dead: 0,
          deadBytes: 0,
          onDisk: 2,
          onDiskBytes: 22,
          isClosed: true,
        }),
      ),
      { ...shardReport(queueReport(second, { ready: 10, published: 10 })), log: LOG_REPORT },
    ],
    acceptors: [
      acceptorReport({
        blockedConnections: [7],
        channels: 2,
        published: 20,
        unroutable: 1,
        delivered: 5,
      }),
      acceptorReport({ channels: 1, published: 5, stalledConnections: 1, slabPagesUsed: 8 }),
    ],
  };
  return broker;
}

export interface ServedManagement {
  readonly broker: FakeBroker;
  port: number;
  /** The JSON that a GET answers with 200. */
  readonly get: (path: string, login?: string) => Promise<never>;
  readonly statusOf: (path: string, login?: string) => Promise<number>;
  /** Sends a body as JSON, or as it is when it is text. */
  readonly send: (method: string, path: string, body?: unknown, login?: string) => Promise<Sent>;
}

export interface Sent {
  readonly status: number;
  /** The `reason` of a refusal. */
  readonly reason: string | undefined;
  readonly location: string | undefined;
  readonly json: never;
}

/** Call at the top of a test file. */
export function useManagement(): ServedManagement {
  let server: RunningManagement;
  const served: ServedManagement = {
    broker: populatedBroker(),
    port: 0,
    get: async (path, login = 'guest:guest') => {
      const { status, headers, body } = await ask(served.port, path, { login });
      expect([status, headers['content-type']]).toEqual([200, 'application/json']);
      return JSON.parse(body) as never;
    },
    send: async (method, path, body, login = 'guest:guest') => {
      const text = typeof body === 'string' ? body : JSON.stringify(body ?? {});
      // Node sends none with DELETE by itself.
      const headers = { 'content-length': Buffer.byteLength(text) };
      const reply = await ask(served.port, path, { method, send: text, login, headers });
      const json = reply.body === '' ? undefined : JSON.parse(reply.body);
      const { location } = reply.headers;
      return { status: reply.status, reason: json?.reason, location, json: json as never };
    },
    statusOf: async (path, login = 'guest:guest') =>
      (await ask(served.port, path, { login })).status,
  };
  beforeAll(async () => {
    const options = { host: '127.0.0.1', port: 0, log: memoryLog().log };
    server = await startManagement(served.broker, options);
    served.port = server.port;
  });
  afterAll(() => server.close());
  return served;
}

// Test support: a broker without threads that has something of everything to show.
import { acceptorReport, FakeBroker, queueReport, shardReport } from './fixture.ts';

export function populatedBroker(): FakeBroker {
  const broker = new FakeBroker();
  const first = broker.declareQueue('a/b');
  const second = broker.declareQueue('b', 'other');
  broker.declareQueue('mine', '/', 7);
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
          isClosed: true,
        }),
      ),
      shardReport(queueReport(second, { ready: 10, published: 10 })),
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

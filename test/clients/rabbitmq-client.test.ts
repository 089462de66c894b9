// Test thread. The client scenarios with rabbitmq-client, which recovers connections and consumers
// by itself.
import { once } from 'node:events';
import { setImmediate } from 'node:timers/promises';
import { type AsyncMessage, Connection, type Consumer, ConsumerStatus } from 'rabbitmq-client';
import { uniqueName } from '../support/unique-name.ts';
import {
  type Adapter,
  describeClient,
  type Handler,
  type ScenarioClient,
  type ScenarioMessage,
  type Secure,
} from './scenarios.ts';
import { describeTls } from './tls-scenarios.ts';

const STATUS = {
  ack: ConsumerStatus.ACK,
  requeue: ConsumerStatus.REQUEUE,
  drop: ConsumerStatus.DROP,
} as const;

function scenarioMessage(message: AsyncMessage): ScenarioMessage {
  return {
    ...(message as object),
    // The library parses bodies by content type; without one it hands out the bytes.
    body: message.body as Buffer,
    routingKey: message.routingKey,
    redelivered: message.redelivered,
  };
}

async function startConsumer(
  connection: Connection,
  queue: string,
  prefetchCount: number,
  handler: Handler,
): Promise<Consumer> {
  const consumer = connection.createConsumer(
    { queue, queueOptions: { passive: true }, qos: { prefetchCount } },
    async (message) => STATUS[await handler(scenarioMessage(message))],
  );
  await once(consumer, 'ready');
  return consumer;
}

async function open(url: string, secure?: Secure): Promise<ScenarioClient> {
  const tls = secure === undefined ? {} : { tls: secure.options };
  const connection = new Connection({ url, retryLow: 20, ...tls });
  // Errors of the connection come back as failures of the calls that the tests await.
  connection.on('error', () => undefined);
  await connection.onConnect();
  const returned = new Set<string>();
  const consumers: Consumer[] = [];
  const publisher = connection.createPublisher({ confirm: true });
  publisher.on('basic.return', (message) => returned.add(message.messageId!));
  return {
    declareQueue: async (queue, queueArguments = {}) => {
      await connection.queueDeclare({ queue, durable: true, arguments: queueArguments });
    },
    deleteQueue: async (queue) => {
      // A consumer would declare its queue again.
      for (const consumer of consumers.splice(0)) await consumer.close();
      await connection.queueDelete({ queue });
    },
    messageCount: async (queue) =>
      (await connection.queueDeclare({ queue, passive: true })).messageCount,
    declareExchange: (exchange, type) =>
      connection.exchangeDeclare({ exchange, type, autoDelete: true }),
    bind: (queue, exchange, routingKey) => connection.queueBind({ queue, exchange, routingKey }),
    request: async (queue, bodies) => {
      // This client of the library's own uses direct reply-to.
      const requests = connection.createRPCClient({ confirm: true });
      const replies = await Promise.all(
        bodies.map((body) => requests.send(queue, Buffer.from(body))),
      );
      await requests.close();
      return replies.map(({ body }) => (body as Buffer).toString());
    },
    publish: async (exchange, routingKey, body, { persistent = false, ...properties } = {}) => {
      const messageId = properties.messageId ?? uniqueName('message');
      await publisher.send(
        { ...properties, exchange, routingKey, durable: persistent, messageId, mandatory: true },
        body,
      );
      // The library tells of a return one turn after it arrived, and so maybe after the confirm.
      await setImmediate();
      return returned.has(messageId) ? 'returned' : 'confirmed';
    },
    consume: async (queue, prefetchCount, handler, cancelledByBroker) => {
      const consumer = await startConsumer(connection, queue, prefetchCount, handler);
      consumer.on('error', () => cancelledByBroker?.());
      consumers.push(consumer);
      return { cancel: () => consumer.close() };
    },
    close: async () => {
      for (const consumer of consumers) await consumer.close();
      await publisher.close();
      await connection.close();
    },
  };
}

const adapter: Adapter = {
  connect: open,
  hasExternal: false,
  consumeForever: async (url, queue, handler) => {
    const connection = new Connection({ url, retryLow: 20 });
    // A lost connection is what this consumer is here for.
    connection.on('error', () => undefined);
    const consumer = await startConsumer(connection, queue, 1, handler);
    consumer.on('error', () => undefined);
    return async () => {
      await consumer.close();
      await connection.close();
    };
  },
};

describeClient('rabbitmq-client', adapter);
describeTls('rabbitmq-client', adapter);

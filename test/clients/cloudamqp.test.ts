// Test thread. The client scenarios with @cloudamqp/amqp-client: its plain client, and its session
// for what must survive a lost connection.
import {
  type AMQPChannel,
  AMQPClient,
  type AMQPConsumer,
  type AMQPMessage,
  type AMQPProperties,
  AMQPSession,
} from '@cloudamqp/amqp-client';
import { Inbox } from '../support/inbox.ts';
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

function scenarioMessage({
  body,
  routingKey,
  redelivered,
  properties,
}: AMQPMessage): ScenarioMessage {
  return {
    ...(properties as object),
    body: Buffer.from(body as Uint8Array),
    routingKey,
    redelivered,
  };
}

async function settle(message: AMQPMessage, handler: Handler): Promise<void> {
  const verdict = await handler(scenarioMessage(message));
  if (verdict === 'ack') await message.ack();
  else await message.nack(verdict === 'requeue');
}

/** Resolves when the broker, not the client, ends the consumer. */
async function endedByBroker(consumer: AMQPConsumer): Promise<void> {
  await consumer.wait().catch(() => undefined);
}

async function requestOn(
  channel: AMQPChannel,
  queue: string,
  bodies: readonly string[],
): Promise<string[]> {
  const replyTo = 'amq.rabbitmq.reply-to';
  const inbox = new Inbox<AMQPMessage>();
  await channel.basicConsume(replyTo, { noAck: true }, (reply) => inbox.push(reply));
  for (const [index, body] of bodies.entries()) {
    await channel.basicPublish('', queue, body, { replyTo, correlationId: String(index) });
  }
  const replies: string[] = [];
  for (const _ of bodies) {
    const reply = await inbox.next('a reply');
    replies[Number(reply.properties.correlationId)] = reply.bodyToString() ?? '';
  }
  await channel.close();
  return replies;
}

async function open(url: string, secure?: Secure): Promise<ScenarioClient> {
  const client = new AMQPClient(url, secure?.options);
  const connection = await client.connect();
  const channel = await connection.channel();
  await channel.confirmSelect();
  const returned = new Set<string>();
  channel.onReturn = (message) => returned.add(message.properties.messageId!);
  return {
    declareQueue: async (name, queueArguments = {}) => {
      await channel.queueDeclare(name, { durable: true }, queueArguments);
    },
    deleteQueue: async (name) => {
      await channel.queueDelete(name);
    },
    messageCount: async (name) => {
      const ok = await channel.queueDeclare(name, { passive: true });
      return ok.messageCount;
    },
    declareExchange: (name, type) => channel.exchangeDeclare(name, type, { autoDelete: true }),
    bind: (queue, exchange, routingKey) => channel.queueBind(queue, exchange, routingKey),
    request: async (queue, bodies) => requestOn(await connection.channel(), queue, bodies),
    publish: async (exchange, routingKey, body, { persistent = false, ...rest } = {}) => {
      const messageId = rest.messageId ?? uniqueName('message');
      const properties: AMQPProperties = {
        ...rest,
        messageId,
        deliveryMode: persistent ? 2 : 1,
      };
      await channel.basicPublish(exchange, routingKey, body, properties, true);
      return returned.has(messageId) ? 'returned' : 'confirmed';
    },
    consume: async (queue, prefetchCount, handler, cancelledByBroker) => {
      const own = await connection.channel();
      await own.prefetch(prefetchCount);
      const consumer = await own.basicConsume(queue, { noAck: false }, (message) =>
        settle(message, handler),
      );
      if (cancelledByBroker !== undefined) void endedByBroker(consumer).then(cancelledByBroker);
      return {
        cancel: async () => {
          await consumer.cancel();
        },
      };
    },
    close: () => connection.close(),
  };
}

const adapter: Adapter = {
  connect: open,
  hasExternal: false,
  consumeForever: async (url, queue, handler) => {
    const session = await AMQPSession.connect(url, { reconnectInterval: 20, logger: null });
    const declared = await session.queue(queue, { durable: true });
    await declared.subscribe({ prefetch: 1, manualAck: true }, (message) =>
      settle(message, handler),
    );
    return () => session.stop();
  },
};

describeClient('cloudamqp', adapter);
describeTls('cloudamqp', adapter);

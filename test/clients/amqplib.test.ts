// Test thread. The client scenarios with amqplib, Node's most used AMQP client.
import amqplib, { type Channel, type ChannelModel, type ConsumeMessage, connect } from 'amqplib';
import { Inbox } from '../support/inbox.ts';
import { uniqueName } from '../support/unique-name.ts';
import {
  type Adapter,
  describeClient,
  type Handler,
  type ScenarioClient,
  type ScenarioConsumer,
  type ScenarioMessage,
  type Secure,
} from './scenarios.ts';
import { describeTls } from './tls-scenarios.ts';

const { external } = amqplib.credentials;

function scenarioMessage({ content, fields, properties }: ConsumeMessage): ScenarioMessage {
  return {
    body: content,
    routingKey: fields.routingKey,
    redelivered: fields.redelivered,
    ...(properties as object),
  };
}

async function consumeOn(
  channel: Channel,
  queue: string,
  handler: Handler,
  cancelledByBroker?: () => void,
): Promise<ScenarioConsumer> {
  const { consumerTag } = await channel.consume(queue, async (message) => {
    if (message === null) {
      cancelledByBroker?.();
      return;
    }
    const verdict = await handler(scenarioMessage(message));
    if (verdict === 'ack') channel.ack(message);
    else channel.nack(message, false, verdict === 'requeue');
  });
  return {
    cancel: async () => {
      await channel.cancel(consumerTag);
    },
  };
}

async function requestOn(
  channel: Channel,
  queue: string,
  bodies: readonly string[],
): Promise<string[]> {
  const replyTo = 'amq.rabbitmq.reply-to';
  const inbox = new Inbox<ConsumeMessage>();
  await channel.consume(replyTo, (reply) => reply !== null && inbox.push(reply), { noAck: true });
  for (const [index, body] of bodies.entries()) {
    channel.sendToQueue(queue, Buffer.from(body), { replyTo, correlationId: String(index) });
  }
  const replies: string[] = [];
  for (const _ of bodies) {
    const { content, properties } = await inbox.next('a reply');
    replies[Number(properties.correlationId)] = content.toString();
  }
  await channel.close();
  return replies;
}

async function open(url: string, secure?: Secure): Promise<ScenarioClient> {
  const credentials = secure?.isExternal === true ? { credentials: external() } : {};
  const connection = await connect(url, { ...secure?.options, ...credentials });
  const channel = await connection.createConfirmChannel();
  const returned = new Set<string>();
  channel.on('return', (message) => returned.add(message.properties.messageId));
  return {
    declareQueue: async (name, queueArguments) => {
      await channel.assertQueue(name, { durable: true, arguments: queueArguments });
    },
    deleteQueue: async (name) => {
      await channel.deleteQueue(name);
    },
    messageCount: async (name) => (await channel.checkQueue(name)).messageCount,
    declareExchange: async (name, type) => {
      await channel.assertExchange(name, type, { autoDelete: true });
    },
    bind: async (queue, exchange, routingKey) => {
      await channel.bindQueue(queue, exchange, routingKey);
    },
    request: async (queue, bodies) => requestOn(await connection.createChannel(), queue, bodies),
    publish: (exchange, routingKey, body, properties = {}) => {
      const messageId = properties.messageId ?? uniqueName('message');
      const options = { ...properties, messageId, mandatory: true };
      return new Promise((resolve, reject) => {
        channel.publish(exchange, routingKey, body, options, (error: unknown) => {
          if (error instanceof Error) reject(error);
          else resolve(returned.has(messageId) ? 'returned' : 'confirmed');
        });
      });
    },
    consume: async (queue, prefetchCount, handler, cancelledByBroker) => {
      const own = await connection.createChannel();
      await own.prefetch(prefetchCount);
      return consumeOn(own, queue, handler, cancelledByBroker);
    },
    close: () => connection.close(),
  };
}

const adapter: Adapter = {
  connect: open,
  hasExternal: true,
  consumeForever: async (url, queue, handler) => {
    let consumer: ScenarioConsumer | undefined;
    const connection = await connect(url, {
      recovery: {
        initialDelay: 20,
        setup: async (model: ChannelModel) => {
          const channel = await model.createChannel();
          await channel.prefetch(1);
          consumer = await consumeOn(channel, queue, handler);
        },
      },
    });
    // A lost connection is what this consumer is here for.
    connection.on('error', () => undefined);
    return async () => {
      // First the consumer, so that its last ack is on its way when the connection closes.
      await consumer?.cancel();
      await connection.close();
    };
  },
};

describeClient('amqplib', adapter);
describeTls('amqplib', adapter);

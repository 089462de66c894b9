// Refusals of what clients do on channels: publishing, consuming, acking. Acceptor thread.
// Texts begin with RabbitMQ's words where client test suites compare them.
import { defineRefusal } from './refusal.ts';

export const unknownDeliveryTag = defineRefusal(
  {
    id: 'channel.unknown-delivery-tag',
    code: 406,
    scope: 'channel',
    remedy:
      'Ack each delivery once, on the channel that received it, and none received with no-ack.',
  },
  (deliveryTag: number) => `unknown delivery tag ${deliveryTag}`,
);

export const internalExchangePublish = defineRefusal(
  {
    id: 'channel.internal-exchange',
    code: 403,
    scope: 'channel',
    remedy: 'Publish to an exchange that is bound to the internal one.',
  },
  (vhost: string, exchange: string) =>
    `cannot publish to internal exchange '${exchange}' in vhost '${vhost}'`,
);

export const messageTooLarge = defineRefusal(
  {
    id: 'channel.message-too-large',
    code: 406,
    scope: 'channel',
    remedy: 'Send smaller messages, or raise max_message_size in the configuration.',
  },
  (bytes: number, bytesMax: number) =>
    `message size ${bytes} is larger than configured max size ${bytesMax}`,
);

export const invalidExpiration = defineRefusal(
  {
    id: 'channel.invalid-expiration',
    code: 406,
    scope: 'channel',
    remedy: 'Set expiration to milliseconds as decimal digits, from 0 to 315360000000 (ten years).',
  },
  (expiration: string, problem: string) => `invalid expiration '${expiration}': ${problem}`,
);

export const immediateNotImplemented = defineRefusal(
  {
    id: 'channel.immediate',
    code: 540,
    scope: 'connection',
    remedy: 'Publish without the immediate flag; a message TTL of 0 does nearly the same.',
  },
  () => 'immediate=true',
);

export const prefetchSizeNotImplemented = defineRefusal(
  {
    id: 'channel.prefetch-size',
    code: 540,
    scope: 'connection',
    remedy: 'Set prefetch_size to 0 and limit by prefetch_count.',
  },
  (bytes: number) => `prefetch_size!=0 (${bytes})`,
);

export const recoverWithoutRequeue = defineRefusal(
  {
    id: 'channel.recover-without-requeue',
    code: 540,
    scope: 'connection',
    remedy: 'Call basic.recover with requeue=true.',
  },
  () => 'requeue=false',
);

export const flowNotImplemented = defineRefusal(
  {
    id: 'channel.flow-inactive',
    code: 540,
    scope: 'connection',
    remedy: 'Limit deliveries by basic.qos instead.',
  },
  () => 'active=false',
);

export const consumerTagInUse = defineRefusal(
  {
    id: 'channel.consumer-tag-in-use',
    code: 530,
    scope: 'connection',
    remedy: 'Choose another consumer tag, or leave it empty and the broker makes one.',
  },
  (tag: string) => `attempt to reuse consumer tag '${tag}'`,
);

export const exclusiveConsumerRefused = defineRefusal(
  {
    id: 'channel.exclusive-consumer',
    code: 403,
    scope: 'channel',
    remedy: 'Wait until the other consumers have left, or consume without exclusive.',
  },
  (vhost: string, queue: string) => `queue '${queue}' in vhost '${vhost}' in exclusive use`,
);

export const queueInUse = defineRefusal(
  {
    id: 'channel.queue-in-use',
    code: 406,
    scope: 'channel',
    remedy: 'Cancel its consumers first, or delete it without if-unused.',
  },
  (vhost: string, queue: string) => `queue '${queue}' in vhost '${vhost}' in use`,
);

export const queueNotEmpty = defineRefusal(
  {
    id: 'channel.queue-not-empty',
    code: 406,
    scope: 'channel',
    remedy: 'Consume or purge its messages first, or delete it without if-empty.',
  },
  (vhost: string, queue: string) => `queue '${queue}' in vhost '${vhost}' not empty`,
);

export const noLastQueue = defineRefusal(
  {
    id: 'channel.no-last-queue',
    code: 404,
    scope: 'channel',
    remedy: 'Name the queue, or declare one on this channel first.',
  },
  () => 'no previously declared queue',
);

export const invalidPriorityArgument = defineRefusal(
  {
    id: 'channel.invalid-consumer-priority',
    code: 406,
    scope: 'channel',
    remedy: 'Send x-priority as an integer.',
  },
  (queue: string, vhost: string, received: string) =>
    `invalid arg 'x-priority' for queue '${queue}' in vhost '${vhost}': expected an integer, ` +
    `received ${received}`,
);

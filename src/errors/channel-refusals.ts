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

export const unacceptableHeaderType = defineRefusal(
  {
    id: 'channel.sender-selected-type',
    code: 406,
    scope: 'channel',
    remedy: 'Send CC and BCC as arrays of strings, each a routing key.',
  },
  (header: string, type: string) =>
    `invalid message: {unacceptable_type_in_header,"${header}",${type}}; expected an array of ` +
    'routing keys',
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

export const replyConsumerWithAcks = defineRefusal(
  {
    id: 'channel.reply-consumer-with-acks',
    code: 406,
    scope: 'channel',
    remedy: 'Consume from amq.rabbitmq.reply-to with no-ack.',
  },
  () => 'reply consumer cannot acknowledge',
);

export const replyConsumerAlreadySet = defineRefusal(
  {
    id: 'channel.reply-consumer-already-set',
    code: 406,
    scope: 'channel',
    remedy: 'Consume from amq.rabbitmq.reply-to once per channel; all its requests share it.',
  },
  () => 'reply consumer already set',
);

export const noReplyConsumer = defineRefusal(
  {
    id: 'channel.no-reply-consumer',
    code: 406,
    scope: 'channel',
    remedy:
      'Consume from amq.rabbitmq.reply-to, on the channel that publishes the requests, first.',
  },
  () => 'fast reply consumer does not exist',
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

export const getOnSingleActiveQueue = defineRefusal(
  {
    id: 'channel.get-on-single-active-queue',
    code: 405,
    scope: 'channel',
    remedy: 'Consume from the queue (basic.consume); its only active consumer gets the messages.',
  },
  (vhost: string, queue: string, type: string) =>
    `cannot obtain access to locked queue '${queue}' in vhost '${vhost}'. basic.get operations ` +
    `are not supported by ${type} queues with single active consumer`,
);

export const ackTimedOut = defineRefusal(
  {
    id: 'channel.ack-timeout',
    code: 406,
    scope: 'channel',
    remedy:
      'Acknowledge sooner, or allow more time: the argument x-consumer-timeout of basic.consume ' +
      'or of the queue, the policy key consumer-timeout, or consumer_timeout in warrenmq.conf.',
  },
  (channel: number, millis: number) =>
    `delivery acknowledgement on channel ${channel} timed out. Timeout value used: ${millis} ms. ` +
    `This timeout value can be configured, see consumers doc guide to learn more`,
);

export const invalidTimeoutArgument = defineRefusal(
  {
    id: 'channel.invalid-consumer-timeout',
    code: 406,
    scope: 'channel',
    remedy: 'Send x-consumer-timeout as a whole number of milliseconds; 0 means any time.',
  },
  (queue: string, vhost: string, received: string) =>
    `invalid arg 'x-consumer-timeout' for queue '${queue}' in vhost '${vhost}': expected ` +
    `milliseconds (an integer from 0 on), received ${received}`,
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

export const transientQueueRefused = defineRefusal(
  {
    id: 'channel.transient-queue-refused',
    code: 541,
    scope: 'connection',
    remedy:
      'Declare the queue as durable or exclusive, or set ' +
      'deprecated_features.permit.transient_nonexcl_queues = true.',
  },
  (queue: string, vhost: string) =>
    'Feature `transient_nonexcl_queues` is deprecated. Its use is not permitted per the ' +
    'configuration: deprecated_features.permit.transient_nonexcl_queues = false (' +
    `queue '${queue}' in vhost '${vhost}')`,
);

// Refusals of the control plane: declaring, deleting and binding. Made in the main thread;
// acceptors use the ones about what is missing or locked when they answer from their replica.
// Codes: rabbitmq-server v4.3 (rabbit_channel, rabbit_amqqueue, rabbit_exchange, rabbit_misc).
// Texts start with RabbitMQ's words, because client test suites compare them; what we add comes
// after them.
import { defineRefusal } from './refusal.ts';

export type ResourceKind = 'queue' | 'exchange';

/** A queue or exchange as RabbitMQ names it in texts (rabbit_misc:rs). */
export function resourceText(kind: ResourceKind, name: string, vhost: string): string {
  return `${kind} '${name}' in vhost '${vhost}'`;
}

export const queueNotFound = defineRefusal(
  {
    id: 'topology.queue-not-found',
    code: 404,
    scope: 'channel',
    remedy: 'Declare the queue first, and check its name and the virtual host of the connection.',
  },
  (vhost: string, name: string) => `no ${resourceText('queue', name, vhost)}`,
);

export const exchangeNotFound = defineRefusal(
  {
    id: 'topology.exchange-not-found',
    code: 404,
    scope: 'channel',
    remedy:
      'Declare the exchange first, and check its name and the virtual host of the connection.',
  },
  (vhost: string, name: string) => `no ${resourceText('exchange', name, vhost)}`,
);

export const vhostNotFound = defineRefusal(
  {
    id: 'topology.vhost-not-found',
    code: 530,
    scope: 'connection',
    remedy: 'Create the virtual host, or connect to one that exists.',
  },
  (vhost: string) => `vhost ${vhost} not found`,
);

export const queueLocked = defineRefusal(
  {
    id: 'topology.queue-locked',
    code: 405,
    scope: 'channel',
    remedy: 'Use an exclusive queue only on the connection that declared it, and as exclusive.',
  },
  (vhost: string, name: string) =>
    `cannot obtain exclusive access to locked ${resourceText('queue', name, vhost)}. It could be ` +
    'originally declared on another connection or the exclusive property value does not match ' +
    'that of the original declaration.',
);

export const defaultExchangeRefused = defineRefusal(
  {
    id: 'topology.default-exchange',
    code: 403,
    scope: 'channel',
    remedy:
      'Every queue is bound to the default exchange by its name; use another exchange to bind.',
  },
  () => 'operation not permitted on the default exchange',
);

export const reservedName = defineRefusal(
  {
    id: 'topology.reserved-name',
    code: 403,
    scope: 'channel',
    remedy: "Choose a name that does not start with 'amq.', or an empty queue name.",
  },
  (kind: ResourceKind, name: string) => `${kind} name '${name}' contains reserved prefix 'amq.*'`,
);

export const systemExchangeDeletion = defineRefusal(
  {
    id: 'topology.system-exchange',
    code: 403,
    scope: 'channel',
    remedy: 'Leave the predeclared exchanges where they are.',
  },
  (vhost: string, name: string) =>
    `deletion of system ${resourceText('exchange', name, vhost)} not allowed`,
);

export const replyToBinding = defineRefusal(
  {
    id: 'topology.reply-to-binding',
    code: 403,
    scope: 'channel',
    remedy: 'Publish replies to the default exchange with the reply-to name as routing key.',
  },
  () => 'cannot bind or unbind to a volatile (direct reply-to) queue',
);

export const exchangeInUse = defineRefusal(
  {
    id: 'topology.exchange-in-use',
    code: 406,
    scope: 'channel',
    remedy: 'Remove the bindings from the exchange first, or delete it without if-unused.',
  },
  (vhost: string, name: string) => `${resourceText('exchange', name, vhost)} in use`,
);

export const unknownExchangeType = defineRefusal(
  {
    id: 'topology.unknown-exchange-type',
    code: 406,
    scope: 'channel',
    remedy: 'Declare the exchange with one of the types that the text lists.',
  },
  (type: string, known: readonly string[]) =>
    `unknown exchange type '${type}' (known: ${known.join(', ')})`,
);

export const nameTooLong = defineRefusal(
  {
    id: 'topology.name-length',
    code: 406,
    scope: 'channel',
    remedy: 'Choose a name of 1 to 255 bytes in UTF-8.',
  },
  (kind: ResourceKind | 'vhost', bytes: number) =>
    `invalid ${kind} name: expected 1 to 255 bytes, received ${bytes}`,
);

/** `received` and `current` are complete: "'x'", "none" or "the value 'x' of type 'y'". */
export const inequivalentArgument = defineRefusal(
  {
    id: 'topology.inequivalent-argument',
    code: 406,
    scope: 'channel',
    remedy: 'Declare with the current value, declare passively, or delete and declare anew.',
  },
  (subject: string, argument: string, received: string, current: string) =>
    `inequivalent arg '${argument}' for ${subject}: received ${received} but current is ${current}`,
);

/** `problem` is RabbitMQ's term for it, followed by what was expected. */
export const invalidArgument = defineRefusal(
  {
    id: 'topology.invalid-argument',
    code: 406,
    scope: 'channel',
    remedy: 'Send the argument with a type and a value as the text says.',
  },
  (subject: string, argument: string, problem: string) =>
    `invalid arg '${argument}' for ${subject}: ${problem}`,
);

export const argumentsTooLarge = defineRefusal(
  {
    id: 'topology.arguments-too-large',
    code: 406,
    scope: 'channel',
    remedy: 'Send fewer or shorter arguments; data belong in messages.',
  },
  (subject: string, bytes: number, bytesMax: number) =>
    `invalid arguments for ${subject}: expected at most ${bytesMax} bytes, received ${bytes}`,
);

export const invalidArgumentType = defineRefusal(
  {
    id: 'topology.invalid-argument-type',
    code: 406,
    scope: 'channel',
    remedy: 'Send the name of the exchange as a string.',
  },
  (subject: string, argument: string, type: string) =>
    `invalid type '${type}' for arg '${argument}' in ${subject}`,
);

export const argumentOfOtherQueueType = defineRefusal(
  {
    id: 'topology.argument-of-other-queue-type',
    code: 406,
    scope: 'channel',
    remedy: 'Leave the argument out, or declare a queue of a type that has it.',
  },
  (subject: string, argument: string, type: string) =>
    `invalid arg '${argument}' for ${subject} of queue type rabbit_${type}_queue`,
);

export const invalidQueueProperty = defineRefusal(
  {
    id: 'topology.invalid-queue-property',
    code: 406,
    scope: 'channel',
    remedy: 'Declare quorum queues as durable, not exclusive and not auto-delete.',
  },
  (subject: string, property: string) =>
    `invalid property '${property}' for ${subject} (quorum queues are durable, not exclusive, ` +
    'not auto-delete)',
);

export const serverNamedQueueRefused = defineRefusal(
  {
    id: 'topology.server-named-queue',
    code: 406,
    scope: 'channel',
    remedy: 'Give the queue a name: only classic queues can be named by the broker.',
  },
  (type: string) => `Cannot declare a server-named queue for type rabbit_${type}_queue`,
);

/** `problem` is what the exchange type says about the declaration. */
export const invalidExchange = defineRefusal(
  {
    id: 'topology.invalid-exchange',
    code: 406,
    scope: 'channel',
    remedy: 'Declare the exchange with the arguments that its type understands.',
  },
  (problem: string) => problem,
);

export const exchangeTypeMissing = defineRefusal(
  {
    id: 'topology.exchange-type-missing',
    code: 406,
    scope: 'channel',
    remedy: 'Load the plugin that provides the type, or delete the exchange and declare another.',
  },
  (vhost: string, name: string, type: string) =>
    `Cannot route message through ${resourceText('exchange', name, vhost)}: ` +
    `exchange type ${type} not found`,
);

export const companionQueue = defineRefusal(
  {
    id: 'topology.companion-queue',
    code: 403,
    scope: 'channel',
    remedy: 'Use the exchange; the queue is where the broker keeps what belongs to it.',
  },
  (vhost: string, name: string, exchange: string) =>
    `${resourceText('queue', name, vhost)} belongs to exchange '${exchange}' and cannot be used`,
);

/** `problem` is what the exchange type says about the binding's arguments. */
export const invalidBinding = defineRefusal(
  {
    id: 'topology.invalid-binding',
    code: 406,
    scope: 'channel',
    remedy: 'Bind with the arguments that the type of the exchange understands.',
  },
  (problem: string) => problem,
);

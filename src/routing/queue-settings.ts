// What a queue's arguments and policies come to. Any thread: main validates both, shards and
// acceptors act on the outcome. Pure. Where argument and policy both say something the argument
// counts, but of two numeric limits the lower one
// (https://www.rabbitmq.com/docs/policies#priorities, #operator-policies), and of a quorum queue
// the policy's overflow (RabbitMQ 4.3.5, rabbit_quorum_queue:gather_policy_config).
import type { FieldValue } from '../protocol/field-table.ts';
import type { QueueSpec } from './change.ts';

/** What a full queue does with one message more (https://www.rabbitmq.com/docs/maxlength). */
export type Overflow = 'drop-head' | 'reject-publish' | 'reject-publish-dlx';

/** Where a queue sends the messages it is rid of. */
export interface DeadLettering {
  readonly exchange: string;
  /** Undefined: the message keeps its own routing keys. */
  readonly routingKey: string | undefined;
  /** at-least-once: the message stays until each target has confirmed it. */
  readonly isAtLeastOnce: boolean;
}

/** All that is not set is -1, undefined or false. */
export interface QueueSettings {
  readonly isQuorum: boolean;
  readonly messageTtlMillis: number;
  readonly expiresMillis: number;
  readonly lengthMax: number;
  readonly bytesMax: number;
  readonly overflow: Overflow;
  readonly deadLettering: DeadLettering | undefined;
  /** The highest priority that counts; -1: the queue has no priorities. */
  readonly priorityMax: number;
  readonly isSingleActive: boolean;
  /** Deliveries that may fail; -1 = any number. */
  readonly deliveryLimit: number;
  /** How long a delivery may stay unacked; -1: as the configuration says, 0: for ever. */
  readonly consumerTimeoutMillis: number;
}

const NOT_SET = -1;
/** https://www.rabbitmq.com/docs/quorum-queues#poison-message-handling */
const QUORUM_DELIVERY_LIMIT = 20;
/** https://www.rabbitmq.com/docs/quorum-queues#priorities */
const QUORUM_PRIORITY_MAX = 31;

export function queueSettings(spec: QueueSpec): QueueSettings {
  const isQuorum = argument(spec, 'x-queue-type') === 'quorum';
  return {
    isQuorum,
    messageTtlMillis: lower(spec, 'message-ttl'),
    expiresMillis: lower(spec, 'expires'),
    lengthMax: lower(spec, 'max-length'),
    bytesMax: lower(spec, 'max-length-bytes'),
    overflow: overflowOf(spec, isQuorum),
    deadLettering: deadLettering(spec),
    priorityMax: isQuorum ? QUORUM_PRIORITY_MAX : number(argument(spec, 'x-max-priority')),
    isSingleActive: argument(spec, 'x-single-active-consumer') === true,
    deliveryLimit: isQuorum ? deliveryLimit(spec) : NOT_SET,
    consumerTimeoutMillis: lower(spec, 'consumer-timeout'),
  };
}

/** Quorum queues know no reject-publish-dlx; RabbitMQ has them drop instead. */
function overflowOf(spec: QueueSpec, isQuorum: boolean): Overflow {
  const ruled = spec.policy?.definition['overflow'];
  const word = isQuorum && ruled !== undefined ? ruled : text(spec, 'overflow');
  if (word === 'reject-publish') return word;
  return word === 'reject-publish-dlx' && !isQuorum ? word : 'drop-head';
}

function deadLettering(spec: QueueSpec): DeadLettering | undefined {
  const exchange = text(spec, 'dead-letter-exchange');
  if (exchange === undefined) return undefined;
  return {
    exchange,
    routingKey: text(spec, 'dead-letter-routing-key'),
    // Without it a full queue could drop what it must not lose, so RabbitMQ asks for both.
    isAtLeastOnce:
      text(spec, 'dead-letter-strategy') === 'at-least-once' &&
      overflowOf(spec, true) === 'reject-publish',
  };
}

function deliveryLimit(spec: QueueSpec): number {
  const limits = [argument(spec, 'x-delivery-limit'), spec.policy?.definition['delivery-limit']]
    .filter((limit) => limit !== undefined)
    .map(number);
  if (limits.length === 0) return QUORUM_DELIVERY_LIMIT;
  // A negative one is no limit, and counts only when there is no other.
  const bounded = limits.filter((limit) => limit >= 0);
  return bounded.length === 0 ? NOT_SET : Math.min(...bounded);
}

function argument(spec: QueueSpec, name: string): FieldValue | undefined {
  return Object.hasOwn(spec.arguments, name) ? spec.arguments[name] : undefined;
}

function text(spec: QueueSpec, name: string): string | undefined {
  const value = argument(spec, `x-${name}`) ?? spec.policy?.definition[name];
  return typeof value === 'string' ? value : undefined;
}

function lower(spec: QueueSpec, name: string): number {
  const asked = number(argument(spec, `x-${name}`));
  const ruled = number(spec.policy?.definition[name]);
  if (asked === NOT_SET || ruled === NOT_SET) return Math.max(asked, ruled);
  return Math.min(asked, ruled);
}

function number(value: FieldValue | undefined): number {
  return typeof value === 'number' || typeof value === 'bigint' ? Number(value) : NOT_SET;
}

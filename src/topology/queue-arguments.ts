// The arguments of queue.declare: which there are, for which queue types, and what they may hold
// (rabbit_amqqueue:declare_args, rabbit_classic_queue and rabbit_quorum_queue capabilities). Main
// thread. Here they are checked and kept; the shards give them their effect. Unknown arguments are
// kept and ignored, arguments of another queue type are refused.
// Where releases differ the more lenient one is followed: x-queue-version 1 and x-queue-mode (gone
// in 4.x) are accepted, x-consumer-timeout on classic queues too (3.12 to 4.2). x-delivery-limit
// and x-delayed-retry-*, which RabbitMQ leaves unchecked, are checked.
import {
  argumentOfOtherQueueType,
  invalidArgument,
  invalidQueueProperty,
} from '../errors/topology-refusals.ts';
import { AmqpError } from '../errors/refusal.ts';
import type { FieldTable } from '../protocol/field-table.ts';
import { type ArgumentCheck, bool, integer, oneOf, text, textBeside } from './argument-checks.ts';
import { argumentOf } from './argument-value.ts';
import { assertExchangeName } from './exchange-arguments.ts';

export type QueueType = 'classic' | 'quorum';

const QUEUE_TYPES: readonly string[] = ['classic', 'quorum'] satisfies QueueType[];
const TYPE_ARGUMENT = 'x-queue-type';
const DEAD_LETTER_EXCHANGE = 'x-dead-letter-exchange';
/** Ten years, RabbitMQ's limit for anything that expires (rabbit_misc:check_expiry). */
const EXPIRY_MILLIS_MAX = 315_360_000_000;
const PRIORITY_MAX = 255;

interface ArgumentRule {
  readonly types: readonly QueueType[];
  readonly check: ArgumentCheck;
}

const both = (check: ArgumentCheck): ArgumentRule => ({ types: ['classic', 'quorum'], check });
const classic = (check: ArgumentCheck): ArgumentRule => ({ types: ['classic'], check });
const quorum = (check: ArgumentCheck): ArgumentRule => ({ types: ['quorum'], check });
const unchecked: ArgumentCheck = () => undefined;
const ofStreams: ArgumentRule = { types: [], check: unchecked };

/** In RabbitMQ's order, which decides which of several problems is reported. */
const RULES: ReadonlyMap<string, ArgumentRule> = new Map([
  ['x-expires', both(integer(1, EXPIRY_MILLIS_MAX))],
  ['x-message-ttl', both(integer(0, EXPIRY_MILLIS_MAX))],
  // Checked before all others, with a text of its own.
  [DEAD_LETTER_EXCHANGE, both(unchecked)],
  [
    'x-dead-letter-routing-key',
    both(textBeside(DEAD_LETTER_EXCHANGE, 'routing_key_but_no_dlx_defined')),
  ],
  [
    'x-dead-letter-strategy',
    quorum(oneOf(['at-most-once', 'at-least-once'], () => 'invalid_dlx_strategy')),
  ],
  ['x-max-length', both(integer(0))],
  ['x-max-length-bytes', both(integer(0))],
  ['x-max-in-memory-length', quorum(integer(0))],
  ['x-max-in-memory-bytes', quorum(integer(0))],
  ['x-max-priority', classic(integer(0, PRIORITY_MAX, 'max_value_exceeded'))],
  [
    'x-overflow',
    both(oneOf(['drop-head', 'reject-publish', 'reject-publish-dlx'], () => 'invalid_overflow')),
  ],
  ['x-queue-mode', classic(oneOf(['default', 'lazy'], (word) => unsupported('mode', word)))],
  ['x-queue-version', classic(queueVersion)],
  ['x-single-active-consumer', both(bool)],
  ['x-consumer-timeout', both(integer(0))],
  ['x-consumer-disconnected-timeout', quorum(integer(0))],
  // WarrenMQ's own: what a confirm waits for (src/routing/durability.ts).
  ['x-durability', both(oneOf(['fsync', 'write', 'memory'], () => 'invalid_durability'))],
  [TYPE_ARGUMENT, both(oneOf(QUEUE_TYPES, (word) => unsupported('type', word)))],
  ['x-quorum-initial-group-size', quorum(integer(1))],
  ['x-delivery-limit', quorum(integer(-1))],
  [
    'x-delayed-retry-type',
    quorum(oneOf(['disabled', 'all', 'failed', 'returned'], () => 'invalid_delayed_retry_type')),
  ],
  ['x-delayed-retry-min', quorum(integer(0))],
  ['x-delayed-retry-max', quorum(integer(0))],
  ['x-member-placement-tag', quorum(text)],
  ['x-queue-master-locator', classic(locator('min-masters', 'client-local', 'random'))],
  ['x-queue-leader-locator', both(locator('client-local', 'balanced', 'random', 'least-leaders'))],
  ['x-max-age', ofStreams],
  ['x-stream-max-segment-size-bytes', ofStreams],
  ['x-stream-filter-size-bytes', ofStreams],
  ['x-initial-cluster-size', ofStreams],
]);

/** What still has to be the same when a quorum queue may be declared again as a classic one. */
export const RELAXED_ARGUMENTS: readonly string[] = [
  DEAD_LETTER_EXCHANGE,
  'x-dead-letter-routing-key',
  'x-expires',
  'x-max-length',
  'x-max-length-bytes',
  'x-single-active-consumer',
  'x-message-ttl',
];

const COMPARED: Readonly<Record<QueueType, readonly string[]>> = {
  classic: argumentsOf('classic'),
  quorum: argumentsOf('quorum'),
};

function argumentsOf(type: QueueType): string[] {
  return [...RULES].filter(([, rule]) => rule.types.includes(type)).map(([name]) => name);
}

function unsupported(what: string, word: string): string {
  return `"unsupported queue ${what} '${word}'"`;
}

/** 1 and 2 are RabbitMQ's store formats; a client may ask for either, there is one here. */
function queueVersion(...[value, args]: Parameters<ArgumentCheck>): string | undefined {
  const problem = integer(0)(value, args);
  if (problem !== undefined || value === 1 || value === 2) return problem;
  return `${unsupported('version', String(value))} (expected 1 or 2)`;
}

function locator(...words: string[]): ArgumentCheck {
  return oneOf(words, () => 'invalid_queue_locator_arg');
}

export function isQueueType(word: unknown): word is QueueType {
  return QUEUE_TYPES.some((type) => type === word);
}

/** The type asked for; what is no known type counts as classic until it is refused. */
export function queueTypeOf(args: FieldTable): QueueType {
  return argumentOf(args, TYPE_ARGUMENT) === 'quorum' ? 'quorum' : 'classic';
}

/** The arguments that a redeclaration of a queue of this type must repeat. */
export function comparedQueueArguments(type: QueueType): readonly string[] {
  return COMPARED[type];
}

/**
 * The arguments of a declaration where queues are of another type than classic by default
 * (rabbit_amqqueue:augment_declare_args): a queue that cannot be of that type is classic.
 */
export function withDefaultType(
  args: FieldTable,
  type: QueueType,
  queue: { readonly durable: boolean; readonly exclusive: boolean; readonly autoDelete: boolean },
): FieldTable {
  if (type === 'classic' || argumentOf(args, TYPE_ARGUMENT) !== undefined) return args;
  if (!queue.durable || queue.exclusive || queue.autoDelete) return args;
  return { ...args, [TYPE_ARGUMENT]: type };
}

/** The arguments with the type spelled out, as RabbitMQ 4.x compares them. */
export function withQueueType(args: FieldTable): FieldTable {
  if (argumentOf(args, TYPE_ARGUMENT) !== undefined) return args;
  return { ...args, [TYPE_ARGUMENT]: 'classic' };
}

export function assertQueueArguments(subject: string, args: FieldTable): void {
  assertExchangeName(subject, args, DEAD_LETTER_EXCHANGE);
  assertArgument(subject, args, TYPE_ARGUMENT);
  const type = queueTypeOf(args);
  for (const name of comparedQueueArguments(type)) assertArgument(subject, args, name);
  for (const name of Object.keys(args)) {
    const rule = RULES.get(name);
    if (rule === undefined || rule.types.includes(type)) continue;
    throw new AmqpError(argumentOfOtherQueueType(subject, name, type));
  }
}

function assertArgument(subject: string, args: FieldTable, name: string): void {
  const value = argumentOf(args, name);
  if (value === undefined) return;
  const problem = RULES.get(name)?.check(value, args);
  if (problem !== undefined) throw new AmqpError(invalidArgument(subject, name, problem));
}

/** Quorum queues are durable, shared and permanent (rabbit_queue_type_util). */
export function assertQueueProperties(
  subject: string,
  type: QueueType,
  queue: { readonly durable: boolean; readonly exclusive: boolean; readonly autoDelete: boolean },
): void {
  if (type !== 'quorum') return;
  if (queue.autoDelete) throw new AmqpError(invalidQueueProperty(subject, 'auto-delete'));
  if (queue.exclusive) throw new AmqpError(invalidQueueProperty(subject, 'exclusive-owner'));
  if (!queue.durable) throw new AmqpError(invalidQueueProperty(subject, 'non-durable'));
}

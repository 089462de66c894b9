// The settings a policy may hold: their values, whether operator policies may hold them, which of
// two values counts, and for which queue types they do not apply. Main thread.
// After RabbitMQ 4.3.5: registrations, validate_policy and merge_policy_value of rabbit_policies,
// rabbit_classic_queue and rabbit_quorum_queue, and their unsupported_policies. A policy with a
// setting that a queue's type does not support does not apply to that queue at all.
// WarrenMQ's own: `durability`, `delayed-message`. Where releases differ the more lenient one is
// followed: queue-mode, queue-version 1 and queue-master-locator are accepted, without effect.
import type { QueueType } from '../queue-arguments.ts';

export type Setting = string | number | boolean;

interface KeyRule {
  /** What RabbitMQ says after the value; undefined when the value is right. */
  readonly problem: (value: unknown) => string | undefined;
  readonly isForOperators: boolean;
  /** Which of a policy's and an operator policy's value counts. */
  readonly merge: (value: Setting, operatorValue: Setting) => Setting;
  readonly notOn: readonly QueueType[];
}

type Test = (value: unknown) => boolean;
type Merge = KeyRule['merge'];

const operators: Merge = (_value, operatorValue) => operatorValue;
const lower: Merge = (value, operatorValue) => (value < operatorValue ? value : operatorValue);
const higher: Merge = (value, operatorValue) => (value > operatorValue ? value : operatorValue);
/** Negative is unlimited, which no limit may become by merging. */
const stricterLimit: Merge = (value, operatorValue) =>
  Number(value) < 0 || Number(operatorValue) < 0
    ? higher(value, operatorValue)
    : lower(value, operatorValue);

const integer =
  (min: number, max = Number.MAX_SAFE_INTEGER): Test =>
  (value) =>
    Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max;
const text: Test = (value) => typeof value === 'string';
const fullText: Test = (value) => typeof value === 'string' && value !== '';
const bool: Test = (value) => typeof value === 'boolean';
const oneOf =
  (...words: readonly unknown[]): Test =>
  (value) =>
    words.includes(value);
const age: Test = (value) => typeof value === 'string' && /^0*[1-9][0-9]*[YMDhms]$/u.test(value);

const NO_CLASSIC: readonly QueueType[] = ['classic'];
const NO_QUORUM: readonly QueueType[] = ['quorum'];
const STREAMS_ONLY: readonly QueueType[] = ['classic', 'quorum'];

function users(test: Test, problem: string, notOn: readonly QueueType[] = []): KeyRule {
  const problemOf = (value: unknown): string | undefined => (test(value) ? undefined : problem);
  return { problem: problemOf, isForOperators: false, merge: operators, notOn };
}

function both(
  test: Test,
  problem: string,
  merge: Merge,
  notOn: readonly QueueType[] = [],
): KeyRule {
  return { ...users(test, problem, notOn), isForOperators: true, merge };
}

const MEMORY = 'is not a valid maximum memory in bytes';
const RETRY_TYPE =
  'is not a valid delayed retry type. Must be one of: all, failed, returned, disabled';

export const POLICY_KEYS: ReadonlyMap<string, KeyRule> = new Map([
  ['alternate-exchange', users(text, 'is not a valid alternate exchange name')],
  [
    'consumer-disconnected-timeout',
    users(integer(0), 'is not a valid consumer disconnected timeout'),
  ],
  ['consumer-timeout', users(integer(0), 'is not a valid consumer timeout')],
  ['dead-letter-exchange', users(text, 'is not a valid dead letter exchange name')],
  ['dead-letter-routing-key', users(text, 'is not a valid dead letter routing key')],
  [
    'dead-letter-strategy',
    users(
      oneOf('at-most-once', 'at-least-once'),
      'is not a valid dead letter strategy',
      NO_CLASSIC,
    ),
  ],
  ['message-ttl', both(integer(0), 'is not a valid message TTL', lower)],
  ['expires', both(integer(1), 'is not a valid queue expiry', lower)],
  ['max-length', both(integer(0), 'is not a valid maximum length', lower)],
  ['max-length-bytes', both(integer(0), 'is not a valid maximum length in bytes', lower)],
  ['max-in-memory-length', both(integer(0), MEMORY, lower, NO_CLASSIC)],
  ['max-in-memory-bytes', both(integer(0), MEMORY, lower, NO_CLASSIC)],
  ['queue-mode', users(oneOf('default', 'lazy'), 'is not a valid queue-mode value', NO_QUORUM)],
  ['queue-version', both(oneOf(1, 2), 'is not a valid queue-version value', operators)],
  [
    'queue-master-locator',
    both(
      oneOf('min-masters', 'client-local', 'random'),
      'is not a valid master locator',
      operators,
      NO_QUORUM,
    ),
  ],
  [
    'overflow',
    both(
      oneOf('drop-head', 'reject-publish', 'reject-publish-dlx'),
      'is not a valid overflow value',
      operators,
    ),
  ],
  [
    'delivery-limit',
    both(
      integer(Number.MIN_SAFE_INTEGER),
      'is not a valid delivery limit',
      stricterLimit,
      NO_CLASSIC,
    ),
  ],
  ['max-age', users(age, 'is not a valid max age', STREAMS_ONLY)],
  [
    'stream-max-segment-size-bytes',
    users(integer(0, 3_000_000_000), 'is not a valid segment size', STREAMS_ONLY),
  ],
  [
    'stream-filter-size-bytes',
    users(integer(16, 255), 'is not a valid filter size. Valid range is 16-255'),
  ],
  [
    'queue-leader-locator',
    users(
      oneOf('client-local', 'balanced', 'random', 'least-leaders'),
      'is not a valid queue leader locator value',
    ),
  ],
  ['initial-cluster-size', users(integer(0), 'is not a valid cluster size', STREAMS_ONLY)],
  [
    'target-group-size',
    both(integer(1), 'is not a valid qq target count value', higher, NO_CLASSIC),
  ],
  [
    'member-placement-tag',
    both(
      fullText,
      'is not a valid member-placement-tag value. Must be a non-empty string',
      operators,
    ),
  ],
  [
    'delayed-retry-type',
    both(oneOf('all', 'failed', 'returned', 'disabled'), RETRY_TYPE, operators),
  ],
  [
    'delayed-retry-min',
    both(
      integer(1),
      'is not a valid delayed retry minimum delay. Must be a positive integer',
      higher,
    ),
  ],
  [
    'delayed-retry-max',
    both(
      integer(1),
      'is not a valid delayed retry maximum delay. Must be a positive integer',
      lower,
    ),
  ],
  [
    'durability',
    users(
      oneOf('fsync', 'write', 'memory'),
      'is not a valid durability (expected fsync, write or memory)',
    ),
  ],
  ['delayed-message', users(bool, 'is not a valid delayed-message value (expected true or false)')],
]);

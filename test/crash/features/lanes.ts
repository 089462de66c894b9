// Test process. What the feature proof loads: lanes, each one way that a message can take through
// queues with a time to live, limits, priorities, delays and dead letters, and in which queues it may
// be found. All of it is durable and declared once, in the first life.
// Invariant: what a message looks like follows from its lane and number alone.
import type { Channel, Options } from 'amqplib';

/** What the consumer of a queue does with most of what it gets; nobody consumes: undefined. */
export type Habit = 'ack' | 'reject-half' | 'give-back' | undefined;

export interface LaneQueue {
  readonly name: string;
  readonly arguments: Readonly<Record<string, unknown>>;
  readonly habit: Habit;
}

export interface Lane {
  readonly name: string;
  readonly exchange: string;
  /** Published in transactions, of which some are rolled back. */
  readonly isTransacted?: boolean;
  /** Which of the queues a message may be in; where they are `every`, all of them or the first. */
  readonly places: readonly string[];
  readonly every?: readonly string[];
  /** Where a publish that was nacked may be all the same. */
  readonly refusedTo?: string;
  key(number: number): string;
  properties(number: number): Options.Publish;
}

const DELAYED = 'feat-delayed';
const FAN = 'feat-fan';
/** The default exchange: the dead-letter key names the queue. */
function deadTo(name: string): Record<string, unknown> {
  return { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': name };
}

function queue(name: string, habit: Habit, args: Record<string, unknown> = {}): LaneQueue {
  return { name, arguments: args, habit };
}

const QUORUM = { 'x-queue-type': 'quorum' };
const AT_LEAST_ONCE = {
  ...QUORUM,
  'x-overflow': 'reject-publish',
  'x-dead-letter-strategy': 'at-least-once',
};

export const QUEUES: readonly LaneQueue[] = [
  queue('ttl', undefined, { 'x-message-ttl': 300, ...deadTo('ttl-dead') }),
  queue('ttl-dead', 'ack'),
  queue('expiring', undefined, deadTo('expiring-dead')),
  queue('expiring-dead', undefined),
  queue('rejecting', 'reject-half', deadTo('rejecting-dead')),
  queue('rejecting-dead', 'ack'),
  queue('short', undefined, { 'x-max-length': 100, ...deadTo('short-dead') }),
  queue('short-dead', undefined),
  queue('light', undefined, { 'x-max-length-bytes': 400_000, ...deadTo('light-dead') }),
  queue('light-dead', 'ack'),
  queue('limited', 'give-back', { ...QUORUM, 'x-delivery-limit': 2, ...deadTo('limited-dead') }),
  queue('limited-dead', 'ack'),
  queue('first', 'ack', { 'x-max-priority': 5 }),
  queue('delayed', 'ack'),
  queue('refusing', 'ack', { 'x-max-length': 60, 'x-overflow': 'reject-publish' }),
  queue('passing', 'ack', {
    'x-max-length': 60,
    'x-overflow': 'reject-publish-dlx',
    ...deadTo('passing-dead'),
  }),
  queue('passing-dead', 'ack'),
  queue('committed-1', 'ack'),
  queue('committed-2', 'ack'),
  queue('chain-1', undefined, { 'x-message-ttl': 100, ...deadTo('chain-2') }),
  queue('chain-2', undefined, { 'x-max-length': 20, ...deadTo('chain-3') }),
  queue('chain-3', 'reject-half', { ...AT_LEAST_ONCE, ...deadTo('chain-end') }),
  queue('chain-end', undefined),
  queue('fanning', undefined, { 'x-message-ttl': 50, 'x-dead-letter-exchange': FAN }),
  queue('fan-1', 'ack'),
  queue('fan-2', 'ack'),
  queue('fan-3', undefined),
];

const PLAIN: Options.Publish = { persistent: true };

function toQueue(name: string, ...places: string[]): Lane {
  return {
    name,
    exchange: '',
    places: [name, ...places],
    key: () => name,
    properties: () => PLAIN,
  };
}

export const LANES: readonly Lane[] = [
  toQueue('ttl', 'ttl-dead'),
  {
    ...toQueue('expiring', 'expiring-dead'),
    properties: (number) => ({ ...PLAIN, expiration: String((number * 37) % 900) }),
  },
  toQueue('rejecting', 'rejecting-dead'),
  toQueue('short', 'short-dead'),
  toQueue('light', 'light-dead'),
  toQueue('limited', 'limited-dead'),
  { ...toQueue('first'), properties: (number) => ({ ...PLAIN, priority: priorityOf(number) }) },
  {
    ...toQueue('delayed'),
    exchange: DELAYED,
    properties: (number) => ({ ...PLAIN, headers: { 'x-delay': delayOf(number) } }),
  },
  toQueue('refusing'),
  { ...toQueue('passing', 'passing-dead'), refusedTo: 'passing-dead' },
  {
    ...toQueue('committed'),
    isTransacted: true,
    places: ['committed-1', 'committed-2'],
    key: (number) => `committed-${1 + (number % 2)}`,
  },
  toQueue('chain-1', 'chain-2', 'chain-3', 'chain-end'),
  { ...toQueue('fanning', 'fan-1', 'fan-2', 'fan-3'), every: ['fan-1', 'fan-2', 'fan-3'] },
];

function priorityOf(number: number): number {
  return (number * 7) % 6;
}

/** Most are short; one in forty outlasts its life of the broker. */
function delayOf(number: number): number {
  return number % 40 === 0 ? 1500 + ((number * 53) % 1500) : (number * 53) % 400;
}

/** Whether a transaction that ends with message `number` is rolled back. */
export function isRolledBack(transaction: number): boolean {
  return transaction % 5 === 4;
}

export async function declareLanes(channel: Channel): Promise<void> {
  const delays = { 'x-delayed-type': 'direct' };
  await channel.assertExchange(DELAYED, 'x-delayed-message', { durable: true, arguments: delays });
  await channel.assertExchange(FAN, 'fanout', { durable: true });
  for (const { name, arguments: args } of QUEUES) {
    await channel.assertQueue(name, { durable: true, arguments: args });
  }
  await channel.bindQueue('delayed', DELAYED, 'delayed');
  for (const name of ['fan-1', 'fan-2', 'fan-3']) await channel.bindQueue(name, FAN, '');
}

export async function deleteLanes(channel: Channel): Promise<void> {
  for (const { name } of QUEUES) await channel.deleteQueue(name);
  for (const exchange of [DELAYED, FAN]) await channel.deleteExchange(exchange);
}

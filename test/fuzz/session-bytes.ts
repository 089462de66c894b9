// Fuzz support: random sessions as a list of frames, and mutations of them. All choices come from one
// generator, so a seed repeats a session.
import { bodyFrame, headerFrame, type Properties } from '../support/wire/content.ts';
import type { FieldTable } from '../support/wire/field-values.ts';
import { frame, HEARTBEAT, methodFrame, uint64 } from '../support/wire/frames.ts';
import { publishFrames } from '../unit/acceptor/sim/sim-client.ts';

/** mulberry32: the same seed gives the same choices on every machine. */
export class Random {
  private state: number;

  constructor(seed: number) {
    this.state = seed;
  }

  below(limit: number): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296) * limit);
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)];
  }

  chance(percent: number): boolean {
    return this.below(100) < percent;
  }

  bytes(count: number): Buffer {
    return Buffer.from(Array.from({ length: count }, () => this.below(256)));
  }
}

/** Queues with rules, which pass dead letters on to each other and to the plain ones, in rounds too. */
const RULED_QUEUES: Readonly<Record<string, FieldTable>> = {
  fleeting: { 'x-message-ttl': 1, ...deadTo('', 'short') },
  short: { 'x-max-length': 2, ...deadTo('amq.fanout', '') },
  light: { 'x-max-length-bytes': 3000, 'x-max-priority': 3, ...deadTo('', 'fleeting') },
  full: { 'x-max-length': 1, 'x-overflow': 'reject-publish-dlx', ...deadTo('', 'quorum') },
  quorum: {
    'x-queue-type': 'quorum',
    'x-delivery-limit': 1,
    'x-overflow': 'reject-publish',
    'x-dead-letter-strategy': 'at-least-once',
    ...deadTo('', 'light'),
  },
  unused: { 'x-expires': 4, 'x-message-ttl': 0, ...deadTo('later', 'a') },
};
const RULED_NAMES = Object.keys(RULED_QUEUES);
const QUEUES = ['a', 'a', 'a', 'b', 'b', 'c', 'c', '', ...RULED_NAMES];
const EXCHANGES = [
  '',
  '',
  '',
  '',
  'amq.direct',
  'amq.topic',
  'amq.headers',
  'amq.fanout',
  'x',
  'later',
];
const REPLY_TO = 'amq.rabbitmq.reply-to';
const BODY_SIZES = [0, 1, 10, 100, 600, 3000, 4088, 4089, 9000, 25_000];

type Step = (random: Random, channel: number) => Buffer[];

function deadTo(exchange: string, key: string): FieldTable {
  return { 'x-dead-letter-exchange': exchange, 'x-dead-letter-routing-key': key };
}

function body(random: Random): Buffer {
  return Buffer.alloc(random.pick(BODY_SIZES), random.below(256));
}

function properties(random: Random): Properties {
  return random.pick<Properties>([
    {},
    { deliveryMode: 2, headers: { a: 'b', list: [1, 'x', { y: true }] } },
    {
      contentType: 'text/plain',
      expiration: '1000',
      messageId: 'm',
      timestamp: 7,
      userId: 'guest',
    },
    { headers: { CC: ['a', 'c'], BCC: ['b'], k: 'v' }, deliveryMode: 2 },
    { headers: random.chance(20) ? { CC: 'a' } : { BCC: [] }, replyTo: REPLY_TO },
    { replyTo: REPLY_TO },
    { expiration: random.pick(['0', '1', '3']), priority: random.below(5), deliveryMode: 2 },
    { headers: { 'x-delay': random.pick([1, 5, 60_000]), CC: ['light'] } },
    { headers: { 'x-death': random.pick<FieldTable[string]>(['x', [1, { queue: 5 }], []]) } },
  ]);
}

const publish: Step = (random, channel) =>
  publishFrames(
    channel,
    {
      exchange: random.pick(EXCHANGES),
      routingKey: random.pick(QUEUES),
      mandatory: random.chance(30),
    },
    body(random),
    properties(random),
  );

/** Publishes and acks that take effect together, or not at all, or wait on. */
const transaction: Step = (random, channel) => {
  const frames = [methodFrame(channel, 'tx.select', {})];
  for (let count = random.below(4); count > 0; count -= 1) {
    frames.push(...publish(random, channel));
    frames.push(methodFrame(channel, 'basic.ack', { deliveryTag: 0, multiple: true }));
  }
  const end = random.pick(['tx.commit', 'tx.commit', 'tx.rollback', undefined] as const);
  if (end !== undefined) frames.push(methodFrame(channel, end, {}));
  return frames;
};

/** A publish whose body does not end: the next frames decide what becomes of it. */
const unfinishedPublish: Step = (random, channel) => [
  methodFrame(channel, 'basic.publish', { routingKey: random.pick(QUEUES) }),
  headerFrame(channel, random.pick([5, 1000, 9000, 1e9]), properties(random)),
  bodyFrame(channel, Buffer.alloc(random.pick([1, 4, 900]))),
];

const ruledQueue: Step = (random, channel) => {
  const queue = random.pick(RULED_NAMES);
  const args = RULED_QUEUES[queue];
  return [methodFrame(channel, 'queue.declare', { queue, durable: true, arguments: args })];
};

/** What a sound client does; most of it is accepted wherever it stands. */
const STEPS: readonly Step[] = [
  publish,
  publish,
  publish,
  publish,
  publish,
  publish,
  (random, channel) => [
    methodFrame(channel, 'queue.declare', {
      queue: random.pick(QUEUES),
      nowait: random.chance(20),
    }),
  ],
  (random, channel) => [
    methodFrame(channel, 'queue.declare', {
      exclusive: random.chance(50),
      autoDelete: random.chance(50),
      arguments: random.pick<FieldTable>([{}, { 'x-max-priority': 5 }]),
    }),
  ],
  ruledQueue,
  ruledQueue,
  ruledQueue,
  (_random, channel) => [
    methodFrame(channel, 'exchange.declare', { exchange: 'x', type: 'direct' }),
  ],
  (random, channel) => [
    methodFrame(channel, 'exchange.declare', {
      exchange: 'later',
      type: 'x-delayed-message',
      durable: true,
      arguments: { 'x-delayed-type': 'direct' },
    }),
    methodFrame(channel, 'queue.bind', {
      queue: random.pick(QUEUES),
      exchange: 'later',
      routingKey: 'a',
    }),
  ],
  (random, channel) => [
    methodFrame(channel, 'queue.bind', {
      queue: random.pick(QUEUES),
      exchange: random.pick(EXCHANGES.slice(4)),
      routingKey: random.pick(['a', '#', '']),
      arguments: { a: 'b' },
    }),
  ],
  (random, channel) => [
    methodFrame(channel, 'basic.consume', {
      queue: random.pick(QUEUES),
      noAck: random.chance(50),
      nowait: random.chance(30),
      arguments: random.chance(20) ? { 'x-priority': random.below(5) } : {},
    }),
  ],
  (random, channel) => [
    methodFrame(channel, 'basic.cancel', { consumerTag: random.pick(['t', 't1', 't2']) }),
  ],
  (random, channel) => [
    methodFrame(channel, 'basic.get', { queue: random.pick(QUEUES), noAck: random.chance(50) }),
  ],
  (_random, channel) => [methodFrame(channel, 'basic.ack', { deliveryTag: 0, multiple: true })],
  (random, channel) => [
    methodFrame(channel, 'basic.nack', {
      deliveryTag: 0,
      multiple: true,
      requeue: random.chance(50),
    }),
  ],
  (_random, channel) => [methodFrame(channel, 'basic.recover', { requeue: true })],
  (random, channel) => [
    methodFrame(channel, 'basic.qos', {
      prefetchCount: random.below(3),
      global: random.chance(50),
    }),
  ],
  (_random, channel) => [methodFrame(channel, 'confirm.select', {})],
  transaction,
  (random, channel) => [
    methodFrame(channel, 'basic.consume', {
      queue: REPLY_TO,
      noAck: true,
      nowait: random.chance(50),
      consumerTag: 'r',
    }),
    ...(random.chance(30) ? [methodFrame(channel, 'basic.cancel', { consumerTag: 'r' })] : []),
  ],
  (random, channel) => [methodFrame(channel, 'queue.purge', { queue: random.pick(QUEUES) })],
  (_random, channel) => [methodFrame(channel, 'channel.flow', { active: true })],
  () => [HEARTBEAT],
];

/** What is refused, always or most of the time: it ends the channel or the connection. */
const FAUX_PAS: readonly Step[] = [
  unfinishedPublish,
  (random, channel) => [
    methodFrame(channel, 'queue.declare', {
      queue: random.pick(QUEUES),
      exclusive: true,
      autoDelete: random.chance(50),
      passive: random.chance(30),
    }),
  ],
  (_random, channel) => [methodFrame(channel, 'exchange.declare', { exchange: 'x', type: 'zz' })],
  (random, channel) => [
    methodFrame(channel, 'exchange.bind', { destination: 'x', source: random.pick(EXCHANGES) }),
  ],
  (random, channel) => [
    methodFrame(channel, 'basic.consume', {
      queue: random.pick(QUEUES),
      consumerTag: random.pick(['t', 't1']),
      exclusive: random.chance(50),
    }),
  ],
  (random, channel) => [
    methodFrame(channel, 'basic.ack', {
      deliveryTag: random.pick([1, 2, 3, 1000]),
      multiple: random.chance(50),
    }),
  ],
  (random, channel) => [
    methodFrame(channel, 'basic.reject', { deliveryTag: 1, requeue: random.chance(50) }),
  ],
  (random, channel) => [
    methodFrame(channel, 'queue.delete', {
      queue: random.pick(QUEUES),
      ifEmpty: random.chance(20),
      ifUnused: random.chance(20),
    }),
  ],
  (_random, channel) => [methodFrame(channel, 'basic.recover', { requeue: false })],
  (_random, channel) => [methodFrame(channel, 'channel.flow', { active: false })],
  // tx.commit
  (_random, channel) => [frame(1, channel, Buffer.from([0, 90, 0, 20]))],
];

function step(random: Random, channel: number): Buffer[] {
  return random.pick(random.chance(4) ? FAUX_PAS : STEPS)(random, channel);
}

const OPENING = [
  methodFrame(1, 'channel.open', {}),
  methodFrame(2, 'channel.open', {}),
  methodFrame(1, 'queue.declare', { queue: 'a' }),
  methodFrame(2, 'queue.declare', { queue: 'b' }),
  methodFrame(1, 'basic.consume', { queue: 'a', consumerTag: 't' }),
  methodFrame(2, 'queue.declare', { queue: 'c' }),
];
const CHANNELS = [1, 2, 3, 4, 5, 6];

/**
 * Frames of a client that has logged in. Most of them make sense where they stand, so that a session
 * gets far; now and then a channel is used that is not open, or opened twice, which ends everything.
 */
export function sessionFrames(random: Random): Buffer[] {
  const frames = [...OPENING];
  const open = new Set([1, 2]);
  const steps = 5 + random.below(40);
  for (let i = 0; i < steps; i += 1) {
    const channel = random.pick(CHANNELS);
    if (open.has(channel) === random.chance(99)) {
      if (random.chance(7)) {
        open.delete(channel);
        frames.push(methodFrame(channel, 'channel.close', {}));
        continue;
      }
      const first = step(random, channel);
      const other = random.pick([...open, channel]);
      const isInterleaved = other !== channel && random.chance(30);
      frames.push(...interleaved(random, first, isInterleaved ? step(random, other) : []));
    } else {
      open.add(channel);
      frames.push(methodFrame(channel, 'channel.open', {}));
    }
  }
  if (random.chance(10)) frames.push(methodFrame(0, 'connection.close', {}));
  return frames;
}

function interleaved(
  random: Random,
  first: readonly Buffer[],
  second: readonly Buffer[],
): Buffer[] {
  const lists = [[...first], [...second]];
  const frames: Buffer[] = [];
  while (lists.some((list) => list.length > 0)) {
    const next = random.pick(lists).shift();
    if (next !== undefined) frames.push(next);
  }
  return frames;
}

/** Changes of the frame list, then of single bytes. */
export function mutated(random: Random, frames: readonly Buffer[]): Buffer {
  const list = [...frames];
  for (let i = random.below(3); i > 0; i -= 1) mutateList(random, list);
  let bytes = Buffer.concat(list);
  for (let i = random.below(4); i > 0; i -= 1) bytes = mutateBytes(random, bytes);
  return bytes;
}

function mutateList(random: Random, list: Buffer[]): void {
  const at = random.below(list.length);
  const kind = random.below(6);
  if (kind === 0) list.splice(at, 1);
  else if (kind === 1) list.splice(at, 0, list[random.below(list.length)]);
  else if (kind === 2)
    list.splice(at, 0, frame(random.below(10), random.below(4), random.bytes(9)));
  else if (kind === 3) list.splice(at, 0, bodyFrame(random.below(3), random.bytes(20)));
  else if (kind === 4) {
    const hugeHeader = Buffer.concat([
      Buffer.from([0, 60, 0, 0]),
      uint64(2 ** 52),
      Buffer.alloc(2),
    ]);
    list.splice(at, 0, frame(2, 1, hugeHeader));
  } else if (list[at] !== undefined) {
    // The same frame on another channel.
    const moved = Buffer.from(list[at]);
    if (moved.length > 2) moved.writeUInt16BE(random.pick([0, 1, 2, 7, 65_535]), 1);
    list[at] = moved;
  }
}

function mutateBytes(random: Random, bytes: Buffer<ArrayBuffer>): Buffer<ArrayBuffer> {
  const at = random.below(bytes.length + 1);
  const changed = Buffer.from(bytes);
  switch (random.below(6)) {
    case 0:
      if (at < changed.length) changed[at] = random.below(256);
      return changed;
    case 1:
      return changed.subarray(0, at);
    case 2:
      return Buffer.concat([
        bytes.subarray(0, at),
        random.bytes(1 + random.below(9)),
        bytes.subarray(at),
      ]);
    case 3:
      changed.fill(0xff, at, Math.min(changed.length, at + 1 + random.below(4)));
      return changed;
    case 4:
      changed.fill(0, at, Math.min(changed.length, at + 1 + random.below(8)));
      return changed;
    default: {
      const end = Math.min(bytes.length, at + random.below(300));
      return Buffer.concat([bytes.subarray(0, end), bytes.subarray(at)]);
    }
  }
}

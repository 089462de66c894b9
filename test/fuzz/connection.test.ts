// Fuzz: whole sessions, mutated, in random reads, against a whole broker in one thread whose steps come
// in random order. Whatever bytes come, broker code throws nothing (an exception would end a thread),
// a bystander is served, and when the clients are gone nothing is left of them: no message, slab page,
// request, channel, consumer or window. FUZZ_SEED repeats a run, FUZZ_ROUNDS makes it longer.
import { setTimeout } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import type { Acceptor } from '../../src/acceptor/acceptor.ts';
import { isHiddenQueue } from '../../src/routing/hidden-queues.ts';
import { SimBroker, type SimOptions } from '../unit/acceptor/sim/sim-broker.ts';
import { LOGIN, type SimClient } from '../unit/acceptor/sim/sim-client.ts';
import { mutated, Random, sessionFrames } from './session-bytes.ts';

const SEED = Number(process.env['FUZZ_SEED'] ?? 20_261_123);
const ROUNDS = Number(process.env['FUZZ_ROUNDS'] ?? 8);
const SESSIONS_PER_ROUND = 12;

const POLLS_MAX = 100;
const POLL_MILLIS = 25;

const TRACED = 'whose messages are traced';

const SHAPES: readonly [name: string, options: SimOptions][] = [
  ['with plenty of room', { shards: 1 }],
  [
    'with little of everything',
    {
      acceptors: 2,
      shards: 2,
      ringBytes: 64 * 1024,
      slabBytes: 64 * 1024,
      inlineBodyBytesMax: 512,
      messageBytesMax: 30_000,
      readBudgetBytes: 4096,
      consumerWindowBytes: 4096,
    },
  ],
  [
    'with rings smaller than the windows',
    { acceptors: 2, shards: 2, ringBytes: 64 * 1024, inlineBodyBytesMax: 3000 },
  ],
  [
    'with slow queues',
    { shards: 2, flowBacklogMessages: 4, flowPublishRateFloor: 2000, inlineBodyBytesMax: 2048 },
  ],
  [
    'with little memory for each queue',
    { acceptors: 2, shards: 2, queueBudgetBytes: 500, inlineBodyBytesMax: 2048 },
  ],
  [TRACED, { acceptors: 2, shards: 2, inlineBodyBytesMax: 1000, timestampInterceptor: 'true' }],
];

let broker: SimBroker;

afterEach(async () => {
  await broker?.stop();
});

/** Random bytes, a random session, or one that begins even before its login. */
function attack(random: Random): Buffer {
  const frames = sessionFrames(random);
  const kind = random.below(10);
  if (kind === 0) return random.bytes(random.below(300));
  if (kind === 1) return mutated(random, [...LOGIN, ...frames]);
  if (kind === 2) return Buffer.concat([...LOGIN, ...frames]);
  return Buffer.concat([...LOGIN, mutated(random, frames)]);
}

/** From single bytes to whole sessions; long ones take at most some thousand reads. */
function readSizes(random: Random, sessionBytes: number): () => number {
  const limit = Math.max(random.pick([1, 7, 40, 500, 5000, 1_000_000]), sessionBytes / 2000);
  return () => 1 + random.below(limit);
}

async function runSessions(random: Random): Promise<void> {
  const clients: SimClient[] = [];
  for (let i = 0; i < SESSIONS_PER_ROUND; i += 1) {
    const client = broker.connect(random.below(broker.acceptors.length));
    const session = attack(random);
    client.readBytes = readSizes(random, session.length);
    client.send(session);
    client.socket.takesWrites = random.chance(80);
    clients.push(client);
  }
  // Some are cut off in the middle of whatever happens.
  for (let steps = 0; steps < 300 && broker.step(); steps += 1) {
    if (random.chance(1)) random.pick(clients).socket.close();
    if (random.chance(5)) await broker.breathe();
  }
  await broker.run();
  for (const client of clients) {
    client.socket.takesWrites = true;
    client.socket.close();
  }
  broker.forgetClosedClients();
}

/** Traces all messages in one of the shapes; its queue goes with those of the sessions. */
async function trace(janitor: SimClient): Promise<void> {
  const exchange = 'amq.rabbitmq.trace';
  janitor.method(1, 'queue.declare', { queue: 'traces' });
  janitor.method(1, 'queue.bind', { queue: 'traces', exchange, routingKey: '#' });
  for (const { vhosts } of broker.acceptors) vhosts.setTraced(['/']);
  await broker.settle();
  janitor.take();
}

/** Queues that sessions made belong to nobody when they end. */
async function deleteQueues(janitor: SimClient): Promise<void> {
  for (const shard of broker.shards) {
    for (const { spec } of shard.queues.values()) {
      if (spec.name !== 'still' && !isHiddenQueue(spec))
        janitor.method(1, 'queue.delete', { queue: spec.name });
    }
  }
  for (const exchange of ['x', 'later']) janitor.method(1, 'exchange.delete', { exchange });
  await broker.settle();
}

/** Everything the broker still holds on behalf of clients that are gone. */
function leftovers(): Record<string, number> {
  const left: Record<string, number> = {};
  broker.acceptors.forEach((acceptor, index) => {
    left[`acceptor ${index} slab pages`] = acceptor.slab.pageCount - acceptor.slab.freePages;
    left[`acceptor ${index} transactions`] = acceptor.publisher.transactions.usedBytes;
    left[`acceptor ${index} requests`] = broker.openRequests(index);
    Object.assign(left, prefixed(`acceptor ${index}`, forwardingLeft(acceptor)));
    left[`acceptor ${index} stalled`] = acceptor.stalled.size;
    left[`acceptor ${index} channels`] = acceptor.channelCount - (index === 0 ? 1 : 0);
    left[`acceptor ${index} consumers`] = acceptor.consumers.size - (index === 0 ? 1 : 0);
  });
  let channels = 0;
  let windows = 0;
  broker.shards.forEach((shard, index) => {
    left[`shard ${index} hidden queues`] = [...shard.queues.values()].filter(({ spec }) =>
      isHiddenQueue(spec),
    ).length;
    left[`shard ${index} messages`] = shard.store.messageCount;
    left[`shard ${index} live bytes`] = shard.store.liveBytes;
    left[`shard ${index} counted bytes`] = shard.memories.of('/').bytes;
    left[`shard ${index} forwards`] = [...shard.forwards.all()].length;
    left[`shard ${index} deadlines`] = shard.deadlines.armedCount;
    for (const port of shard.ports) {
      channels += port.channels.size;
      windows += port.windows.size;
      left[`shard ${index} parked gets`] = port.parkedGets.length;
    }
  });
  left['shard channels'] = channels - 1;
  left['shard windows'] = windows - 1;
  return Object.fromEntries(Object.entries(left).filter(([, count]) => count !== 0));
}

/** What it has published for shards and heard nothing of, and what waits for room. */
function forwardingLeft({ forwarding }: Acceptor): Record<string, number> {
  const inside = forwarding as unknown as { underway: Map<number, unknown>; parked: unknown[] };
  return { underway: inside.underway.size, parked: inside.parked.length };
}

function prefixed(prefix: string, counts: Record<string, number>): Record<string, number> {
  const entries = Object.entries(counts).map(([name, count]) => [`${prefix} ${name}`, count]);
  return Object.fromEntries(entries) as Record<string, number>;
}

/** Dead letters for which there was no room are offered again in a second. */
async function emptied(): Promise<Record<string, number>> {
  let left = leftovers();
  for (let polls = 0; polls < POLLS_MAX && Object.keys(left).length > 0; polls += 1) {
    await setTimeout(POLL_MILLIS);
    await broker.settle();
    left = leftovers();
  }
  return left;
}

describe.each(SHAPES)('a broker %s', (shape, options) => {
  it('survives mutated sessions and keeps nothing of them', async () => {
    broker = await SimBroker.start(options);
    const bystander = await broker.open(1);
    bystander.method(1, 'queue.declare', { queue: 'still' });
    bystander.method(1, 'basic.consume', { queue: 'still', noAck: true });
    await broker.settle();
    bystander.take();
    for (let round = 0; round < ROUNDS; round += 1) {
      const seed = SEED + round;
      const random = new Random(seed);
      broker.choose = (limit) => random.below(limit);
      try {
        if (shape === TRACED) await trace(bystander);
        await runSessions(random);
        await broker.settle();
        await deleteQueues(bystander);
        bystander.publish(1, 'still', `round ${round}`);
        const received = await bystander.exchange();
        const answers = received.map(({ name, body }) => `${name} ${body.toString()}`);
        expect(answers.at(-1)).toBe(`basic.deliver round ${round}`);
        expect(await emptied()).toEqual({});
      } catch (error) {
        throw new Error(`FUZZ_SEED=${seed} FUZZ_ROUNDS=1: ${(error as Error).message}`, {
          cause: error,
        });
      }
    }
    // A fuzz whose sessions are all refused at once would prove nothing.
    const reports = broker.acceptors.map((acceptor) => acceptor.report());
    const sum = (count: (report: (typeof reports)[number]) => number): number =>
      reports.reduce((total, report) => total + count(report), 0);
    expect(sum(({ published }) => published)).toBeGreaterThan(ROUNDS * 4);
    expect(sum(({ delivered }) => delivered)).toBeGreaterThan(0);
    const forwarded = broker.acceptors.map(({ forwarding }) => forwarding.publishedCount);
    expect(Math.max(...forwarded)).toBeGreaterThan(0);
  });
});

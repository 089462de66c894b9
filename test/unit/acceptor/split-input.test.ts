// However the network cuts a client's bytes into reads, the outcome is the same. One session with every
// shape of frame (publishes inline, in the slab, over several frames, interleaved on two channels,
// empty, returned as unroutable; gets, acks, heartbeats) is fed split at every boundary that matters.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bodyFrame, headerFrame } from '../../support/wire/content.ts';
import { HEARTBEAT, methodFrame } from '../../support/wire/frames.ts';
import { SimBroker } from './sim/sim-broker.ts';
import { publishFrames, type Received, type SimClient } from './sim/sim-client.ts';

const INLINE_BYTES_MAX = 512;
const SMALL = Buffer.from('small');
const LARGE = Buffer.alloc(1500, 'L');
const HUGE = Buffer.alloc(9000, 'H');

const to = (queue: string) => ({ routingKey: queue });
const get = (channel: number) =>
  methodFrame(channel, 'basic.get', { queue: `q${channel}`, noAck: true });

const FRAMES: readonly Buffer[] = [
  ...publishFrames(1, to('q1'), SMALL, { headers: { a: 'b', n: 1 }, deliveryMode: 2 }),
  ...publishFrames(1, to('q1'), ''),
  HEARTBEAT,
  // Two channels at once, frame by frame.
  methodFrame(1, 'basic.publish', to('q1')),
  methodFrame(2, 'basic.publish', to('q2')),
  headerFrame(2, LARGE.length),
  headerFrame(1, SMALL.length * 3),
  bodyFrame(2, LARGE.subarray(0, 700)),
  bodyFrame(1, SMALL),
  bodyFrame(2, LARGE.subarray(700)),
  bodyFrame(1, Buffer.concat([SMALL, SMALL])),
  ...publishFrames(1, to('q1'), HUGE),
  ...publishFrames(1, { routingKey: 'nowhere', mandatory: true }, LARGE),
  ...publishFrames(1, { routingKey: 'nowhere', mandatory: true }, SMALL),
  ...Array.from({ length: 5 }, () => get(1)),
  ...publishFrames(2, to('q2'), 'last'),
  get(2),
  methodFrame(2, 'basic.recover', { requeue: true }),
  get(2),
  get(2),
  methodFrame(1, 'channel.flow', { active: true }),
];
const SESSION = Buffer.concat(FRAMES);

let broker: SimBroker;
let client: SimClient;
let confirmedBefore = 0;

beforeAll(async () => {
  broker = await SimBroker.start({ inlineBodyBytesMax: INLINE_BYTES_MAX, shards: 2 });
  client = await broker.open(2);
  client.method(1, 'queue.declare', { queue: 'q1' });
  client.method(2, 'queue.declare', { queue: 'q2' });
  client.method(1, 'confirm.select');
  await broker.settle();
  client.take();
});

afterAll(() => broker.stop());

interface Outcome {
  /** Per channel, in order, without what legitimately differs between runs. */
  readonly channels: readonly string[][];
  /** Confirmed publishes of channel 1, counted from the start of the session. */
  readonly confirmed: readonly number[];
}

/** Feeds the session in reads of the given sizes, then of all the rest. */
async function feed(sizes: readonly number[]): Promise<Outcome> {
  let read = 0;
  client.readBytes = () => {
    const size = sizes[read] ?? Number.MAX_SAFE_INTEGER;
    read += 1;
    return size;
  };
  client.send(SESSION);
  await broker.run();
  const received = client.take();
  const confirmed = confirmsOf(received.filter(({ name }) => name === 'basic.ack'));
  const channels = [0, 1, 2].map((channel) =>
    received.filter((m) => m.channel === channel && m.name !== 'basic.ack').map(describeMethod),
  );
  return { channels, confirmed };
}

function confirmsOf(acks: readonly Received[]): number[] {
  const confirmed = new Set<number>();
  const first = confirmedBefore + 1;
  for (const { fields } of acks) {
    const tag = Number(fields['deliveryTag']);
    for (let t = fields['multiple'] === true ? first : tag; t <= tag; t += 1) {
      confirmed.add(t - confirmedBefore);
    }
  }
  confirmedBefore += confirmed.size;
  return [...confirmed].sort((a, b) => a - b);
}

function describeMethod({ name, fields, body }: Received): string {
  const { deliveryTag: _tag, ...rest } = fields;
  return `${name} ${JSON.stringify(rest)} ${body.length}:${body.toString('latin1', 0, 20)}`;
}

/** Every offset in or near a frame's header and end; bodies are the same everywhere inside. */
function boundaries(): number[] {
  const offsets: number[] = [];
  let start = 0;
  for (const frame of FRAMES) {
    for (let at = 0; at < frame.length; at += 1) {
      const isInside = frame[0] === 3 && at > 12 && at < frame.length - 4;
      if (!isInside || at % 251 === 0) offsets.push(start + at);
    }
    start += frame.length;
  }
  return offsets;
}

let whole: Outcome;

describe('a session', () => {
  it('in one read has the outcome it should', async () => {
    whole = await feed([]);
    expect(whole.confirmed).toEqual([1, 2, 3, 4, 5, 6]);
    const bodies = whole.channels.map((methods) =>
      methods.map((method) => `${method.split(' ')[0]} ${method.split(' ').at(-1)}`),
    );
    expect(bodies).toEqual([
      [],
      [
        `basic.return 1500:${'L'.repeat(20)}`,
        'basic.return 5:small',
        'basic.get-ok 5:small',
        'basic.get-ok 0:',
        'basic.get-ok 15:smallsmallsmall',
        `basic.get-ok 9000:${'H'.repeat(20)}`,
        'basic.get-empty 0:',
        'channel.flow-ok 0:',
      ],
      [
        `basic.get-ok 1500:${'L'.repeat(20)}`,
        'basic.recover-ok 0:',
        'basic.get-ok 4:last',
        'basic.get-empty 0:',
      ],
    ]);
  });

  it('split once, at every boundary, has the same outcome', async () => {
    for (const at of boundaries()) {
      expect({ at, ...(await feed([at])) }).toEqual({ at, ...whole });
    }
  });

  it('split twice around every frame start has the same outcome', async () => {
    let start = 0;
    for (const frame of FRAMES) {
      for (const [before, after] of [
        [1, 2],
        [3, 4],
        [1, 9],
        [7, 8],
      ] as const) {
        const sizes = [Math.max(1, start - before), Math.min(before, start) + after];
        expect({ sizes, ...(await feed(sizes)) }).toEqual({ sizes, ...whole });
      }
      start += frame.length;
    }
  });

  it.each([1, 2, 3, 5, 7, 8, 13, 64, 511, 4095])(
    'in reads of %i bytes has the same outcome',
    async (size) => {
      const sizes = Array.from({ length: Math.ceil(SESSION.length / size) }, () => size);
      expect(await feed(sizes)).toEqual(whole);
    },
  );

  it('leaves nothing behind', async () => {
    await broker.settle();
    const { slab } = broker.acceptors[0];
    expect(slab.freePages).toBe(slab.pageCount);
    expect(broker.openRequests(0)).toBe(0);
    for (const shard of broker.shards) expect(shard.store.messageCount).toBe(0);
  });
});

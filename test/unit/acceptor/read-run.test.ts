// Large bodies that are read straight into the slab (read-run.ts, slab-body.ts): they arrive as they
// were sent, however frames, channels and reads lie; nobody else gets a page that one of them lies on;
// and every page comes back, wherever a connection ends.
import { describe, expect, it } from 'vitest';
import { SlabAllocator } from '../../../shards/mailbox/slab-allocator.ts';
import { allocateSlab, SLAB_PAGE_BYTES, SlabCursor } from '../../../shards/mailbox/slab.ts';
import { type ReadRun, ReadRuns } from '../../../src/acceptor/read-run.ts';
import { SlabBody } from '../../../src/acceptor/slab-body.ts';
import { Random } from '../../fuzz/session-bytes.ts';
import { bodyFrames, headerFrame } from '../../support/wire/content.ts';
import { methodFrame } from '../../support/wire/frames.ts';
import { SimBroker } from './sim/sim-broker.ts';
import type { SimClient } from './sim/sim-client.ts';

const MIB = 1024 * 1024;
const SLAB_BYTES = 128 * MIB;

/** Bytes that tell bodies, and places in them, apart. */
function bodyOf(number: number, byteCount: number): Buffer {
  const body = Buffer.alloc(byteCount);
  for (let i = 0; i < byteCount; i += 1) body[i] = (number * 37 + i * 11 + (i >> 8) * 7) & 0xff;
  return body;
}

function expectWhole(slab: SlabAllocator): void {
  expect(slab.reservedPages).toBe(0);
  expect(slab.lentPages).toBe(0);
  expect(slab.usedPages).toBe(0);
  expect(slab.freePages).toBe(slab.pageCount);
  // One stretch again, not only as many pages.
  const page = slab.takeLongRun(slab.pageCount, slab.pageCount);
  expect(slab.runPages(page)).toBe(slab.pageCount);
  slab.freeRange(page, slab.pageCount);
}

async function open(broker: SimBroker, acceptor = 0): Promise<SimClient> {
  const client = broker.connect(acceptor);
  client.socket.takesRuns = true;
  client.login({ frameMax: 131_072 });
  client.method(1, 'channel.open');
  client.method(2, 'channel.open');
  await broker.run();
  return client;
}

/** The frames of publishes on two channels, in an order that keeps each channel's own. */
function interleaved(random: Random, first: Buffer[], second: Buffer[]): Buffer[] {
  const merged: Buffer[] = [];
  const rest = [[...first], [...second]];
  while (rest[0].length + rest[1].length > 0) {
    const turn = random.below(2);
    const from = rest[turn].length > 0 ? rest[turn] : rest[1 - turn];
    merged.push(from.shift()!);
  }
  return merged;
}

function publishOf(random: Random, channel: number, routingKey: string, body: Buffer): Buffer[] {
  const frameMax = random.pick([131_072, 131_072, 40_000, 17_000, 9000, 4096]);
  const headers = random.chance(10) ? { long: 'x'.repeat(random.below(5000)) } : {};
  return [
    methodFrame(channel, 'basic.publish', { routingKey }),
    headerFrame(channel, body.length, { headers, messageId: `${body.length}` }),
    ...bodyFrames(channel, body, frameMax),
  ];
}

describe('bodies read into the slab', () => {
  it.each([1, 2, 3, 4, 5, 6, 7, 8])('arrive as they were sent (seed %i)', async (seed) => {
    const random = new Random(seed);
    const broker = await SimBroker.start({
      shards: 2,
      acceptors: 2,
      slabBytes: SLAB_BYTES,
      readBudgetBytes: 256 * 1024,
    });
    broker.choose = (limit) => random.below(limit);
    const publisher = await open(broker);
    publisher.readBytes = () =>
      random.pick([random.below(5000) + 1, random.below(400_000) + 1, MIB]);
    const consumer = await open(broker, 1);
    for (const queue of ['a', 'b']) {
      consumer.method(1, 'queue.declare', { queue });
      consumer.method(1, 'basic.consume', { queue, noAck: random.chance(50) });
    }
    await broker.settle();
    consumer.take();
    const sent = new Map<string, Buffer[]>([
      ['a', []],
      ['b', []],
    ]);
    let adopted = 0;
    for (let round = 0; round < 12; round += 1) {
      const frames: Buffer[][] = [[], []];
      for (const [i, queue] of ['a', 'b'].entries()) {
        for (let n = random.below(4); n > 0; n -= 1) {
          const byteCount = random.pick([20_000, 70_000, 200_000, 16_384, 131_064]);
          const body = bodyOf(sent.get(queue)!.length + i * 100, byteCount + random.below(9000));
          sent.get(queue)!.push(body);
          frames[i].push(...publishOf(random, i + 1, queue, body));
        }
      }
      publisher.send(...interleaved(random, frames[0], frames[1]));
      for (let step = random.below(80); step > 0; step -= 1) broker.step();
      const { lentPages } = broker.acceptors[0].slab;
      if (lentPages > 0) adopted += 1;
    }
    await broker.settle();
    const got = new Map<string, Buffer[]>([
      ['a', []],
      ['b', []],
    ]);
    for (const { name, fields, body } of consumer.take()) {
      expect(name).toBe('basic.deliver');
      got.get(String(fields['routingKey']))!.push(body);
    }
    for (const queue of ['a', 'b']) {
      expect(got.get(queue)!.length).toBe(sent.get(queue)!.length);
      for (const [i, body] of sent.get(queue)!.entries()) {
        expect(got.get(queue)![i].equals(body)).toBe(true);
      }
    }
    expect(adopted).toBeGreaterThan(0);
    for (const queue of ['a', 'b']) consumer.method(2, 'queue.delete', { queue });
    await broker.settle();
    publisher.socket.destroy();
    consumer.socket.destroy();
    await broker.settle();
    for (const { slab } of broker.acceptors) expectWhole(slab);
    await broker.stop();
  });

  it.each([11, 12, 13, 14])('leave nothing behind, cut off anywhere (seed %i)', async (seed) => {
    const random = new Random(seed);
    const broker = await SimBroker.start({ shards: 1, slabBytes: SLAB_BYTES });
    const owner = await open(broker);
    owner.method(1, 'queue.declare', { queue: 'q' });
    await broker.settle();
    for (let round = 0; round < 40; round += 1) {
      const client = await open(broker);
      client.readBytes = () => random.pick([3000, 20_000, 100_000, MIB]);
      const bodies = [bodyOf(1, 150_000), bodyOf(2, 30_000), bodyOf(3, 140_000)];
      const session = Buffer.concat([
        ...publishOf(random, 1, 'q', bodies[0]),
        ...interleaved(
          random,
          publishOf(random, 1, 'nowhere', bodies[1]),
          publishOf(random, 2, random.pick(['q', 'nowhere']), bodies[2]),
        ),
        methodFrame(1, 'basic.publish', { exchange: 'missing', routingKey: 'q' }),
        headerFrame(1, 40_000, {}),
        ...bodyFrames(1, bodyOf(4, 40_000), 131_072),
        ...publishOf(random, 2, 'q', bodies[0]),
      ]);
      client.send(session.subarray(0, random.below(session.length + 1)));
      for (let step = random.below(30); step > 0; step -= 1) broker.step();
      if (random.chance(30)) client.method(2, 'channel.close');
      if (random.chance(50)) await broker.run();
      client.socket.destroy();
      await broker.run();
    }
    owner.method(1, 'queue.purge', { queue: 'q' });
    await broker.settle();
    owner.socket.destroy();
    await broker.settle();
    expectWhole(broker.acceptors[0].slab);
    await broker.stop();
  });

  it('are copied while the slab has little room', async () => {
    const broker = await SimBroker.start({ shards: 1, slabBytes: 4 * MIB });
    const client = await open(broker);
    client.method(1, 'queue.declare', { queue: 'q' });
    for (let i = 0; i < 10; i += 1) {
      const body = bodyOf(i, 300_000);
      client.send(...publishOf(new Random(1), 1, 'q', body));
      await broker.run();
    }
    const { slab } = broker.acceptors[0];
    expect(slab.lentPages).toBe(0);
    client.take();
    for (let i = 0; i < 10; i += 1) {
      client.method(1, 'basic.get', { queue: 'q', noAck: true });
      const [got] = await client.exchange();
      expect(got.body.equals(bodyOf(i, 300_000))).toBe(true);
    }
    client.socket.destroy();
    await broker.settle();
    expectWhole(slab);
    await broker.stop();
  });
});

/** Bodies as they grow by pieces and copies, beside each other, with the bytes they should have. */
class Growing {
  readonly body: SlabBody;
  readonly expected: Buffer[] = [];
  missing: number;

  constructor(runs: ReadRuns, byteCount: number) {
    this.body = new SlabBody(runs);
    this.missing = byteCount;
    expect(this.body.reserve(byteCount)).toBe(true);
  }
}

describe('pieces of slab pages', () => {
  it.each([1, 2, 3, 4, 5, 6])('belong to one body each (seed %i)', (seed) => {
    const random = new Random(seed);
    const slab = new SlabAllocator(allocateSlab(64 * MIB));
    const runs = new ReadRuns(slab);
    const finished: { page: number; bytes: Buffer }[] = [];
    let number = 0;
    let growing: Growing | undefined;
    const heap = Buffer.alloc(300_000);
    const take = (source: Buffer, from: number, count: number): void => {
      growing!.body.add(source, from, count);
      growing!.expected.push(Buffer.from(source.subarray(from, from + count)));
      growing!.missing -= count;
      if (growing!.missing > 0) return;
      finished.push({ page: growing!.body.page, bytes: Buffer.concat(growing!.expected) });
      growing!.body.finish();
      growing = undefined;
    };
    const fillRun = (run: ReadRun): void => {
      const used = 1 + random.below(run.bytes.length);
      for (let i = 0; i < used; i += 4)
        run.bytes.writeInt32LE((number * 7919 + i) | 0, i % (used - 3 || 1));
      number += 1;
      let at = 0;
      while (at < used) {
        at += Math.min(used - at, random.below(100));
        growing ??= new Growing(runs, 20_000 + random.below(500_000));
        const count = Math.min(
          used - at,
          growing.missing,
          random.pick([100, 5000, 9000, 131_064, MIB]),
        );
        if (count > 0) take(run.bytes, at, count);
        at += count;
      }
    };
    for (let round = 0; round < 60; round += 1) {
      if (growing !== undefined && random.chance(20)) {
        heap.fill(number & 0xff);
        number += 1;
        take(heap, 0, Math.min(growing.missing, 1 + random.below(heap.length)));
      }
      if (growing !== undefined && random.chance(5)) {
        growing.body.abandon();
        growing = undefined;
      }
      const run = runs.lend();
      if (run !== undefined) {
        runs.returned(run);
        runs.current = run;
        if (random.chance(90)) fillRun(run);
        runs.current = undefined;
        run.end();
      }
      const shareReleased = run === undefined ? 100 : 40;
      while (finished.length > 0 && random.chance(shareReleased)) {
        const [{ page, bytes }] = finished.splice(random.below(finished.length), 1);
        expect(contentOf(slab, page, bytes.length).equals(bytes)).toBe(true);
        slab.release(page);
      }
    }
    growing?.body.abandon();
    for (const { page, bytes } of finished) {
      expect(contentOf(slab, page, bytes.length).equals(bytes)).toBe(true);
      slab.release(page);
    }
    expectWhole(slab);
  });

  it('of a socket that gives nothing back are few', () => {
    const slab = new SlabAllocator(allocateSlab(256 * MIB));
    const runs = new ReadRuns(slab);
    const lent: ReadRun[] = [];
    for (let run = runs.lend(); run !== undefined; run = runs.lend()) lent.push(run);
    expect(lent.length).toBe(16);
    expect(slab.usedPages).toBe(0);
    expect(slab.lentPages * SLAB_PAGE_BYTES).toBe(32 * MIB);
    for (const run of lent) {
      runs.returned(run);
      run.end();
    }
    expectWhole(slab);
  });
});

function contentOf(slab: SlabAllocator, page: number, byteCount: number): Buffer {
  const cursor = new SlabCursor();
  cursor.open(slab.slab, page);
  const pieces: Buffer[] = [];
  for (let left = byteCount; left > 0; ) {
    const count = cursor.next(left);
    pieces.push(slab.slab.bytes.subarray(cursor.at, cursor.at + count));
    left -= count;
  }
  return Buffer.concat(pieces);
}

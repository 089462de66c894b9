// A shard in one thread whose way out is full: nothing is lost, nothing overtakes, everything goes on
// when the acceptor has made room, and until then the shard sleeps.
import { beforeEach, describe, expect, it } from 'vitest';
import { STATUS_EMPTY } from '../../../shards/mailbox/from-shard-layout.ts';
import { allocateDoorbell, DoorbellRinger } from '../../../shards/ring/doorbell.ts';
import { RingConsumer } from '../../../shards/ring/ring-consumer.ts';
import { allocateRing, SPACE_WANTED_WORD } from '../../../shards/ring/ring-layout.ts';
import { RingProducer } from '../../../shards/ring/ring-producer.ts';
import { Outlet } from '../../../shards/outlet.ts';
import { type AcceptorSide, type FromShard, isDelivery } from './acceptor-side.ts';
import { ShardDriver } from './shard-driver.ts';

const QUEUE = 7;
const CHANNEL = 3;
const CONNECTION = 1;
const BODY = 'z'.repeat(300);
const RING_BYTES = 8192;

let driver: ShardDriver;
let acceptor: AcceptorSide;

beforeEach(() => {
  driver = new ShardDriver({ ringBytes: RING_BYTES });
  acceptor = driver.acceptor;
  driver.declare(QUEUE);
  acceptor.open(CHANNEL, CONNECTION);
});

function publish(count: number, queue = QUEUE): void {
  for (let i = 0; i < count; i += 1) {
    acceptor.publish([queue], { body: `${i}:${BODY}` });
    if (i % 8 === 7) turn();
  }
}

/** One turn, whatever the shard says about more. */
function turn(): void {
  acceptor.flush();
  driver.shard.turn();
}

/** Turns and reads until nothing more comes. */
function drainAll(): FromShard[] {
  const all: FromShard[] = [];
  for (;;) {
    turn();
    const records = acceptor.receive();
    if (records.length === 0) return all;
    all.push(...records);
  }
}

/** Fills the way out with deliveries, read by nobody yet; returns how many messages were published. */
function fill(): number {
  acceptor.consume(QUEUE, CHANNEL, 1);
  publish(40);
  for (let i = 0; i < 5; i += 1) turn();
  return 40;
}

function numbersOf(records: readonly FromShard[]): string[] {
  return records.filter(isDelivery).map(({ body }) => body.split(':')[0]);
}

describe('a full way out', () => {
  it('loses no delivery and keeps their order', () => {
    const count = fill();
    expect(driver.state.queues.get(QUEUE)!.ready.length).toBeGreaterThan(0);
    const numbers = numbersOf(drainAll());
    expect(numbers).toEqual(Array.from({ length: count }, (_, i) => String(i)));
  });

  it('keeps room for replies, and parks those beyond it in order', () => {
    fill();
    const requests: number[] = [];
    for (let i = 0; i < 150; i += 1) {
      requests.push(acceptor.stat(99));
      if (i % 50 === 49) turn();
    }
    const replies = drainAll().filter(({ kind }) => kind === 'reply');
    // The first reply is consume-ok.
    expect(replies.slice(1).map((reply) => (reply as { request: number }).request)).toEqual(
      requests,
    );
  });

  it('delivers nothing to a new consumer before its consume-ok', () => {
    fill();
    for (let i = 0; i < 150; i += 1) {
      acceptor.stat(99);
      if (i % 50 === 49) turn();
    }
    driver.declare(8);
    acceptor.publish([8], { body: 'behind consume-ok' });
    const request = acceptor.consume(8, CHANNEL, 2);
    const records = drainAll();
    const reply = records.findIndex((r) => r.kind === 'reply' && r.request === request);
    const delivery = records.findIndex((r) => r.kind === 'deliver' && r.address === 2);
    expect(reply).toBeGreaterThanOrEqual(0);
    expect(delivery).toBeGreaterThan(reply);
  });

  it('lets the shard sleep until the acceptor has made room', () => {
    fill();
    const turns = Array.from({ length: 5 }, () => driver.shard.turn());
    expect(turns.at(-1)).toBe(false);
    expect(acceptor.ring.words[SPACE_WANTED_WORD]).toBe(1);
  });

  it('makes a get wait, and answers it when there is room', () => {
    fill();
    driver.declare(8);
    acceptor.publish([8], { body: BODY });
    const request = acceptor.get(8, CHANNEL);
    turn();
    const got = drainAll().find(({ kind }) => kind === 'got');
    expect(got).toMatchObject({ address: request, body: BODY });
  });

  it('answers a waiting get with empty when another took the message', () => {
    fill();
    driver.declare(8);
    acceptor.publish([8], { body: BODY });
    const request = acceptor.get(8, CHANNEL);
    turn();
    acceptor.purge(8);
    turn();
    const replies = drainAll().filter((record) => record.kind === 'reply');
    expect(replies.find((reply) => reply.request === request)).toMatchObject({
      status: STATUS_EMPTY,
    });
  });
});

describe('a get that waits for room', () => {
  /** Fills the way out so that nothing but the get itself waits for room. */
  function parkGet(): number {
    acceptor.consume(QUEUE, CHANNEL, 1, { noAck: true });
    turn();
    const { outlet } = driver.state.ports[0];
    let published = 0;
    while (outlet.ring.freeBytes() > outlet.ring.recordBytesMax + 800) {
      acceptor.publish([QUEUE], { body: BODY });
      published += 1;
      turn();
    }
    expect(published).toBeGreaterThan(0);
    expect(outlet.blocked).toEqual([]);
    driver.declare(8);
    acceptor.publish([8], { body: 'g'.repeat(900) });
    const request = acceptor.get(8, CHANNEL);
    turn();
    turn();
    expect(driver.state.ports[0].parkedGets).toHaveLength(1);
    return request;
  }

  it('has the shard woken when there is room', () => {
    parkGet();
    // Either the shard turns on by itself, or it has asked to be woken: otherwise nobody answers.
    const isBusy = driver.shard.turn();
    acceptor.ring.refresh();
    while (acceptor.ring.next() >= 0);
    expect(acceptor.ring.release() || isBusy).toBe(true);
  });

  it('loses no message when its channel closes meanwhile', () => {
    const request = parkGet();
    const closing = acceptor.closeChannel(CHANNEL);
    const records = drainAll();
    const answers = records.filter((r) => (r.kind === 'got' ? r.address === request : false));
    const closed = records.findIndex((r) => r.kind === 'reply' && r.request === closing);
    expect(closed).toBeGreaterThanOrEqual(0);
    // Nobody will ever ack or return what is handed to a channel that is gone.
    expect(answers).toEqual([]);
    expect(driver.counts(8).ready).toBe(1);
  });
});

describe('room that comes while the shard asks for it', () => {
  it('is used in the next turn, which the shard asks for', () => {
    const memory = allocateRing(4096);
    const producer = new RingProducer(memory);
    const reader = new RingConsumer(memory);
    const ringer = new DoorbellRinger(allocateDoorbell());
    // The acceptor is awake and quick: it has read and released everything before `ring` returns.
    ringer.ring = () => {
      reader.refresh();
      while (reader.next() >= 0);
      reader.release();
    };
    const outlet = new Outlet(producer, ringer);
    for (let i = 0; i < 400; i += 1) outlet.reply(i, 0, 0, 0);
    expect(outlet.claimDelivery(8, 1)).toBe(-1);
    // Some replies are parked. Now the ring is empty, and no release will follow to wake the shard.
    expect(outlet.retry()).toBe(true);
  });
});

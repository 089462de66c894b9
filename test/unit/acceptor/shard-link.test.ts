// An acceptor's link to a shard: runs of acks, what is parked for want of room, and being woken for it.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { allocateConfirmCounter } from '../../../shards/mailbox/confirm-counter.ts';
import {
  ACK,
  CREDIT,
  RELEASE,
  STAT,
  QUEUE_OP_BYTES,
} from '../../../shards/mailbox/to-shard-layout.ts';
import { allocateDoorbell, DoorbellRinger } from '../../../shards/ring/doorbell.ts';
import { RingConsumer } from '../../../shards/ring/ring-consumer.ts';
import { allocateRing } from '../../../shards/ring/ring-layout.ts';
import { ShardLink } from '../../../src/acceptor/shard-link.ts';
import { SimBroker } from './sim/sim-broker.ts';

let link: ShardLink;
let work: RingConsumer;
let acks: RingConsumer;

beforeEach(() => {
  const mailbox = {
    workRing: allocateRing(4096),
    ackRing: allocateRing(4096),
    deliveryRing: allocateRing(4096),
    confirmCounter: allocateConfirmCounter(),
  };
  link = new ShardLink(0, mailbox, new DoorbellRinger(allocateDoorbell()));
  work = new RingConsumer(mailbox.workRing);
  acks = new RingConsumer(mailbox.ackRing);
});

/** Kind and words of every record that has become visible. */
function read(ring: RingConsumer): number[][] {
  const records: number[][] = [];
  ring.refresh();
  for (let at = ring.next(); at >= 0; at = ring.next()) {
    records.push([...ring.words.subarray(at + 1, at + ring.words[at] / 4)]);
  }
  ring.release();
  return records;
}

describe('acks', () => {
  it('of contiguous numbers with one outcome on one channel are one record', () => {
    for (const number of [4, 5, 6]) link.ack(1, number, 0);
    for (const number of [7, 8]) link.ack(1, number, 2);
    for (const number of [9, 11]) link.ack(1, number, 2);
    link.ack(2, 12, 2);
    link.flush();
    expect(read(acks)).toEqual([
      [ACK, 1, 4, 3, 0],
      [ACK, 1, 7, 3, 2],
      [ACK, 1, 11, 1, 2],
      [ACK, 2, 12, 1, 2],
    ]);
  });

  it('run over the end of 32 bits', () => {
    for (let i = -2; i < 2; i += 1) link.ack(1, (2 ** 31 + i) | 0, 0);
    link.flush();
    expect(read(acks)).toEqual([[ACK, 1, 2 ** 31 - 2, 4, 0]]);
  });

  it('stay in order with credit and releases', () => {
    link.ack(1, 1, 0);
    link.credit(9, 100);
    link.ack(1, 2, 0);
    link.release(7);
    link.flush();
    expect(read(acks)).toEqual([
      [ACK, 1, 1, 1, 0],
      [CREDIT, 9, 100],
      [ACK, 1, 2, 1, 0],
      // The last word only rounds the record up.
      [RELEASE, 7, 0],
    ]);
  });
});

describe('what finds no room', () => {
  it('is parked in order over both rings, and nothing overtakes it', () => {
    for (let i = 0; i < 400; i += 1) {
      link.operate(STAT, QUEUE_OP_BYTES, [i, 5, 0]);
      link.ack(1, i * 2, 0);
    }
    expect(link.isCongested).toBe(true);
    expect(link.hasRoomFor(8)).toBe(false);
    const requests: number[] = [];
    const numbers: number[] = [];
    for (let round = 0; round < 20; round += 1) {
      link.flush();
      // The shard looks at the work ring first and then takes all acks.
      work.refresh();
      numbers.push(...read(acks).map(([, , first]) => first));
      requests.push(...read(work).map(([, request]) => request));
      const lastRequest = requests.at(-1) ?? -1;
      expect(numbers.at(-1) ?? -1).toBeGreaterThanOrEqual((lastRequest - 1) * 2);
    }
    expect(link.isCongested).toBe(false);
    expect(requests).toEqual(Array.from({ length: 400 }, (_, i) => i));
    expect(numbers).toEqual(Array.from({ length: 400 }, (_, i) => i * 2));
  });
});

describe('an acceptor with something parked', () => {
  let broker: SimBroker;
  afterEach(() => broker.stop());

  it('is woken when the shard has made room, though no client waits', async () => {
    broker = await SimBroker.start({ ringBytes: 64 * 1024 });
    const [shard] = broker.shardThreads;
    const [parking] = broker.acceptors[0].links;
    shard.isFrozen = true;
    // Credit of connections that are gone: the shard takes it and has nothing to say.
    for (let i = 0; i < 2000; i += 1) parking.credit(12_345, 1);
    broker.acceptors[0].scheduleTurn();
    await broker.run();
    expect(parking.isCongested).toBe(true);
    shard.isFrozen = false;
    await broker.run();
    expect(parking.isCongested).toBe(false);
  });
});

// Deliveries that are not acked in time: the clock is the test's. Which timeout counts, who has to
// go for it, and what becomes of the messages.
import { describe, expect, it } from 'vitest';
import { DeliveryAges } from '../../../shards/consumer/delivery-ages.ts';
import { NO_CONSUMER } from '../../../shards/mailbox/from-shard-layout.ts';
import type { FieldTable } from '../../../src/protocol/field-table.ts';
import type { FromShard } from './acceptor-side.ts';
import { type DriverOptions, ShardDriver } from './shard-driver.ts';

const QUEUE = 7;
const CHANNEL = 3;
const CONSUMER = 11;
const SECOND = 1000;
/** As a client sends them: a quorum queue adds to them. */
const NO_PROPERTIES = '\0\0';
const QUORUM = { 'x-queue-type': 'quorum' };

function driverWith(args: FieldTable, options: DriverOptions = {}): ShardDriver {
  const driver = new ShardDriver(options);
  driver.declare(QUEUE, { arguments: args });
  driver.acceptor.open(CHANNEL, 1);
  return driver;
}

function publish(driver: ShardDriver, ...bodies: string[]): void {
  for (const body of bodies) driver.acceptor.publish([QUEUE], { body, props: NO_PROPERTIES });
}

/** What the shard sends between `from` and `to` seconds, looking once a second. */
function between(driver: ShardDriver, from: number, to: number): FromShard[] {
  const records: FromShard[] = [];
  for (let second = from; second < to; second += 1) {
    driver.shard.ackTimeouts.look(second * SECOND);
    records.push(...driver.exchange());
  }
  return records;
}

const closing = (millis: number): FromShard => ({
  kind: 'ack-timeout',
  channel: CHANNEL,
  consumer: NO_CONSUMER,
  millis,
});

describe('an overdue delivery of a classic queue', () => {
  it('closes its channel, once, and not too early', () => {
    const driver = driverWith({}, { consumerTimeoutMillis: 10 * SECOND });
    driver.acceptor.consume(QUEUE, CHANNEL, CONSUMER);
    publish(driver, 'a');
    expect(driver.bodies()).toEqual(['a']);
    expect(between(driver, 100, 110)).toEqual([]);
    expect(between(driver, 110, 200)).toEqual([closing(10 * SECOND)]);
  });

  it('is none when it is acked in time, however many come after it', () => {
    const driver = driverWith({}, { consumerTimeoutMillis: 10 * SECOND });
    driver.acceptor.consume(QUEUE, CHANNEL, CONSUMER, { prefetch: 1 });
    publish(driver, 'a');
    expect(driver.bodies()).toEqual(['a']);
    for (let number = 1; number < 20; number += 1) {
      // Each is held for 8 seconds.
      expect(between(driver, number * 8, number * 8 + 8)).toEqual([]);
      publish(driver, 'b');
      driver.acceptor.ack(CHANNEL, number);
      expect(driver.bodies()).toEqual(['b']);
    }
    expect(between(driver, 160, 200)).toEqual([closing(10 * SECOND)]);
  });

  it('is the oldest, whatever was acked behind it', () => {
    const driver = driverWith({}, { consumerTimeoutMillis: 10 * SECOND });
    driver.acceptor.consume(QUEUE, CHANNEL, CONSUMER);
    publish(driver, 'stuck');
    driver.exchange();
    for (let number = 2; number < 12; number += 1) {
      publish(driver, 'b');
      driver.exchange();
      driver.acceptor.ack(CHANNEL, number);
      expect(between(driver, number, number + 1)).toEqual([]);
    }
    expect(between(driver, 12, 20)).toEqual([closing(10 * SECOND)]);
  });

  it('may be one that basic.get took', () => {
    const driver = driverWith({}, { consumerTimeoutMillis: 10 * SECOND });
    publish(driver, 'a');
    driver.get(QUEUE, CHANNEL);
    expect(between(driver, 0, 30)).toEqual([closing(10 * SECOND)]);
  });

  it('does not matter where there is no timeout, or no ack to come', () => {
    const driver = driverWith({});
    driver.acceptor.consume(QUEUE, CHANNEL, CONSUMER);
    publish(driver, 'a');
    expect(driver.bodies()).toEqual(['a']);
    expect(between(driver, 0, 100)).toEqual([]);
    const free = driverWith({}, { consumerTimeoutMillis: SECOND });
    free.acceptor.consume(QUEUE, CHANNEL, CONSUMER, { noAck: true });
    publish(free, 'a');
    expect(free.bodies()).toEqual(['a']);
    expect(between(free, 0, 100)).toEqual([]);
  });
});

describe('the timeout that counts', () => {
  /** After how many seconds, 0: never. */
  function firesAfter(args: FieldTable, ofConsumer?: number): number {
    const driver = driverWith(args, { consumerTimeoutMillis: 40 * SECOND });
    const options = ofConsumer === undefined ? {} : { timeoutMillis: ofConsumer };
    driver.acceptor.consume(QUEUE, CHANNEL, CONSUMER, options);
    publish(driver, 'a');
    expect(driver.bodies()).toEqual(['a']);
    for (let second = 0; second < 100; second += 1) {
      const [record] = between(driver, second, second + 1);
      if (record?.kind !== 'ack-timeout') continue;
      expect(record.millis).toBeLessThanOrEqual(second * SECOND);
      return record.millis / SECOND;
    }
    return 0;
  }

  it("is the consumer's, else the queue's, else the configuration's", () => {
    expect(firesAfter({})).toBe(40);
    expect(firesAfter({ 'x-consumer-timeout': 20 * SECOND })).toBe(20);
    expect(firesAfter({ 'x-consumer-timeout': 60 * SECOND })).toBe(60);
    expect(firesAfter({ 'x-consumer-timeout': 20 * SECOND }, 30 * SECOND)).toBe(30);
    expect(firesAfter({ 'x-consumer-timeout': 20 * SECOND }, 10 * SECOND)).toBe(10);
  });

  it('may be none', () => {
    expect(firesAfter({ 'x-consumer-timeout': 0 })).toBe(0);
    expect(firesAfter({}, 0)).toBe(0);
  });

  it('is that of each consumer of a channel', () => {
    const driver = driverWith({}, { consumerTimeoutMillis: 0 });
    driver.acceptor.consume(QUEUE, CHANNEL, CONSUMER, { prefetch: 1, timeoutMillis: 0 });
    driver.acceptor.consume(QUEUE, CHANNEL, 12, { prefetch: 1, timeoutMillis: 10 * SECOND });
    publish(driver, 'a', 'b');
    expect(driver.bodies().toSorted()).toEqual(['a', 'b']);
    expect(between(driver, 0, 30)).toEqual([closing(10 * SECOND)]);
  });
});

describe('an overdue delivery of a quorum queue', () => {
  it('goes back and ends its consumer; the rest of the channel goes on', () => {
    const driver = driverWith(QUORUM, { consumerTimeoutMillis: 10 * SECOND });
    const { acceptor } = driver;
    acceptor.consume(QUEUE, CHANNEL, CONSUMER, { prefetch: 1 });
    publish(driver, 'a', 'b');
    expect(driver.bodies()).toEqual(['a']);
    between(driver, 0, 3);
    acceptor.consume(QUEUE, CHANNEL, 12, { prefetch: 1, timeoutMillis: 0 });
    expect(driver.bodies()).toEqual(['b']);
    const records = between(driver, 3, 30);
    expect(records).toEqual([
      { kind: 'ack-timeout', channel: CHANNEL, consumer: CONSUMER, millis: 10 * SECOND },
    ]);
    // What it held waits for somebody else, and its late ack is none.
    expect(driver.counts(QUEUE)).toEqual({ ready: 1, consumers: 1 });
    acceptor.ack(CHANNEL, 1);
    expect(driver.counts(QUEUE).ready).toBe(1);
    acceptor.ack(CHANNEL, 2);
    expect(driver.deliveries()).toMatchObject([{ body: 'a', isRedelivered: true, address: 12 }]);
  });

  it('leaves what is not overdue with its consumer until it is', () => {
    const driver = driverWith(QUORUM, { consumerTimeoutMillis: 10 * SECOND });
    driver.acceptor.consume(QUEUE, CHANNEL, CONSUMER);
    publish(driver, 'a');
    driver.exchange();
    between(driver, 0, 6);
    publish(driver, 'b');
    driver.exchange();
    expect(between(driver, 6, 12).length).toBe(1);
    expect(driver.counts(QUEUE).ready).toBe(1);
    expect(between(driver, 12, 30)).toEqual([]);
    expect(driver.counts(QUEUE).ready).toBe(2);
    const holder = driver.state.ports[0].channels.get(CHANNEL)!;
    expect(holder.unacked.size).toBe(0);
  });
});

describe('the ages of deliveries', () => {
  it('are never told too high, however many samples are taken', () => {
    const ages = new DeliveryAges();
    for (let time = 1; time <= 10_000; time += 1) {
      // By the time t all below 10 t have been delivered.
      ages.note(time * 10, time);
      const asked = time - 700;
      ages.forgetBefore(asked);
      const end = ages.endAt(asked);
      expect(end).toBeLessThanOrEqual(Math.max(0, asked * 10));
      // And not much too low.
      if (asked > 700) expect(end).toBeGreaterThan((asked - 100) * 10);
    }
    ages.clear();
    expect(ages.endAt(20_000)).toBe(0);
  });
});

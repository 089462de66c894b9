// Test thread. The disk alarm of a real broker: with a limit that no disk satisfies, with a log that
// finds no room to grow (a fault of src/log, for tests) until consumers have made some, and with
// logs that have room themselves but hold what is dead.
import { type ChannelModel, connect } from 'amqplib';
import { describe, expect, test } from 'vitest';
import { useBroker } from '../support/broker.ts';
import { eventually } from '../support/eventually.ts';
import { Inbox } from '../support/inbox.ts';
import { parsePrometheus } from '../unit/management/prometheus-parser.ts';

const MIB = 1024 * 1024;
/** All that the logs may take, in segments of one MiB. */
const LOG_MIB = 8;
const UNCONFIRMED_MAX = 5;
const PIB_IN_GIB = `${1024 * 1024}GiB`;
const LOGIN = { authorization: `Basic ${Buffer.from('guest:guest').toString('base64')}` };

async function fetchFrom(url: string, resource: string): Promise<[number, never]> {
  const reply = await fetch(`${url}/api/${resource}`, { headers: LOGIN });
  return [reply.status, (await reply.json()) as never];
}

async function metricFrom(url: string, name: string): Promise<number> {
  const reply = await fetch(`${url}/metrics`, { headers: LOGIN });
  const family = parsePrometheus(await reply.text()).get(name);
  return [...family!.samples.values()].reduce((sum, value) => sum + value, 0);
}

describe('with a limit larger than the disk', () => {
  const broker = useBroker({
    acceptors: 2,
    shards: 1,
    set: { 'disk_free_limit.absolute': PIB_IN_GIB },
  });

  test('the first publish is blocked, and consumers are not', async () => {
    const connection: ChannelModel = await connect(broker.url);
    const events = new Inbox<string>();
    connection.on('blocked', (reason: string) => events.push(reason));
    const channel = await connection.createChannel();
    await channel.assertQueue('q');
    channel.sendToQueue('q', Buffer.from('x'));
    expect(await events.next('blocked')).toMatch(
      /^low on disk: \S+ \S+ free, 1024 TiB must be \(disk_free_limit\); make room/u,
    );
    const consumer = await broker.channel();
    await consumer.consume('q');
    expect(await consumer.counts('q')).toEqual({ messages: 0, consumers: 1 });
    // Cut off, for the broker does not read what it sends.
    connection.on('error', () => {});
    (
      connection as unknown as { connection: { stream: { destroy(): void } } }
    ).connection.stream.destroy();
  });

  test('API and metrics tell of it', async () => {
    const [status, alarms] = await fetchFrom(broker.managementUrl, 'health/checks/alarms');
    expect([status, alarms]).toEqual([503, expect.objectContaining({ status: 'failed' })]);
    expect(alarms).toMatchObject({ alarms: [{ resource: 'disk' }] });
    const [, [node]]: [number, { disk_free: number }[]] = await fetchFrom(
      broker.managementUrl,
      'nodes',
    );
    expect(node).toMatchObject({
      disk_free_alarm: true,
      disk_free_limit: 1024 ** 5,
      mem_alarm: false,
    });
    expect(node.disk_free).toBeGreaterThan(0);
    const metric = (name: string) => metricFrom(broker.managementUrl, name);
    expect(await metric('rabbitmq_alarms_free_disk_space_watermark')).toBe(1);
    expect(await metric('rabbitmq_alarms_memory_used_watermark')).toBe(0);
    expect(await metric('rabbitmq_disk_space_available_limit_bytes')).toBe(1024 ** 5);
    expect(await metric('rabbitmq_disk_space_available_bytes')).toBeGreaterThan(0);
  });
});

describe('with a log that has no room to grow', () => {
  const broker = useBroker({
    acceptors: 1,
    shards: 1,
    set: { 'storage.segment_bytes': '1MiB', 'storage.backend': 'portable' },
    environment: { WARRENMQ_TEST_FAULTS: `write-full:${LOG_MIB * MIB}` },
  });

  test('publishers wait until consumers have made room, and nothing is lost', async () => {
    const connection: ChannelModel = await connect(broker.url);
    const events = new Inbox<string>();
    connection.on('blocked', (reason: string) => events.push(reason));
    connection.on('unblocked', () => events.push('unblocked'));
    const publisher = await connection.createConfirmChannel();
    await publisher.assertQueue('q');
    let published = 0;
    let confirmed = 0;
    const feed = setInterval(() => {
      // Few at a time: a batch of the log needs room for all that is in it.
      if (published - confirmed >= UNCONFIRMED_MAX) return;
      published += 1;
      const body = Buffer.alloc(50_000, 1);
      body.writeUInt32BE(published);
      publisher.sendToQueue('q', body, { persistent: true }, () => (confirmed += 1));
    }, 1);
    const reason = await events.next('blocked');
    clearInterval(feed);
    expect(reason).toMatch(/^low on disk: the shard 0 log has no room to grow, /u);
    const [, [node]]: [number, object[]] = await fetchFrom(broker.managementUrl, 'nodes');
    expect(node).toMatchObject({ disk_free_alarm: true, disk_full_logs: ['shard 0'] });
    const consumer = await broker.channel();
    await consumer.call('basic.qos', { prefetchCount: 20 });
    await consumer.consume('q');
    // The last ones come when their publisher may go on, by itself.
    for (let number = 1; number <= published; number += 1) {
      const { fields, body } = await consumer.delivery();
      expect(body.readUInt32BE()).toBe(number);
      consumer.send('basic.ack', { deliveryTag: fields.deliveryTag });
    }
    expect(await events.next('unblocked')).toBe('unblocked');
    await publisher.waitForConfirms();
    await connection.close();
    expect(published).toBeGreaterThan((LOG_MIB * MIB) / 100_000);
  });
});

describe('with logs that have room, full of dead messages', () => {
  const broker = useBroker({ acceptors: 1, shards: 2, set: { 'storage.segment_bytes': '1MiB' } });

  test('they give it back while the alarm is in force', async () => {
    const connection: ChannelModel = await connect(broker.url);
    const publisher = await connection.createConfirmChannel();
    for (let number = 0; number < 4; number += 1) await publisher.assertQueue(`q${number}`);
    for (let number = 0; number < 200; number += 1) {
      publisher.sendToQueue(`q${number % 4}`, Buffer.alloc(50_000, 1), { persistent: true });
    }
    await publisher.waitForConfirms();
    const segments = () => metricFrom(broker.managementUrl, 'warrenmq_log_segments');
    expect(await segments()).toBeGreaterThanOrEqual(9);
    for (let number = 0; number < 4; number += 1) await publisher.purgeQueue(`q${number}`);
    const alarm = `${broker.managementUrl}/api/warrenmq/alarms/disk`;
    await fetch(alarm, { method: 'PUT', headers: LOGIN });
    // Without the alarm they would be there for half a minute.
    const hasShrunk = async () => ((await segments()) <= 2 ? true : undefined);
    expect(await eventually('the end of the dead segments', hasShrunk)).toBe(true);
    await fetch(alarm, { method: 'DELETE', headers: LOGIN });
    await connection.close();
  });
});

// Test thread. Policies on a running broker: set and cleared while clients publish, gone through by
// threads and the log, and there again after a restart. The broker runs inside the test process, by
// whose control plane policies are set; its threads and clients are real.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { type ChannelModel, type ConfirmChannel, connect } from 'amqplib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLogger } from '../../src/base/logger.ts';
import { defaultConfig } from '../../src/config/load-config.ts';
import { Broker } from '../../src/supervisor/broker.ts';
import { Certificates } from '../../src/tls/certificates.ts';

describe.each([
  { acceptors: 1, shards: 1 },
  { acceptors: 2, shards: 3 },
])('with $acceptors acceptors and $shards shards', (shape) => {
  let dataDir: string;
  let broker: Broker;
  let connection: ChannelModel;
  let channel: ConfirmChannel;

  async function start(): Promise<void> {
    const listeners = [{ host: '127.0.0.1', port: 0 }];
    const limits = {
      name: 'limits',
      vhostPattern: '.*',
      queuePattern: '^capped',
      applyTo: 'queues',
    };
    const operatorPolicies = [{ ...limits, definition: { 'max-length': 7 } }];
    const storageBackend = 'portable';
    const settings = { ...shape, dataDir, listeners, operatorPolicies, storageBackend } as const;
    const config = defaultConfig({ ...settings, logLevel: 'none' });
    const silent = createLogger('main', 'none', () => {});
    broker = new Broker(config, [], new Certificates(config, silent));
    const [{ port }] = await broker.start();
    connection = await connect(`amqp://guest:guest@127.0.0.1:${port}`);
    channel = await connection.createConfirmChannel();
  }

  async function stop(): Promise<void> {
    await connection.close();
    await broker.stop('the test is over');
  }

  const policyOf = (queue: string): unknown =>
    [...broker.control.topology.queues('/')].find(({ name }) => name === queue)?.policy;

  beforeEach(async () => {
    dataDir = fs.mkdtempSync(path.join(os.tmpdir(), 'warrenmq-test-'));
    await start();
  });

  afterEach(async () => {
    await stop();
    fs.rmSync(dataDir, { recursive: true, force: true });
  });

  it('an alternate exchange comes and goes with its policy, whatever was routed before', async () => {
    await channel.assertExchange('orders', 'direct');
    await channel.assertExchange('lost', 'fanout');
    const { queue } = await channel.assertQueue('', { exclusive: true });
    await channel.bindQueue(queue, 'lost', '');
    const returned: string[] = [];
    channel.on('return', ({ content }) => returned.push(String(content)));
    const publish = async (text: string): Promise<void> => {
      channel.publish('orders', 'k', Buffer.from(text), { mandatory: true });
      await channel.waitForConfirms();
    };
    const definition = { 'alternate-exchange': 'lost' };
    await publish('before');
    expect(
      await broker.control.setPolicy('/', 'ae', 'policy', { pattern: '^orders$', definition }),
    ).toBeUndefined();
    await publish('under');
    expect(await broker.control.clearPolicy('/', 'ae', 'policy')).toBeUndefined();
    await publish('after');
    expect(returned).toEqual(['before', 'after']);
    const got = await channel.get(queue, { noAck: true });
    expect(got && String(got.content)).toBe('under');
  });

  it('a limit holds for the messages that are there, a time to live for those to come', async () => {
    const { queue } = await channel.assertQueue('', { exclusive: true });
    for (const text of ['a', 'b', 'c']) channel.sendToQueue(queue, Buffer.from(text));
    await channel.waitForConfirms();
    const set = (definition: { [setting: string]: number }): Promise<string | undefined> =>
      broker.control.setPolicy('/', 'limit', 'policy', { pattern: '^amq.gen', definition });
    expect(await set({ 'max-length': 2 })).toBeUndefined();
    expect((await channel.checkQueue(queue)).messageCount).toBe(2);
    await channel.purgeQueue(queue);
    expect(await set({ 'message-ttl': 0 })).toBeUndefined();
    channel.sendToQueue(queue, Buffer.from('gone'));
    await channel.waitForConfirms();
    expect((await channel.checkQueue(queue)).messageCount).toBe(0);
    await broker.control.clearPolicy('/', 'limit', 'policy');
    channel.sendToQueue(queue, Buffer.from('kept'));
    await channel.waitForConfirms();
    expect((await channel.checkQueue(queue)).messageCount).toBe(1);
  });

  it('rules queues that are there, that come, and all of them after a restart', async () => {
    await channel.assertQueue('capped-1');
    const value = { pattern: '^capped', definition: { 'message-ttl': 60_000, 'max-length': 9 } };
    await broker.control.setPolicy('/', 'ttl', 'policy', value);
    await channel.assertQueue('capped-2');
    // A queue takes messages while its policy changes.
    channel.sendToQueue('capped-1', Buffer.from('kept'), { persistent: true });
    await broker.control.setPolicy('/', 'ttl', 'policy', { ...value, priority: 5 });
    await channel.waitForConfirms();
    const effective = {
      name: 'ttl',
      operatorName: 'limits',
      definition: { 'message-ttl': 60_000, 'max-length': 7 },
    };
    const both = ['capped-1', 'capped-2'];
    expect(both.map(policyOf)).toEqual([effective, effective]);
    await stop();
    await start();
    expect(both.map(policyOf)).toEqual([effective, effective]);
    expect((await channel.checkQueue('capped-1')).messageCount).toBe(1);
    await broker.control.clearPolicy('/', 'limits', 'operator_policy');
    await broker.control.clearPolicy('/', 'ttl', 'policy');
    await stop();
    await start();
    // What the configuration gives to new virtual hosts is not given again to those there are.
    expect(both.map(policyOf)).toEqual([undefined, undefined]);
  });

  it('a policy makes queues declared under it wait for the disk, or not', async () => {
    const value = { pattern: '^q', definition: { durability: 'memory' } };
    await broker.control.setPolicy('/', 'fast', 'policy', value);
    await channel.assertQueue('q1');
    await broker.control.clearPolicy('/', 'fast', 'policy');
    await channel.assertQueue('q2');
    for (const queue of ['q1', 'q2']) {
      channel.sendToQueue(queue, Buffer.from('m'), { persistent: true });
    }
    await channel.waitForConfirms();
    await stop();
    await start();
    expect((await channel.checkQueue('q1')).messageCount).toBe(0);
    expect((await channel.checkQueue('q2')).messageCount).toBe(1);
  });
});

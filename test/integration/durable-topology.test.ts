// Test thread. What outlives a broker: topology and users of a real one, a child process that is
// stopped, killed with SIGKILL, or whose disk fails, and started again on the same data directory.
// WarrenMQ only: there is no other broker to restart here.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { type Channel, type ChannelModel, type ConfirmChannel, connect } from 'amqplib';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { withDeadline } from '../support/inbox.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');

interface Options {
  readonly shards?: number;
  readonly set?: readonly string[];
  readonly faults?: string;
}

class RestartableBroker {
  output = '';
  private child!: ChildProcess;
  private exit!: Promise<unknown[]>;
  private readonly directory = fs.mkdtempSync(path.join(os.tmpdir(), 'warrenmq-test-'));

  async start({ shards = 2, set = [], faults }: Options = {}): Promise<void> {
    this.output = '';
    const args = ['src/cli/main.ts', 'server', '--data-dir', this.directory];
    args.push('--host', '127.0.0.1', '--port', '0', '--management-port', '0');
    args.push('--shards', `${shards}`, '--acceptors', '2');
    for (const setting of ['management.tcp.ip=127.0.0.1', 'storage.backend=portable', ...set]) {
      args.push('--set', setting);
    }
    const child = spawn(process.execPath, args, {
      cwd: ROOT,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...(faults !== undefined && { WARRENMQ_TEST_FAULTS: faults }) },
    });
    this.child = child;
    this.exit = once(child, 'exit');
    const ready = new Promise<void>((resolve, reject) => {
      const keep = (bytes: Buffer): void => {
        this.output += bytes.toString();
        if (this.output.includes('Consume')) resolve();
      };
      child.stdout.on('data', keep);
      child.stderr.on('data', keep);
      child.on('exit', () => reject(new Error(`the broker did not start:\n${this.output}`)));
    });
    await withDeadline('the broker to start', ready, 20_000);
  }

  async stop(): Promise<void> {
    this.child.kill('SIGTERM');
    expect(await this.exited(), this.output).toBe(0);
  }

  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.exited();
  }

  async exited(): Promise<unknown> {
    return (await withDeadline('the broker to end', this.exit, 15_000))[0];
  }

  async connect(user = 'guest:guest'): Promise<ChannelModel> {
    const port = /AMQP 0-9-1 +127\.0\.0\.1:(\d+)/u.exec(this.output)![1];
    const connection = await connect(`amqp://${user}@127.0.0.1:${port}`);
    connection.on('error', () => {});
    return connection;
  }

  async channel(): Promise<Channel> {
    const channel = await (await this.connect()).createChannel();
    channel.on('error', () => {});
    return channel;
  }

  async confirmChannel(): Promise<ConfirmChannel> {
    return await (await this.connect()).createConfirmChannel();
  }

  async listing(resource: string): Promise<unknown[]> {
    const api = /Management +(http:\S+)/u.exec(this.output)![1];
    const authorization = `Basic ${Buffer.from('guest:guest').toString('base64')}`;
    const reply = await fetch(`${api}/api/${resource}`, { headers: { authorization } });
    return (await reply.json()) as unknown[];
  }

  remove(): void {
    this.child.kill('SIGKILL');
    fs.rmSync(this.directory, { recursive: true, force: true });
  }
}

// Each start takes a while on a busy machine.
vi.setConfig({ testTimeout: 60_000 });

let broker: RestartableBroker;

beforeEach(() => {
  broker = new RestartableBroker();
});

afterEach(() => broker.remove());

const queueArguments = { 'x-message-ttl': 3_600_000, 'x-max-length': 100, a: [1.5, 'b', null] };
const transient = { durable: false, exclusive: false };

async function declareAll(channel: Channel): Promise<void> {
  await channel.assertExchange('events', 'topic', { alternateExchange: 'rest' });
  await channel.assertExchange('rest', 'fanout');
  await channel.assertExchange('inner', 'headers', { autoDelete: true });
  await channel.assertExchange('transient', 'direct', { durable: false });
  await channel.assertQueue('work', { arguments: queueArguments });
  await channel.assertQueue('kept', { autoDelete: true });
  await channel.assertQueue('transient', transient);
  await channel.assertQueue('exclusive', { exclusive: true });
  await channel.assertQueue('deleted');
  await channel.bindQueue('work', 'events', 'order.#');
  await channel.bindExchange('inner', 'events', '#', {});
  await channel.bindQueue('kept', 'inner', '', { 'x-match': 'any', n: 5 });
  await channel.bindQueue('work', 'rest', '');
  await channel.bindQueue('transient', 'events', 'order.#');
  await channel.unbindQueue('work', 'rest', '');
  await channel.deleteQueue('deleted');
}

/** 404 as a client sees it; the channel is closed by that. */
async function isMissing(check: (channel: Channel) => Promise<unknown>): Promise<boolean> {
  const channel = await broker.channel();
  return check(channel).then(
    () => false,
    (error: Error) => error.message.includes('404'),
  );
}

async function expectAllThere(): Promise<void> {
  const channel = await broker.channel();
  await channel.checkQueue('work');
  // Equivalent in every argument, or this would be refused.
  await channel.assertQueue('work', { arguments: queueArguments });
  await channel.checkQueue('kept');
  await channel.assertExchange('events', 'topic', { alternateExchange: 'rest' });
  await channel.assertExchange('inner', 'headers', { autoDelete: true });
  channel.publish('events', 'order.new', Buffer.from('1'), { headers: { n: 5 } });
  channel.publish('events', 'other', Buffer.from('2'), { headers: { n: 6 } });
  const message = async (queue: string): Promise<string> =>
    String(((await channel.get(queue, { noAck: true })) || undefined)?.content);
  expect([await message('work'), await message('work')]).toEqual(['1', 'undefined']);
  expect([await message('kept'), await message('kept')]).toEqual(['1', 'undefined']);
  for (const queue of ['transient', 'exclusive', 'deleted']) {
    expect(await isMissing((other) => other.checkQueue(queue))).toBe(true);
  }
  expect(await isMissing((other) => other.checkExchange('transient'))).toBe(true);
  const names = (rows: unknown[]): unknown => rows.map((row) => (row as { name: string }).name);
  expect(names(await broker.listing('queues'))).toEqual(['kept', 'work']);
  const bindings = (await broker.listing('bindings/%2F')) as { source: string }[];
  expect(bindings.filter(({ source }) => source !== '')).toHaveLength(3);
  expect(broker.output).not.toContain('warning');
}

describe('a broker started again', () => {
  it('has all that is durable, after SIGKILL as after a stop', async () => {
    await broker.start();
    expect(broker.output).toContain('broker started acceptors=2 shards=2 log=portable');
    await declareAll(await broker.channel());
    await broker.kill();
    await broker.start();
    await expectAllThere();
    await broker.stop();
    await broker.start();
    await expectAllThere();
    await broker.stop();
  });

  it('keeps queues and messages of shards that are no more, and when there are more again', async () => {
    await broker.start({ shards: 4 });
    const names = Array.from({ length: 12 }, (_, index) => `queue-${index}`);
    const first = await broker.confirmChannel();
    for (const name of names) {
      await first.assertQueue(name);
      for (const text of ['a', 'b']) {
        first.publish('', name, Buffer.from(`${name}${text}`), { persistent: true });
      }
    }
    await first.waitForConfirms();
    await broker.stop();
    const shardsOf = async (): Promise<Set<number>> => {
      const rows = (await broker.listing('queues')) as { shard: number }[];
      return new Set(rows.map(({ shard }) => shard));
    };
    await broker.start({ shards: 1 });
    expect(await shardsOf()).toEqual(new Set([0]));
    await broker.stop();
    await broker.start({ shards: 3 });
    // A queue stays where it is.
    expect(await shardsOf()).toEqual(new Set([0]));
    const channel = await broker.channel();
    for (const name of names) {
      for (const text of ['a', 'b']) {
        const message = await channel.get(name, { noAck: true });
        expect(message && message.content.toString()).toBe(`${name}${text}`);
      }
      await channel.deleteQueue(name);
    }
    expect(await broker.listing('queues')).toEqual([]);
    await broker.stop();
  });

  it('keeps its users and virtual hosts, whatever the configuration says later', async () => {
    await broker.start();
    await broker.stop();
    await broker.start({ set: ['default_pass=changed', 'default_vhost=other'] });
    await broker.connect('guest:guest');
    await expect(broker.connect('guest:changed')).rejects.toThrow('403');
    expect(await broker.listing('vhosts')).toMatchObject([{ name: '/' }]);
    await broker.stop();
  });
});

describe('a broker whose disk fails', () => {
  it('ends with an error, and what it had answered is there afterwards', async () => {
    await broker.start();
    await broker.stop();
    await broker.start({ faults: 'sync-error:40' });
    const channel = await broker.channel();
    const answered: string[] = [];
    const declareMany = async (): Promise<void> => {
      for (let i = 0; i < 200; i += 1) {
        await channel.assertQueue(`q${i}`);
        answered.push(`q${i}`);
      }
    };
    await expect(declareMany()).rejects.toThrow();
    expect(await broker.exited()).toBe(1);
    expect(broker.output).toMatch(/the topology log in \S+ failed/);
    await broker.start();
    const rows = (await broker.listing('queues')) as { name: string }[];
    expect(rows.map(({ name }) => name)).toEqual(expect.arrayContaining(answered));
    expect(answered.length).toBeGreaterThan(0);
    await broker.stop();
  });
});
